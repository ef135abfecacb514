"""Lines of text: tables that fit, sentences that are broken, ASCII where there is nothing else."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from vgrad.text.escapes import ascii_only
from vgrad.text.plain import table

MOST_ROWS = 24
ASCII = {
    "χ": "chi",
    "ξ": "xi",
    "×": "x",
    "σ": "s",
    "·": "*",
    "−": "-",
    "√": "sqrt ",
    "∞": "inf",
    "²": "^2",
    "Δ": "D",
    "ᵀ": "^T",
    "∂": "d",
    "∇": "grad_",
}


def in_ascii(text: str) -> str:
    """Formulas for a terminal that shows nothing but ASCII."""
    return ascii_only("".join(ASCII.get(character, character) for character in text))


class Page:
    """Lines of at most `width` characters; `unicode`: the terminal shows more than ASCII."""

    def __init__(self, width: int, unicode: bool) -> None:
        self.width, self.unicode, self.lines = width, unicode, list[str]()

    def title(self, text: str) -> None:
        """A heading, with an empty line before it."""
        self.lines += [""] if self.lines else []
        self.words(text)

    def words(self, text: str) -> None:
        """Sentences."""
        kept = self._shown(text.replace("\xa0", "\0"))  # a space that is no place to break
        self.lines += [line.replace("\0", " ") for line in textwrap.wrap(kept, self.width, break_on_hyphens=False)]

    def formula(self, text: str) -> None:
        """Broken only between its terms, which are two spaces apart in `text`; indented by two."""
        lines = textwrap.wrap(
            self._shown(text.replace(" ", "\0").replace("\0\0", " ")),
            max(self.width - 2, 10),
            break_on_hyphens=False,
            break_long_words=False,
            subsequent_indent="  ",
        )
        self.lines += [f"  {line}".replace("\0", " ") for line in lines]

    def table(self, rows: Sequence[Sequence[str]], drop: Sequence[int] = (), left: Sequence[int] = ()) -> None:
        """Rows below a header; columns go in the order of `drop` where there is no room; of many rows, the middle."""
        shown = [[self._shown(cell) for cell in row] for row in rows]
        lines = [line.rstrip() for line in table(shown, left=left, width=self.width, drop=drop)]
        if len(lines) > MOST_ROWS + 2:
            half = MOST_ROWS // 2
            gap = self._shown(f"… {len(lines) - 1 - MOST_ROWS} rows more; --json has all …")
            lines = [*lines[: 1 + half], gap, *lines[-half:]]
        self.lines += lines

    def _shown(self, text: str) -> str:
        return text if self.unicode else in_ascii(text)

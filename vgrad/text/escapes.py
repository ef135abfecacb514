"""Free text made safe to show: what is not printable becomes an escape, markup stays text in every format."""

from __future__ import annotations

import html
import re

LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "[": "{[}",
    "]": "{]}",
    "-": "{-}",
    "'": r"{\char39}",
    "`": r"{\char18}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "Δ": r"$\Delta$",
    "δ": r"$\delta$",
    "‖": r"$\Vert$",
    "–": "--",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "…": r"\ldots{}",
    "ˡ": r"\textsuperscript{$l$}",
    "∂": r"$\partial$",
}
ASCII = {
    "±": "+-",
    "×": "x",
    "÷": "/",
    "Δ": "diff",
    "δ": "delta",
    "‖": "||",
    "–": "-",
    "≥": ">=",
    "≤": "<=",
    "…": "...",
}
ASCII |= {"ˡ": "^l", "∂": "d"}
_NORM = re.compile(r"(‖δ(?:\^(?:[0-9]+|L|\(L-[0-9]+\))|ˡ)‖)")
MARKDOWN = "\\`*_{}[]<>#+!|~$&"


def visible(text: str) -> str:
    """`text` on one line, with control characters, direction marks and lone surrogates as escapes."""
    return text if text.isprintable() else "".join(map(_visible, text))


def visible_lines(text: str) -> str:
    """`visible`, line by line: of all that is not printable, only the ends of lines stay."""
    return text if text.isprintable() else "\n".join(map(visible, text.split("\n")))


def shown(value: object) -> str:
    """The name of a file or of anything else that a message tells: printable, and not endless."""
    return printable(str(value), 200)


def printable(text: str, limit: int = 60) -> str:
    """`visible`, cut with an ellipsis beyond `limit` characters."""
    shown = [_visible(character) for character in text[: limit + 1]]
    length = sum(map(len, shown))
    if length <= limit and len(text) <= limit:
        return "".join(shown)
    while shown and length > limit - 1:
        length -= len(shown.pop())
    return "".join(shown) + "…"


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def markdown(text: str) -> str:
    """Text of a Markdown table's cell: no markup, no HTML, no second cell."""
    return "".join(f"\\{character}" if character in MARKDOWN else character for character in visible(text))


def latex(text: str) -> str:
    """Text of a LaTeX table's cell; what an 8-bit font has not is named by its code."""
    pieces = []
    for piece in _NORM.split(visible(text)):
        layer = piece[2:-1].strip("^").replace("ˡ", "l")
        pieces.append(rf"$\Vert\delta^{{{layer}}}\Vert$" if _NORM.fullmatch(piece) else "".join(map(_latex, piece)))
    return "".join(pieces)


def _latex(character: str) -> str:
    known = LATEX.get(character)
    return known or (character if character.isascii() else rf"\texttt{{U+{ord(character):04X}}}")


def ascii_only(text: str) -> str:
    """Text for a terminal that knows nothing but ASCII."""
    return "".join(ASCII.get(character, character) for character in text).encode("ascii", "replace").decode("ascii")


def spreadsheet(text: str) -> str:
    """Text of a CSV cell that no spreadsheet takes for a formula."""
    shown = visible(text)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@") else shown


def page(text: str) -> str:
    """Text of an HTML element or attribute."""
    return html.escape(visible(text), quote=True)

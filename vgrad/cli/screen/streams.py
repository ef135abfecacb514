"""The two streams: answers on stdout, everything else on stderr, and nothing that goes wrong there stops the work.

Text reaches a stream only as `visible_lines` shows it: whatever file a text is from, no part of it steers a terminal.
Colours are put around it after that, here or, of a table that is `coloured` already, where it was drawn.

answer(text)           stdout; a reader that has gone is a BrokenPipeError, which `vgrad.cli.run` takes for an end
complain(lines)        stderr, before anything heavy is imported
Screen(sys.stderr)     lines in colour and a block that is painted over itself; mute once its stream is broken
"""

from __future__ import annotations

import codecs
import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from vgrad.errors import StorageError
from vgrad.text.escapes import ASCII, visible, visible_lines

PICTURES = "▁▂▃▄▅▆▇█▏▎▍▌▋▊▉━…"
SPELLED = "vgrad.spelled"
"""The name under which codecs know what is written for a character that a stream has not."""
Line = tuple[str, str]
"""A text and the name of its style; "" is plain."""


def open_streams() -> None:
    """Gives the descriptors 0, 1 and 2 that the caller has closed to /dev/null: the next file opened would get them,
    and messages would be written into it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors=SPELLED)  # for the help, which typer prints


def silence(stream: TextIO) -> None:
    """Sends what is still in a broken stream's buffer, and all that follows, to nowhere."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def answer(text: str | bytes | Path, *, coloured: bool = False) -> bool:
    """Prints the answer and a line's end on stdout, a path as the bytes that it is; False when its reader has gone,
    StorageError when it is lost."""
    if isinstance(text, Path):
        text = os.fsencode(text)
    try:
        if isinstance(text, bytes) and not hasattr(sys.stdout, "buffer"):
            text = os.fsdecode(text)  # a notebook's stdout takes nothing but text
        if isinstance(text, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(text + b"\n")
        else:
            print(_encodable(text if coloured else visible_lines(text), sys.stdout))
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
        return False
    except OSError as error:
        raise lost(error) from None
    return True


def lost(error: OSError) -> StorageError:
    """What is said of a stdout that takes nothing more, a full disk; no more is written to it."""
    from vgrad.storage.reading import why  # half of what the front page would take to load

    silence(sys.stdout)
    return StorageError(f"standard output: cannot be written: {why(error)}; the answer is lost")


def complain(lines: Iterable[str]) -> None:
    """Messages on stderr, each one line."""
    for line in lines:
        explain(f"vgrad: {visible(line)}")


def explain(text: str) -> None:
    """A text of vgrad's own, such as its help, on stderr."""
    try:
        print(_encodable(visible_lines(text), sys.stderr), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        silence(sys.stderr)


def _encodable(text: str, stream: TextIO) -> str:
    """`text` in the characters that the stream has: others in ASCII where that reads the same, or as escapes."""
    encoding = stream.encoding or "utf-8"  # one without keeps text as it is, as in memory
    return text.encode(encoding, SPELLED).decode(encoding)


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that cannot be encoded."""
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    return "".join(ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in missing), error.end


codecs.register_error(SPELLED, _spelled)


class Screen:
    """A stream for people. `live`: a terminal that can be painted on; `pictures`: it can show blocks and bars."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._painted, self._painted_at = stream, 0, (0, 0)
        self._broken = stream.closed
        self.is_terminal = not self._broken and stream.isatty()
        self.live = self.is_terminal and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")
        try:
            PICTURES.encode(stream.encoding or "utf-8")
            self.pictures = True
        except (UnicodeEncodeError, LookupError):
            self.pictures = False
        self._console = None
        if self.live and not os.environ.get("NO_COLOR"):
            from rich.console import Console  # half as long as NumPy takes, for what is only on a terminal

            self._console = Console(file=stream, color_system="auto", force_terminal=True, highlight=False)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now; 80 x 24 where there is no telling."""
        columns, rows = 0, 0
        with suppress(OSError, ValueError):
            columns, rows = os.get_terminal_size(self._stream.fileno())
        wished = os.environ.get("COLUMNS", "")
        if wished.isascii() and wished.isdigit() and not columns:
            columns = int(wished[:4])
        return columns or 80, rows or 24

    @property
    def width(self) -> int:
        """Columns that a line may have."""
        return max(self.size[0], 20)

    def say(self, lines: Sequence[Line]) -> None:
        """Prints lines below one another, below the painted block if there is one."""
        self._painted = 0
        self._write("".join(self._styled(line) + "\n" for line in lines))

    def say_words(self, text: str, style: str = "") -> None:
        """Prints prose, broken at the width of a terminal."""
        width = self.width if self.is_terminal else 100_000
        self.say([(line, style) for line in textwrap.wrap(text, width, break_on_hyphens=False)])

    def paint(self, lines: Sequence[Line]) -> None:
        """Paints the lines over the block painted last. Each must be narrower than the terminal, and all of them fewer
        than its rows. The cursor stays visible, below the block, so that a killed process leaves nothing behind."""
        size = self.size
        over = self._painted if self._painted_at == size else 0  # a resized terminal has moved the old lines
        back = f"\x1b[{over}A" if over else ""
        self._write(f"\r{back}\x1b[J" + "".join(self._styled(line) + "\n" for line in lines))
        self._painted, self._painted_at = len(lines), size

    def erase(self) -> None:
        """Takes the painted block away."""
        if self._painted:
            self.paint([])

    def _styled(self, line: Line) -> str:
        text, style = visible(line[0]), line[1]
        if not style or self._console is None or self._console.color_system is None:
            return text
        from rich.text import Text

        with self._console.capture() as captured:
            self._console.print(Text(text, style), end="", soft_wrap=True)
        return captured.get()

    def _write(self, text: str) -> None:
        if self._broken:
            return
        try:
            self._stream.write(_encodable(text, self._stream))
            self._stream.flush()
        except (OSError, ValueError):  # the terminal or the reader has gone, the disk is full: the work goes on
            self._broken = True
            silence(self._stream)

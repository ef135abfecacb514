"""The tables of docs/contract.md, made from the code that they are about: `contract.py [--write]`.

Each stands between `<!-- table: NAME -->` and `<!-- end -->`. Without --write, exits 1 when they are not current.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from made import settle
from toolbox import MARKED, table

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.config.remedies import OPTIONAL
from vgrad.errors import Interrupted, VgradError

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "contract.md"
SMALLEST = {"name": "x", "layers": {"depth": 2, "width": 30}}
OF_THE_FILE = {"name": "the file's stem", "layers": "required"}
BUG, FINE = ("1", "a check that failed, or a bug, which says so"), ("0", "fine; a diverged run is a finding")


def cell(words: str) -> str:
    """Text that stands in one cell."""
    return re.sub(r"([|*<])", r"\\\1", " ".join(words.split()))


def keys() -> str:
    """Every key of a config, with what it is when a config does not name it."""
    written = check(SMALLEST).plain()

    def default(name: str) -> str:
        return OF_THE_FILE.get(name) or ("off" if name in OPTIONAL else f"`{flow(written[name])}`")

    rows = ((f"`{n}`", default(n), cell(f.description or "")) for n, f in Config.model_fields.items())
    return table("key | default | meaning", rows)


def flow(value: Any) -> str:
    """A value on one line, as YAML writes it: a mapping of a name alone is the name."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def commands() -> str:
    """Every command, with the first line of its help."""
    import typer

    from vgrad.cli.app import app

    def rows(group: Any, before: str) -> Iterator[tuple[str, str]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from rows(command, f"{before} {name}")
            elif not command.hidden:
                yield f"`{before} {name}`", cell(command.help.split("\n\n")[0])

    return table("command | does", rows(typer.main.get_command(app), "vgrad"))


def exits() -> str:
    """What each exit code means."""
    found: dict[int, list[str]] = {}
    pending: list[type[VgradError]] = [VgradError]
    while pending:
        for kind in pending.pop(0).__subclasses__():
            pending.append(kind)
            said = (kind.__doc__ or "").strip().split("\n")[0].rstrip(".")
            if kind is not Interrupted and kind.__module__ == "vgrad.errors":
                found.setdefault(kind.exit_code, []).append(said[0].lower() + said[1:])
    named = ((str(code), cell("; or ".join(said))) for code, said in sorted(found.items()))
    signals = ("130, 143", "interrupted by SIGINT or SIGTERM; what was done is kept and can be continued")
    return table("code | meaning", iter([FINE, BUG, *named, signals]))


TABLES: dict[str, Callable[[], str]] = {"keys": keys, "commands": commands, "exits": exits}


def current(text: str) -> str:
    """`text` with every table made anew."""
    return MARKED.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", text)


if __name__ == "__main__":
    raise SystemExit(settle(DOCUMENT, current))

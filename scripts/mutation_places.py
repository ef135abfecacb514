"""Where a file can be changed, and what it is then: cosmic-ray's operators and ours over the files of an area."""

from __future__ import annotations

import difflib
import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parents[1]
TABLE = tomllib.loads((HOUSE / "scripts" / "mutation.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Spot:
    """Where an operator can change a file, for the `at`-th time."""

    file: str
    operator: str
    at: int
    position: Sequence[int]


@dataclass(frozen=True)
class Mutant:
    """The change at `spot`: `old` and `new` code, the `lines` of the statement and those of the function around it."""

    spot: Spot
    lines: tuple[int, ...]
    enclosing: tuple[int, ...]
    old: str
    new: str

    @property
    def file(self) -> str:
        """The file that is changed."""
        return self.spot.file

    @property
    def change(self) -> str:
        """The lines that differ, as a diff writes them."""
        lines = difflib.unified_diff(self.old.splitlines(), self.new.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@")).strip()


@cache
def operators() -> dict[str, Any]:
    """Name -> an operator of cosmic-ray or of ours that TABLE names."""
    from cosmic_ray.plugins import get_operator
    from mutation_operators import OURS

    return {name: get_operator(f"core/{name}")() for name in TABLE["operators"]} | OURS


def spots(file: str) -> Iterator[Spot]:
    """Where a file can be changed, but for the lines that TABLE passes over."""
    from cosmic_ray.ast import ast_nodes, get_ast

    code = (HOUSE / file).read_text(encoding="utf-8")
    nodes, lines = list(ast_nodes(get_ast(code))), code.splitlines()
    passed = [(re.compile(each["line"]), set(each.get("operators", []))) for each in TABLE["passed_over"]]
    for name, operator in operators().items():
        starts = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for at, start in enumerate(starts):
            if not any(found.search(lines[start[0] - 1]) and (not of or name in of) for found, of in passed):
                yield Spot(file, name, at, start)


def mutant_at(spot: Spot) -> Mutant | None:
    """The mutant; None where it is no Python, the same, or known to be equivalent."""
    from cosmic_ray.ast import get_ast
    from cosmic_ray.mutating import mutate_code

    code = (HOUSE / spot.file).read_text(encoding="utf-8")
    try:
        new = mutate_code(code, operators()[spot.operator], spot.at)
    except AttributeError:  # ExceptionReplacer does not know `except module.Error`
        return None
    if new is None or new == code or _is_broken(new):
        return None
    mutant = Mutant(spot, *_places(get_ast(code), tuple(spot.position)), code, new)
    known = {each["change"].strip() for each in TABLE["equivalent"] if each["file"] == spot.file}
    return None if mutant.change in known else mutant


def _is_broken(code: str) -> bool:
    try:
        compile(code, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return True
    return False


def _places(tree: Any, position: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lines of the statement at `position` (of a compound one, its head), and of the function around it."""
    node = tree.get_leaf_for_position(position, include_prefixes=True)
    statement: tuple[int, ...] = ()
    while node.parent is not None:
        if not statement and node.type == "simple_stmt":
            statement = tuple(range(node.start_pos[0], node.end_pos[0] + 1))
        elif not statement and node.type in ("if_stmt", "while_stmt", "for_stmt", "with_stmt", "try_stmt"):
            statement = (position[0],)
        if node.type == "funcdef":
            body = node.children[-1]
            if position < body.start_pos:  # a default, which may be looked at without a call
                return (), ()
            return statement, tuple(range(body.start_pos[0], body.end_pos[0] + 1))
        node = node.parent
    return statement, ()


def drawn(area: dict[str, Any], n: int | None, seed: int, word: str) -> Iterator[Mutant]:
    """The mutants of an area, or n of them."""
    files = sorted({str(path.relative_to(HOUSE)) for glob in area["files"] for path in HOUSE.glob(glob)})
    found = [spot for file in files for spot in spots(file)]
    print(f"{len(found)} places in {len(files)} files", flush=True)
    random.Random(seed).shuffle(found)
    return islice((mutant for mutant in map(mutant_at, found) if mutant and word in mutant.file + mutant.change), n)

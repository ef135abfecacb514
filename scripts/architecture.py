"""The picture of docs/architecture.md, drawn from the imports of the code: `architecture.py [--write]`.

The floors stand between `<!-- floors -->` and `<!-- end -->`: a line a package, what it is for (the first line of its
docstring), and which packages below it uses. Without --write, exits 1 when they are not current.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from made import settle

HOUSE = Path(__file__).resolve().parents[1]
DOCUMENT = HOUSE / "docs" / "architecture.md"
MARKED = re.compile(r"(<!-- floors -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH, INDENT = 100, " " * 12

# From the roof down. A package imports itself and what stands below it.
FLOORS = (
    "__main__",
    "cli",
    "notebook",
    "study",
    "report",
    "theory",
    "sweeps",
    "runs",
    "training",
    "config",
    "document",
    "data",
    "nn",
    "pictures",
    "storage",
    "vanishing",
    "text",
    "machine",
    "statistics",
    "registry",
    "later",
    "errors",
    "version",
)


def imports(tree: ast.AST, package: list[str]) -> Iterator[tuple[int, str, str, str]]:
    """Line, what is imported, the local name, and what that name stands for; `package` resolves leading dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                yield node.lineno, alias.name, alias.asname or first, alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                target = f"{origin}.{alias.name}"
                yield node.lineno, target, alias.asname or alias.name, target


def modules(root: Path) -> dict[str, Path]:
    """Dotted name -> file of every module below the package directory `root`, packages by their own name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def graph(found: Mapping[str, Path]) -> dict[str, set[str]]:
    """Module -> the modules of `found` that it imports, anywhere in its text, types included."""
    uses: dict[str, set[str]] = {}
    for name, path in found.items():
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        targets = {target for _, target, _, _ in imports(ast.parse(path.read_text(encoding="utf-8")), package)}
        known = {target if target in found else target.rpartition(".")[0] for target in targets}
        uses[name] = (known & set(found)) - {name}
    return uses


def circles(uses: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, however far round."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            todo += (fresh := uses[todo.pop()] - seen)
            seen |= fresh
        return seen

    reached = {name: reach(name) for name in uses}
    groups = {frozenset(other for other in seen if name in reached[other]) for name, seen in reached.items()}
    return sorted(sorted(group) for group in groups if group)


def floor_of(module: str) -> str:
    """The package that a module belongs to, or its own name at the top."""
    return module.split(".")[1] if "." in module else ""


def purpose(path: Path) -> str:
    """The first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def picture() -> str:
    """The floors from the roof down: name, purpose, and the packages below that are used."""
    found = modules(HOUSE / "vgrad")
    uses = graph(found)
    lines = ["```text"]
    for floor in FLOORS:
        inside = [name for name in found if floor_of(name) == floor]
        if not inside:
            continue
        below = {floor_of(target) for name in inside for target in uses[name]} - {floor, ""}
        lines.append(f"{floor:<11} {purpose(found[f'vgrad.{floor}'])}".rstrip())
        used = [name for name in FLOORS if name in below]
        lines += textwrap.wrap(
            f"uses {', '.join(used)}" if used else "", WIDTH, initial_indent=INDENT, subsequent_indent=INDENT
        )
    return "\n".join([*lines, "```", ""])


def current(text: str) -> str:
    """`text` with the picture made anew."""
    return MARKED.sub(lambda found: f"{found[1]}{picture()}{found[2]}", text)


if __name__ == "__main__":
    raise SystemExit(settle(DOCUMENT, current))

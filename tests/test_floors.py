"""The floors of the house: imports go down and in no circle, nn computes and nothing else, some words are not there.

`faults` reads one module by its syntax tree. It follows aliases and relative imports, also inside functions; names
built at run time (`getattr(builtins, "eval")`, `importlib.import_module(name)`) are beyond it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

import pytest
from project import load_script
from rows import each_row

HOUSE = Path(__file__).resolve().parents[1] / "vgrad"
MODULES = sorted(HOUSE.rglob("*.py"))
architecture = load_script("architecture")
LEVEL = {name: level for level, name in enumerate(architecture.FLOORS)}

# Libraries that only some floors know.
KNOWN_ONLY_TO = {"typer": {"cli"}, "click": {"cli"}, "rich": {"cli", "text"}}

# nn: arrays in, arrays out. No files, no clock, no printing, no seeds of its own.
NN_LIBRARIES = {"numpy", "scipy", "annotated_types", "__future__", "abc", "collections", "contextlib", "dataclasses"}
NN_LIBRARIES |= {"enum", "functools", "inspect", "itertools", "math", "operator", "types", "typing"}
NN_NEVER = {"print", "input", "open", "breakpoint", "numpy.memmap", "numpy.fromfile", "numpy.genfromtxt", "scipy.io"}
NN_NEVER |= {f"numpy.{verb}{what}" for verb in ("load", "save") for what in ("", "txt", "z", "z_compressed")}
NN_METHODS = {"tofile", "dump"}

# docs/faults.md, last row, with the near relations of each.
NEVER = {"eval", "exec", "builtins.eval", "builtins.exec", "pandas.eval", "tarfile", "os.system", "os.popen"}
NEVER |= {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
NEVER |= {f"yaml.{kind}{word}" for kind in ("", "full_", "unsafe_") for word in ("load", "load_all")}
NEVER |= {f"yaml.{c}{kind}Loader" for c in ("", "C") for kind in ("", "Full", "Unsafe")}
NEVER_METHODS = {"eval", "query", "read_pickle", "to_pickle"}
FALSE_ONLY = {"allow_pickle", "shell"}
EXITS = {"sys.exit", "os._exit", "SystemExit"}

MAX_LINES, MAX_FUNCTION_LINES, MAX_FILES = 400, 70, 16


parsed = lru_cache(maxsize=1)(ast.parse)


@cache
def uses() -> dict[str, set[str]]:
    """Which module of the house imports which."""
    return architecture.graph(architecture.modules(HOUSE))


def spelled_out(node: ast.expr, names: dict[str, str]) -> str:
    """`np.random.default_rng` as `numpy.random.default_rng`; nothing for what is not a dotted name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([names.get(node.id, node.id), *reversed(parts)]) if isinstance(node, ast.Name) else ""


def within(name: str, group: set[str]) -> bool:
    """Whether the dotted name, or something it is a part of, is in the group."""
    parts = name.split(".")
    return any(".".join(parts[:end]) in group for end in range(1, len(parts) + 1))


def import_fault(floor: str, target: str) -> str:
    """What is wrong with importing `target` on this floor; `floor` is empty for vgrad/__init__.py."""
    library, *rest = target.split(".")
    if library != "vgrad":
        if floor not in KNOWN_ONLY_TO.get(library, {floor}):
            return f"{library} is known only to {', '.join(sorted(KNOWN_ONLY_TO[library]))}"
        if floor == "nn" and library not in NN_LIBRARIES:
            return f"nn does not know {library}"
        return ""
    if rest[:1] == [floor]:
        return ""
    if not rest or rest[0] not in LEVEL:
        return f"{target} stands on no floor: import from the module that is meant"
    if not floor:
        return ""  # vgrad/__init__.py stands above the roof: nothing imports it
    if floor not in LEVEL:
        return f"{floor} stands on no floor: add it to FLOORS"
    return f"{floor} does not import {rest[0]}: imports go down" if LEVEL[rest[0]] <= LEVEL[floor] else ""


def word_fault(floor: str, name: str) -> str:
    """What is wrong with using this dotted name on this floor."""
    if within(name, NEVER):
        return f"{name} is not in the package"
    if floor not in {"cli", "__main__"} and name in EXITS:
        return f"{name}: only the command line exits; raise from vgrad.errors"
    if floor == "nn" and within(name, NN_NEVER):
        return f"nn computes: no {name}"
    if floor == "nn" and name.startswith("numpy.random.") and name != "numpy.random.Generator":
        return f"nn is given its Generator: no {name}"
    return ""


def faults(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """One line for each thing in the source of `module` (dotted, from vgrad) that the house forbids."""
    tree = parsed(source)
    path = module.split(".")
    floor = path[1] if len(path) > 1 else ""
    found: list[tuple[int, str]] = []
    names: dict[str, str] = {}
    for line, target, local, meaning in architecture.imports(tree, path if is_package else path[:-1]):
        names[local] = meaning
        found.append((line, import_fault(floor, target) or word_fault(floor, target)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            found.append((node.lineno, word_fault(floor, spelled_out(node, names))))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            method = node.func.attr
            if method in NEVER_METHODS or (floor == "nn" and method in NN_METHODS):
                found.append((node.lineno, f".{method}() is not in the package"))
        elif isinstance(node, ast.keyword) and node.arg in FALSE_ONLY and ast.unparse(node.value) != "False":
            found.append((node.lineno, f"{node.arg} is False here, always"))
    if not ast.get_docstring(tree):
        found.append((1, "no docstring"))
    return [f"{line}: {fault}" for line, fault in sorted(set(found)) if fault]


def long_parts(source: str) -> list[str]:
    """The file, if it is too long, and every function that is."""
    lines = len(source.splitlines())
    long = [f"{lines} lines in a file, over {MAX_LINES}"] if lines > MAX_LINES else []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno
            lines = node.end_lineno - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                long.append(f"{node.lineno}: {lines} lines in {node.name}(), over {MAX_FUNCTION_LINES}")
    return long


def full_folders(files: Iterable[Path]) -> list[str]:
    """Folders of more modules than a look takes in; __init__.py is not counted."""
    count = Counter(str(path.parent) for path in files if path.name != "__init__.py")
    return [f"{folder}: {number} files, over {MAX_FILES}" for folder, number in count.items() if number > MAX_FILES]


def homeless(tops: set[str]) -> list[str]:
    """What stands in vgrad/ and on no floor."""
    return sorted(tops - set(LEVEL) - {"__init__"})


# The house.


def test_every_module_keeps_to_its_floor() -> None:
    wrong = {}
    for path in MODULES:
        is_package = path.name == "__init__.py"
        parts = path.relative_to(HOUSE.parent).with_suffix("").parts
        source = path.read_text(encoding="utf-8")
        module = ".".join(parts[:-1] if is_package else parts)
        wrong[module] = faults(source, module, is_package=is_package) + long_parts(source)
    assert {module: found for module, found in wrong.items() if found} == {}


def test_everything_stands_on_a_floor() -> None:
    tops = {path.relative_to(HOUSE).with_suffix("").parts[0] for path in MODULES}
    assert homeless(tops) == [], "new at the top of vgrad/: add it to FLOORS of scripts/architecture.py"


def test_no_folder_is_full() -> None:
    assert full_folders(MODULES) == []


def test_imports_make_no_circle() -> None:
    assert architecture.circles(uses()) == []


def test_the_picture_of_the_house_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    found = uses()
    monkeypatch.setattr(architecture, "graph", lambda modules: found)
    text = architecture.DOCUMENT.read_text(encoding="utf-8")
    assert architecture.current(text) == text, "python scripts/architecture.py --write"


# The tester, tested.

FAULTY = [
    ("nn.network", "from vgrad.config import config", "imports go down"),
    ("nn.network", "from vgrad import config", "imports go down"),
    ("nn.network", "import vgrad.config.config as c", "imports go down"),
    ("nn.network", "from ..config.config import Config", "imports go down"),
    ("nn.network", "from .. import config", "imports go down"),
    ("nn.network", "def f():\n    from vgrad.data import mnist", "imports go down"),
    ("nn.network", "if TYPE_CHECKING:\n    from vgrad.cli import app", "imports go down"),
    ("errors", "import vgrad.registry", "imports go down"),
    ("registry", "from .nn import costs", "imports go down"),
    ("data.mnist", "from vgrad.theory import chain", "imports go down"),
    ("report.table", "from vgrad.study import files", "imports go down"),
    ("theory.chain", "from vgrad.report import table", "imports go down"),
    ("cli.train", "from vgrad.__main__ import main", "imports go down"),
    ("runs.folder", "import vgrad", "stands on no floor"),
    ("runs.folder", "from vgrad import *", "stands on no floor"),
    ("runs.folder", "from vgrad.extra import f", "stands on no floor"),
    ("report.table", "import typer", "known only to cli"),
    ("runs.runner", "from rich.console import Console", "known only to cli, text"),
    ("runs.runner", "sys.exit(1)", "only the command line exits"),
    ("runs.runner", "from sys import exit as leave", "only the command line exits"),
    ("runs.runner", "raise SystemExit", "only the command line exits"),
    ("nn.costs", "import os", "nn does not know os"),
    ("nn.costs", "import pathlib", "nn does not know pathlib"),
    ("nn.costs", "from time import perf_counter", "nn does not know time"),
    ("nn.costs", "import random", "nn does not know random"),
    ("nn.costs", "import logging.config", "nn does not know logging"),
    ("nn.costs", "import pandas as pd", "nn does not know pandas"),
    ("nn.costs", "print(1)", "no print"),
    ("nn.costs", "with open('x') as f: pass", "no open"),
    ("nn.costs", "import numpy as np\nx = np.load('x')", "no numpy.load"),
    ("nn.costs", "from numpy import savez as s", "no numpy.savez"),
    ("nn.costs", "x.tofile('x')", ".tofile()"),
    ("nn.costs", "import numpy as np\nx = np.random.default_rng(0)", "no numpy.random.default_rng"),
    ("nn.costs", "from numpy.random import PCG64", "no numpy.random.PCG64"),
    ("nn.costs", "from numpy import random as r\nr.seed(0)", "no numpy.random.seed"),
    ("cli.train", "eval('1')", "eval is not in"),
    ("cli.train", "x = map(eval, y)", "eval is not in"),
    ("cli.train", "exec('1')", "exec is not in"),
    ("cli.train", "import builtins as b\nb.exec('1')", "builtins.exec is not in"),
    ("cli.train", "import pickle", "pickle is not in"),
    ("cli.train", "def f():\n    from pickle import loads", "pickle.loads is not in"),
    ("cli.train", "import tarfile as t", "tarfile is not in"),
    ("cli.train", "import yaml\nyaml.load(x, Loader=yaml.SafeLoader)", "yaml.load is not in"),
    ("cli.train", "import yaml as y\ny.unsafe_load(x)", "yaml.unsafe_load is not in"),
    ("cli.train", "from yaml import load as safe", "yaml.load is not in"),
    ("cli.train", "frame.query('a > 1')", ".query()"),
    ("cli.train", "frame[['a']].eval('b')", ".eval()"),
    ("cli.train", "pd.read_pickle(x)", ".read_pickle()"),
    ("cli.train", "np.load(x, allow_pickle=True)", "allow_pickle is False"),
    ("cli.train", "np.load(x, allow_pickle=trust)", "allow_pickle is False"),
    ("cli.train", "run('ls', shell=True)", "shell is False"),
    ("cli.train", "import os\nos.system('ls')", "os.system is not in"),
]


def test_every_fault_is_found() -> None:
    for module, source, fault in FAULTY:
        found = faults(f'"""Doc."""\n{source}', f"vgrad.{module}")
        assert found, source
        assert all(fault in line for line in found), (source, found)


@each_row(
    "module, source",
    [
        ("__main__", "from vgrad.cli import app\nraise SystemExit(app())"),
        ("cli.train", "import typer, rich.console, sys\nfrom vgrad.config import config\nsys.exit(2)"),
        ("cli.train", "from . import options\nfrom ..report.table import table\nfrom vgrad.version import VERSION"),
        ("report.table", "from vgrad.runs import folder\nfrom vgrad.runs.folder import read\nimport vgrad.runs.folder"),
        ("text.terminal", "from vgrad.registry import lookup\nimport rich"),
        ("config.config", "import yaml, re\nyaml.safe_load(x)\nre.compile('eval')\nnp.load(x, allow_pickle=False)"),
        ("config.config", "import json\njson.load(x)\n# eval, pickle\ns = 'exec'\nquery = url.query"),
        (
            "nn.costs",
            "import math\nimport numpy as np\nfrom scipy.special import expit\nfrom vgrad.registry import lookup",
        ),
        ("nn.costs", "import numpy as np\ndef f(rng: np.random.Generator): return rng.random(3) + np.exp(1)"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    assert faults(f'"""Doc."""\n{source}', f"vgrad.{module}") == []


def test_dots_count_from_the_package() -> None:
    assert faults('"""Doc."""\nfrom ..config import config', "vgrad.nn", is_package=True)
    assert faults('"""Doc."""\nfrom .. import cli', "vgrad.nn", is_package=True)
    assert not faults('"""Doc."""\nfrom . import costs', "vgrad.nn", is_package=True)


def test_missing_docstring_is_found() -> None:
    assert faults("", "vgrad.nn", is_package=True) == ["1: no docstring"]


def test_newcomer_is_found() -> None:
    assert homeless({"__init__", "nn", "utils"}) == ["utils"]
    assert faults('"""Doc."""\nimport vgrad.nn', "vgrad.utils") == ["2: utils stands on no floor: add it to FLOORS"]


def test_full_folders_are_found() -> None:
    inside = [Path("vgrad", "nn", f"{number}.py") for number in range(MAX_FILES)]
    assert full_folders([*inside, Path("vgrad", "nn", "__init__.py")]) == []
    assert full_folders([*inside, Path("vgrad", "nn", "more.py")]) == ["vgrad/nn: 17 files, over 16"]


def test_circles_are_found() -> None:
    uses = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "e"}, "e": set()}
    assert architecture.circles(uses) == [["a", "b", "c"]]
    assert architecture.circles({"a": {"b"}, "b": set()}) == []


def test_imports_are_followed_into_functions_and_types(tmp_path: Path) -> None:
    (tmp_path / "vgrad" / "nn").mkdir(parents=True)
    (tmp_path / "vgrad" / "__init__.py").write_text("")
    (tmp_path / "vgrad" / "errors.py").write_text("if TYPE_CHECKING:\n    from vgrad.nn.costs import Cost\n")
    (tmp_path / "vgrad" / "nn" / "__init__.py").write_text("from . import costs\n")
    (tmp_path / "vgrad" / "nn" / "costs.py").write_text("def f():\n    from ..errors import VgradError\n")
    uses = architecture.graph(architecture.modules(tmp_path / "vgrad"))
    assert uses["vgrad.errors"] == {"vgrad.nn.costs"}
    assert uses["vgrad.nn"] == {"vgrad.nn.costs"}
    assert architecture.circles(uses) == [["vgrad.errors", "vgrad.nn.costs"]]


def test_long_parts_are_found() -> None:
    body = "    x = 1\n"
    assert long_parts("def f():\n" + body * (MAX_FUNCTION_LINES - 1)) == []
    assert long_parts("class C:\n  def f():\n" + body * MAX_FUNCTION_LINES) == ["2: 71 lines in f(), over 70"]
    assert long_parts("x = 1\n" * MAX_LINES) == []
    assert long_parts("x = 1\n" * (MAX_LINES + 1)) == ["401 lines in a file, over 400"]

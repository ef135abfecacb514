"""Every field of every file of a run, a sweep and a study, each with everything that it should not hold.

The fields are found by walking through the files that a real study leaves: `payloads` gives each of them again and
again, each time with one field of its JSON, or one cell of its CSV, replaced, left out or doubled. `case` lays out the
study with that file, and runs some of the commands that read it.
"""

from __future__ import annotations

import json
import shutil
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from vgrad import load_runs
from vgrad.errors import VgradError
from vgrad.report.frames import TABLES
from vgrad.study.report import folder as study_files
from vgrad.text.formats import FORMATS

STUDY = """\
study: small
title: A small study
source: nobody
url: http://localhost
seeds: 3
experiments:
  - name: digits
    title: How fast?
    text: Two networks on a few digits.
    quick: {seeds: 2, points: 1}
    sweep:
      layers: {depth: 1, width: 4}
      data: {name: digits, train: 30, validation: 20}
      epochs: 2
      batch_size: full
      probes: {record: [delta_norm, dead], examples: 20, steps: 1, neurons: [0], histograms: [1]}
      grid: {layers.depth: [2, 3]}
    figures:
      - {label: at the start, measure: {name: norm, layer: 1}, published: [0.05, 0.02]}
      - {label: accuracy, unit: "%", scale: linear, measure: {name: final, monitor: validation_accuracy},
         published: [null, 10.0]}
    neurons: [[0.1, -0.2]]
    curves: curves.csv
"""
PUBLISHED = "hidden,epoch,layer,value\n" + "".join(f"2,{epoch},{i},0.05\n" for epoch in (0, 1, 2) for i in (1, 2))
SWEEP = """\
name: digits
layers: {depth: 1, width: 4}
data: {name: digits, train: 30, validation: 20}
epochs: 2
batch_size: full
probes: {record: [delta_norm, dead], examples: 20, steps: 1, neurons: [0], histograms: [1]}
grid: {layers.depth: [2, 3]}
seeds: 2
"""
ACTIVE = {"run": "digits-00000000-s0", "epoch": 1, "epochs": 2, "cost": 0.5}
FAILED = {"run": "digits-00000000-s1", "cause": "its worker was killed"}

CONTROLS = ["\x1b[2J", "\x1b]0;x\x07", "\x9b31m", "\u202ex", "a\nb", "a\rb", "\ud800", "\0", "\x7f"]
WORDS = ["", "x" * 5000, "nan", "Infinity", "../../x", "<script>", "=1+1", "complete", "diverged", "é", "[/x]", "%s{0}"]
NUMBERS = ["-1", "0", "1", "2", "7", "0.5", "-0.0", str(2**53 + 1), str(2**62), str(-(2**63)), "1e308", "-1e308"]
NUMBERS += ["1e-320", "1e999", "-1e999", "1" + "0" * 400, "9" * 5000, "NaN", "Infinity"]
TOKENS = [*NUMBERS, *(json.dumps(text) for text in (*CONTROLS, *WORDS)), "null", "true", "[]", "{}", "[[0]]", "[null]"]
TOKENS += ['[0, "x"]', '{"a": {"b": [1e308]}}', '{"\\u001b[2J": 1}', "[" * 60 + "]" * 60, "[" * 3000 + "]" * 3000]
CELLS = ["", *NUMBERS, "inf", "-inf", "nan", *CONTROLS, *WORDS, "true", "1_000", " 1", "0x1", '"', '"a,b"', "1.0", "٣"]

Way = tuple[Any, ...]
FINE = ("takes longer", "vgrad: undecided:", "vgrad: not reproduced:")
"""The first picture loads Matplotlib, and a study with fewer runs has an answer, too."""
Command = Callable[..., Any]
"""Runs a command line, and tells its `code`, its answer `out`, and what is `wrong` with how it ended."""


def ways(tree: Any, way: Way = ()) -> Iterator[Way]:
    """The paths to everything in a JSON tree, the tree itself left out; of a list, its first and last element."""
    inner = list(tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ())
    for key, value in inner[:1] + inner[-1:] if isinstance(tree, list) else inner:
        yield (*way, key)
        yield from ways(value, (*way, key))


def _json(content: bytes, way: Way, kind: str) -> bytes:
    """The file with what is at the end of `way` dropped, doubled, or replaced by a token."""
    tree = json.loads(content)
    *path, last = way
    holder = tree
    for part in path:
        holder = holder[part]
    if kind == "drop":
        del holder[last]
    elif kind == "twice" and isinstance(holder, list):
        holder.append(holder[last])
    elif kind == "twice":
        holder["\x1b[2J"] = holder[last]
    else:
        holder[last] = "@token@"
    return json.dumps(tree).replace('"@token@"', kind).encode()


def _csv(content: bytes, row: int, column: int, cell: str) -> bytes:
    lines = [line.split(",") for line in content.decode().splitlines()]
    lines[row][column] = cell
    return "".join(",".join(line) + "\n" for line in lines).encode("utf-8", "surrogatepass")


def _spoilt(name: str, content: bytes) -> Iterator[Callable[[], bytes]]:
    if name.endswith(".json"):
        for way in ways(json.loads(content)):
            yield from (partial(_json, content, way, kind) for kind in (*TOKENS, "drop", "twice"))
        yield from (token.encode for token in TOKENS)
    elif name.endswith(".csv"):
        lines = content.decode().splitlines()
        for row in sorted({0, 1, len(lines) // 2, len(lines) - 1} & {*range(len(lines))}):
            for column in range(len(lines[0].split(","))):
                yield from (partial(_csv, content, row, column, cell) for cell in CELLS)


def payloads(study: Mapping[str, bytes]) -> list[Callable[[], bytes]]:
    """What makes every file with each of its fields spoilt in every way; a payload is its name, a line's end, and the
    content. Of the runs, two that differ in the seed."""
    runs = sorted({str(Path(name).parent) for name in study if name.endswith("run.json")})[:2]
    chosen = [name for name in study if ".sweep-" in name or name.count("/") < 3 or str(Path(name).parent) in runs]
    return [partial(_named, name, make) for name in sorted(chosen) for make in _spoilt(name, study[name])]


def _named(name: str, make: Callable[[], bytes]) -> bytes:
    return name.encode() + b"\n" + make()


# The commands that read a file; `{run}` is a run directory, `{sweep}` the folder that it is in, `{study}` its parent's.

OF_RUNS = [
    "evaluate {run} --part validation", "clean {sweep} --runs", "clean {run} --checkpoints --json",
    "show {run}", "show --json {run}", "ls {sweep}", "ls --json {study}", "verify {run}", "verify --json {sweep}",
    "train {run}/config.yaml --runs-dir {sweep}", "train {run}/config.yaml --json --runs-dir {sweep}",
    "sweep s.yaml -j 0 -q --runs-dir {study}", "sweep s.yaml -j 0 --json --runs-dir {study}",
    "theory product {run}", "theory product {run} --epoch end --json", "export tensorboard {sweep} -o events",
    "reproduce study.yaml -j 0 -q", "report {sweep} --rows layers.depth --baseline layers.depth=2",
    "report {sweep} --value dead[1].worst,delta_norm[1]@1,train_cost.best,train_cost.best_epoch,seconds",
    "report {sweep} --where verdict=even --sort -last_first_ratio", "load_runs {sweep}",
    *(f"report {{sweep}} --format {form}" for form in FORMATS),
    *(f"plot {{sweep}} -o p.svg --kind {kind}" for kind in ("curves", "neurons", "layers", "heatmap", "accuracy")),
]  # fmt: skip
OF_STUDIES = [
    *(f"report {{study}} --format {form}" for form in FORMATS),
    *(f"plot {{study}} -o p.svg --kind study-{kind}" for kind in ("speed", "ratio", "bars", "accuracy", "figures")),
    "report {study} --width 40", "ls {study}",
]  # fmt: skip
OF_SWEEPS = ["status {study}", "status --json {sweep}", "sweep s.yaml -j 0 -q --runs-dir {study}", "ls {sweep}"]


def commands(file: str) -> list[str]:
    """Those that read `file`."""
    if ".sweep-" in file:
        return OF_SWEEPS
    return OF_RUNS if file.count("/") > 2 else OF_STUDIES


def study(command: Command) -> dict[str, bytes]:
    """All files that `vgrad reproduce` leaves here, with a status of its sweep in which every field is used."""
    study_files.write_pictures = lambda place: []  # type: ignore[assignment]
    for name, content in (("study.yaml", STUDY), ("s.yaml", SWEEP), ("curves.csv", PUBLISHED)):
        Path(name).write_text(content)
    told = command("reproduce", "study.yaml", "-j", "0", "-q")
    if told.code:
        raise RuntimeError(f"no study to begin with: {told}")
    files = {str(path): path.read_bytes() for path in Path("runs").rglob("*") if path.is_file()}
    status = next(name for name in files if ".sweep-" in name)
    tree = {**json.loads(files.pop(status)), "active": [ACTIVE], "failures": [FAILED]}
    tree |= {"state": "running", "per_minute": 2.5, "seconds_left": 90.0}
    return {**files, f"{Path(status).parent}/.sweep-0.json": json.dumps(tree).encode()}


def case(command: Command, files: Mapping[str, bytes], payload: bytes) -> list[str]:
    """What is wrong with how three of the commands end that read this payload among the files of the study."""
    shutil.rmtree("runs", ignore_errors=True)
    name, _, content = payload.partition(b"\n")
    file = Path(name.decode())
    for path, kept in {**files, str(file): content}.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(kept)
    places = {"run": str(file.parent), "sweep": "runs/small/digits", "study": "runs/small"}
    known = commands(str(file))
    wrong: list[str] = []
    for number in range(3):
        words = known[zlib.crc32(payload + bytes([number])) % len(known)].format(**places).split()
        if words[0] == "load_runs":
            wrong += _loaded(words[1])
            continue
        told = command(*words)
        wrong += [what for what in told.wrong if not any(word in what for word in FINE)]
        wrong += _not_json(told.out) if {"json", "--json"} & {*words} else []
    return [f"{file.name}: {what}" for what in wrong]


def _not_json(answer: str) -> list[str]:
    """An answer has to be nothing, or strict JSON."""
    try:
        if answer:
            json.loads(answer, parse_constant=_refused)
    except ValueError:
        return [f"not strict JSON: {answer[:100]!r}"]
    return []


def _refused(token: str) -> float:
    raise ValueError(token)


def _loaded(path: str) -> list[str]:
    """The runs as notebooks get them."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            for table in TABLES:
                load_runs(path, table=table)
        except VgradError as error:
            return [f"load_runs: not fit to read: {line!r}" for line in error.problems if not line.isprintable()]
        except Exception as error:
            return [f"load_runs: {type(error).__name__}: {error}"]
    return [f"load_runs: not fit to read: {each.message!s}" for each in told if not str(each.message).isprintable()]

"""Hostile inputs run no code: what commands do over them is watched by an audit hook (audited.py) and from outside."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forked
import numpy as np
import pytest
from audited import MARK, VIOLATIONS
from project import HANGS

AUDITED = Path(__file__).with_name("audited.py")
CONFIG = """\
name: plain
layers: {depth: 2, width: 4}
data: {name: digits, train: 20, validation: 10, test: 0}
epochs: 2
probes: {record: [delta_norm], examples: 10, neurons: [0, 2]}
"""
CODES = {0, 2, 3, 4, 5, 6}
Command = list[str] | str


def audited(allowed: Path, commands: list[Any], start: Callable[..., Any] = forked.run) -> list[dict[str, Any]]:
    done = start(
        [sys.executable, str(AUDITED), str(allowed)],
        input=json.dumps(commands),
        cwd=allowed.parent / "elsewhere",
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answers


class Evil:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.system, (f"touch {self.path} # {MARK}",)


def evil(place: Path) -> Evil:
    return Evil(place / "elsewhere" / "x")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """`out`, below which everything may be written; `in` with configs and `elsewhere`, where nothing may."""
    for name in ("out", "in", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "in" / "plain.yaml").write_text(CONFIG)
    (tmp_path / "elsewhere" / "treasure").write_text("not to be touched\n")
    return tmp_path


def outside(place: Path) -> dict[str, tuple[object, ...]]:
    """Everything but `out`: kind, time and content."""
    found = {}
    for path in sorted(place.rglob("*")):
        if "out" not in path.relative_to(place).parts:
            status = path.lstat()
            found[str(path)] = (status.st_mode, status.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
    return found


def without_harm(place: Path, commands: list[list[str]], start: Callable[..., Any] = forked.run) -> list[int]:
    """The exit codes; nothing forbidden was done, as the hook and as the disk say."""
    before = outside(place)
    answers = audited(place / "out", commands, start)
    seen = [f"{answer['command']}: {what}" for answer in answers for what in answer["seen"][:3]]
    assert not seen, "\n".join(seen)
    assert outside(place) == before
    codes = [answer["code"] for answer in answers]
    assert [answer for answer in answers if answer["code"] not in CODES] == []
    return codes


def test_the_hook_sees_every_violation(place: Path) -> None:
    answers = audited(place / "out", [*VIOLATIONS, ["--version"]])
    assert [answer["command"] for answer in answers if not answer["seen"]] == [["--version"]]


def train(place: Path, *words: str) -> list[str]:
    return ["train", str(place / "in" / "plain.yaml"), "--runs-dir", str(place / "out" / "runs"), *words]


HOSTILE_YAML = [
    f"!!python/object/apply:os.system [touch {MARK}]",
    f"layers: !!python/name:{MARK}.x",
    f"!!python/module:{MARK}",
    "activation: !!python/object/new:antigravity []",
    f"layers: [64, 10]\ndata: {{name: {MARK}}}",
    f"layers: [64, 10]\ndata: digits\ninit: {{name: {MARK}.os.system}}",
    "layers: [64, 10]\ndata: digits\noptimizer: {name: __import__('antigravity')}",
    "layers: [64, 10]\ndata: digits\nname: $(touch x)",
    "layers: [64, 10]\ndata: digits\nname: ../x",
    "layers: [64, 10]\ndata: digits\nname: /etc/x",
    f"layers: [64, 10]\ndata: digits\ninit: {{name: file, path: ../in/{MARK}.npz}}",
    f"layers: [64, 10]\ndata: digits\ninit: {{name: file, path: /proc/self/{MARK}}}",
    "layers: [64, 10]\ndata: digits\ninit: {name: file, path: /dev/zero}",
    "layers: [64, 10]\ndata: digits\ninit: {name: file, path: pipe}",
]


def test_hostile_configs_and_parameter_files(place: Path) -> None:
    objects = np.array([[evil(place)]], dtype=object)
    np.savez(place / "in" / f"{MARK}.npz", W1=objects, b1=objects)
    (place / "in" / "raw.npz").write_bytes(pickle.dumps(evil(place)))
    os.mkfifo(place / "in" / "pipe")
    commands = []
    for number, text in enumerate(HOSTILE_YAML):
        file = place / "in" / f"{number}.yaml"
        file.write_text(text + "\n")
        runs = ["--runs-dir", str(place / "out" / "runs")]
        turns = [["config", "check"], ["train", *runs], ["train", "--restart", *runs]]
        commands.append([*turns[number % 3], str(file)])
    for setting in (
        "name=$(touch x)",
        "name=;rm -rf x",
        "init={name: file, path: raw.npz}",
        f"data.{MARK}=1",
        f"x=!!python/name:{MARK}",
    ):
        commands.append(train(place, "-s", setting))
    codes = without_harm(place, commands)
    assert set(codes) == {2, 3}
    assert not list((place / "out").rglob("config.yaml"))


def npz(place: Path, **changes: Any) -> bytes:
    """The checkpoint in `out`, with other members."""
    (checkpoint,) = (place / "out" / "runs").glob("*/checkpoint.npz")
    with np.load(checkpoint) as archive:
        members = {name: archive[name] for name in archive.files}
    target = place / "out" / "changed.npz"
    np.savez(target, **{**members, **{name.replace("__", "."): value for name, value in changes.items()}})
    return target.read_bytes()


Change = Callable[[Path, Path], object]
ONE = np.ones(1)


def folder(name: str) -> Change:
    return lambda run, place: (run / name).mkdir()


def link(name: str, target: str) -> Change:
    def change(run: Path, place: Path) -> None:
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(target.format(place=place))

    return change


def content(name: str, text: str) -> Change:
    """Another content, with its digest in run.json, so that nothing stops at the digest."""

    def change(run: Path, place: Path) -> None:
        (run / name).write_text(text)
        if (run / "run.json").exists() and name != "run.json":
            facts = json.loads((run / "run.json").read_text())
            facts["files"][name] = hashlib.sha256(text.encode()).hexdigest()
            (run / "run.json").write_text(json.dumps(facts))

    return change


def facts(**changed: Any) -> Change:
    def change(run: Path, place: Path) -> None:
        tree = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**tree, **changed}))

    return change


def checkpoint(make: Callable[[Path], bytes]) -> Change:
    def change(run: Path, place: Path) -> None:
        (run / "run.json").unlink(missing_ok=True)  # not complete: it would be continued
        (run / "checkpoint.npz").write_bytes(make(place))

    return change


def meta(**changed: Any) -> Callable[[Path], bytes]:
    def make(place: Path) -> bytes:
        text = json.dumps({"format": 1, "run": "plain", "epoch": 1, "divergence": None, **changed})
        return npz(place, meta=np.frombuffer(text.encode(), np.uint8))

    return make


def both(*changes: Change) -> Change:
    def change(run: Path, place: Path) -> None:
        for one in changes:
            one(run, place)

    return change


interrupted = checkpoint(lambda place: next((place / "out" / "runs").glob("*/checkpoint.npz")).read_bytes())
TREASURE = "{place}/elsewhere/treasure"
CHANGES: dict[str, Change] = {
    "metrics.csv is a link out": link("metrics.csv", "/etc/hostname"),
    "run.json is a link out": link("run.json", TREASURE),
    "config.yaml is a link out": both(interrupted, link("config.yaml", "{place}/in/plain.yaml")),
    "checkpoint.npz is a link out": both(interrupted, link("checkpoint.npz", TREASURE)),
    "final.npz is a link out": both(interrupted, link("final.npz", TREASURE)),
    "metrics.csv is a link out, interrupted": both(interrupted, link("metrics.csv", TREASURE)),
    "metrics.csv never ends": link("metrics.csv", "/dev/zero"),
    "summary.json never ends": link("summary.json", "/dev/zero"),
    "run.json never ends": link("run.json", "/dev/zero"),
    "a link to itself": link("run.json", "run.json"),
    "the lock is a link out": both(interrupted, link(".lock", TREASURE)),
    "the lock is a link to nothing": both(interrupted, link(".lock", "{place}/elsewhere/x")),
    "the owner is a link out": both(interrupted, link(".owner", TREASURE)),
    "a leftover is a link out": both(interrupted, link(".metrics.csv.1.tmp", TREASURE)),
    "an earlier attempt is a link out": link("attempt-1", "{place}/elsewhere"),
    "the next attempt is a link out": both(folder("attempt-1"), link("attempt-2", "{place}/elsewhere")),
    "a formula": content("metrics.csv", f"epoch,=cmd|'/c {MARK}'!A1\n0,=HYPERLINK(\"x\")\n"),
    "formulas in gradients": content("gradients.csv", "epoch,layer,kind,units,delta_norm\n0,1,=1+1,4,@SUM(1)\n"),
    "a summary that names": content("summary.json", json.dumps({"status": MARK, "verdict": "\x1b]0;x\x07"})),
    "a config with a tag": content("config.yaml", f"!!python/object/apply:os.system [{MARK}]\n"),
    "digests of other files": facts(files={"../../../elsewhere/treasure": "0" * 64, "/etc/passwd": "0" * 64, MARK: ""}),
    "versions that name": facts(versions={MARK: "antigravity"}, machine={"blas": MARK}, name="../../x"),
    "a status that names": facts(status=f"{MARK}.x"),
    "a checkpoint of another module": checkpoint(meta(run=f"{MARK}.os", optimizer="antigravity", cls="os.system")),
    "a checkpoint that leads out": checkpoint(meta(run="../../x", divergence={"epoch": 1, "batch": MARK, "layer": 0})),
    "a checkpoint with objects": checkpoint(lambda place: npz(place, parameters__W1=np.array([evil(place)]))),
    "a checkpoint with odd members": checkpoint(lambda place: npz(place, **{"../../x": ONE, f"/{MARK}": ONE})),
    "a checkpoint that is a pickle": checkpoint(lambda place: pickle.dumps(evil(place))),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(HANGS)
def test_hostile_run_directories(place: Path) -> None:
    assert without_harm(place, [train(place)]) == [0]
    (original,) = (place / "out" / "runs").iterdir()
    commands = []
    for number, change in enumerate(CHANGES.values()):
        for kind in ("continued", "restarted"):
            runs = place / "out" / f"{number}-{kind}"
            run = runs / original.name
            shutil.copytree(original, run)
            change(run, place)
            again = ["train", str(place / "in" / "plain.yaml"), "--runs-dir", str(runs)]
            page = ["--format", "html", "-o", str(place / "out" / f"{number}.html")]
            looks = [["verify"], ["show"], ["report"], ["report", *page]] if kind == "continued" else []
            commands += [[*look, str(run)] for look in looks] + [["ls", "--json", str(runs)]]
            commands += [[*again, *(["--restart"] if kind == "restarted" else [])]]
    without_harm(place, commands)


@pytest.mark.slow
def test_pictures_and_events_of_runs(place: Path) -> None:
    """Also a user's first picture, when matplotlib would look for fonts, and with its settings lying about."""
    (place / "elsewhere" / "matplotlibrc").write_text(f"no.such.setting: {MARK}\n")
    runs, out = str(place / "out" / "runs"), place / "out"
    commands = [train(place)]
    commands += [["plot", runs, "--kind", kind, "-o", str(out / f"{kind}.{form}")] for kind, form in PICTURES]
    commands += [["export", "tensorboard", runs, "-o", str(out / "events")]]
    codes = without_harm(place, commands, subprocess.run)
    assert set(codes[:-1]) == {0}


PICTURES = [
    ("curves", "png"),
    ("neurons", "svg"),
    ("layers", "pdf"),
    ("heatmap", "png"),
    ("accuracy", "pdf"),
    ("activations", "svg"),
]


@pytest.mark.slow
def test_hostile_names_of_run_directories(place: Path) -> None:
    without_harm(place, [train(place)])
    (original,) = (place / "out" / "runs").iterdir()
    commands = []
    for name in (
        "$(touch x)",
        ";rm -rf x",
        "`x`",
        "-x",
        "\x1b[2J",
        "a\nb",
        "[bold]x",
        "<b>",
        f"{MARK}.py",
        "%s{0}",
        "é\u202e",
    ):
        shutil.copytree(original, place / "out" / "odd" / name)
        run = str(place / "out" / "odd" / name)
        commands += [
            ["verify", run],
            ["show", run],
            ["verify", f"{run}x"],
            ["train", "--runs-dir", run, f"{run}/config.yaml"],
        ]
    commands += [["ls", str(place / "out" / "odd")], ["ls", "--json", str(place / "out" / "odd")]]
    link = place / "out" / "linked"
    link.mkdir()
    (link / original.name).symlink_to(place / "elsewhere")
    config = str(place / "in" / "plain.yaml")
    commands += [["train", config, "--runs-dir", str(link), *more] for more in ([], ["--restart"])]
    codes = without_harm(place, commands)
    assert codes[-2:] == [5, 5]

"""`vgrad sweep` and `vgrad status` as a user has them: processes, signals, exit codes."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import forked
import pytest
from project import FULL, HANGS

from vgrad.cli.sweeps import processes

SWEEP = """\
layers: {depth: 1, width: 3}
data: xor
batch_size: 4
epochs: %d
grid: {layers.depth: 1..3, activation: [tanh, sigmoid]}
seeds: 2
"""
COMMAND = [sys.executable, "-m", "vgrad"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "s.yaml"
    path.write_text(SWEEP % 3)
    return path


def start(*words: object, **options: Any) -> forked.Popen:
    return forked.Popen([*COMMAND, *map(str, words)], stdout=forked.PIPE, stderr=forked.PIPE, text=True, **options)


def vgrad(*words: object) -> tuple[int, str, str]:
    done = forked.run([*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=HANGS)
    return done.returncode, done.stdout, done.stderr


def finished(folder: Path) -> dict[str, tuple[int, int]]:
    """Run -> inode and time of its run.json: both change when it is written again."""
    found = {path.parent.name: path.stat() for path in folder.glob("*/*/run.json")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def test_sweep_then_again_then_grown(config: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    code, out, err = vgrad("sweep", config, "--runs-dir", runs, "-j", 2)
    assert code == 0, err
    lines = out.splitlines()
    columns = ["layers.depth", "activation", "runs", "validation_accuracy", "last_first_ratio", "verdict"]
    assert lines[0].split() == columns
    assert len(lines) == 7
    assert "s: 12 runs, with 2 seeds each" in err
    assert "12 of them are missing: about " in err
    assert len(re.findall(r"^\d+/12 s-[0-9a-f]{8}-s[01] .* complete$", err, re.MULTILINE)) == 12
    before = finished(runs)
    assert len(before) == 12
    code, again, err = vgrad("sweep", config, "--runs-dir", runs, "-g", "layers.depth=1..4", "--json")
    assert code == 0, err
    answer = json.loads(again)
    assert (answer["trained"], answer["skipped"], answer["failed"]) == (4, 12, 0)
    assert len(answer["table"]) == 8
    assert before.items() <= finished(runs).items()
    code, out, _ = vgrad("status", runs)
    assert code == 0
    assert out.startswith(f"{runs}/s: finished, 16/16 runs")


def test_more_processes_than_the_cores_can_use_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vgrad.sweeps.executors.cores", lambda: 2)
    assert [processes(jobs) for jobs in (None, 0, 8)] == [2, 0, 8]
    assert capsys.readouterr().err == ""
    assert processes(10_000) == 8
    told = "more than this machine can use; at most 8 processes train at a time, 4 for each of 2 cores"
    assert capsys.readouterr().err == f"vgrad: -j 10000: {told}\n"


def test_in_this_process(config: Path, tmp_path: Path) -> None:
    assert vgrad("sweep", config, "--runs-dir", tmp_path / "runs", "-j", 0, "--seeds", "2", "-q")[0] == 0
    assert len(finished(tmp_path / "runs")) == 12


def test_dry_run_lists_and_creates_nothing(config: Path, tmp_path: Path) -> None:
    code, out, _ = vgrad("sweep", config, "--runs-dir", tmp_path / "runs", "--dry-run")
    assert code == 0
    assert len(out.splitlines()) == 12
    assert re.fullmatch(
        r".*/runs/s/s-[0-9a-f]{8}-s0 missing layers.depth=1 activation=tanh seed=0", out.splitlines()[0]
    )
    code, out, _ = vgrad("sweep", config, "--dry-run", "--json", "--seeds", "1..1")
    assert [json.loads(line)["seed"] for line in out.splitlines()] == [1] * 6
    assert not (tmp_path / "runs").exists()


def test_too_many_runs_are_refused_with_the_figure(config: Path, tmp_path: Path) -> None:
    code, out, err = vgrad("sweep", config, "--runs-dir", tmp_path / "runs", "--seeds", "1000000")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "6,000,000 runs, more than 10,000; --limit 6000000 goes ahead" in err
    assert not (tmp_path / "runs").exists()


def test_a_typo_in_an_axis_is_told_before_the_first_run(config: Path, tmp_path: Path) -> None:
    config.write_text(SWEEP.replace("sigmoid", "sigmod") % 3)
    code, out, err = vgrad("sweep", config, "--runs-dir", tmp_path / "runs")
    assert (code, out) == (2, "")
    assert f"{config}:5:47: activation: no activation 'sigmod'; did you mean 'sigmoid'?" in err
    assert not (tmp_path / "runs").exists()


def test_a_failure_is_listed_with_the_command_that_repeats_it(config: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert vgrad("sweep", config, "--runs-dir", runs, "-q")[0] == 0
    broken = sorted((runs / "s").glob("*-s1"))[0]
    (broken / "run.json").unlink()
    (broken / "checkpoint.npz").write_bytes(b"nothing")
    code, out, err = vgrad("sweep", config, "--runs-dir", runs)
    assert code == 6
    assert len(out.splitlines()) == 7
    assert "1 of 12 runs failed" in err
    told = re.search(rf"{broken.name}: .*damaged checkpoint.*; repeat it with: vgrad (.*)", err)
    assert told
    (broken / "checkpoint.npz").unlink()
    before = finished(runs)
    code, _, err = vgrad(*told[1].replace("'", "").split())
    assert code == 0, err
    assert finished(runs).keys() - before.keys() == {broken.name}
    assert f"FAILED {broken.name}" not in vgrad("status", runs)[1]


def test_ctrl_c_saves_and_says_how_to_continue(config: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    config.write_text(SWEEP % 50_000)
    process = start("sweep", config, "--runs-dir", runs, "-j", 2)
    wait_until(lambda: any(run.get("epoch", 0) > 0 for run in status(runs).get("active", [])))
    assert "running" in vgrad("status", runs)[1]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130
    assert f"continue with: vgrad sweep {config} --runs-dir {runs}" in err
    assert out == "" or out.startswith("layers.depth")
    assert list(runs.glob("s/*/checkpoint.npz"))
    assert status(runs)["state"] == "stopped"
    assert "Traceback" not in err


def status(runs: Path) -> dict[str, Any]:
    found = json.loads(vgrad("status", runs, "--json")[1])
    return dict(found[0]) if found else {}


def wait_until(true: Any) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_two_sweeps_at_once_do_no_run_twice(config: Path, tmp_path: Path) -> None:
    config.write_text(SWEEP % 60)
    runs = tmp_path / "runs"
    both = [start("sweep", config, "--runs-dir", runs, "-j", 2, "--json") for _ in range(2)]
    answers = []
    for process in both:
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        answers.append(json.loads(out))
    assert sum(answer["trained"] for answer in answers) == 12
    assert all(answer["trained"] + answer["skipped"] == 12 for answer in answers)
    assert len(finished(runs)) == 12


@pytest.mark.slow
@pytest.mark.timeout(HANGS)
def test_kill_9_at_random_moments(config: Path, tmp_path: Path) -> None:
    config.write_text(SWEEP.replace("1..3", "1..5") % (8000 if FULL else 3000))
    runs, chance, seen, kills = tmp_path / "runs", random.Random(0), dict[str, tuple[int, int]](), 0
    for _ in range(20 if FULL else 7):
        process = start("sweep", config, "--runs-dir", runs, "-j", 2)
        time.sleep(chance.uniform(0.3, 2.0))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        now = finished(runs)
        assert seen.items() <= now.items()  # what was complete was not done again
        seen = now
    code, out, err = vgrad("sweep", config, "--runs-dir", runs, "-j", 2, "--json")
    assert code == 0, err
    assert seen.items() <= finished(runs).items()
    assert len(finished(runs)) == 20
    assert json.loads(out)["failed"] == 0
    assert kills > 3, kills
    undisturbed = tmp_path / "undisturbed"
    assert vgrad("sweep", config, "--runs-dir", undisturbed, "-q")[0] == 0
    for path in undisturbed.glob("s/*/*.*"):
        if path.name != "run.json" and not path.name.startswith("."):
            assert path.read_bytes() == (runs / path.relative_to(undisturbed)).read_bytes(), path


@pytest.mark.slow
@pytest.mark.timeout(HANGS)
def test_a_thousand_runs_without_growth_of_memory(config: Path, tmp_path: Path) -> None:
    config.write_text(SWEEP % 0)
    process = start(
        "sweep", config, "--runs-dir", tmp_path / "runs", "-j", 2, "-q", "--seeds", "334" if FULL else "167"
    )
    resident: dict[int, int] = {}
    while process.poll() is None:
        done = len(list((tmp_path / "runs" / "s").glob("*/run.json"))) if (tmp_path / "runs" / "s").exists() else 0
        try:
            pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            break
        resident[done] = pages * os.sysconf("SC_PAGE_SIZE")
        time.sleep(0.5)
    process.communicate()
    assert process.returncode == 0
    early = next(size for done, size in resident.items() if done >= 200)
    assert max(resident.values()) - early < 8 * 2**20
    print(f"{early / 2**20:.1f} MB after 200 runs, {max(resident.values()) / 2**20:.1f} MB at most of all")

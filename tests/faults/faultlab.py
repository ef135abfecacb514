"""Faults on purpose: kills, errors and races, injected into real runs of the command in child processes.

    python tests/faults/faultlab.py SCENARIO [N] [CONFIG]     prints what happened as JSON; `failures` must be empty

One process loads the package once and forks a child for every case, so that a case costs milliseconds. Operations are
the calls of `vgrad.storage.writing` and `vgrad.storage.lock` to the operating system, counted in the order in which
they happen.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()

from vgrad import cli  # noqa: E402
from vgrad.document.document import read_yaml  # noqa: E402
from vgrad.runs import runner  # noqa: E402
from vgrad.runs.folder import DETERMINISTIC, RUN  # noqa: E402
from vgrad.runs.integrity import verify  # noqa: E402
from vgrad.storage import lock as locking  # noqa: E402
from vgrad.storage import npz  # noqa: E402
from vgrad.storage import writing as storage  # noqa: E402

CONFIG = """\
name: fault
layers: {depth: 2, width: 6}
data: {name: digits, train: 120, validation: 40}
epochs: 3
probes: {record: [delta_norm], examples: 50, neurons: [0, 2]}
"""
EVERYTHING = """\
name: fault
layers: {depth: 2, width: 6}
data: {name: digits, train: 120, validation: 40}
epochs: 6
batch_size: 20
batch_norm: true
dropout: 0.2
early_stopping: {patience: 2, monitor: validation_cost}
schedule: {name: plateau, patience: 1, monitor: train_cost}
probes: {record: all, examples: 50, steps: 3, neurons: [0, 1], histograms: [0, 1]}
"""
CONFIGS = {
    "plain": CONFIG,
    "momentum": EVERYTHING + "optimizer: {name: momentum, learning_rate: 2.0}\n",
    "adam": EVERYTHING + "optimizer: {name: adam, learning_rate: 0.1}\n",
    "autoencoder": CONFIG + "pretrain: {name: autoencoder, epochs: 2, learning_rate: 0.5, control: shuffled}\n",
    "denoising": CONFIG + "pretrain: {name: denoising, epochs: 1}\ndtype: float32\n",
    "rbm": CONFIG + "pretrain: {name: rbm, epochs: 2, learning_rate: 0.5}\n",
}
SHORTER = "shorter"
"""Where a finished run of fewer epochs lies, from which others go on."""
PATIENCE = 100
"""Seconds by the clock in which a child that is told to end has ended, on any machine."""
WRITES = ("open", "write", "pwrite", "truncate", "fsync", "close", "rename", "mkdir", "unlink")


@dataclass
class Plan:
    """What goes wrong: at operation `at` (from 1), and at all later ones when `always`."""

    at: int = 0
    kill: str = ""  # before | middle
    error: int = 0
    short: bool = False
    always: bool = False
    count: int = 0
    names: list[str] = field(default_factory=list)

    def due(self, name: str) -> bool:
        self.count += 1
        self.names.append(name)
        return self.count == self.at or (self.always and self.count > self.at > 0)


class Proxy:
    """Stands in for the module `os`: operations that change the disk go through the plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __getattr__(self, name: str) -> object:
        real = getattr(os, name)
        return self._wrapped(name, real) if name in WRITES else real

    def _wrapped(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            plan = self._plan
            if not plan.due(name):
                return real(*arguments)
            if plan.kill:
                if plan.kill == "middle" and name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                elif plan.kill == "middle":
                    real(*arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            if plan.short:
                if name != "write":
                    return real(*arguments)
                return real(arguments[0], bytes(arguments[1])[: max(1, len(arguments[1]) // 2)])
            if name == "close":
                real(*arguments)
            raise OSError(plan.error, os.strerror(plan.error))

        return call


@contextmanager
def lab(config: str = "plain") -> Iterator[Path]:
    """An empty directory with config.yaml, one of CONFIGS; checkpoints at every epoch, however short."""
    runner.CHECKPOINT_SECONDS, runner.CHECKPOINT_SHARE = 0.0, 0
    folder = Path(tempfile.mkdtemp(prefix="vgrad-faults-"))
    (folder / "config.yaml").write_text(CONFIGS[config])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def child(folder: Path, plan: Plan | None = None, *arguments: str, before: Callable[[], object] = int) -> int:
    """Forks a process that trains config.yaml below `folder`/runs; its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        log = os.open(folder / f"log-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if plan is not None:
            storage.os = locking.os = Proxy(plan)  # type: ignore[attr-defined,assignment]
        before()
        code = cli.run(["train", str(folder / "config.yaml"), "--runs-dir", str(folder / "runs"), *arguments])
        sys.stdout.flush()
        sys.stderr.flush()
        if plan is not None and not plan.at:
            (folder / "operations").write_text(json.dumps(plan.names))
    finally:
        os._exit(code)


def wait(pid: int) -> int:
    """The exit code of a child, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ended(pid: int, until: float) -> tuple[int, int | None]:
    """The child `pid` (-1: any) and its exit code; None where it has not ended when the clock shows `until`."""
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return found, os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            return pid, None
        time.sleep(0.002)


def end_for_good(pid: int) -> int:
    os.kill(pid, signal.SIGKILL)
    return wait(pid)


def log_of(folder: Path, pid: int) -> str:
    return (folder / f"log-{pid}").read_text(errors="replace")


def run_folder(folder: Path) -> Path | None:
    found = [path for path in (folder / "runs").glob("fault-*") if not (folder / SHORTER / path.name).exists()]
    return found[0] if found else None


def fingerprint(folder: Path) -> dict[str, str]:
    run = run_folder(folder)
    present = [name for name in DETERMINISTIC if run is not None and (run / name).exists()]
    return {name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in present}


def not_whole(folder: Path) -> list[str]:
    """The files under final names that cannot be read to their end."""
    run, bad = run_folder(folder), []
    for name in (*DETERMINISTIC, RUN) if run is not None else ():
        try:
            content = (run / name).read_bytes()
        except FileNotFoundError:
            continue
        try:
            if name.endswith(".npz"):
                (folder / f"copy-{os.getpid()}").write_bytes(content)
                npz.unpack(folder / f"copy-{os.getpid()}", 10**7)
            elif name.endswith(".json"):
                json.loads(content)
            elif name.endswith(".csv"):
                lines = content.decode("ascii").split("\n")
                assert lines[-1] == ""
                assert len({line.count(",") for line in lines[:-1]}) == 1
            else:
                assert content.endswith(b"\n")
                read_yaml(content, name)
        except Exception as error:
            bad.append(f"{name}: {type(error).__name__} {error}")
    return bad


def reference(folder: Path) -> tuple[dict[str, str], list[str], float]:
    """Fingerprint of an undisturbed run, its operations and its seconds; `folder`/runs is empty again afterwards."""
    begun = time.monotonic()
    pid = child(folder, Plan())
    code = wait(pid)
    assert code == 0, log_of(folder, pid)
    seconds = time.monotonic() - begun
    expected = fingerprint(folder)
    config = (folder / "config.yaml").read_text()
    without = {"best.npz", "steps.csv", "histograms.csv"} if config.startswith(CONFIG) else set()
    without |= set() if "pretrain:" in config else {"pretraining.npz", "pretraining.csv"}
    assert set(expected) == set(DETERMINISTIC) - without, expected
    operations = json.loads((folder / "operations").read_text())
    shutil.rmtree(folder / "runs")
    return expected, operations, seconds


def finish(folder: Path, expected: dict[str, str], case: str) -> list[str]:
    """Continues to the end without faults; what is then wrong."""
    pid = child(folder)
    code = wait(pid)
    wrong = [] if code == 0 else [f"{case}: exit {code} when continued: {log_of(folder, pid)[-300:]}"]
    if fingerprint(folder) != expected:
        wrong.append(f"{case}: other bytes than an undisturbed run")
    run = run_folder(folder)
    if run is None or list(run.glob(".*.tmp")):
        wrong.append(f"{case}: leftovers {run and list(run.glob('.*.tmp'))}")
    elif not wrong:
        verify(run)
    shutil.rmtree(folder / "runs", ignore_errors=True)
    for log in folder.glob("log-*"):
        log.unlink()
    return wrong


def kills(every: int = 1, config: str = "plain") -> dict[str, object]:
    """SIGKILL at each `every`-th operation, before it and in its middle; again while the run is being continued."""
    failures: list[str] = []
    with lab(config) as folder:
        expected, operations, _ = reference(folder)
        cases = 0
        for at in range(1, len(operations) + 1, every):
            for kill in ("before", "middle"):
                case = f"kill {kill} operation {at} ({operations[at - 1]})"
                for position in (at, 1 + at * 7 % len(operations)):
                    code = wait(child(folder, Plan(at=position, kill=kill)))
                    cases += code == -signal.SIGKILL
                    failures += [f"{case}: {bad}" for bad in not_whole(folder)]
                failures += finish(folder, expected, case)
    return {"operations": len(operations), "kills": cases, "failures": failures}


def longer(every: int = 1, config: str = "plain") -> dict[str, object]:
    """SIGKILL at each `every`-th operation of a run that goes on from a finished one of two epochs."""
    failures: list[str] = []
    with lab(config) as folder:
        expected, operations, _ = reference(folder)
        assert wait(child(folder, None, "-s", "epochs=2")) == 0
        (folder / "runs").rename(folder / SHORTER)
        cases = went_on = 0
        for at in range(1, len(operations) + 1, every):
            for kill in ("before", "middle"):
                shutil.copytree(folder / SHORTER, folder / "runs")
                pid = child(folder, Plan(at=at, kill=kill))
                cases += wait(pid) == -signal.SIGKILL
                went_on += "continues from" in log_of(folder, pid)
                case = f"kill {kill} operation {at}"
                failures += [f"{case}: {bad}" for bad in not_whole(folder)]
                failures += finish(folder, expected, case)
    return {"kills": cases, "went_on": went_on, "failures": failures}


FAULTS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EACCES": errno.EACCES, "short write": 0}


def errors(every: int = 1, share: int = 1) -> dict[str, object]:
    """Each `every`-th operation fails, once or from then on: exit 5 with the old state whole, or 0 and all is well.

    With a `share` of 2 or 4, each operation meets every second or fourth of the eight ways, the next one others.
    """
    failures: list[str] = []
    codes: dict[int, int] = {}
    with lab() as folder:
        expected, operations, _ = reference(folder)
        for at in range(1, len(operations) + 1, every):
            for kind, (fault, number) in enumerate(FAULTS.items()):
                for always in (False, True):
                    if (at + kind + always) % share:
                        continue
                    case = f"{fault} {'always' if always else 'once'} from operation {at} ({operations[at - 1]})"
                    pid = child(folder, Plan(at=at, error=number, short=not number, always=always))
                    code, told = wait(pid), log_of(folder, pid)
                    codes[code] = codes.get(code, 0) + 1
                    failures += [f"{case}: {bad}" for bad in not_whole(folder)]
                    if code == 0 and fingerprint(folder) != expected:
                        failures.append(f"{case}: exit 0 with other bytes")
                    if code not in (0, 5) or "Traceback" in told or (code and "cannot be written" not in told):
                        failures.append(f"{case}: exit {code}: {told[-300:]}")
                    failures += finish(folder, expected, case)
    return {"operations": len(operations), "exit_codes": codes, "failures": failures}


def torture(n: int = 200) -> dict[str, object]:
    """`n` SIGKILLs at random times, several a run, while a watcher reads every final name again and again."""
    failures: list[str] = []
    killed = runs = 0
    chance = random.Random(20151)
    with lab() as folder:
        expected, _, seconds = reference(folder)
        watcher = _watch(folder)
        while killed < n:
            for _ in range(chance.randint(1, 6)):
                pid = child(folder)
                time.sleep(chance.uniform(0, 1.1 * seconds))
                os.kill(pid, signal.SIGKILL)
                killed += wait(pid) == -signal.SIGKILL
                failures += not_whole(folder)
            runs += 1
            failures += finish(folder, expected, f"run {runs}")
        (folder / "stop").touch()
        assert wait(watcher) == 0
        seen = json.loads((folder / "watched").read_text())
    return {"kills": killed, "runs": runs, "watched": seen["reads"], "failures": failures + seen["failures"]}


def _watch(folder: Path) -> int:
    pid = os.fork()
    if pid:
        return pid
    reads, failures = 0, []
    while not (folder / "stop").exists():
        try:
            failures += [f"watcher: {bad}" for bad in not_whole(folder)]
        except OSError:
            continue  # the finished run is being removed
        reads += 1
    (folder / "watched").write_text(json.dumps({"reads": reads, "failures": failures[:20]}))
    os._exit(0)


def starters(rounds: int = 50, each: int = 20) -> dict[str, object]:
    """`each` processes start one run at once: one trains, the others exit 4 at once and name it; it is then killed."""
    failures: list[str] = []
    slowest = 0.0
    with lab() as folder:
        reference(folder)
        for number in range(rounds):
            go_read, go_write = os.pipe()

            def at_the_gate(gate: tuple[int, int] = (go_read, go_write)) -> None:
                os.close(gate[1])
                os.read(gate[0], 1)

            pids = {child(folder, None, "-s", "epochs=1000000", before=at_the_gate) for _ in range(each)}
            os.close(go_read)
            begun = time.monotonic()
            os.close(go_write)
            lost: dict[int, int] = {}
            while len(lost) < each - 1:
                pid, code = ended(-1, begun + PATIENCE)
                if code is None:
                    break
                lost[pid] = code
                slowest = max(slowest, time.monotonic() - begun)
            left = pids - lost.keys()
            if len(left) != 1:
                failures.append(f"round {number}: {len(left)} of {each} still run after {PATIENCE} s")
                failures += [f"{pid}: {end_for_good(pid)}: {log_of(folder, pid)[-300:]}" for pid in left]
                break
            (winner,) = left
            wrong = set(lost.values()) - {4}
            unnamed = [pid for pid in lost if f"process {winner} on" not in log_of(folder, pid)]
            if wrong or unnamed:
                failures.append(f"round {number}: exit codes {wrong}, {len(unnamed)} did not name {winner}")
            ending, due = (signal.SIGKILL, -signal.SIGKILL) if number % 2 else (signal.SIGTERM, 143)
            os.kill(winner, ending)
            _, code = ended(winner, time.monotonic() + PATIENCE)
            if code is None:
                failures.append(f"round {number}: {ending.name} did not end the winner in {PATIENCE} s")
                end_for_good(winner)
            elif code != due:
                failures.append(f"round {number}: the winner ended with {code}: {log_of(folder, winner)[-300:]}")
    return {"rounds": rounds, "starters": each, "slowest_loser": round(slowest, 2), "failures": failures}


SCENARIOS = {"kills": kills, "longer": longer, "errors": errors, "torture": torture, "starters": starters}

if __name__ == "__main__":
    result = SCENARIOS[sys.argv[1]](*(int(word) if word.isdigit() else word for word in sys.argv[2:]))
    print(json.dumps(result, indent=2))
    sys.exit(1 if result["failures"] else 0)

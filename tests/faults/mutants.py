"""Test the testers: each safeguard is taken out of a copy of the package, and a named test must then fail.

python tests/faults/mutants.py [WORD]     only the mutants whose name has WORD
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
FAULTS, DURABILITY, LOCKING = (f"tests/faults/test_{name}.py" for name in ("faults", "durability", "locking"))
KILLS = f"{FAULTS}::test_killed_at_write_operations_and_continued_gives_the_same_bytes"
ERRORS = f"{FAULTS}::test_an_error_of_the_disk_is_exit_5_with_the_old_state_whole_or_nothing_at_all"
POWER = f"{DURABILITY}::test_power_failure_at_any_call_leaves_no_torn_file"
SECOND = f"{LOCKING}::test_the_second_one_is_refused_at_once_and_told_who_holds"


@dataclass(frozen=True)
class Mutant:
    """In `file`, `old` (which stands there once) becomes `new`; then `test` must be red."""

    name: str
    file: str
    old: str
    new: str
    test: str


MUTANTS = (
    Mutant(
        "no fsync of files",
        "vgrad/storage.py",
        "                _write_all(descriptor, content)\n                os.fsync(descriptor)\n",
        "                _write_all(descriptor, content)\n",
        POWER,
    ),
    Mutant("no fsync of directories", "vgrad/storage.py", "        sync_folder(path.parent)\n", "", POWER),
    Mutant(
        "writing in place",
        "vgrad/storage.py",
        'temporary = path.with_name(f".{path.name}.{token_hex(4)}{_SUFFIX}")\n',
        "temporary = path\n        path.unlink(missing_ok=True)\n",
        POWER,
    ),
    Mutant(
        "one write call is enough",
        "vgrad/storage.py",
        "        view = view[written:]\n",
        "        view = view[len(view) :] if written else view\n",
        ERRORS,
    ),
    Mutant(
        "errors of the disk swallowed",
        "vgrad/storage.py",
        "        raise StorageError(",
        "        return\n        raise StorageError(",
        ERRORS,
    ),
    Mutant(
        "no lock",
        "vgrad/lab/locking.py",
        "            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "            pass\n",
        SECOND,
    ),
    Mutant(
        "shuffling from one stream whose position nobody keeps",
        "vgrad/lab/training.py",
        "        return generator(config.seed, Purpose.SHUFFLE, epoch).permutation(n)\n",
        "        global _STREAM\n"
        '        _STREAM = globals().get("_STREAM") or generator(config.seed, Purpose.SHUFFLE)\n'
        "        return _STREAM.permutation(n)\n",
        KILLS,
    ),
    Mutant(
        "a continued run trusts the CSVs that it finds",
        "vgrad/lab/runner.py",
        "last_saved = _Pace(), None",
        "last_saved = _Pace(), state.epoch if saved else None",
        KILLS,
    ),
    Mutant(
        "leftovers stay",
        "vgrad/storage.py",
        "            os.unlink(path)\n",
        "            pass\n",
        KILLS,
    ),
)


def outcome(tests: Iterable[str], mutant: Mutant | None = None) -> tuple[int, str]:
    """Exit code and end of the output of pytest over `tests` in a copy of the house, changed by `mutant`."""
    with tempfile.TemporaryDirectory(prefix="vgrad-mutant-") as copy:
        for part in ("vgrad", "tests", "pyproject.toml"):
            source = HOUSE / part
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, Path(copy, part), ignore=ignore) if source.is_dir() else shutil.copy(source, copy)
        if mutant is not None:
            path = Path(copy, mutant.file)
            text = path.read_text()
            if text.count(mutant.old) != 1:
                return -1, f"its text stands {text.count(mutant.old)} times in {mutant.file}"
            path.write_text(text.replace(mutant.old, mutant.new))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
        environment = {**os.environ, "PYTHONPATH": copy}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout[-300:] + done.stderr[-300:]


def main() -> int:
    """Prints one line a mutant; the number of survivors is the exit code."""
    chosen = [mutant for mutant in MUTANTS if (sys.argv[1] if len(sys.argv) > 1 else "") in mutant.name]
    code, told = outcome({mutant.test for mutant in chosen})
    if code != 0:
        print(f"the tests fail without any mutant: {told}")
        return 99
    survivors = 0
    for mutant in chosen:
        code, told = outcome([mutant.test], mutant)
        caught = code == 1 and " failed" in told
        survivors += not caught
        print(f"{'caught' if caught else 'ALIVE '}  {mutant.name}  ({mutant.test.split('::')[1]})", flush=True)
        if not caught:
            print(f"        exit {code}: {told}", flush=True)
    print(f"{survivors} mutants alive")
    return survivors


if __name__ == "__main__":
    sys.exit(main())

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
FLIPPED = "tests/runs/test_runs_integrity.py::test_one_flipped_byte"
FORGED = "tests/runs/test_runs_integrity.py::test_a_forged_digest_does_not_help_what_the_history_contradicts"
PARAMETERS = "tests/training/test_training_initial.py::test_faults_of_the_file"
MIRRORS = "tests/data/test_data_fetch.py::test_the_next_mirror_is_taken"
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
        "vgrad/storage/writing.py",
        "                stream._sync()\n",
        "",
        POWER,
    ),
    Mutant("no fsync of directories", "vgrad/storage/writing.py", "        sync_folder(path.parent)\n", "", POWER),
    Mutant(
        "writing in place",
        "vgrad/storage/writing.py",
        'temporary = path.with_name(f".{path.name}.{token_hex(4)}{_SUFFIX}")\n',
        "temporary = path\n        path.unlink(missing_ok=True)\n",
        POWER,
    ),
    Mutant(
        "one write call is enough",
        "vgrad/storage/writing.py",
        "        view = view[written:]\n",
        "        view = view[len(view) :] if written else view\n",
        ERRORS,
    ),
    Mutant(
        "errors of the disk swallowed",
        "vgrad/storage/writing.py",
        "        remedy = _REMEDIES",
        "        return\n        remedy = _REMEDIES",
        ERRORS,
    ),
    Mutant(
        "no lock",
        "vgrad/storage/lock.py",
        "            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "            pass\n",
        SECOND,
    ),
    Mutant(
        "shuffling from one stream whose position nobody keeps",
        "vgrad/training/loop.py",
        "        return generator(config.seed, Purpose.SHUFFLE, epoch).permutation(n)\n",
        "        global _STREAM\n"
        '        _STREAM = globals().get("_STREAM") or generator(config.seed, Purpose.SHUFFLE)\n'
        "        return _STREAM.permutation(n)\n",
        KILLS,
    ),
    Mutant(
        "a continued run trusts the CSVs that it finds",
        "vgrad/runs/runner.py",
        "last_saved = _Pace(), None",
        "last_saved = _Pace(), state.epoch if saved else None",
        KILLS,
    ),
    Mutant(
        "leftovers stay",
        "vgrad/storage/writing.py",
        "                os.unlink(path)\n",
        "                pass\n",
        KILLS,
    ),
    Mutant(
        "digests are not compared",
        "vgrad/runs/integrity.py",
        "        if found != due:",
        "        if not found:",
        FLIPPED,
    ),
    Mutant(
        "a checkpoint is trusted that contradicts the CSVs",
        "vgrad/runs/integrity.py",
        "        if name not in digests or digests[name] not in due:",
        "        if name not in digests:",
        FORGED,
    ),
    Mutant(
        "no bound on the size of an npz",
        "vgrad/storage/npz.py",
        " or promised > limit + _HEADER_ROOM * len(members):",
        ":",
        f"{PARAMETERS}[bomb]",
    ),
    Mutant(
        "objects in an npz are unpickled",
        "vgrad/storage/npz.py",
        "    if not content.startswith(_MAGIC) or header is None:\n",
        "    if header is None and b\"'|O'\" in content[:start]:\n"
        "        return np.load(io.BytesIO(content), allow_pickle=True)\n"
        "    if not content.startswith(_MAGIC) or header is None:\n",
        f"{PARAMETERS}[objects]",
    ),
    Mutant(
        "downloads are not compared with their SHA-256",
        "vgrad/data/download.py",
        "        if sink.sha256.hexdigest() != sha256:\n",
        "        if sink.room:\n",
        f"{MIRRORS}[wrong_bytes]",
    ),
    Mutant(
        "a damaged data file is used",
        "vgrad/data/fetch.py",
        '"ok" if right else "wrong"',
        '"ok"',
        "tests/data/test_data_fetch.py::test_a_wrong_file_is_neither_used_nor_replaced_by_loading",
    ),
    Mutant(
        "a download goes under its final name at once",
        "vgrad/data/download.py",
        "    with streaming(target) as file:\n",
        "    import contextlib\n    with contextlib.closing(target.open('wb', buffering=0)) as file:\n",
        "tests/data/test_data_fetch.py::test_a_failed_fetch_leaves_the_wrong_file",
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

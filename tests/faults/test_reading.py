"""What is read: a trap in the place of every file that a command opens, and what may not be read at all."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import walking
from project import FULL, HANGS
from study_folder import write_study
from walking import COMMANDS, KINDS, call, fresh, opened_by, wrong_with

from vgrad import load_runs
from vgrad.errors import DataError, RunStateError, Unreadable
from vgrad.runs.folder import run_config
from vgrad.storage import reading
from vgrad.sweeps.job import Job, luggage

ROOT_ONLY = {"device", "link_to_endless"}
LONG = "x" * 300
DEEP = "/".join(["x" * 200] * 25)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The place that all tests copy."""
    folder = tmp_path_factory.mktemp("template") / "place"
    walking.build(folder, write_study)
    return folder


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return fresh(template, tmp_path)


def cases(name: str, template: Path, work: Path) -> list[str]:
    """Files that the command opens; of several runs of one sweep, those of one."""
    files = opened_by(COMMANDS[name], template, work)
    return list({(Path(file).parts[:2], Path(file).name): file for file in files}.values())


def kinds() -> list[str]:
    return [kind for kind in KINDS if os.geteuid() == 0 or kind not in ROOT_ONLY]


SAMPLE = ("continue", "sweep more", "status", "show", "verify", "report study", "config show", "data")


@pytest.mark.parametrize("name", SAMPLE)
def test_a_trap_in_the_place_of_a_file(name: str, template: Path, tmp_path: Path) -> None:
    """A few files, each with another kind; the full matrix is slow."""
    files = cases(name, template, tmp_path)
    some = files[SAMPLE.index(name) % 3 :: max(len(files) // 3, 1)] or files
    kind = SAMPLE.index(name)
    pairs = [(file, kinds()[(kind + 3 * at) % len(kinds())]) for at, file in enumerate(some)]
    found = {pair: wrong_with(name, *pair, template, tmp_path) for pair in pairs}
    assert pairs
    assert {pair: wrong for pair, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(("kind", "told"), [("fifo", "exit TooSlow"), ("hard_link", "")])
def test_the_walk_notices(
    kind: str, told: str, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that waits for a pipe."""
    monkeypatch.setattr(walking, "PATIENCE", 0.5)
    monkeypatch.setattr(reading, "regular", lambda path: os.open(path, os.O_RDONLY))
    assert wrong_with("config show", "in/given.yaml", kind, template, tmp_path)[: len("exit TooSlow")] == told


@pytest.mark.slow
@pytest.mark.timeout(HANGS)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_trap_in_the_place_of_every_file(name: str, template: Path, tmp_path: Path) -> None:
    """Of every file, or of each with one kind: by turns, so that each kind has its files in every command."""
    studied = fresh(template, tmp_path / "studied")
    if name in ("reproduce", "report html", "verify"):
        code, told = call(COMMANDS["reproduce"], studied)
        assert code in (0, 1), told  # the figure that it reproduces is made up
    files, many = cases(name, studied, tmp_path), len(kinds())
    pairs = [
        (file, kind)
        for at, file in enumerate(files)
        for turn, kind in enumerate(kinds(), start=at)
        if FULL or turn % many == 0
    ]
    found = {pair: wrong_with(name, *pair, studied, tmp_path) for pair in pairs}
    assert {pair: wrong for pair, wrong in found.items() if wrong} == {}


# -- what may not be read ----------------------------------------------------------------------------------------------

Refuse = Callable[..., None]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """refuse(folder): what lies in it cannot be looked at, and it cannot be listed; a root user meets that, too."""

    def refuse(folder: Path, number: int = errno.EACCES, names: tuple[str, ...] = ("listdir", "scandir")) -> None:
        for name in (*names, "open", "stat", "lstat"):
            real = getattr(os, name)

            def call(path: object = ".", *rest: object, real: Callable[..., object] = real, **named: object) -> object:
                here = Path(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else Path()
                if folder in here.parents or (here == folder and real.__name__ in names):
                    raise OSError(number, os.strerror(number))
                return real(path, *rest, **named)

            call.__name__ = name
            monkeypatch.setattr(os, name, call)

    return refuse


@pytest.mark.parametrize(
    ("words", "rest"),
    [
        (["report", "{runs}/sweep"], "reported without the 1 above"),
        (["ls", "{runs}"], "damaged"),
        (["verify", "{runs}"], "whole; complete, epoch 2"),
        (["export", "tensorboard", "{runs}/sweep", "-o", "{in}/tb"], "exported without the 1 above"),
        (["show", "{runs}/sweep/LOCKED"], ""),
        (COMMANDS["sweep"], "layers.depth"),
        (["status", "{runs}/sweep"], "2/2 runs"),
        (["report", "{runs}/sweep/LOCKED"], "no whole run left"),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_a_run_that_cannot_be_read_is_named(words: list[str], rest: str, place: Path, refuse: Refuse) -> None:
    number = errno.EIO if words[0] == "ls" else errno.EACCES
    locked = sorted((place / "runs/sweep").glob("sweep-*"))[0]
    refuse(locked, number)
    code, told = call([word.replace("LOCKED", locked.name) for word in words], place)
    assert code == 6, told
    assert f"cannot be read: {os.strerror(number).lower()}" in told
    assert str(locked) in told
    assert rest in told


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, which only root can")
def test_another_user(template: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        place = fresh(template, Path(name))
        for path in place.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        locked = sorted((place / "runs/sweep").glob("sweep-*"))[0]
        locked.chmod(0o700)
        results = Path(name) / "results"
        results.mkdir()
        os.chmod(results, 0o777)
        commands = ("report", "ls", "verify", "sweep")
        assert {call(COMMANDS[command], place)[0] for command in commands} <= {0, 6}  # and all modules are loaded
        pid = os.fork()
        if not pid:
            try:
                os.setuid(65534)
                for command in commands:
                    (results / command).write_text(json.dumps(call(COMMANDS[command], place)))
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        found = {path.name: json.loads(path.read_text()) for path in results.iterdir()}
    assert len(found) == 4
    for command, (code, told) in found.items():
        assert (command, code) == (command, 6), told
        assert f"{locked.name}" in told
        assert "permission denied" in told


@pytest.mark.parametrize("words", [["report", "{runs}"], ["ls", "{runs}"], ["verify", "{runs}"], ["status", "{runs}"]])
def test_a_sweep_that_cannot_be_listed_is_named(words: list[str], place: Path, refuse: Refuse) -> None:
    refuse(place / "runs/sweep")
    code, told = call(words, place)
    assert (code, f"{place}/runs/sweep: cannot be read: permission denied" in told) == (6, True), told


def test_load_runs_names_what_it_cannot_read(place: Path, refuse: Refuse) -> None:
    locked = sorted((place / "runs/sweep").glob("sweep-*"))[0]
    refuse(locked)
    with pytest.warns(UserWarning, match="permission denied"):
        frame = load_runs(str(place / "runs/sweep"))
    assert (len(frame), len(frame.attrs["problems"])) == (1, 1)


def test_a_run_that_cannot_be_read_is_not_trained(place: Path, refuse: Refuse) -> None:
    refuse(next((place / "runs").glob("done-*")))
    code, told = call(COMMANDS["train again"], place)
    assert (code, "config.yaml: cannot be read: permission denied" in told) == (5, True)


def test_a_finished_sweep_needs_nothing_to_be_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: str, flags: int, *rest: int, **named: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(Path, "unlink", lambda path: refuse(str(path), os.O_CREAT))
    code, told = call(COMMANDS["sweep"], place)
    assert (code, "layers.depth" in told) == (0, True), told
    code, told = call(COMMANDS["sweep more"], place)
    assert (code, "read-only file system" in told, "layers.depth" in told) == (5, True, False), told


@pytest.mark.parametrize("content", ["{}", "layers: [1]", "[]", ""])
def test_one_damaged_config_does_not_end_a_sweep(content: str, place: Path) -> None:
    damaged, whole = sorted((place / "runs/sweep").glob("sweep-*"))
    for run in (damaged, whole):
        (run / "run.json").unlink()
    (damaged / "config.yaml").write_text(content)
    code, told = call(COMMANDS["sweep"], place)
    assert (code, f"{damaged}/config.yaml: damaged: " in told, (whole / "run.json").exists()) == (6, True, True), told


@pytest.mark.parametrize("kind", ["file", "fifo", "directory"])
def test_what_a_run_has_not_written_is_not_sealed(kind: str, place: Path) -> None:
    words = [*COMMANDS["continue"], "-s", "early_stopping=null", "-s", "probes.neurons=[]"]
    code, told = call([*words, "-s", "epochs=0"], place)
    run = Path(told.splitlines()[-1])
    (run / "run.json").unlink()
    for name in ("best.npz", "neurons.csv"):
        KINDS.get(kind, lambda path, _: path.touch())(run / name, place)
    assert call([*words, "-s", "epochs=0"], place)[0] == 0
    sealed = json.loads((run / "run.json").read_text())["files"]
    assert "summary.json" in sealed
    assert not {"best.npz", "neurons.csv"} & set(sealed)
    code, told = call(["verify", str(run)], place)
    assert code == 0, told


@pytest.mark.parametrize("kind", ["fifo", "directory", "endless", "link_to_nothing"])
@pytest.mark.parametrize("name", ["config.yaml", "pretraining.npz", "initial.npz", "checkpoint.npz"])
def test_what_travels_to_a_cluster(name: str, kind: str, place: Path) -> None:
    run = next((place / "runs").glob("half-*"))
    job = Job(run_config(run), place / "runs", place / "in")
    assert set(luggage(job)) == {"config.yaml", "pretraining.npz", "initial.npz", "checkpoint.npz"}
    (run / name).unlink()
    KINDS[kind](run / name, place)
    with pytest.raises(RunStateError, match=f"{name}: damaged: "):
        luggage(job)


@pytest.mark.parametrize("name", [f"{LONG}.yaml", DEEP], ids=["long", "deep"])
@pytest.mark.parametrize(
    "words",
    [
        *(["train", "NAME"], ["sweep", "NAME"], ["check", "NAME"], ["config", "check", "NAME"], ["reproduce", "NAME"]),
        *(["train", "{in}/new.yaml", "--runs-dir", "NAME"], ["sweep", "{in}/sweep.yaml", "--runs-dir", "NAME", "-q"]),
        *(["train", "{in}/new.yaml", "-s", "init={{name: file, path: NAME}}"], ["report", "NAME"], ["show", "NAME"]),
        *(["verify", "NAME"], ["ls", "NAME"], ["status", "NAME"], ["theory", "product", "NAME"]),
        *(["report", "{runs}", "-o", "NAME"], ["plot", "NAME", "-o", "{in}/x.svg"], ["config", "new", "NAME"]),
        *(["export", "tensorboard", "NAME", "-o", "{in}"], ["export", "tensorboard", "{done}", "-o", "NAME"]),
    ],
    ids=lambda words: "-".join(words)[:40],
)
def test_a_name_that_no_file_can_have(words: list[str], name: str, template: Path) -> None:
    code, told = call([word.replace("NAME", name) for word in words], template)
    assert code in (2, 3, 4, 5), told
    assert "vgrad: " in told


def test_data_in_a_folder_that_no_file_can_have(place: Path) -> None:
    (place / "data/mnist").rename(place / "data/other")
    os.symlink(LONG, place / "data/mnist")
    code, told = call(["data", "verify"], place)
    assert (code, "file name too long" in told) == (5, True), told


# -- the reader --------------------------------------------------------------------------------------------------------


def test_no_more_is_read_than_may_be(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"12345")
    assert reading.read_bounded(file, 5) == b"12345"
    assert reading.digest(file, 5)[:8] == "5994471a"
    for read in (reading.read_bounded, reading.digest):
        with pytest.raises(reading.Unfit, match="more than 4 bytes"):
            read(file, 4)
    assert len(reading.read_bounded("/proc/self/status", 2**20)) > 100  # its size is said to be 0
    with pytest.raises(reading.Unfit, match="more than 5 bytes"):
        reading.read_bounded("/proc/self/status", 5)
    with pytest.raises(reading.Unfit, match="more than 5 bytes"):
        reading.digest("/proc/self/status", 5)


def test_kinds_of_errors(tmp_path: Path) -> None:
    denied, damage = OSError(errno.EACCES, "Permission denied"), reading.Unfit(errno.EINVAL, "not a regular file")
    assert isinstance(reading.state_error("x", denied), Unreadable)
    assert str(reading.state_error("x", denied)) == "x: cannot be read: permission denied"
    assert str(reading.state_error("x", damage)) == "x: damaged: not a regular file"
    assert reading.state_error("x", damage).exit_code == RunStateError.exit_code
    with pytest.raises(FileNotFoundError):
        reading.read_file(tmp_path / "none", 1, DataError)
    with pytest.raises(DataError, match="cannot be read: is a directory; so there"):
        reading.read_file(tmp_path, 1, DataError, "so there")
    assert not reading.is_there(LONG)
    assert not reading.is_folder("a\0b")

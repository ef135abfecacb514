"""Where `-o` may lead: files are replaced whole, everything else is written through or refused, and runs are safe."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from study_folder import write_study

from vgrad import cli
from vgrad.errors import StorageError
from vgrad.storage import outputs, write_output

HOUSE = Path(__file__).resolve().parents[2]
STUDY = HOUSE / "runs" / "reference" / "nielsen"
GALLERY = HOUSE / "runs" / "reference" / "gallery"
OLD = b"what was there before\n"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of everything in a folder, links and devices by their name alone."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        found[str(path)] = (mode, path.read_bytes() if stat.S_ISREG(mode) else b"")
    return found


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(OLD)
    path.chmod(0o640)
    assert write_output(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o640)
    assert names(tmp_path) == ["x"]


def test_of_two_names_of_a_file_the_one_that_is_named_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(OLD)
    os.link(tmp_path / "kept", tmp_path / "x")
    write_output(tmp_path / "x", b"new")
    assert [(tmp_path / name).read_bytes() for name in ("kept", "x")] == [OLD, b"new"]


@pytest.mark.parametrize("there", [True, False])
def test_the_target_of_a_link_is_written_whole(tmp_path: Path, there: bool) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if there:
        (place / "target").write_bytes(OLD)
        before = (place / "target").open("rb")
    (tmp_path / "second").symlink_to(place / "target")
    (tmp_path / "first").symlink_to("second")
    write_output(tmp_path / "first", b"new")
    assert (tmp_path / "first").is_symlink()
    assert (tmp_path / "second").is_symlink()
    assert (place / "target").read_bytes() == b"new"
    if there:  # never cut short: who had it open reads on
        with before:
            assert before.read() == OLD
    assert names(place) == ["target"]


def test_links_in_a_circle_and_a_folder_that_is_not_there_are_errors(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "out").symlink_to("nowhere/x")
    for path in (tmp_path / "a", tmp_path / "out", tmp_path / "nowhere" / "x", tmp_path / ("n" * 300)):
        with pytest.raises(StorageError, match="cannot be written"):
            write_output(path, b"new")
    assert names(tmp_path) == ["a", "b", "out"]


def test_a_pipe_is_written_through_and_waits_only_a_moment_for_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe, taken = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: taken.append(pipe.read_bytes()))
    reader.start()
    content = bytes(300_000)  # more than a pipe holds
    write_output(pipe, content)
    reader.join()
    assert taken == [content]
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    monkeypatch.setattr(outputs, "READER_SECONDS", 0.05)
    with pytest.raises(StorageError, match="nobody reads this pipe"):
        write_output(pipe, content)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_written_and_stays(tmp_path: Path) -> None:
    null, full = tmp_path / "null", tmp_path / "full"
    try:
        os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(full, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        (tmp_path / "link").symlink_to(null)
        write_output(null, b"new")
    except (PermissionError, StorageError) as error:
        pytest.skip(f"no devices here: {error}")
    write_output(tmp_path / "link", b"new")
    with pytest.raises(StorageError, match="no space left on device"):
        write_output(full, b"new")
    assert [stat.S_ISCHR((tmp_path / name).stat().st_mode) for name in ("null", "full", "link")] == [True] * 3
    assert names(tmp_path) == ["full", "link", "null"]


def test_a_socket_and_a_directory_are_errors(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name in ("folder", "socket"):
            with pytest.raises(StorageError, match="cannot be written"):
                write_output(tmp_path / name, b"new")
        assert stat.S_ISSOCK((tmp_path / "socket").lstat().st_mode)


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_an_open_file_is_written_at_its_place(tmp_path: Path, name: str) -> None:
    (tmp_path / "log").write_bytes(OLD)
    with (tmp_path / "log").open("ab") as file:
        os.lseek(file.fileno(), 0, os.SEEK_END)
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        path = tmp_path / name.format(file.fileno())  # an absolute name stays one
        write_output(path, b"new\n")
        write_output(path, b"newer\n")
    assert (tmp_path / "log").read_bytes() == OLD + b"new\nnewer\n"
    assert names(tmp_path) == ["link", "log"]


def test_stdout_by_a_name_holds_the_answer_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["config", "new", "/dev/stdout"]) == 0
    told = capfd.readouterr().out
    assert cli.run(["report", "-o", "/dev/stdout", "--format", "csv", str(STUDY)]) == 0
    assert told.rstrip().count("/dev/stdout") == 0
    assert capfd.readouterr().out.startswith("experiment,")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study and a run of the reference, to be reported on and aimed at."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(STUDY, folder / "study", ignore=lambda place, names: [n for n in names if Path(place, n).is_dir()])
    run = next(path for path in sorted(GALLERY.iterdir()) if path.is_dir())
    shutil.copytree(run, folder / "run-00000000-s0")
    (folder / "run-00000000-s0" / "attempt-1").mkdir()
    return folder


def word_of(name: str) -> Callable[[Path], list[str]]:
    return lambda folder: ["report", str(folder / "study"), "--format", "table", "-o", str(folder / name)]


RUN = "run-00000000-s0"
OURS = [f"{RUN}/{name}" for name in ("run.json", "config.yaml", "best.npz", ".lock", ".owner", "attempt-1/run.json")]
OURS += [f"study/{name}" for name in ("study.json", "values.csv", "page.html", "study-speed.png")]
OURS += ["study/.sweep-0123abcd.json", "mine.yaml", "link-to-run.json", "link-to-run/metrics.csv"]


@pytest.mark.parametrize("name", OURS)
def test_an_output_is_never_a_file_of_a_run_or_study_nor_a_config(
    runs: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "mine.yaml").write_text("layers: [64, 10]\n")
    for link, target in (("link-to-run", RUN), ("link-to-run.json", f"{RUN}/run.json")):
        if not (runs / link).is_symlink():
            (runs / link).symlink_to(target)
    before = contents(runs)
    assert cli.run(word_of(name)(runs)) == 2
    assert capsys.readouterr().err.startswith("vgrad: output: ")
    assert contents(runs) == before


@pytest.mark.parametrize(
    "words", [["plot", "{study}", "--kind", "study-speed", "-o"], ["theory", "chain", "-o"], ["config", "new"]]
)
def test_every_command_with_an_output_leaves_those_alone(runs: Path, words: list[str]) -> None:
    before = contents(runs)
    target = runs / ("study/study-speed.png" if "-o" in words else f"{RUN}/run.json")
    assert cli.run([word.format(study=runs / "study") for word in words] + [str(target)]) == 2
    assert contents(runs) == before


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (["-o", "x.csv"], "experiment,figure"),
        (["-o", "x.json"], '{\n "schema"'),
        pytest.param(["-o", "x.html"], "<!DOCTYPE html>", marks=pytest.mark.slow),  # with every picture
        (["-o", "x.CSV"], "experiment,figure"),
        (["-o", "x.md"], ""),
        (["-o", "x.tex"], ""),
        (["-o", "x.txt", "--format", "csv"], "experiment,figure"),
        (["-o", "x.dat", "--format", "csv"], "experiment,figure"),
        (["-o", "x"], ""),
    ],
)
def test_the_ending_says_the_format(tmp_path: Path, words: list[str], begins: str) -> None:
    target, small = tmp_path / words[1], write_study(tmp_path / "study", seeds=2, epochs=(0,))
    assert cli.run(["report", str(small), "-o", str(target), *words[2:]]) == 0
    text = target.read_text()
    assert text.startswith(begins)
    if words[1] == "x.md":
        assert "|" in text
    if words[1] == "x.tex":
        assert r"\begin{" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "x.csv", "--format", "html"], ("csv", "html")),
        (["-o", "x.html", "--json"], ("html", "json")),
        (["-o", "x.xls"], (".csv", ".md", "--format")),
    ],
)
def test_a_format_that_is_not_the_endings_is_an_error(
    tmp_path: Path, words: list[str], told: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["report", str(STUDY), "-o", str(tmp_path / words[1]), *words[2:]]) == 2
    line = capsys.readouterr().err
    assert all(word in line for word in told), line
    assert not list(tmp_path.iterdir())

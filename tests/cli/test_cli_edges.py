"""Output that goes nowhere, arguments that name nothing, signals that are ignored: one line and the right code."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import sys
import weakref
from pathlib import Path

import forked
import pytest

from vgrad.cli import run
from vgrad.cli.commands import report
from vgrad.cli.screen import streams as terminal
from vgrad.cli.signals import stop_requests
from vgrad.errors import Interrupted

Capture = pytest.CaptureFixture[str]
CONFIG = "layers: {depth: 2, width: 4}\ndata: {name: digits, train: 50, validation: 20}\nepochs: 1\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("edges")
    (home / "try.yaml").write_text(CONFIG, encoding="utf-8")
    for seed in ("1", "2"):
        assert run(["train", str(home / "try.yaml"), "-q", "--seed", seed, "--runs-dir", str(home / "runs")]) == 0
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "home")
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


FULL = [
    "report runs",
    *(pytest.param(words, marks=pytest.mark.slow) for words in ("report runs --format json", "plot runs -o x.png")),
    "config show try.yaml",
    "config schema",
    "data path",
    "data verify",
    *(pytest.param(words, marks=pytest.mark.slow) for words in ("doctor", "verify runs")),
    "sweep try.yaml -g epochs=1,2 --dry-run",
    "--version",
    "--help",
]


@pytest.mark.parametrize("words", FULL)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_stdout_is_told_in_one_line(words: str, home: Path) -> None:
    environment = {**os.environ, "VGRAD_DATA": str(home)}
    with open("/dev/full", "w") as full:  # noqa: PTH123
        command = [sys.executable, "-m", "vgrad", *words.split()]
        ended = forked.run(command, stdout=full, stderr=forked.PIPE, text=True, timeout=100, env=environment)
    told = "vgrad: standard output: cannot be written: no space left on device; the answer is lost\n"
    assert (ended.returncode, ended.stderr) == (5, told)


@pytest.mark.parametrize("words", ["", "config", "data", "export"])
def test_a_command_without_its_command_shows_the_help(words: str, capsys: Capture) -> None:
    assert run(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: vgrad")
    assert "\nCommands:\n" in err
    assert "\\n" not in err


def test_a_usage_error_stays_one_line(capsys: Capture) -> None:
    assert run(["config", "chek"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_ignored_sigterm_stays_ignored_while_loading() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with stop_requests() as request, request.ending_at_once("ended"):
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_whose_exception_gets_lost_still_ends_what_is_begun(number: int, code: int, capsys: Capture) -> None:
    """An import calls back when its lock's weak reference dies, and drops what a signal's handler raises there."""

    class Lock:
        pass

    def call_back(_: object) -> None:
        os.kill(os.getpid(), number)
        assert list(range(3))  # the handler runs here at the latest

    def work() -> None:
        nonlocal went_on
        with stop_requests() as request, request.ending_at_once("ended"):
            lock = Lock()
            watched = weakref.ref(lock, call_back)
            del lock
            went_on = watched() is None

    before, went_on = (signal.getsignal(number), sys.unraisablehook), False
    with pytest.raises(Interrupted, match=r"^ended$") as ended:
        work()
    assert went_on
    assert ended.value.exit_code == code
    assert capsys.readouterr().err == ""
    assert (signal.getsignal(number), sys.unraisablehook) == before


@pytest.mark.parametrize("output", ["", ".", "/", "..", "runs"])
@pytest.mark.parametrize("words", ["report runs -o", "plot runs -o", "config new"])
def test_an_output_that_is_no_file_is_refused(words: str, output: str, home: Path, capsys: Capture) -> None:
    assert run([*words.split(), output]) == 2
    told = r"vgrad: (output: .*; name the file to write|FILE: the value is empty; write one)\n"
    assert re.fullmatch(told, capsys.readouterr().err)


@pytest.mark.parametrize("command", ["ls", "show x", "train try.yaml", "report x", "verify x", "sweep try.yaml"])
def test_a_runs_dir_that_cannot_be_one(command: str, home: Path, capsys: Capture) -> None:
    if command != "ls":
        assert run([*command.split(), "--runs-dir", "try.yaml"]) == 5
        assert capsys.readouterr().err == "vgrad: try.yaml: is a file, not a directory; choose another --runs-dir\n"
    assert run([*command.split(), *([] if command == "ls" else ["--runs-dir"]), ""]) == 2
    assert capsys.readouterr().err == "vgrad: a folder's name is empty; write . for this one\n"


@pytest.mark.parametrize(
    "words", ["ls closed", "status closed", "show x --runs-dir closed", "report x --runs-dir closed"]
)
def test_a_closed_folder(words: str, home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "closed").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != "closed")
    assert run(words.split()) == 5
    assert re.fullmatch(r"vgrad: closed: permission denied; .*\n", capsys.readouterr().err)


def test_doctor_tells_what_is_wrong_with_the_runs_dir(home: Path, capsys: Capture) -> None:
    assert run(["doctor", "--runs-dir", "try.yaml"]) == 0
    assert re.search(r"note +runs +try\.yaml is not writable: .*try\.yaml is a file", capsys.readouterr().out)


def test_verify_finds_runs_as_show_and_report_do(home: Path, capsys: Capture) -> None:
    one, two = sorted(path.name for path in (home / "runs").iterdir())
    for wanted in (["runs"], [one, two], [f"runs/{one}", two], ["runs", one]):
        assert run(["verify", *wanted]) == 0
        assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [f"runs/{one}", f"runs/{two}"]
    assert run(["verify", "try.yaml"]) == 4
    assert capsys.readouterr().err == "vgrad: try.yaml: is a file; name a run directory\n"
    assert run(["verify", "tri"]) == 4
    assert capsys.readouterr().err.startswith("vgrad: tri: no such run in runs")
    assert run(["verify", ""]) == 2
    (home / "runs" / one / "config.yaml").write_text("layers: [\n")
    assert run(["verify", one]) == 4
    assert capsys.readouterr().err.count(f"runs/{one}") == 1


def test_a_late_interrupt_claims_nothing(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def stopped(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vgrad.cli.app.app", stopped)
    assert run(["ls"]) == 130
    assert capsys.readouterr().err == "vgrad: interrupted\n"


@pytest.mark.parametrize(("value", "coloured"), [("", True), ("1", False)])
def test_an_empty_no_color_is_none(value: str, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("NO_COLOR", value)
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    terminal.Screen(stream).say([("told", "bold red")])
    assert ("\x1b[" in stream.getvalue()) == coloured
    seen: dict[str, bool] = {}
    monkeypatch.setattr("vgrad.text.terminal.render", lambda table, **options: seen.update(options) or "")
    monkeypatch.setattr(sys, "stdout", Terminal())
    report.on_screen(None, None)  # type: ignore[arg-type]
    assert seen["colour"] == coloured


@pytest.mark.parametrize("words", ["status", "doctor --runs-dir"])
def test_a_name_in_a_sentence_steers_no_terminal(words: str, home: Path, capsys: Capture) -> None:
    assert run([*words.split(), "\x1b[31m"]) == 0
    assert "\x1b" not in capsys.readouterr().out

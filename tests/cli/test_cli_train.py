"""`vgrad train` as users meet it: real processes, on terminals, in pipes, with closed streams, with signals."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import forked
import pytest

from vgrad import cli
from vgrad.runs.folder import BEST, DETERMINISTIC, RUN
from vgrad.runs.pretrained import ERRORS, LAYERS
from vgrad.runs.tables import HISTOGRAMS, STEPS

CONFIG = """\
layers: {depth: 3, width: 8}
data: {name: digits, train: 200, validation: 100}
epochs: 6
probes: {record: [delta_norm], examples: 100, neurons: [0, 2]}
"""
LONG = ("-s", "epochs=300", "-s", "name=long")
COMMAND = [sys.executable, "-m", "vgrad", "train"]
LETTERS = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "try.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


ALL = tuple(name for name in DETERMINISTIC if name not in (LAYERS, ERRORS, BEST, STEPS, HISTOGRAMS))


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR", "PYTHONIOENCODING")}
    return {**kept, "TERM": "xterm-256color", **more}


def train(home: Path, *arguments: str, **more: str) -> forked.CompletedProcess[str]:
    command = [*COMMAND, "try.yaml", *arguments]
    return forked.run(command, cwd=home, env=environment(**more), capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    home = tmp_path_factory.mktemp("undisturbed")
    (home / "try.yaml").write_text(CONFIG, encoding="utf-8")
    return contents(home / train(home, *LONG, "-q").stdout.strip())


def contents(folder: Path, names: tuple[str, ...] = ALL) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names}


@dataclass
class Terminal:
    """What a terminal of `width` columns would show: the sequences that we send, and no other."""

    width: int
    rows: int

    def shown(self, sent: str) -> list[str]:
        lines, row, column, top = [""], 0, 0, 0
        at = 0
        while at < len(sent):
            found = LETTERS.match(sent, at)
            if found:
                count, letter = found[1], found[2]
                at = found.end()
                assert letter in "AJm", f"a sequence that terminals need not know: {found[0]!r}"
                if letter == "A":
                    assert int(count) <= row - top, "moves up beyond what is on the screen"
                    row -= int(count)
                elif letter == "J":
                    assert column == 0
                    lines[row:] = [""]
                continue
            character, at = sent[at], at + 1
            if character == "\r":
                column = 0
            elif character == "\n":
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
                top = max(top, row - self.rows + 1)
            else:
                assert character.isprintable(), f"garbage: {character!r}"
                lines[row] = lines[row][:column].ljust(column) + character + lines[row][column + 1 :]
                column += 1
                assert column <= self.width, f"a line is too long: {lines[row]!r}"
        return lines


def train_on_terminal(home: Path, *arguments: str, width: int, rows: int = 24, **more: str) -> tuple[int, str, str]:
    """Exit code, stdout and what stderr, a terminal, was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, width, 0, 0))
    sent: list[bytes] = []

    def listen() -> None:
        while True:
            try:
                sent.append(os.read(ours, 65536))
            except OSError:  # the other side is closed
                return
            if not sent[-1]:
                return

    process = forked.Popen(
        [*COMMAND, "try.yaml", *arguments], cwd=home, env=environment(**more), stdout=forked.PIPE, stderr=theirs
    )
    os.close(theirs)
    listener = threading.Thread(target=listen)
    listener.start()
    out, _ = process.communicate(timeout=60)
    listener.join()
    os.close(ours)
    text = b"".join(sent).decode(more.get("PYTHONIOENCODING", "utf-8"))
    return process.returncode, out.decode(), text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("width", "rows", "more"),
    [
        (80, 24, {}),
        (40, 24, {"NO_COLOR": "1"}),
        (40, 10, {"PYTHONIOENCODING": "ascii"}),
        (20, 4, {}),
    ],
)
def test_a_terminal_shows_the_block_and_then_the_table(home: Path, width: int, rows: int, more: dict[str, str]) -> None:
    layers = ("-s", "layers.depth=20") if rows == 10 else ()
    code, out, sent = train_on_terminal(home, *layers, "-s", "epochs=40", width=width, rows=rows, **more)
    assert code == 0
    assert re.fullmatch(r"runs/try-[0-9a-f]{8}-s0\n", out)
    blocks = [block for block in re.split(r"\r(?:\x1b\[\d+A)?\x1b\[J", sent)[1:] if "epoch" in block[:20]]
    assert blocks
    assert all(block.count("\n") < rows for block in blocks)
    if rows == 24:
        assert len(re.findall(r"^(?:\x1b\[\d+m)*l[1-4] [█▏▎▍▌▋▊▉]+ +\d\.\de[+-]\d\d", blocks[0], re.MULTILINE)) == 4
        assert "log axis" in blocks[0]
        assert f"validation accuracy{' ' if width > 60 else ''}" in blocks[0]
        Terminal(width, rows).shown(sent)
    if rows == 10:
        assert re.search(r"\d+ of 21 layers are not shown here", blocks[0])
        assert "###" in blocks[0]
    if "NO_COLOR" in more:
        assert not re.search(r"\x1b\[[0-9;]*m", sent)
    final = re.split(r"\r(?:\x1b\[\d+A)?\x1b\[J", sent)[-1]
    assert "40 of 40 epochs" in " ".join(LETTERS.sub("", final).split())
    assert "Verdict:" in final
    assert "\x1b[?25" not in sent, "the cursor is never hidden, so no death can leave it so"


def test_plain_lines_in_a_pipe(home: Path) -> None:
    run = train(home)
    assert run.returncode == 0
    assert run.stdout.strip() == next(f"runs/{path.name}" for path in (home / "runs").iterdir())
    lines = run.stderr.splitlines()
    assert re.match(r"try-[0-9a-f]{8}-s0: 64-8-8-8-10, sigmoid/sigmoid, 6 epochs", lines[0])
    assert re.match(
        r"epoch 0/6  validation accuracy \d+\.\d\d %  train cost \d.*\|\|delta\|\| l1 \d\.\de-\d\d l2", lines[1]
    )
    assert any(line.startswith("epoch 6/6") for line in lines)
    assert "Verdict: vanishing" in run.stderr
    assert "from 2 a layer or 10 in all on" in run.stderr
    assert "l4 out" in run.stderr
    assert run.stderr.isascii()
    assert all(c.isprintable() or c == "\n" for c in run.stderr)


def test_json_and_quiet_and_a_complete_run_left_alone(home: Path) -> None:
    first = train(home, "--json", "-q")
    assert (first.returncode, first.stderr) == (0, "")
    told = json.loads(first.stdout)
    folder = home / told["run"]
    assert told["status"] == "complete"
    assert told["summary"] == json.loads((folder / "summary.json").read_bytes())
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    again = train(home)
    assert (again.returncode, again.stdout) == (0, f"{told['run']}\n")
    assert again.stderr.startswith("complete already: ")
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before


def test_a_diverged_run_is_flagged_and_no_failure(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ("optimizer.learning_rate=1e308", "activation=identity", "output=identity", "cost=quadratic")
    diverging = [word for change in changes for word in ("-s", change)]
    command = ["train", str(home / "try.yaml"), *diverging, "--runs-dir", str(home / "runs")]
    assert cli.run([*command, "-q"]) == 0
    assert re.search(r"^DIVERGED in epoch 1, batch \d+, layer \d", capsys.readouterr().err)
    assert cli.run([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == json.loads(out)["summary"]["status"] == "diverged"
    assert "DIVERGED" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_after_a_saved_epoch_and_the_told_command_continues(
    home: Path, undisturbed: dict[str, bytes], number: int, code: int
) -> None:
    process = forked.Popen(
        [*COMMAND, "try.yaml", *LONG, "--seed", "0", "--restart"],
        cwd=home,
        env=environment(),
        stdout=forked.PIPE,
        stderr=forked.PIPE,
        text=True,
    )
    assert process.stderr
    seen = process.stderr.readline() + process.stderr.readline()
    assert "epoch   0/300" in seen
    process.send_signal(number)
    out, rest = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    found = re.search(
        r"^vgrad: stopped after epoch (\d+), which is saved; continue with: vgrad (.*)$", rest, re.MULTILINE
    )
    assert found
    assert found[2] == "train try.yaml -s epochs=300 -s name=long --seed 0"
    assert int(found[1]) < 300
    continued = train(home, *LONG)
    assert continued.returncode == 0
    assert f"continuing after epoch {found[1]} of 300" in continued.stderr
    assert contents(home / continued.stdout.strip()) == undisturbed


def test_a_signal_in_pretraining_stops_after_a_saved_epoch(home: Path) -> None:
    long = ["-s", "pretrain={name: rbm, epochs: 300}", "-s", "name=stack", "-s", "epochs=2"]
    process = forked.Popen(
        [*COMMAND, "try.yaml", *long], cwd=home, env=environment(), stdout=forked.PIPE, stderr=forked.PIPE, text=True
    )
    assert process.stderr
    seen = process.stderr.readline() + process.stderr.readline()
    assert re.search(r"^pretraining layer 1/\d, epoch   0/300  cross-entropy [\d.]+  mse [\d.]+$", seen, re.MULTILINE)
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    told = r"^vgrad: stopped after (epoch \d+ of pretraining layer \d), which is saved; continue with: vgrad train "
    found = re.search(told, rest, re.MULTILINE)
    assert found
    continued = train(home, *long)
    assert continued.returncode == 0
    assert f"continuing pretraining after {found[1]}\n" in continued.stderr
    whole = train(home, *long, "--runs-dir", "whole")
    first, second = (home / done.stdout.strip() for done in (continued, whole))
    assert contents(first) == contents(second)
    assert [(first / name).read_bytes() == (second / name).read_bytes() for name in (LAYERS, ERRORS)] == [True, True]


def test_a_signal_that_is_ignored_changes_nothing(home: Path, undisturbed: dict[str, bytes]) -> None:
    """As in a script's background job (Ctrl-C is for the one in front) and under nohup (the terminal may go)."""
    command = ["sh", "-c", 'trap "" INT HUP; exec "$@"', "sh", *COMMAND, "try.yaml", *LONG]
    process = subprocess.Popen(command, cwd=home, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr
    assert process.stdout
    assert b"epoch   0/300" in process.stderr.readline() + process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert contents(home / out.decode().strip()) == undisturbed


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_data_load_ends_at_once(tmp_path: Path, number: int, code: int) -> None:
    """A stand-in for a download that hangs, in the place where data are loaded."""
    script = (
        "import sys, time, vgrad.cli, vgrad.runs.runner as runner\n"
        "runner.load = lambda *_, **__: (print('loading', flush=True), time.sleep(50))\n"
        "sys.exit(vgrad.cli.run(['train', 'try.yaml']))\n"
    )
    (tmp_path / "try.yaml").write_text(CONFIG, encoding="utf-8")
    process = forked.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdout=forked.PIPE, stderr=forked.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "loading\n"
    begun = time.monotonic()
    process.send_signal(number)
    _, told = process.communicate(timeout=20)
    assert time.monotonic() - begun < 5
    assert (process.returncode, told) == (code, "vgrad: interrupted; nothing was begun\n")
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("broken", ["2>&1 | head -n 1", "2>&-", "2>&- >&-", "2>/dev/full"])
def test_a_broken_stream_never_stops_training(home: Path, broken: str) -> None:
    closed = {"2>&-": [2], "2>&- >&-": [1, 2]}.get(broken, [])
    with Path("/dev/full" if "full" in broken else os.devnull).open("w") as errors:
        process = forked.Popen(
            [*COMMAND, "try.yaml"],
            closed=closed,
            cwd=home,
            env=environment(),
            stdout=forked.PIPE,
            stderr=forked.STDOUT if "|" in broken else errors,
        )
    assert process.stdout
    if "|" in broken:
        assert process.stdout.readline().startswith(b"try-")
        process.stdout.close()
        assert process.wait(60) == 0
    else:
        process.communicate(timeout=60)
        assert process.returncode == 0
    (folder,) = (home / "runs").iterdir()
    facts = json.loads((folder / RUN).read_bytes())
    assert facts["status"] == "complete"
    assert not (folder / ".lock").read_bytes().startswith(b"try-"), "no message went into a file"
    assert (folder / ".lock").read_bytes() == b""


def test_an_answer_that_does_not_arrive_is_an_error_of_the_disk(home: Path) -> None:
    with Path("/dev/full").open("w") as full:
        run = forked.run(
            [*COMMAND, "try.yaml", "-q"], cwd=home, env=environment(), stdout=full, stderr=forked.PIPE, text=True
        )
    assert run.returncode == 5
    assert run.stderr.startswith("vgrad: standard output: cannot be written: no space left")


def test_words_of_users_are_not_markup_and_do_not_steer_the_terminal(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["train", str(home / "try.yaml"), "-s", "activation=[/bold]\x1b[2J"]) == 2
    told = capsys.readouterr().err
    assert "[/bold]" in told
    assert "\x1b" not in told

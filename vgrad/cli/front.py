"""The front page, `vgrad --help`, and the table of commands: made without typer, which loads two thirds as long as
NumPy and would then load every command for its first sentence."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator

ABOUT = "A laboratory for the vanishing gradient: how fast does each layer learn, and why do the early ones stop?"
OPTIONS = {
    "--version": "Print the version and end.",
    "--debug": "Show the traceback of an error.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show completion for the current shell, to copy it or customize the installation.",
    "-h, --help": "Show this message and exit.",
}
COMMANDS = {
    "train": ("commands.train:train", "Train one network; print its run directory."),
    "sweep": ("commands.sweep:sweep", "Train a grid of networks in parallel; print the comparison."),
    "reproduce": (
        "commands.reproduce:reproduce",
        "Repeat a published study over seeds, compare its figures with ours, and test its claims.",
    ),
    "status": (
        "commands.status:status",
        "Tell how far the sweeps below DIR are, with their active runs and failures; exits 6 when some cannot be read.",
    ),
    "worker": ("commands.worker:worker", ""),
    "ls": ("commands.ls:ls", "List the runs in a directory and in its folders, which are those of sweeps."),
    "tag": ("runs.tag:tag", "Tag runs, with a note; vgrad ls -t NAME lists them, vgrad show has the notes."),
    "show": (
        "commands.show:show",
        "Show one run: its config in short, its monitors, and the norms of its layers over the epochs.",
    ),
    "report": ("commands.report:report", "Compare runs: how well they learned, and how fast each layer did."),
    "evaluate": (
        "runs.evaluate:evaluate",
        "Evaluate the final parameters of runs: cost and accuracy, confusion matrix, the most confident mistakes.",
    ),
    "plot": (
        "commands.plot:plot",
        "Draw runs: Nielsen's learning-speed curves, values against a swept key, and more; print the file's name.",
    ),
    "verify": (
        "commands.verify:verify",
        "Check every file of run directories against its digest and the saved history.",
    ),
    "clean": ("runs.clean:clean", "Remove checkpoints or whole runs; without --yes, show what would go."),
    "doctor": (
        "commands.doctor:doctor",
        "Look at versions, BLAS, data, processor, memory, disk and terminal; a `note` is worth a look, and no failure.",
    ),
    "check": (
        "commands.check:check",
        "Check the gradient of every parameter of the initial network against the cost alone.",
    ),
    "export": ("commands.export:export", "Runs for other tools."),
    "config": ("commands.config:app", "Check, show and begin configs."),
    "data": (
        "commands.data:app",
        "Look at data sets; fetch and verify MNIST and its like; others need no download.",
    ),
    "theory": ("theory.theory:app", "What theory says of the gradient, computed."),
}
"""Name -> where it is in `vgrad.cli`, and the first sentence of its help; one without is not for typing."""

LEAST, MOST = 30, 80
"""Columns that a page of help has: what a word needs, and what is read at ease."""


def width() -> int:
    """Columns of a page of help in this terminal, without the margin."""
    return max(LEAST, min(shutil.get_terminal_size().columns, MOST) - 2)


def page() -> str:
    """The help of vgrad itself, as wide as the terminal, without the last line's end."""
    columns = width()
    commands = [(name, sentence) for name, (_, sentence) in COMMANDS.items() if sentence]
    parts = [
        _usage("Usage: vgrad ", "[OPTIONS] COMMAND [ARGS]…", columns),
        textwrap.wrap(ABOUT, columns, initial_indent="  ", subsequent_indent="  "),
        ["Options:", *_defined(OPTIONS.items(), columns)],
        ["Commands:", *_defined(commands, columns)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts)


def _usage(begin: str, words: str, columns: int) -> list[str]:
    """The words behind their beginning, or below it where fewer than twenty columns would be left."""
    if columns >= len(begin) + 20:
        return textwrap.wrap(words, columns, initial_indent=begin, subsequent_indent=" " * len(begin))
    indent = " " * 11
    return [begin, *textwrap.wrap(words, columns, initial_indent=indent, subsequent_indent=indent)]


def _defined(rows: Iterable[tuple[str, str]], columns: int) -> Iterator[str]:
    """Words, each with its sentence in a second column, as typer sets them."""
    rows = list(rows)
    first = max(len(word) for word, _ in rows) + 2
    for word, sentence in rows:
        head, *rest = textwrap.wrap(sentence, max(columns - first - 2, 10))
        yield f"  {word:{first}}{head}"
        yield from (" " * (first + 2) + line for line in rest)

"""`vgrad evaluate`: what the final parameters of runs make of a part of their data, and where they go wrong."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vgrad.cli import completion
from vgrad.cli.options import Json, RunsDir
from vgrad.cli.outputs import answer_name, output_file, save
from vgrad.errors import ConfigError, StorageError
from vgrad.storage.json import strict
from vgrad.text.numbers import percent

if TYPE_CHECKING:
    from vgrad.runs.evaluating import Evaluated
    from vgrad.runs.stored import StoredRun

MOST_PAIRS = 12
MOST_IMAGES = 200


def evaluate(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS…", autocompletion=completion.runs, help="Run directories, folders of them, names."
        ),
    ],
    part: Annotated[str, typer.Option("--part", metavar="test|validation|train", help="On which part.")] = "test",
    mistakes: Annotated[
        int, typer.Option("--mistakes", metavar="N", min=0, max=MOST_IMAGES, help="How many mistakes are shown.")
    ] = 10,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", parser=output_file, help="Draw these mistakes, of one run."),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Evaluate the final parameters of runs: cost and accuracy, confusion matrix, the most confident mistakes.

    What metrics.csv has of the part, too, has the same bits. Cost and accuracy are kept in evaluation.json of the run:
    vgrad report --value test_accuracy shows them. The confidence is the output activation of the class that is named.
    """
    from vgrad.cli.screen.streams import Screen, answer
    from vgrad.config.monitors import PARTS
    from vgrad.runs.evaluating import evaluate as look
    from vgrad.runs.places import runs_of
    from vgrad.runs.stored import read_run

    if part not in PARTS:
        raise ConfigError(f"--part: write {', '.join(PARTS[:-1])} or {PARTS[-1]}")
    paths = list(dict.fromkeys(path for wanted in runs for path in runs_of(wanted, runs_dir)))
    if output and len(paths) > 1:
        raise ConfigError(f"-o: draws the mistakes of one run, and these are {len(paths)}; name one")
    if output:
        from vgrad.pictures.style import suffix

        suffix(output)
    screen, trees = Screen(sys.stdout), list[dict[str, Any]]()
    for number, path in enumerate(paths):
        run = read_run(path)
        found = look(run, part)
        _keep(run, found)
        if output:
            _draw(run, found, output, mistakes)
        if as_json:
            trees.append(_tree(run, found, mistakes))
        else:
            answer("\n".join([*([""] if number else []), *_lines(run, found, mistakes, screen.width)]))
    if as_json:
        answer(strict(trees))
    elif output:
        answer_name(output)


def _keep(run: StoredRun, found: Evaluated) -> None:
    """For reports; a directory that takes no files is told, and the answer comes all the same."""
    from vgrad.cli.screen.streams import complain
    from vgrad.runs.evaluating import keep

    try:
        keep(run, found)
    except StorageError as error:
        complain([f"{problem}: reports will not have it" for problem in error.problems])


def _tree(run: StoredRun, found: Evaluated, most: int) -> dict[str, Any]:
    from dataclasses import asdict

    head = {"run": str(run.path), "part": found.part, "examples": found.examples, **found.means}
    worst = [asdict(mistake) for mistake in found.mistakes[:most]]
    if not found.confusion.size:
        return head
    head["classes"] = class_names(run)
    return {**head, "confusion": found.confusion.tolist(), "mistakes": len(found.mistakes), "most_confident": worst}


def _lines(run: StoredRun, found: Evaluated, most: int, width: int) -> list[str]:
    from vgrad.statistics import proportion
    from vgrad.text.plain import measure, table

    names, monitors = class_names(run), sorted(found.means, key=lambda name: not name.endswith(("_cost", "_accuracy")))
    when = "the last finite parameters" if run.status == "diverged" else f"epoch {run.epoch or 0}"
    lines = textwrap.wrap(f"{run.config.run_name}: {when}, {found.examples:,} {found.part} examples", width)
    lines += table([("", "value"), *((name.replace("_", " "), measure(name, found.means[name])) for name in monitors)])[
        1:
    ]
    if not found.confusion.size:
        return lines
    low, high = proportion(found.correct, found.examples)
    told = f"{found.correct:,} are right; 95 % interval of the accuracy {100 * low:.1f} to {100 * high:.1f} %"
    lines += ["", *textwrap.wrap(told, width), "", *_confusion(found, names, width)]
    if found.mistakes[:most]:
        shown = found.mistakes[:most]
        count = f"{len(shown)} of {len(found.mistakes):,} mistakes" if len(found.mistakes) > 1 else "the one mistake"
        lines += ["", *textwrap.wrap(f"{count}, the most confident first; examples count from 0", width)]
        rows = [(str(i.example), names[i.true], names[i.named], f"{i.confidence:.4f}") for i in shown]
        lines += table([("example", "class", "named", "confidence"), *rows], left=(), width=width)
    return lines


def class_names(run: StoredRun) -> list[str]:
    """What the classes are called: in a file of data by their names, else by their numbers."""
    from vgrad.data.datasets import DATASETS
    from vgrad.text.escapes import printable

    given = run.config.data.parameters.get("classes") or DATASETS[run.config.data.name].classes
    return [printable(name, 24) for name in given] if given else list(map(str, range(run.config.facts.classes)))


def _confusion(found: Evaluated, names: list[str], width: int) -> list[str]:
    """The matrix, or where it is too wide the pairs that are confused most."""
    from vgrad.text.plain import table

    classes = range(len(found.confusion))
    rows = [[names[i], *(str(n) if n else "." for n in found.confusion[i].tolist())] for i in classes]
    lines = table([["", *names], *rows], left=(), width=width)
    if len(lines[0]) <= width:
        return [*textwrap.wrap("confusion: a row a class, a column a named class", width), *lines]
    pairs = [(int(found.confusion[i, j]), i, j) for i in classes for j in classes if i != j and found.confusion[i, j]]
    pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
    rest = f" (of {len(pairs)})" if len(pairs) > MOST_PAIRS else ""
    head = textwrap.wrap(f"confused most{rest}; --json has the whole matrix", width)
    told = [(names[i], names[j], str(n)) for n, i, j in pairs[:MOST_PAIRS]]
    return [*head, *table([("class", "named", "times"), *told], left=(), width=width)]


def _draw(run: StoredRun, found: Evaluated, output: Path, most: int) -> None:
    from vgrad.pictures.fonts import load_matplotlib
    from vgrad.pictures.images import sheet, side
    from vgrad.pictures.style import content, styled, suffix

    inputs = found.inputs.inputs
    if not found.confusion.size:
        raise ConfigError("-o: draws mistakes, and this run names no classes; leave it out")
    if inputs.dtype.kind != "u" or side(inputs.shape[1]) is None:
        raise ConfigError(f"-o: {inputs.shape[1]} inputs of {run.config.data.name} are no square image; leave it out")
    shown = found.mistakes[:most]
    if not shown:
        raise ConfigError("-o: there is no mistake to draw" if most else "-o: --mistakes 0 leaves nothing to draw")
    names = class_names(run)
    captions = [f"{names[each.true]} as {names[each.named]}, {percent(each.confidence)}" for each in shown]
    title = f"{run.config.run_name}: {len(shown)} of {len(found.mistakes):,} mistakes in {found.part}"
    load_matplotlib()
    with styled():
        figure = sheet(inputs[[each.example for each in shown]], captions, title)
        save(output, content(figure, suffix(output), "vgrad: mistakes", run.config.run_name, "vgrad evaluate"))

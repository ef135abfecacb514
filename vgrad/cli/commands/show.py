"""`vgrad show`: one run, its config in short, its numbers and their course."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vgrad.cli import completion
from vgrad.cli.options import Json, RunsDir
from vgrad.storage.json import strict

if TYPE_CHECKING:
    from vgrad.config.config import Config
    from vgrad.runs.stored import StoredRun

Fact = tuple[str, str]


def show(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", autocompletion=completion.runs, help="A run directory, its name, or the name's beginning."
        ),
    ],
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Show one run: its config in short, its monitors, and the norms of its layers over the epochs.

    Beside the norms at epoch 0 stands what mean-field theory predicts of them, where the run's data are here.

    The sparklines of the layers share one log axis; each monitor has its own, linear one.
    """
    from vgrad.cli.screen.streams import Screen, answer
    from vgrad.runs.places import run_of
    from vgrad.runs.stored import read_run

    stored = read_run(run_of(run, runs_dir))
    if as_json:
        answer(strict(_tree(stored)))
        return
    screen = Screen(sys.stdout)
    answer("\n".join(_lines(stored, screen.width, screen.pictures)))


def _tree(run: StoredRun) -> dict[str, Any]:
    from vgrad.theory.propagation.explanation import explanation

    return {
        "run": str(run.path),
        "name": run.config.name,
        "hash": run.config.identity,
        "seed": run.config.seed,
        "status": run.status,
        "epoch": run.epoch,
        "epochs": run.config.epochs,
        "config": run.config.plain(),
        "summary": run.summary,
        "theory": found.tree() if (found := explanation(run.config, run.summary)) else None,
        "predicted": _predicted(run),
        "facts": run.facts,
        "tags": _notes(run),
    }


def _start(run: StoredRun) -> list[float]:
    """||delta^l|| of the layers 1 ... L at epoch 0; nothing where it was not measured."""
    rows = run.gradients
    return [float(norm) for norm in rows.loc[rows["epoch"] == 0, "delta_norm"]] if "delta_norm" in rows else []


def _predicted(run: StoredRun) -> dict[str, Any] | None:
    """What theory predicts for epoch 0, beside what was measured; None where nothing was."""
    from vgrad.theory.propagation.expected import of_run

    norms = _start(run)
    if not norms:
        return None
    found = of_run(run)
    if isinstance(found, str):
        return {"silent": found}
    layers = []
    for layer, norm in enumerate(norms, start=1):
        if each := found.of(layer):
            told = {"layer": layer, "kind": "hidden" if layer < len(norms) else "output", "predicted": each.geometric}
            z, outside = found.z(layer, norm), found.outside(layer, norm)
            layers.append({**told, "low": each.low, "high": each.high, "measured": norm, "z": z, "outside": outside})
    return {"accuracy": found.accuracy, "layers": layers}


def _notes(run: StoredRun) -> dict[str, str]:
    """Tag -> note."""
    from vgrad.runs.tags import note_of, tags_of

    return {name: note_of(run.path, name) for name in tags_of(run.path)}


def _lines(run: StoredRun, width: int, pictures: bool) -> list[str]:
    from vgrad.cli.screen.results import monitor_lines, norm_lines, norms_title, theory_words, verdict_words
    from vgrad.theory.propagation.expected import of_run

    metrics, gradients, summary = run.metrics, run.gradients, run.summary
    curves = {name: metrics[name].tolist() for name in run.config.monitors}
    norms: dict[int, list[float]] = {}
    if "delta_norm" in gradients:
        for epoch, norm in zip(gradients["epoch"].tolist(), gradients["delta_norm"].tolist(), strict=True):
            norms.setdefault(epoch, []).append(norm)
    start = _start(run)
    found = of_run(run) if start else ""
    expected = None if isinstance(found, str) else found
    lines = [run.config.run_name]
    for key, text in _facts(run):
        indent = " " * 10
        lines += textwrap.wrap(f"{key:10}{text}", width, subsequent_indent=indent, break_on_hyphens=False)
    for title, part in (
        ("monitors", monitor_lines(summary, curves, width, pictures)),
        (
            norms_title(summary),
            norm_lines(summary, norms, run.config.sizes, width, pictures, sparks=True, expected=expected),
        ),
    ):
        if part:
            lines += ["", title, *(text for text, _ in part)]
    lines += textwrap.wrap(theory_words(found, start), width, break_on_hyphens=False) if start else []
    measured = run.epoch is not None or summary["divergence"]
    told = verdict_words(summary, _why(run))[0] if measured else "Nothing is measured yet."
    return [*lines, "", *textwrap.wrap(told, width, break_on_hyphens=False)]


def _why(run: StoredRun) -> str:
    """Why its gradient vanishes or explodes, where theory says it; ASCII, as the verdict is."""
    from vgrad.text.page import in_ascii
    from vgrad.theory.propagation.explanation import explanation

    found = explanation(run.config, run.summary)
    return in_ascii(found.told()) if found else ""


def _facts(run: StoredRun) -> Iterator[Fact]:
    """The config and the circumstances, each in a line."""
    from vgrad.data.files import RECORDED
    from vgrad.text.escapes import printable
    from vgrad.text.plain import shape

    config, facts = run.config, run.facts
    tree = config.plain()
    done = "nothing measured" if run.epoch is None else f"epoch {run.epoch} of {config.epochs}"
    yield "path", printable(str(run.path), 500)
    gone = "" if run.has_checkpoint else "; without checkpoint.npz: more epochs begin at epoch 0"
    yield "status", f"{run.status}, {done}{gone}"
    if notes := _notes(run):
        told = (f"{name} ({printable(note, 500)})" if note.strip() else name for name, note in notes.items())
        yield "tags", ", ".join(told)
    hidden = _words(tree["activation"]) if config.activations else "no hidden layer"
    yield "network", f"{shape(config.sizes, most=7)}, {hidden}, {config.output} output, {config.cost}"
    yield "init", printable(_words(tree["init"]), 200)
    if config.pretrain:
        yield "pretrain", f"{printable(_words(tree['pretrain']), 200)}{_reconstructions(run)}"
    size = "full" if config.batch_size == "full" else str(config.batch_size)
    penalties = "".join(f", {name} {tree[name]:g}" for name in ("l2", "l1") if tree[name])
    yield "training", f"{_words(tree['optimizer'])}, {_words(tree['schedule'])} rate, batch {size}{penalties}"
    yield "numbers", f"seed {config.seed}, {config.dtype}"
    data = {key: value for key, value in tree["data"].items() if key not in ("name", *RECORDED)}
    yield "data", f"{config.data.name}, {printable(_words(data), 300)}{_outputs(config)}"
    yield "probes", f"{', '.join(config.probes.record)} on {config.probe_examples} examples"
    if facts is not None:
        yield from ((key, printable(text, 300)) for key, text in _circumstances(facts))


def _reconstructions(run: StoredRun) -> str:
    """What pretraining has made of the cross-entropy of each layer's reconstruction."""
    layers = (rows["cross_entropy"].tolist() for _, rows in run.pretraining.groupby("layer"))
    told = [f"{each[0]:.4g} to {each[-1]:.4g}" for each in layers]
    shown = told if len(told) <= 4 else [*told[:2], "…", *told[-2:]]
    return f"; cross-entropy {', '.join(shown)}" if told else "; not begun"


def _outputs(config: Config) -> str:
    """What a file of data has: its inputs, and the classes or targets by name. Of any set, that inputs are targets."""
    from vgrad.report.absent import listed

    known = config.data.parameters
    if known.get("sha256") is None:
        return ", targets inputs" if config.reconstructs else ""
    if config.reconstructs:
        return f"; {known['inputs']} inputs, which are the targets, too; digest {known['sha256'][:8]}"
    names = known.get("classes") or known["targets"]
    kind = "classes" if known.get("classes") else "targets" if len(names) > 1 else "target"
    return f"; {known['inputs']} inputs, {kind} {listed(names)}; digest {known['sha256'][:8]}"


def _circumstances(facts: dict[str, Any]) -> Iterator[Fact]:
    machine = facts["machine"]
    yield "machine", f"{machine['host']}, {machine['system']}, {machine['processor']}"
    libraries = [f"{one.get('internal_api')} {one.get('version')} {one.get('architecture')}" for one in machine["blas"]]
    yield "blas", ", ".join(libraries) or "unknown"
    yield "versions", ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    resumed = facts["continued_after_epoch"]
    after = "" if resumed is None else f", continued after epoch {resumed}"
    after += f" of {facts['continued_from']}" if facts.get("continued_from") else ""
    yield "finished", f"{facts['finished']}, {facts['seconds']:.1f} s{after}"


def _words(value: object) -> str:
    """A piece of a config without its brackets: sgd learning_rate 0.5."""
    if isinstance(value, dict):
        return " ".join(_words(item) if key == "name" else f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value)
    return str(value)

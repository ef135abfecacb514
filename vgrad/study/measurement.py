"""The outcome of a study measured: our runs read, and judged beside the published figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vgrad.document.writer import spell
from vgrad.errors import RunStateError
from vgrad.machine import machine, versions
from vgrad.runs.stored import StoredRun, read_run
from vgrad.statistics import LEVEL
from vgrad.storage.reading import may_be_folder
from vgrad.study import draws, files
from vgrad.study.claims.judging import judge as judge_claims
from vgrad.study.claims.overview import cells as overview_cells
from vgrad.study.files import CURVES, FIGURES, NEURONS, OVERVIEW, VALUES
from vgrad.study.joint import ALPHA
from vgrad.study.judgement import LIMIT, Judgement, Line, judge, judge_line, line
from vgrad.study.measured import Measured, Row, Trained
from vgrad.study.measures import by_theory, hidden_norms, neuron_deltas
from vgrad.study.outcome import RATIO
from vgrad.study.outcome import Experiment as Counts
from vgrad.study.outcome import Study as Told
from vgrad.study.published import Curves, Figure, Study

MOST_SPELLED = 70
"""Characters of a value of a quick look that are told."""


def measure(
    study: Study,
    trained: Sequence[Trained],
    read: Callable[[Path], StoredRun] = read_run,
    *,
    quick: bool = False,
) -> Measured:
    """Reads the runs that are there, and judges every figure, curve and claim. `read` is the way to a run."""
    outcome = Measured()
    for each in trained:
        runs = [[_whole(path, read, outcome.problems) for path in paths] for paths in each.points]
        there = [run for seeds in runs for run in seeds if run]
        outcome.experiments.append(_counts(each, there))
        outcome.data += [run.config.data.name for run in there[:1] if run.config.data.name not in outcome.data]
        for point, seeds in enumerate(runs):
            label = next(("-".join(map(str, run.config.sizes)) for run in seeds if run), f"point {point + 1}")
            _figures(outcome, each, point, label, seeds)
        _neurons(outcome, each, runs[0] if runs else [])
        _curves(outcome, each, runs, study.curves.get(each.experiment.name))
        points = list(zip(each.places, runs, strict=True)) if each.experiment.claims or each.experiment.overview else []
        if each.experiment.overview:
            outcome.overview += overview_cells(each.experiment.overview, each.letter, points)
        outcome.claims += judge_claims(each.experiment.claims, each.letter, points, quick=quick)
    outcome.test(study.power)
    return outcome


def write(folder: Path, study: Study, outcome: Measured, *, settings: Sequence[str], quick: bool) -> None:
    """Puts the files of the outcome into `folder`."""
    contents, where = study.contents, machine()
    told = Told(
        study=contents.study,
        title=contents.title,
        source=contents.source,
        url=contents.url,
        data=" and ".join(outcome.data),
        settings=list(settings),
        quick=quick,
        left_out=_left_out(study, outcome) if quick else [],
        scaled=_scaled(study) if quick else [],
        limit=LIMIT,
        level=LEVEL,
        verdict=outcome.verdict,
        reason=outcome.reason,
        alpha=ALPHA,
        p=outcome.p,
        published_runs=outcome.published_runs,
        power=outcome.power,
        claims=outcome.claims,
        conclusions=_conclusions(study, outcome),
        experiments=[Counts(**row) for row in outcome.experiments],
        versions=versions(),
        processor=where["processor"],
        blas=[f"{pool['internal_api']} {pool['version']} {pool['architecture']}" for pool in where["blas"]],
    )
    tables = {
        FIGURES: outcome.figures,
        CURVES: outcome.curves,
        NEURONS: outcome.neurons,
        VALUES: outcome.values,
        OVERVIEW: outcome.overview,
    }
    files.write(folder, told, tables)


def _conclusions(study: Study, outcome: Measured) -> list[str]:
    """Those of which every claim holds."""
    held = {claim.claim for claim in outcome.claims if claim.verdict == "holds"}
    return [each.text for each in study.contents.conclusions if held.issuperset(each.of)]


def _left_out(study: Study, outcome: Measured) -> list[str]:
    """What a quick look lacks."""
    told = []
    for experiment, row in zip(study.contents.experiments, outcome.experiments, strict=True):
        parts = []
        if experiment.quick.points:
            points = study.grid(experiment, [], None, quick=True).size
            parts.append(f"{points - experiment.quick.points} of {points} networks")
        if len(row["seeds"]) < study.contents.seeds:
            parts.append(f"{study.contents.seeds - len(row['seeds'])} of {study.contents.seeds} seeds")
        if parts:
            told.append(f"{row['letter']}, {experiment.name}: {' and '.join(parts)}")
    return told


def _scaled(study: Study) -> list[str]:
    """How a quick look is smaller than the study: the keys that it has otherwise."""
    found = [(each.name, each.quick.sweep) for each in study.contents.experiments if each.quick.sweep]
    return [f"{name}: {', '.join(_short_spelling(key, value) for key, value in keys.items())}" for name, keys in found]


def _short_spelling(key: str, value: Any) -> str:
    """`l2 0`; of what would fill lines, that it is another one."""
    spelled = spell(value)
    return f"{key} {spelled}" if len(spelled) <= MOST_SPELLED else f"another {key}"


def _whole(path: Path, read: Callable[[Path], StoredRun], problems: list[str]) -> StoredRun | None:
    """A run that has come to its end; None for one that is not there or not complete, and, with a problem more, for one
    that is damaged or may not be read."""
    try:
        run = read(path)
    except RunStateError as error:
        problems += error.problems if may_be_folder(path) else ()
        return None
    return run if run.status in ("complete", "diverged") else None


def _counts(each: Trained, there: Sequence[StoredRun]) -> Row:
    runs, overview = sum(map(len, each.points)), each.experiment.overview
    seconds = [(run.facts or {}).get("seconds") for run in there]
    known = [value for value in seconds if isinstance(value, int | float)]
    return {
        "name": each.experiment.name,
        "letter": each.letter,
        "title": each.experiment.title,
        "text": each.experiment.text,
        "seeds": list(each.seeds),
        "runs": runs,
        "complete": sum(run.status == "complete" for run in there),
        "diverged": sum(run.status == "diverged" for run in there),
        "failed": runs - len(there),
        "seconds": round(math.fsum(known), 1) if len(known) == runs else None,
        **({"neurons": True} if each.experiment.neurons else {}),
        **({"overview": [overview.rows, overview.columns]} if overview else {}),
    }


def _figures(outcome: Measured, each: Trained, point: int, label: str, seeds: Sequence[StoredRun | None]) -> None:
    for figure in each.experiment.figures:
        published = figure.published[point]
        if published is None:
            continue
        values = [_value(figure, run) for run in seeds]
        found = judge(published if each.comparable else None, values, figure.scale, comparable=each.comparable)
        name = f"{each.letter}.{label}.{_slug(figure)}"
        theory, deviation = by_theory(figure.measure, next((run for run in seeds if run), None))
        beside = {"theory": theory, "theory_deviation": deviation}
        outcome.figures.append(_figure_row(each, name, label, figure, found) | beside)
        if each.comparable:
            ours = dict(zip(each.seeds, values, strict=True))
            outcome.of(each, label).blocks.append(draws.figure_block(figure, published, ours))
        outcome.values += [
            {"experiment": each.letter, "figure": name, "seed": seed, "run": path.name, "value": value}
            for seed, path, value in zip(each.seeds, each.points[point], values, strict=True)
            if value is not None
        ]


def _value(figure: Figure, run: StoredRun | None) -> float | None:
    """In the unit of the published figure."""
    value = figure.of()(run) if run else None
    return value if value is None or figure.unit != "%" else 100 * value


def _slug(figure: Figure) -> str:
    parameters = figure.measure.parameters
    return "-".join(str(part) for part in (figure.measure.name, *parameters.values()) if part is not None)


def _figure_row(each: Trained, name: str, label: str, figure: Figure, found: Judgement) -> Row:
    estimate, band = found.estimate, found.band or (None, None)
    if found.band and figure.unit == "%":  # a share is between 0 and 100
        band = max(found.band[0], 0.0), min(found.band[1], 100.0)
    return {
        "experiment": each.letter,
        "figure": name,
        "layers": label,
        "label": figure.label,
        "unit": figure.unit,
        "scale": figure.scale,
        "published": found.published,
        "n": estimate.n if estimate else 0,
        "center": estimate.center if estimate else None,
        "spread": estimate.spread if estimate else None,
        "low": estimate.low if estimate else None,
        "high": estimate.high if estimate else None,
        "band_low": band[0],
        "band_high": band[1],
        "z": found.z,
        "inside": None,
        "lost": found.lost,
        "verdict": found.verdict,
    }


def _neurons(outcome: Measured, each: Trained, seeds: Sequence[StoredRun | None]) -> None:
    """The chapter's bars: the first neurons of every hidden layer, published beside our first seed."""
    first = next((run for run in seeds if run), None)
    for layer, published in enumerate(each.experiment.neurons, 1):
        ours = neuron_deltas(first, layer) if first else np.empty(0)
        pool = np.abs(np.concatenate([neuron_deltas(run, layer) for run in seeds if run] or [np.empty(0)]))
        if not pool.size or len(ours) < len(published):
            continue
        low, high = np.quantile(pool, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
        outcome.neurons += [
            {
                "layers": "-".join(map(str, first.config.sizes)) if first else "",
                "layer": layer,
                "neuron": neuron,
                "published": abs(value) if each.comparable else None,
                "measured": abs(float(ours[neuron - 1])),
                "low": low,
                "high": high,
            }
            for neuron, value in enumerate(published, 1)
        ]


def _curves(
    outcome: Measured, each: Trained, runs: Sequence[Sequence[StoredRun | None]], published: Curves | None
) -> None:
    """A line for each hidden layer of each network, and one for last/first."""
    if published is None:
        return
    for seeds in runs:
        there = [run for run in seeds if run and run.status == "complete" and len(hidden_norms(run)[0])]
        if not there:
            continue
        hidden, label = len(there[0].config.sizes) - 2, "-".join(map(str, there[0].config.sizes))
        last = max((max(layer) for layer in published.get(hidden, {}).values()), default=None)
        epochs, norms = _aligned(list(map(hidden_norms, there)), last)
        lines: dict[str, Any] = {str(layer): norms[:, :, layer - 1] for layer in range(1, hidden + 1)}
        if hidden > 1:
            lines[RATIO] = norms[:, :, -1] / np.where(norms[:, :, 0] > 0, norms[:, :, 0], np.nan)
        for name, values in lines.items():
            found = line(_published(published, hidden, name) if each.comparable else {}, epochs, values)
            outcome.curves += list(_curve_rows(each.letter, label, name, found))
            if each.comparable and not np.isfinite(found.published).any():
                continue  # a network that was not published
            outcome.figures.append(_curve_row(each, label, name, found, len(seeds) - len(there)))
            if each.comparable:
                ours = dict.fromkeys(each.seeds, np.full(len(epochs), np.nan))
                ours |= {run.config.seed: row for run, row in zip(there, values, strict=True)}
                block = draws.curve_block(_line_name(name), epochs.tolist(), found.published, ours, name)
                outcome.of(each, label).blocks.append(block)


def _line_name(name: str) -> str:
    return "last/first" if name == RATIO else f"‖δ^{name}‖"


def _curve_row(each: Trained, label: str, name: str, found: Line, lost: int) -> Row:
    return {
        "experiment": each.letter,
        "figure": f"{each.letter}.{label}.curve-{name}",
        "layers": label,
        "label": f"{_line_name(name)}, {found.count or len(found.epochs)} epochs",
        "unit": "",
        "scale": "log",
        "n": found.n,
        "inside": found.share,
        "lost": lost,
        "verdict": judge_line(found, comparable=each.comparable),
    }


def _aligned(
    measured: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]], last: int | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The epochs up to `last` that any run measured, and the norms, (n, epochs, H), NaN where a run has none."""
    epochs = np.unique(np.concatenate([at for at, _ in measured]))
    epochs = epochs if last is None else epochs[epochs <= last]
    norms = np.full((len(measured), len(epochs), measured[0][1].shape[1]), np.nan)
    for row, (at, found) in zip(norms, measured, strict=True):
        kept = np.isin(at, epochs)
        row[np.isin(epochs, at)] = found[kept]
    return epochs, norms


def _published(curves: Curves, hidden: int, name: str) -> dict[int, float]:
    lines = curves.get(hidden, {})
    if name != RATIO:
        return lines.get(int(name), {})
    first, last = lines.get(1, {}), lines.get(hidden, {})
    return {epoch: last[epoch] / first[epoch] for epoch in first if epoch in last}


def _curve_rows(letter: str, label: str, name: str, found: Any) -> Iterator[Row]:
    inside = found.inside
    for index, epoch in enumerate(found.epochs.tolist()):
        spot = float(found.published[index])
        yield {
            "experiment": letter,
            "layers": label,
            "line": name,
            "epoch": epoch,
            "published": spot,
            "n": found.n,
            "center": _short(found.center[index]),
            "low": _short(found.low[index]),
            "high": _short(found.high[index]),
            "inside": bool(inside[index]) if math.isfinite(spot) else None,
        }


def _short(number: float) -> float:
    """To six digits: more than a picture shows, and half the size. Judged is what has all of them."""
    return float(f"{number:.6g}")

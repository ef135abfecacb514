"""A study's outcome as a table: a row a published figure, grouped by experiment, published beside measured.

    published | measured (mean ± half of its t interval, or the same of logarithms) | theory | z | alone | band | n

`theory` is what mean-field theory says of norms before training. `alone` says whether a figure by itself lies in its
band; it stands before the band, so that without theory a terminal of 80 columns shows it in its first block. The
verdict of the study is that of the joint test, in the caption.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vgrad.statistics import reach, within
from vgrad.study.joint import BEYOND
from vgrad.study.outcome import Claim, Experiment, Figure, Outcome, Study, Value
from vgrad.study.report import claims, overview
from vgrad.study.report.claims import COLUMNS
from vgrad.text.escapes import visible
from vgrad.text.numbers import MISSING, decimals_for, percent, plus_minus, significant, times_over
from vgrad.text.sheet import Column, Sheet, named

_RUN = re.compile(r"(?P<name>.+)-s(?P<seed>[0-9]{1,15})")
MOST_EQUAL = 3  # hidden layers of one size that are written out


def lay_out(outcome: Outcome) -> Sheet:
    """The sheet of a study: under each experiment its networks, under each network its figures.

    Where an experiment has one figure a network, the rows are its networks.
    """
    rows = [row for experiment in outcome.study.experiments for row in _rows(outcome, experiment)]
    titles = [
        ("published", True),
        *COLUMNS[:2],
        ("theory", True),
        ("z", True),
        ("alone", False),
        ("one more draw", True),
        *COLUMNS[2:],
        ("n", True),
    ]
    kept = [(title, right) for title, right in titles if any(title in cells for _, _, cells in rows)]
    return Sheet(
        (Column(_first(outcome), tuple(name for _, name, _ in rows), numeric=False),),
        tuple(
            Column(title, tuple(cells.get(title, "") for _, _, cells in rows), numeric=right) for title, right in kept
        ),
        caption(outcome),
        notes(outcome),
        provenance(outcome.values, outcome.study.claims),
        _origin(outcome),
        tuple(groups for groups, _, _ in rows),
        overview.sheets(outcome),
    )


def _first(outcome: Outcome) -> str:
    return "figure" if outcome.figures or not outcome.study.claims else "claim"


def _rows(outcome: Outcome, experiment: Experiment) -> Iterator[tuple[tuple[str, str], str, Mapping[str, str]]]:
    """The headings, the name and the cells by title of each row of an experiment: its figures, then its claims."""
    compared, title = outcome.study.comparable, heading(experiment)
    for group, name, figure in grouped(outcome, experiment):
        told = {"published": published(figure), "z": judged_by(figure), "alone": figure.verdict} if compared else {}
        cells = {**told, "measured": measured(figure), "one more draw": band(figure), "n": counted(figure)}
        if figure.theory is not None:
            cells["theory"] = plain(figure.theory, figure)
        yield (title, group), name, cells
    for claim in outcome.study.claims:
        if claim.experiment == experiment.letter:
            yield from (((title, group), name, cells) for group, name, cells in claims.rows(claim))


def grouped(outcome: Outcome, experiment: Experiment) -> list[tuple[str, str, Figure]]:
    """The heading within the experiment, the name and the figure of each of its rows."""
    figures = [figure for figure in outcome.figures if figure.experiment == experiment.letter]
    alone = len({label(figure) for figure in figures}) == 1
    networks = list(dict.fromkeys(figure.layers for figure in figures))
    rows = []
    for figure in sorted(figures, key=lambda figure: networks.index(figure.layers)):
        group, name = figure.layers, label(figure)
        if alone:
            group, name = name, short_layers(figure.layers)
        rows.append((group, name, figure))
    return rows


def short_layers(layers: str) -> str:
    """`784-30-30-10` as it is; from four equal hidden layers on, counted: `784-4×30-10`."""
    sizes = layers.split("-")
    hidden = sizes[1:-1]
    if len(hidden) > MOST_EQUAL and len(set(hidden)) == 1:
        return f"{sizes[0]}-{len(hidden)}×{hidden[0]}-{sizes[-1]}"
    return layers


def by_depth(figures: Sequence[Figure]) -> bool:
    """Whether the networks of these figures all differ in their number of layers."""
    return len({figure.layers.count("-") for figure in figures}) == len(figures)


def network(layers: str, letter: str, letters: Iterable[str]) -> str:
    """A network, with the letter of its experiment where there are `letters` of several."""
    return short_layers(layers) if len(set(letters)) < 2 else f"{letter}  {short_layers(layers)}"


def label(figure: Figure) -> str:
    """What is measured, with its unit."""
    return f"{figure.label} {figure.unit}".strip()


def plain(value: float | None, figure: Figure) -> str:
    """One number of a figure: two decimals of a percentage, else three digits."""
    if value is None:
        return MISSING
    return f"{value:.2f}" if figure.unit == "%" else significant(value)


def published(figure: Figure) -> str:
    """The published number; of a curve, that there is one."""
    return "curve" if figure.of_a_curve else plain(figure.published, figure)


def measured(figure: Figure) -> str:
    """What the seeds gave: mean ± half of its t interval, the same of logarithms as a factor, or one number."""
    if figure.center is None:
        return "curve" if figure.of_a_curve else MISSING
    if figure.low is None or figure.high is None or figure.center == 0:
        return plain(figure.center, figure)
    if figure.scale == "log":
        return times_over(figure.center, figure.high / figure.center)
    return plus_minus(figure.center, figure.low, figure.high)


def band(figure: Figure) -> str:
    """Where one further draw falls."""
    low, high = figure.band_low, figure.band_high
    if low is None or high is None:
        return MISSING
    if figure.scale == "log":
        return f"{significant(low)} to {significant(high)}"
    decimals = min(decimals_for((high - low) / 2), 6)
    return f"{low:.{decimals}f} to {high:.{decimals}f}"


def judged_by(figure: Figure) -> str:
    """z, or the share of a curve's epochs in its band."""
    if figure.of_a_curve and figure.inside is not None:
        return percent(figure.inside)
    return MISSING if figure.z is None else f"{figure.z:+.2f}"


def counted(figure: Figure) -> str:
    """How many runs are in a figure, and how many are lost to it."""
    return f"{figure.n}, {figure.lost} lost" if figure.lost else str(figure.n)


def heading(experiment: Experiment) -> str:
    """What an experiment asks, with the number of its runs."""
    return f"{experiment.letter}  {experiment.title} {_runs(experiment)}"


def _runs(experiment: Experiment) -> str:
    lost = [f"{count} {what}" for what, count in lost_runs([experiment])]
    seeds = len(experiment.seeds)
    told = f"{experiment.complete} of {experiment.runs} runs" if lost else f"{experiment.runs} runs"
    return f"({told}, {seeds} seed{'' if seeds == 1 else 's'}{''.join(f', {each}' for each in lost)})"


def lost_runs(experiments: Iterable[Experiment]) -> list[tuple[str, int]]:
    """How many runs diverged and failed; nothing for what did not happen."""
    found = list(experiments)
    counts = [("diverged", sum(each.diverged for each in found)), ("failed", sum(each.failed for each in found))]
    return [(what, count) for what, count in counts if count]


def verdict(study: Study) -> str:
    """The verdict in one sentence."""
    return f"{study.verdict.capitalize()}: {sentence(study.reason)}"


def sentence(text: str) -> str:
    """`text` with a full stop, unless it ends in a sign of its own."""
    stripped = text.strip()
    return stripped if stripped[-1:] in (".", "!", "?") else f"{stripped}."


def caption(outcome: Outcome) -> str:
    """The verdict first, then what was reproduced, with what, and what was left out."""
    study = outcome.study
    title = study.title if study.title.endswith(("?", "!", ".")) else f"{study.title}."
    told = [verdict(study), *map(sentence, study.conclusions), title, sentence(study.source), f"Data: {study.data}."]
    told += [sentence(f"Changed: {', '.join(study.settings)}")] if study.settings else []
    told += [quick(study)] if study.quick else []
    told += [f"Left out: {' '.join(map(sentence, study.left_out))}"] if study.left_out else []
    return " ".join(told)


def quick(study: Study) -> str:
    """What a quick run is."""
    if not study.scaled:
        return "A quick run: fewer seeds than the study asks for."
    return f"A quick run, scaled down: {' '.join(map(sentence, study.scaled))}"


def notes(outcome: Outcome) -> tuple[str, ...]:
    """What the columns mean; only of what stands in the table."""
    study, figures = outcome.study, outcome.figures
    level = f"{100 * study.level:g} %"
    found = []
    if any("‖δ^" in figure.label for figure in figures):
        found.append("‖δˡ‖: norm of the mean over the training examples of dC/dz in hidden layer l.")
    if any("last/first" in figure.label for figure in figures):
        found.append("last/first: ‖δˡ‖ of the last hidden layer over that of the first.")
    if any(figure.scale == "linear" and figure.low is not None for figure in figures):
        found.append(f"±: half of the {level} t interval of the mean over seeds.")
    if any(figure.scale == "log" and figure.low is not None for figure in figures):
        found.append(f"×÷: the same of the logarithms, as a factor: the {level} t interval of the geometric mean.")
    if any(figure.band_low is not None for figure in figures):
        inside = 100 * within(study.limit)
        found.append(f"one more draw: where the next seed falls, {inside:.1f} % of the time (Student's t).")
    if any(figure.z is not None for figure in figures):
        found.append(
            "z: how many standard deviations of the seeds the published figure lies above their mean (on log10 for "
            f"×÷). A published figure is one draw: inside where it lies in that band, which is ±{study.limit:g} "
            f"standard deviations with many seeds{_reach(study.limit, [figure.n for figure in figures if figure.z])}."
        )
    found += theory(figures)
    judged = [figure for figure in figures if figure.z is not None]
    if judged:
        chance = len(judged) * (1 - within(study.limit))
        found.append(f"By chance alone, {chance:.1g} of the {len(judged)} figures with a z are expected outside.")
    curves = [figure.n for figure in figures if figure.of_a_curve and figure.inside is not None]
    if curves:
        n = min(curves)
        found.append(
            "%: of a curve, the share of epochs at which the published one lies in the simultaneous band of the seeds, "
            f"which holds a further curve as a whole {n} times in {n + 1} or more often; inside at 100 %."
        )
    found += [*joint(study), *claims.notes(study), *overview.notes(outcome)]
    lost = lost_runs(study.experiments)
    if any(figure.lost for figure in figures) or lost:
        told = " and ".join(f"{count} {what}" for what, count in lost)
        why = told or "they have no such number"
        found.append(f"lost: runs that are in no mean: {why}.")
    return tuple(found)


def theory(figures: Sequence[Figure]) -> list[str]:
    """What theory's column is, and how far from it the published numbers lie."""
    if all(figure.theory is None for figure in figures):
        return []
    told = "theory: the geometric mean over networks by mean-field theory, before training, not fitted"
    off = [z for figure in figures if (z := figure.off_theory) is not None]
    if off:
        told += f"; published norms lie {min(off):+.2f} to {max(off):+.2f} of its own standard deviations above it"
    return [f"{told}."]


def joint(study: Study) -> list[str]:
    """How the verdict came about: p of each published run, and what the test notices; nothing of outcomes without."""
    if study.alpha is None or not study.published_runs or not study.comparable:
        return []
    told = "; ".join(
        f"{run.experiments} {short_layers(run.layers)} {'not judged' if run.p is None else significant(run.p, 2)}"
        for run in study.published_runs
    )
    found = [
        "Verdict: all that was published of one run is one draw, as strange as its strangest number; p is the share of "
        f"it and our seeds that are as strange: {told}. Together they are rejected at p ≤ {study.alpha:g}, or for a "
        f"number that normal draws would reach in one of {1 / BEYOND:.0f} studies."
    ]
    if study.power:
        noticed = "; ".join(f"{each.alternative} {percent(each.noticed)}" for each in study.power)
        found.append(f"How often the test rejects, by simulation with one seed fewer than here: {noticed}.")
    return found


def _reach(limit: float, seeds: Sequence[int]) -> str:
    """`, ±2.83 with 20`: how wide the band is with so few seeds, in their standard deviations."""
    return "".join(f", ±{band_of(limit, n):.3g} with {n}" for n in sorted({n for n in seeds if n > 1}))


def band_of(limit: float, n: int) -> float:
    """Half the band of one more draw, in standard deviations of n seeds; `limit` of very many."""
    return reach(n, within(limit))


def provenance(values: Sequence[Value], claims: Sequence[Claim] = ()) -> str:
    """Every run behind the figures and claims, by name and seeds: `accuracy-1-c87f3e66 s0-19, …`."""
    runs = dict.fromkeys(visible(value.run) for value in values)
    runs |= dict.fromkeys(visible(run) for claim in claims for run in claim.runs)
    pairs, others = list[tuple[str, int]](), list[str]()
    for run in runs:
        match = _RUN.fullmatch(run)
        if match:
            pairs.append((match["name"], int(match["seed"])))
        else:
            others.append(run)
    return ", ".join([*filter(None, [named(pairs)]), *others])


def _origin(outcome: Outcome) -> str:
    behind = {(value.experiment, value.run) for value in outcome.values}
    behind |= {(claim.experiment, run) for claim in outcome.study.claims for run in claim.runs}
    return f"Behind the {_first(outcome)}s: {len(behind)} runs; --format csv or json names them."

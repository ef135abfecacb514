"""What a study found, in sentences: for each experiment, and for each picture as its text alternative."""

from __future__ import annotations

from collections.abc import Callable

from vgrad.study.claims.verdict import reason_of
from vgrad.study.outcome import RATIO, Experiment, Figure, Outcome
from vgrad.study.report import evidence, overview
from vgrad.study.report.table import by_depth, lost_runs, measured, plain, published, sentence
from vgrad.text.numbers import percent


def found(outcome: Outcome, experiment: Experiment) -> str:
    """What came out of one experiment: the runs, the figures, and the one that says most."""
    figures = [figure for figure in outcome.figures if figure.experiment == experiment.letter]
    lost = " and ".join(f"{count} {what}" for what, count in lost_runs([experiment]))
    told = [f"{experiment.complete} of {experiment.runs} runs are whole{f'; {lost}' if lost else ''}."]
    if outcome.study.comparable and figures:
        inside = sum(figure.verdict == "inside" for figure in figures)
        told.append(f"{inside} of {len(figures)} published figures lie inside their bands.")
        outside = [f"{figure.label} of {figure.layers}" for figure in figures if figure.verdict == "outside"]
        told += [f"Outside: {'; '.join(outside)}."] if outside else []
    claims = [claim for claim in outcome.study.claims if claim.experiment == experiment.letter]
    told += [sentence(reason_of(claims).capitalize())] if claims else []
    best = max((figure for figure in figures if figure.unit == "%" and figure.center), key=_center, default=None)
    if best:
        told.append(f"The best network is {best.layers}, with {measured(best)} % on average{_beside(best)}.")
    ratios = [figure for figure in figures if figure.of_a_ratio and figure.center]
    if ratios:
        deep = max(ratios, key=lambda figure: (figure.layers.count("-"), _center(figure)))
        told.append(
            f"In {deep.layers} the last hidden layer learns {plain(deep.center, deep)} times as fast as the first "
            f"({deep.label}){_beside(deep)}."
        )
    return " ".join(told)


def _center(figure: Figure) -> float:
    return figure.center or 0.0


def _beside(figure: Figure) -> str:
    return "" if figure.published is None else f"; published: {published(figure)}"


def speed(outcome: Outcome) -> str:
    """Of the curves: how they end, and how much of the published ones lies in the bands."""
    shown = "Speed of learning of each hidden layer over the epochs, on a logarithmic axis."
    return f"{shown} {_ends(outcome)}{_share(outcome, ratio=False)}"


def _ends(outcome: Outcome) -> str:
    told = []
    for layers in dict.fromkeys(curve.layers for curve in outcome.curves):
        points = [curve.points[-1] for curve in outcome.curves if curve.layers == layers and curve.line == RATIO]
        if points and points[0].center:
            told.append(f"{points[0].center:.3g} in {layers}")
    return f"At the end, the speed of the last layer over that of the first is {', '.join(told)}. " if told else ""


def _share(outcome: Outcome, *, ratio: bool) -> str:
    points = [point for curve in outcome.curves if (curve.line == RATIO) == ratio for point in curve.points]
    judged = [point.inside for point in points if point.inside is not None]
    bands = "bands that hold one more curve as a whole"
    if not judged:
        return f"Nothing is published for this; the picture shows the geometric means and the {bands}."
    return f"The published curves lie in the {bands} at {percent(sum(judged) / len(judged))} of the epochs."


def ratio(outcome: Outcome) -> str:
    """Of last/first over the epochs."""
    shown = "Speed of the last hidden layer over that of the first, over the epochs, on a logarithmic axis."
    return f"{shown} {_share(outcome, ratio=True)}"


def bars(outcome: Outcome) -> str:
    """Of the single neurons: how often the upper layer's are the faster ones."""
    layers = sorted({neuron.layer for neuron in outcome.neurons})
    means = []
    for layer in layers:
        sizes = [neuron.measured for neuron in outcome.neurons if neuron.layer == layer]
        means.append(f"{sum(sizes) / len(sizes):.2g} in layer {layer}")
    beside = ", published beside measured" if any(neuron.published is not None for neuron in outcome.neurons) else ""
    return f"How fast single neurons learn before training{beside}; measured, they average {', '.join(means)}."


def accuracy(outcome: Outcome) -> str:
    """Of the accuracies: all of them."""
    shown = [figure for figure in outcome.figures if figure.unit == "%" and figure.center is not None]
    told = "; ".join(f"{figure.layers}: {measured(figure)} %{_beside(figure)}" for figure in shown)
    return f"Accuracy of every seed by {'depth' if by_depth(shown) else 'network'}, with means and intervals. {told}."


def figures(outcome: Outcome) -> str:
    """Of all z: how many are inside, and which is furthest out."""
    judged = [figure for figure in outcome.figures if figure.z is not None]
    if not judged:
        return "Every seed in standard deviations from the mean of its figure; nothing is published to compare."
    inside = sum(figure.verdict == "inside" for figure in judged)
    far = max(judged, key=lambda figure: abs(figure.z or 0.0))
    return (
        f"Every published figure in standard deviations from the mean of the seeds: {inside} of {len(judged)} lie "
        f"inside their bands. The furthest is {far.label} of {far.layers}, z = {far.z:+.2f}."
    )


ALTERNATIVES: dict[str, Callable[[Outcome], str]] = {
    "study-speed": speed,
    "study-ratio": ratio,
    "study-bars": bars,
    "study-accuracy": accuracy,
    "study-figures": figures,
    "study-overview": overview.alternative,
    "study-claims": evidence.alternative,
}

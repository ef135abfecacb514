"""The picture of claims: the ranges are those that the claims say, and every seed stands where it is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from matplotlib.text import Text

from vgrad.errors import ConfigError
from vgrad.pictures.style import styled
from vgrad.study.claims.forms import Claim
from vgrad.study.claims.judging import claimed
from vgrad.study.files import read_outcome
from vgrad.study.report.claims import weakest
from vgrad.study.report.evidence import MOST_CLAIMS, alternative, ends, evidence
from vgrad.study.report.marks import Layout

KEPT = Path(__file__).resolve().parents[2] / "runs" / "reference"
LINEAR, LOG = {"name": "monitor", "monitor": "train_cost"}, {"name": "probe", "probe": "delta_norm", "layer": "every"}
CELLS: dict[str, Any] = {"of": {"a": 1}, "above": {"a": 2}}
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[float, float]]] = {
    "ordering": (LINEAR, CELLS, (0.0, math.inf)),
    "by a margin": (LINEAR, {**CELLS, "margin": 0.25}, (0.25, math.inf)),
    "below by a margin": (LINEAR, {"of": {"a": 1}, "below": {"a": 2}, "margin": 0.25}, (-math.inf, -0.25)),
    "below by a factor": (LOG, {"of": {"a": 1}, "below": {"a": 2}, "factor": 5}, (-math.inf, 0.2)),
    "by a factor": (LOG, {**CELLS, "factor": 1.5}, (1.5, math.inf)),
    "bound": (LINEAR, {"of": {}, "above": 1e-7, "below": 2.5e6}, (1e-7, 2.5e6)),
    "negative bound": (LINEAR, {"of": {}, "above": -3, "below": -1.5}, (-3.0, -1.5)),
    "lower bound": (LINEAR, {"of": {}, "above": 0.8}, (0.8, math.inf)),
    "slope": (LOG, {"of": {}, "along": "layer", "above": 1.6, "below": 1.9}, (1.6, 1.9)),
    "constancy": (LOG, {"of": {}, "along": "layer", "within": 25}, (0.8, 1.25)),
    "theory": (LOG, {"of": {}, "within": 5}, (1 / 1.05, 1.05)),
}


def slow(values: tuple[str, float]) -> Any:
    """One of the slow suite."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", FORMS)
def test_the_range_is_the_one_that_the_claim_says(name: str) -> None:
    measure, form, expected = FORMS[name]
    kind = next((each for each in ("bound", "slope", "constancy", "theory") if each in name), "ordering")
    claim = Claim.model_validate({"text": "x", "source": "y", "measure": measure, kind: form})
    assert ends(claimed(claim)) == pytest.approx(expected)


def test_a_text_that_is_no_claim_has_no_range() -> None:
    assert all(map(math.isnan, ends("much more")))


@pytest.mark.parametrize(
    ("name", "width"),
    [("glorot2010", 3.4), ("mishkin2016", 10.0), *map(slow, [("schoenholz2017", 10.0), ("remedies", 3.4)])],
)
def test_every_seed_stands_where_it_is(name: str, width: float) -> None:
    outcome = read_outcome(KEPT / name)
    with styled():
        figure = evidence(outcome, Layout(width))
        figure.draw_without_rendering()
    claims = [claim for claim in outcome.study.claims if claim.parts]
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == len(claims)
    for axes, claim in zip(panels, claims, strict=True):
        dots = [line for line in axes.lines if line.get_marker() == "."]
        shown = [[float(x) for x in line.get_xdata()] for line in dots]
        assert shown == [
            [x for x in part.values if not isinstance(x, str) and x is not None] for part in weakest(claim)
        ]
        left, right = axes.get_xlim()
        assert all(left <= x <= right for row in shown for x in row)
        low, high = ends(claim.claimed)
        shade = axes.patches[0].get_x(), axes.patches[0].get_x() + axes.patches[0].get_width()
        assert shade == pytest.approx((max(low, left), min(high, right)))
        assert axes.get_title(loc="left").startswith(f"{claim.claim} {claim.verdict}")
        (title,) = [text for text in axes.findobj(Text) if text.get_text() == axes.get_title(loc="left")]
        assert title.get_window_extent().x1 <= figure.bbox.x1 + 1


def test_what_has_no_claims_or_too_many_has_no_picture() -> None:
    with pytest.raises(ConfigError, match="no claims"):
        evidence(read_outcome(KEPT / "nielsen"), Layout())
    outcome = read_outcome(KEPT / "he2015")
    many = outcome.study.model_copy(update={"claims": outcome.study.claims * MOST_CLAIMS})
    with pytest.raises(ConfigError, match=f"more than a picture holds, {MOST_CLAIMS}"):
        evidence(type(outcome)(many, (), (), (), ()), Layout())


def test_in_words_it_has_every_verdict() -> None:
    told = alternative(read_outcome(KEPT / "mishkin2016"))
    assert "A.1 (0.9 to 1.1) holds" in told
    assert "A.4 (> 0.5) fails, agrees in 0 of 6 seeds" in told

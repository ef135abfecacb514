"""The studies that come with vgrad: their quick looks agree with what was published, and a claim of each is wrong for a
network that the paper does not mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from project import FULL

from vgrad.cli import run
from vgrad.study.names import STUDIES
from vgrad.study.published import load_study

NOT_SHOWN = {("mishkin2016", "And of sigmoids"), ("srivastava2014", "Dropout classifies new images better")}
"""What is known not to reproduce, with its cause in the claim's source."""

CHANGES: dict[str, dict[str, list[str]]] = {
    "balduzzi2017": {"probes.examples=20": ["A.1", "A.2"]},
    "glorot2010": {"activation=sigmoid": ["A.1", "A.2", "A.3", "A.4", "A.5"], "batch_norm=true": ["B.2"]},
    "hanin2018": {"activation=identity init=orthogonal": ["A.3"]},
    "he2015": {"activation=sigmoid": ["A.1", "A.4", "A.5", "A.6"], "batch_norm=true": ["A.2"]},
    "ioffe2015": {"activation=identity": ["A.1", "A.2"]},
    "klambauer2017": {"residual=true": ["A.1", "A.2", "A.4", "A.5"]},
    "mishkin2016": {"optimizer.learning_rate=0": ["A.2", "A.3"]},
    "pennington2017": {"layer_norm=true": ["A.1", "A.3"]},
    "remedies": {"optimizer.learning_rate=0": ["A.4", "A.6"]},
    "saxe2013": {"layers.width=8": ["A.2"]},
    "schoenholz2017": {"layer_norm=true": ["A.7"]},
    "srivastava2014": {"optimizer.learning_rate=0": ["A.2"]},
    "sutskever2013": {"activation=tanh": ["A.1", "A.2", "A.3", "A.4"]},
}
"""study -> what is changed -> the claims that no seed agrees with then."""
KEPT_BY_ALL: dict[str, list[str]] = {}
"""Claims that each of twenty changes left as they are, what they would need being an axis of the study itself."""
LONG = {"schoenholz2017", "saxe2013", "hanin2018", "klambauer2017", "mishkin2016", "remedies"}
"""Those that take half a minute and more, twice."""
OTHERS = {"nielsen"}
"""Studies with tests of their own."""


def test_every_claim_of_a_quick_look_has_a_change_that_makes_it_fail() -> None:
    assert {*CHANGES, *OTHERS} == {*STUDIES}
    for name, changes in CHANGES.items():
        judged = {
            f"{chr(ord('A') + at)}.{number}"
            for at, experiment in enumerate(load_study(name).contents.experiments)
            for number, claim in enumerate(experiment.claims, 1)
            if claim.quick and (name, claim.text) not in NOT_SHOWN
        }
        fails = {claim for claims in changes.values() for claim in claims}
        assert fails.isdisjoint(KEPT_BY_ALL.get(name, []))
        assert fails.union(KEPT_BY_ALL.get(name, [])) == judged, name


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES if FULL else [name for name in CHANGES if name not in LONG])
def test_it_agrees_and_with_the_change_it_does_not(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    forked_workers: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vgrad.study.report.folder.write_pictures", lambda folder: [])

    def told(*words: str) -> dict[str, dict[str, Any]]:
        assert run(["reproduce", name, "--quick", "-q", "--json", *words]) in (0, 1)
        study = json.loads(capsys.readouterr().out)
        assert study["scaled"]
        return {claim["claim"]: claim for claim in study["claims"] if not claim["why"]}

    right, found = ("agrees", "holds"), told()
    wrong = {(name, claim["text"]) for claim in found.values() if claim["verdict"] not in right}
    assert wrong == {known for known in NOT_SHOWN if known[0] == name}, found
    for change, claims in CHANGES[name].items():
        changed = told(*(word for each in change.split() for word in ("-s", each)))
        for claim in claims:
            assert changed[claim]["verdict"] not in right, (change, claim)
            assert changed[claim]["agree"] == 0, (change, claim)

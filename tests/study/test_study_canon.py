"""The studies that come with vgrad: their quick looks agree with what was published, and a claim of each is wrong for a
network that the paper does not mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from project import FULL

from vgrad.cli import run
from vgrad.study.names import STUDIES
from vgrad.study.published import load_study

NOT_SHOWN = {("mishkin2016", "And of sigmoids"), ("srivastava2014", "Dropout classifies new images better")}
"""What is known not to reproduce, with its cause in the claim's source."""

CHANGES = {
    "schoenholz2017": ("layer_norm=true", "In the ordered phase they vanish, layer by layer"),
    "sutskever2013": ("activation=tanh", "Scales of 0.25 and 0.5 fail"),
    "glorot2010": (
        "activation=sigmoid",
        "The mean singular value of a layer's Jacobian is about 0.8 with normalized weights",
    ),
    "saxe2013": ("batch_norm=true", "With Gaussian ones, deeper networks learn more slowly"),
    "ioffe2015": ("activation=tanh", "It reaches 90 % in fewer than half the epochs"),
    "hanin2018": (
        "activation=identity init=orthogonal",
        "Twenty layers of 30 units spread by more than a factor of two, a standard deviation",
    ),
    "klambauer2017": ("data.scale=unit", "Activations have a variance near 1 in every layer"),
    "pennington2017": ("activation=relu", "Of the orthogonal network it stays so at any depth"),
    "mishkin2016": ("optimizer.learning_rate=0", "Deep networks of rectifiers train"),
    "srivastava2014": (
        "optimizer.learning_rate=0",
        "It keeps the network from fitting its training images as closely",
    ),
    "balduzzi2017": (
        "probes.examples=50",
        "With batch normalization, gradients of 30 plain layers are like white noise",
    ),
}
"""study -> what is changed, and a claim that no seed agrees with then."""
LONG = {"schoenholz2017", "saxe2013", "hanin2018", "klambauer2017", "mishkin2016"}
"""Those that take half a minute and more, twice."""
OTHERS = {"nielsen", "he2015"}
"""Studies with tests of their own."""


def test_every_study_has_a_change_that_makes_it_fail() -> None:
    assert {*CHANGES, *OTHERS} == {*STUDIES}
    for name, (_, text) in CHANGES.items():
        assert text in {
            claim.text for experiment in load_study(name).contents.experiments for claim in experiment.claims
        }


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

    def told(*words: str) -> dict[str, tuple[str, int]]:
        assert run(["reproduce", name, "--quick", "-q", "--json", *words]) in (0, 1)
        study = json.loads(capsys.readouterr().out)
        assert study["scaled"]
        return {claim["text"]: (claim["verdict"], claim["agree"]) for claim in study["claims"] if not claim["why"]}

    right, found = ("agrees", "holds"), told()
    wrong = {(name, text): verdict for text, (verdict, _) in found.items() if verdict not in right}
    assert {*wrong} == {known for known in NOT_SHOWN if known[0] == name}, found
    change, text = CHANGES[name]
    verdict, agree = told(*(word for each in change.split() for word in ("-s", each)))[text]
    assert verdict not in right, (change, text)
    assert agree == 0

"""A second study, of other names and with curves in two experiments: its page, its sentences and its pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vgrad.cli import run
from vgrad.study.files import read_outcome
from vgrad.study.report.pictures import STUDY_PICTURES
from vgrad.study.report.words import ALTERNATIVES, found
from vgrad.text.escapes import page as inert

HOUSE = Path(__file__).resolve().parents[2]
STUDY = HOUSE / "configs" / "studies" / "depth.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped example with a third experiment, whose curves are of the network of the second one."""
    place = tmp_path_factory.mktemp("second")
    tree = yaml.safe_load(STUDY.read_text())
    shares, norms = tree["experiments"]
    other = {**norms, "name": "tanh", "sweep": {**norms["sweep"], "activation": "tanh"}}
    del other["neurons"]
    (place / "depth.yaml").write_text(yaml.safe_dump({**tree, "seeds": 2, "experiments": [shares, norms, other]}))
    (place / "depth-curves.csv").write_bytes((STUDY.parent / "depth-curves.csv").read_bytes())
    words = ["reproduce", str(place / "depth.yaml"), "-j", "0", "-q", "--runs-dir", str(place / "runs")]
    assert run(words) in (0, 1)
    return place / "runs" / "depth"


@pytest.mark.slow
def test_the_page_has_the_pictures_of_every_experiment(folder: Path) -> None:
    outcome, page = read_outcome(folder), (folder / "page.html").read_text(encoding="utf-8")
    names = ["accuracy", "speed-B", "ratio-B", "bars", "speed-C", "ratio-C", "figures"]
    places = [page.find(f'<figcaption id="picture-{name}">') for name in names]
    assert -1 < places[0] < page.index('id="experiment-B"') < places[1]
    assert places == sorted(places)
    assert page.count("<figcaption") == len(names)
    for experiment in outcome.study.experiments:
        assert inert(found(outcome, experiment)) in page
    _, norms, tanh = map(outcome.part, outcome.study.experiments)
    assert norms.neurons == outcome.neurons
    assert len(norms.neurons) == 6
    assert tanh.neurons == ()
    for part in (norms, tanh):
        assert inert(ALTERNATIVES["study-speed"](part)) in page
    assert "learns" in found(outcome, outcome.study.experiments[1])
    assert "best network" in found(outcome, outcome.study.experiments[0])


@pytest.mark.slow  # the default suite draws each of a study made by hand
@pytest.mark.parametrize("kind", [kind for kind in STUDY_PICTURES if kind not in ("study-overview", "study-claims")])
def test_every_kind_of_picture_is_drawn(folder: Path, kind: str, tmp_path: Path) -> None:
    assert run(["plot", str(folder), "--kind", kind, "-o", str(tmp_path / "one.svg")]) == 0
    assert (tmp_path / "one.svg").stat().st_size > 1000
    assert (folder / f"{kind}.png").is_file()


def test_the_document_shows_the_shipped_file() -> None:
    assert f"```yaml\n{STUDY.read_text()}```" in (HOUSE / "docs" / "studies.md").read_text(encoding="utf-8")

"""The page of a study: one file that runs nothing, asks nothing of a network, and says what was found."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import html5lib
import pytest
from browsing import faults
from hostile_texts import Elements
from study_folder import write_study
from test_study_table import hostile

from vgrad.pictures.svg import dark, inline, simplified
from vgrad.study.files import read_outcome
from vgrad.study.outcome import Outcome
from vgrad.study.report.formats import STUDY_FORMATS
from vgrad.study.report.page import _experiment
from vgrad.study.report.table import lay_out
from vgrad.study.report.words import ALTERNATIVES


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return read_outcome(write_study(tmp_path_factory.mktemp("study"), epochs=range(12)))


@pytest.fixture(scope="module")
def text(outcome: Outcome) -> str:
    return STUDY_FORMATS["html"](outcome)


PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" width="1pt" height="1pt"></svg>'


@pytest.fixture(scope="module")
def words(outcome: Outcome) -> str:
    """The page with nothing in its pictures."""
    with mock.patch("vgrad.study.report.page.picture", return_value=PICTURE):
        return STUDY_FORMATS["html"](outcome)


@pytest.mark.slow
def test_the_page_validates_and_is_alone(outcome: Outcome, text: str) -> None:
    html5lib.HTMLParser(strict=True).parse(text)  # raises at the first error
    found = Elements(text)
    assert (found.open, found.handlers, found.count("script"), found.count("svg")) == ([], [], 0, 5)
    assert len(found.ids) == len(set(found.ids))
    outside = [address for address in found.addresses if not address.startswith("#")]
    assert outside == [outcome.study.url]
    inside = {address[1:] for address in found.addresses if address.startswith("#")}
    assert inside | set(re.findall(r"url\(#([^)]+)\)", text)) <= set(found.ids)
    assert "default-src 'none'" in text
    assert "unsafe" not in text


@pytest.mark.slow
def test_the_page_of_a_full_study_can_be_sent(tmp_path: Path) -> None:
    outcome = read_outcome(write_study(tmp_path, epochs=range(500)))
    assert len(STUDY_FORMATS["html"](outcome).encode()) < 1.5e6


def test_what_is_said_of_published_data_stands_beside_them_alone(outcome: Outcome) -> None:
    said = "On 50,000 images the second hidden layer helps"
    part = outcome.study.experiments[0].model_copy(update={"text": said})
    for changes, shown in (
        ({}, True),
        ({"verdict": "not comparable", "data": "digits", "settings": ("data=digits",)}, False),
        ({"verdict": "not comparable"}, True),  # a study that publishes nothing may say what it likes
    ):
        other = replace(outcome, study=outcome.study.model_copy(update=changes))
        section = _experiment(other, lay_out(other), part, {})
        assert (said in section, "networks, on digits; what it says of its own data" in section) == (shown, not shown)


def test_the_verdict_comes_first(outcome: Outcome, words: str) -> None:
    body = words.split("<body>")[1]
    assert body.index("Reproduced: 28 of 28 figures inside their bands.") < body.index("<h1>")
    assert "The figure of the one-neuron chain is a formula" in body
    for experiment in outcome.study.experiments:
        assert f"{experiment.letter}. {experiment.title}" in body
    assert "79 of 80 runs are whole; 1 diverged." in body
    assert "<code>vgrad reproduce nielsen</code>" in body
    assert "a-2-00000002 s0-19" in body
    assert [kind for kind, told in ALTERNATIVES.items() if told(outcome).replace("'", "&#x27;") not in body] == []


def test_tables_hold_every_figure(outcome: Outcome, words: str) -> None:
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">", words)
    assert len(rows) == len(outcome.figures)
    assert words.count("<table>") == 3
    assert words.count('scope="rowgroup"') == 7


@pytest.mark.slow
def test_hostile_texts_stay_inert(outcome: Outcome) -> None:
    bad = hostile(outcome)
    for url in ("javascript:alert(1)", 'http://x" onclick="alert(1)'):
        study = bad.study.model_copy(update={"url": url})
        text = STUDY_FORMATS["html"](Outcome(study, bad.figures, bad.curves, bad.neurons, bad.values))
        html5lib.HTMLParser(strict=True).parse(text)
        found = Elements(text)
        assert (found.handlers, found.count("script"), found.count("img")) == ([], 0, 0)
        assert not any(address.startswith("javascript") for address in found.addresses)
        assert not any(sign in text for sign in ("\x1b", "\u202e"))


@pytest.mark.slow  # tables and pictures of other data are tested beside theirs
def test_a_study_of_other_data_is_told_as_that(tmp_path: Path) -> None:
    few = read_outcome(write_study(tmp_path, comparable=False, seeds=2, epochs=(0,), settings=["data=digits", "a=b c"]))
    text = STUDY_FORMATS["html"](few)
    assert "vgrad reproduce nielsen -s data=digits -s &#x27;a=b c&#x27;" in text
    assert "Not comparable" in text
    assert "z = " not in text


def test_an_experiment_may_be_missing_and_an_outsider_is_told(tmp_path: Path) -> None:
    folder = write_study(tmp_path, epochs=(0, 1), verdict="not reproduced", reason="one figure is outside")
    lines = (folder / "figures.csv").read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("inside", "outside")
    (folder / "figures.csv").write_text("".join(lines))
    found = read_outcome(folder)
    study = found.study.model_copy(update={"experiments": list(found.study.experiments[:1])})
    figures = tuple(figure for figure in found.figures if figure.experiment == "A")
    text = STUDY_FORMATS["html"](Outcome(study, figures, (), (), found.values))
    assert Elements(text).count("svg") == 2
    assert text.count('<tr class="outside">') == 1
    assert "Outside: validation accuracy of 784-30-10." in text
    assert "Not reproduced: one figure is outside." in text


def test_lines_are_simplified_within_a_tenth_of_a_point() -> None:
    curve = [(x / 10, 50 + 40 / (1 + x / 20)) for x in range(5000)]
    kept = simplified(curve)
    assert kept[0] == curve[0]
    assert kept[-1] == curve[-1]
    assert len(kept) < 60
    for x, y in curve[::7]:
        left = max(point for point in kept if point[0] <= x)
        right = min(point for point in kept if point[0] >= x)
        dx, dy = right[0] - left[0], right[1] - left[1]
        assert abs(dx * (y - left[1]) - dy * (x - left[0])) <= 0.12 * math.hypot(dx, dy) + 1e-9
    spike = [(0.0, 0.0), (1.0, 0.0), (1.5, 9.0), (2.0, 0.0), (3.0, 0.0)]
    assert simplified(spike) == spike
    assert simplified([(0.0, 0.0), (5.0, 5.0), (0.0, 0.0)]) == [(0.0, 0.0), (5.0, 5.0), (0.0, 0.0)]


def test_a_drawing_keeps_no_style_and_its_own_names() -> None:
    svg = b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
      width="9pt" viewBox="0 0 9 9">
      <metadata>secret</metadata><style>*{x:y}</style><defs><path id="a" d="M 0 0 L 0.04 1.06 z"/></defs>
      <use xlink:href="#a" style="fill: #ffffff; clip-path: url(#b); stroke: none"/></svg>"""
    text = inline(svg, "p-", 'says "so"')
    assert text == (
        '<svg viewBox="0 0 9 9" role="img" fill="currentColor" aria-label="says &quot;so&quot;">'
        '<defs><path id="p-a" d="M0 0L0 1.1z"/></defs>'
        '<use fill="#ffffff" clip-path="url(#p-b)" stroke="none" class="fffffff" href="#p-a"/></svg>'
    )
    assert dark([text]) == ".fffffff { fill: var(--paper); }"


# In a real browser.


@pytest.fixture(scope="module")
def file(text: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def page(browser: Any, file: Path) -> Iterator[Any]:
    """The page, opened from file://; at the end there was no message, no error and no further request."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, color_scheme="dark")
    opened, messages, requests = context.new_page(), [], []
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(f"file://{file}")
    yield opened
    assert messages == []
    assert requests == [f"file://{file}"]
    context.close()


@pytest.mark.slow
def test_the_policy_lets_its_colours_through(page: Any) -> None:
    """White of a picture is the paper of the dark theme, and black its ink; the pictures are drawn at full width."""
    paper, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert paper != "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('svg .fffffff')).fill") == paper
    assert page.evaluate("getComputedStyle(document.querySelector('svg .s000000')).stroke") == ink
    assert page.evaluate("document.querySelector('svg').getBoundingClientRect().width") > 600


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_it_is_accessible(browser: Any, file: Path, theme: str, width: int) -> None:
    assert faults(browser, file, theme, width) == []

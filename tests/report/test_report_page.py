"""The page in a real browser: what it shows is what gradients.csv says, and it asks nothing of a network."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import faults
from report_runs import trained

from vgrad.report.compare import compare
from vgrad.report.formats import FORMATS
from vgrad.report.runs import collect

pytestmark = pytest.mark.slow

DIGITS = 1e-5  # relative: the page holds six digits


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("page")
    for depth in (2, 3):
        trained(found, layers=[64, *[8] * depth, 10], epochs=6, probes={"neurons": [0, 4]})
    trained(found, layers=[64, 8, 8, 8, 8, 10], epochs=6, probes={"every": 2})
    runs, _ = collect([str(found)], Path())
    (found / "page.html").write_text(FORMATS["html"](compare(runs)), encoding="utf-8")
    return found


@pytest.fixture
def page(browser: Any, folder: Path) -> Iterator[Any]:
    """The page, opened from file://; at the end there was no message, no error and no further request."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened, messages, requests = context.new_page(), [], []
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(f"file://{folder}/page.html")
    yield opened
    assert messages == []
    assert requests == [f"file://{folder}/page.html"]
    context.close()


def bars(page: Any, panel: str) -> list[float]:
    return [float(bar.get_attribute("data-value")) for bar in page.locator(f"#panel-{panel} .bar").all()]


def norms(folder: Path, hidden: int, epoch: int) -> list[float]:
    (run,) = [run for run in collect([str(folder)], Path())[0] if run.hidden == hidden]
    rows = run.stored.gradients
    found: list[float] = rows.loc[(rows["epoch"] == epoch) & (rows["kind"] == "hidden"), "delta_norm"].tolist()
    return found


def test_the_slider_moves_both_runs_to_the_values_of_the_files(page: Any, folder: Path) -> None:
    for epoch in (0, 3, 4, 6):
        page.locator("#epoch").fill(str(epoch))
        assert page.locator("#at").inner_text() == str(epoch)
        assert bars(page, "a") == pytest.approx(norms(folder, 2, epoch), rel=DIGITS)
        measured = epoch // 2 * 2  # the deepest run measured every second epoch
        assert bars(page, "b") == pytest.approx(norms(folder, 4, measured), rel=DIGITS)
        widths = [float(bar.get_attribute("width")) for bar in page.locator("#panel-b .bar").all()]
        assert sorted(widths) == widths
        shown = [float(cell.inner_text()) for cell in page.locator("#panel-a .norm").all()]
        assert shown == pytest.approx(norms(folder, 2, epoch), rel=5e-3)
    cursors = {cursor.get_attribute("x1") for cursor in page.locator(".cursor").all()}
    assert len(cursors) == 1


def test_neurons_are_those_of_the_latest_recorded_epoch(page: Any, folder: Path) -> None:
    (run,) = [run for run in collect([str(folder)], Path())[0] if run.hidden == 2]
    table = run.stored.neurons
    for epoch, recorded in ((0, 0), (3, 0), (4, 4), (6, 4)):
        page.locator("#epoch").fill(str(epoch))
        for layer in (1, 2):
            place = page.locator(f"#panel-a .neurons[data-layer='{layer}'] rect")
            found = [float(bar.get_attribute("data-value")) for bar in place.all()]
            rows = table[(table["epoch"] == recorded) & (table["layer"] == layer)]
            assert found == pytest.approx(rows["delta"].tolist(), rel=DIGITS)


def test_sorting_sorts(page: Any) -> None:
    header = page.locator("thead th", has_text="last/first").first

    def ranks() -> list[float]:
        column = header.evaluate("cell => cell.cellIndex")
        rows = page.locator("#comparison ~ .scroll").first.locator("tbody tr").all()
        return [float(row.locator("td, th").nth(column).get_attribute("data-rank")) for row in rows]

    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert ranks() == sorted(ranks())
    header.locator("button").press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert ranks() == sorted(ranks(), reverse=True)


def test_keys_play_choices_and_axes(page: Any) -> None:
    page.locator("#epoch").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#at").inner_text() == "1"
    page.locator("#play").press("Enter")
    expect = pytest.importorskip("playwright.sync_api").expect  # wait_for_function would need eval
    expect(page.locator("#at")).to_have_text("6", timeout=10_000)
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    before = page.locator("#panel-a svg path").first.get_attribute("d")
    page.locator("#log").uncheck()
    assert page.locator("#panel-a svg path").first.get_attribute("d") != before
    page.locator("#run-b").select_option("")
    assert page.locator("#panel-b").is_hidden()
    page.locator("button.show[data-to=b]").first.click()
    assert page.locator("#panel-b").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_it_is_accessible(browser: Any, folder: Path, theme: str, width: int) -> None:
    assert faults(browser, folder / "page.html", theme, width) == []


def test_it_begins_with_what_the_data_say_and_with_a_pair_that_differs_in_depth(page: Any, folder: Path) -> None:
    runs, _ = collect([str(folder)], Path())
    deep = max(runs, key=lambda run: run.summary["gradient"]["start"]["last_first_ratio"])
    first = page.locator("header p").first.inner_text()
    ratio = deep.summary["gradient"]["start"]["last_first_ratio"]
    told = float(re.search(r"learns ([0-9.,]+) times slower", first)[1].replace(",", ""))  # type: ignore[index]
    assert told == pytest.approx(ratio, rel=0.05)
    assert f"{100 * deep.summary['final']['validation_accuracy']:.1f} % of the validation" in first
    headings = [heading.inner_text() for heading in page.locator(".pair h3").all()]
    assert [heading.split(" ")[0] for heading in headings] == ["64-8-8-10", "64-4×8-10"] or "64-8-8-8-8-10" in headings[
        1
    ]


def test_ends_ratios_accuracy_and_the_scale_are_told(page: Any, folder: Path) -> None:
    ends = page.locator("#panel-b .end").all()
    assert sorted(end.text_content() for end in ends) == ["1", "2", "3", "4"]
    boxes = sorted(end.bounding_box()["y"] for end in ends)
    assert min(later - earlier for earlier, later in itertools.pairwise(boxes)) > 8
    first, *_, last = norms(folder, 4, 0)
    ratio = page.locator("#panel-b .ratio").all()
    assert float(ratio[0].text_content().removeprefix("÷ ")) == pytest.approx(last / first, rel=5e-3)
    assert ratio[-1].text_content() == ""
    assert page.locator("#panel-a .accuracy").count() == 1
    caption = page.locator("#panel-a figcaption").last
    assert "(log, from " in caption.inner_text()
    page.locator("#log").uncheck()
    assert "(linear, from 0 to " in caption.inner_text()
    assert page.locator("#norms").is_hidden()  # there is only one


def test_norms_stand_in_tables_of_their_own_with_raised_layers(page: Any) -> None:
    captions = [caption.inner_text() for caption in page.locator("caption").all()]
    assert captions == ["‖δˡ‖ at the start", "‖δˡ‖ at the end"] or all("‖δl‖ at the" in told for told in captions)
    assert page.locator("caption + thead th sup").first.inner_text() == "1"
    assert "^" not in page.locator("main").inner_text()


def test_the_slider_stays_at_epochs_whose_neurons_are_recorded(browser: Any, tmp_path: Path) -> None:
    run = trained(tmp_path, layers=[64, 8, 8, 10], epochs=60, probes={"neurons": [0, 30], "every": 10})
    (tmp_path / "page.html").write_text(FORMATS["html"](compare(collect([str(run)], Path())[0])), encoding="utf-8")
    page = browser.new_page()
    page.goto(f"file://{tmp_path}/page.html")
    for asked, shown in ((29, "30"), (31, "30"), (1, "0"), (20, "20"), (45, "45")):
        page.locator("#epoch").fill(str(asked))
        assert page.locator("#at").inner_text() == shown
    assert page.locator("#panel-a svg").first.bounding_box()["width"] < 720  # one run is no giant
    page.close()


@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_sticks_out_of_the_page(browser: Any, folder: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"file://{folder}/page.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()

"""Theory in reports: what it predicts beside what was measured, where it held, and what it says nothing of."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from report_runs import trained

from vgrad.errors import ConfigError
from vgrad.report.compare import compare
from vgrad.report.formats import FORMATS, as_csv, as_json
from vgrad.report.layout import lay_out
from vgrad.report.panels import Options
from vgrad.report.pictures import PICTURES
from vgrad.report.runs import Run, collect
from vgrad.report.theory import expectations
from vgrad.report.theory.band import unpredicted
from vgrad.report.theory.held import held
from vgrad.theory.propagation.expected import Expected

Command = Callable[..., tuple[int, str, str]]
VALUES = ["delta_norm[1]", "predicted[1]", "predicted_low[1]", "predicted_high[1]", "measured/predicted[1]"]
SMALL = {"layers": [64, 30, 30, 10], "epochs": 0, "probes": {"examples": 40}}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Three seeds of a network that theory knows, one of them with another rate, and one that it says nothing of."""
    folder = tmp_path_factory.mktemp("networks")
    for seed in range(3):
        trained(folder, **SMALL, seed=seed)
    trained(folder, **SMALL, seed=2, optimizer={"name": "sgd", "learning_rate": 0.7})
    trained(folder, **SMALL, layer_norm=True)
    return collect([str(folder)], Path())[0]


def test_predicted_stands_beside_measured(networks: list[Run]) -> None:
    runs = [run for run in networks if "layer_norm" not in run.config]
    table = compare(runs, rows=["layers"], values=VALUES)
    measured, predicted, low, high, ratio = (table.cells[("64-30-30-10",), (), value.name] for value in table.values)
    found = expectations.expectation(runs[0])
    assert isinstance(found, Expected)
    assert set(predicted.numbers.values()) == {found.layers[0].geometric}
    assert set(low.numbers.values()) == {found.layers[0].low}
    assert set(high.numbers.values()) == {found.layers[0].high}
    for at, norm in measured.numbers.items():
        assert norm == measured.runs[at].summary["gradient"]["start"]["delta_norm"][0]
        assert ratio.numbers[at] == norm / found.layers[0].geometric
    assert ratio.estimate
    assert ratio.estimate.low
    assert predicted.estimate
    assert predicted.estimate.low is None
    assert not any("has no interval" in note for note in lay_out(table).notes)
    last = compare(runs, rows=["layers"], values=["predicted[-1]", "predicted[2]", "predicted[output]"])
    numbers = [next(iter(cell.numbers.values())) for cell in last.cells.values()]
    assert numbers == [found.layers[1].geometric, found.layers[1].geometric, found.layers[2].geometric]
    z = compare(runs, rows=["layers"], values=["predicted_z[1]"]).cells[("64-30-30-10",), (), "predicted_z[1]"]
    for at, each in z.numbers.items():
        assert each == pytest.approx(math.log10(ratio.numbers[at]) / found.layers[0].deviation)


def test_each_network_counts_once_and_what_is_outside_says_why(networks: list[Run]) -> None:
    """Another learning rate makes no other network before training."""
    table = compare(networks, values=["measured/predicted[1]"])
    found = held(table.runs)
    assert (found.networks, found.left) == (1, ())
    assert list(found.silent.values()) == [1]
    told = " ".join(lay_out(table).notes)
    assert "Theory holds in 1 of 1 network," in told
    assert "Nothing is predicted of 1 config: layer_norm: mean-field theory does not hold" in told
    assert json.loads(as_json(table))["theory"] == {"networks": 1, "left": [], "silent": found.silent}
    rows = list(csv.DictReader(StringIO(as_csv(table))))
    assert sorted(row["absent"] for row in rows) == ["0", "0", "1"]
    assert all("Theory holds in 1 of 1 network" in FORMATS[name](table) for name in ("table", "markdown", "html"))
    with pytest.raises(ConfigError, match=r"predicted\[1\]: no run has it: layer_norm: mean-field theory"):
        compare([run for run in networks if "layer_norm" in run.config], values=["predicted[1]"])


def test_a_network_that_theory_is_wrong_of_is_named(networks: list[Run]) -> None:
    """Norms of layer 2 eight times as large as they were: far beyond three standard errors and 12 %."""
    runs = [run for run in networks if "layer_norm" not in run.config]
    wrong = []
    for run in runs:
        gradient = run.summary["gradient"]
        first, second = gradient["start"]["delta_norm"]
        start = {**gradient["start"], "delta_norm": [first, 8 * second]}
        wrong.append(replace(run, summary={**run.summary, "gradient": {**gradient, "start": start}}))
    found = held(wrong)
    assert [(each.layer, each.run.hash) for each in found.left] == [(2, runs[0].hash)]
    assert 4 < found.left[0].ratio < 16
    assert "0 of 1 network, every hidden layer within three standard errors and the accuracy of its kind; not in " in (
        found.told()
    )


def test_reports_that_do_not_ask_compute_no_theory(networks: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(run: Run) -> str:
        raise AssertionError(run)

    monkeypatch.setattr("vgrad.report.values.expectation", asked)
    monkeypatch.setattr("vgrad.report.theory.held.expectation", asked)
    monkeypatch.setattr("vgrad.report.theory.expectations.expectation", asked)
    table = compare(networks)
    assert not any("heory" in note for note in lay_out(table).notes)
    assert "theory" not in json.loads(as_json(table))


def test_it_is_one_command(command: Command, networks: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = networks[0].path.parent
    for width in ("40", "80"):
        monkeypatch.setenv("COLUMNS", width)
        code, out, err = command("report", folder, "--value", ",".join(VALUES))
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= int(width)
    assert command("report", folder, "--where", "measured/predicted[1]>0", "--value", "epochs")[0] == 0
    code, _, err = command("report", folder, "--value", "predicted[1].end")
    assert (code, err) == (2, "vgrad: predicted[1].end: theory is about the start alone; write predicted[1]\n")
    assert "hidden layers are [1] to [2]" in command("report", folder, "--value", "predicted[3]")[2]
    assert "did you mean 'predicted[1]'" in command("report", folder, "--value", "predicte[1]")[2]


def test_a_picture_has_networks_on_the_predicted_band(networks: list[Run]) -> None:
    known = [run for run in networks if "layer_norm" not in run.config]
    found = expectations.expectation(known[0])
    assert isinstance(found, Expected)
    start, end = PICTURES["layers"](known, Options(theory=True)).axes[:2]
    edges = start.collections[0].get_paths()[0].vertices
    bounds = [bound for layer in found.layers[:2] for bound in (layer.low, layer.high)]
    assert {*map(float, edges[:, 1])} >= {*bounds}
    points = [line.get_ydata().tolist() for line in start.lines if line.get_marker() == "o"]
    norms = [run.summary["gradient"]["start"]["delta_norm"] for run in known]
    assert sorted(points) == sorted(norms)
    assert not end.collections or "band" not in end.get_title()
    plain = PICTURES["layers"](known, Options()).axes[0]
    assert "band" in start.get_title()
    assert "band" not in plain.get_title()


def test_why_a_network_has_no_band_is_told(networks: list[Run], command: Command, tmp_path: Path) -> None:
    (line,) = unpredicted(networks)
    assert "no band: layer_norm: mean-field theory does not hold" in line
    folder = str(networks[0].stored.path.parent)
    code, out, err = command("plot", folder, "--kind", "layers", "--theory", "-o", str(tmp_path / "x.svg"))
    assert (code, out) == (0, f"{tmp_path / 'x.svg'}\n")
    assert "no band" in err
    assert command("plot", folder, "--kind", "curves", "--theory", "-o", str(tmp_path / "x.svg"))[0] == 2

"""The CSV files: every table is written with the columns by which it is read, bit for bit, and so is a new column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import runs_factory

from vgrad.config.check import check
from vgrad.errors import RunStateError
from vgrad.runs import tables
from vgrad.runs.folder import RunFolder, run_config
from vgrad.runs.integrity import verify
from vgrad.runs.runner import run
from vgrad.runs.stored import read_run
from vgrad.runs.tables import TABLES
from vgrad.training.metrics import OTHERS

TREE = {
    "name": "t",
    "layers": [2, 3, 2, 2],
    "data": "xor",
    "batch_size": 4,
    "epochs": 3,
    "probes": {"record": ["delta_norm", "update_ratio"], "every": 2, "steps": 1, "neurons": [2, 0], "histograms": [1]},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs_factory.trained(tmp_path_factory.mktemp("made"), TREE)


@pytest.mark.parametrize("name", TABLES)
def test_what_is_written_is_read(name: str, made: Path) -> None:
    config, table = run_config(made), TABLES[name]
    frame = tables.read(table, config, 3, None, made / table.file)
    assert [*frame.columns] == ["epoch", *table.keys, *table.values(config)]
    assert tables.measured(frame) == [*table.values(config)]
    lines = (made / table.file).read_text().splitlines()
    assert len(frame) == len(lines) - 1 > 0
    for row, line in zip(frame.itertuples(index=False), lines[1:], strict=True):
        for value, cell in zip(row, line.split(","), strict=True):
            assert value == (cell if isinstance(value, str) else float(cell)) if cell else value != value


@pytest.mark.parametrize("name", TABLES)
def test_a_key_is_one_line(name: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written, read and held against what is known, in the table alone."""
    config, table = run_config(made), TABLES[name]
    saved = RunFolder(made).resume(config)
    assert saved is not None
    rows = len(table.known(config)[0]) if table.keys else 1
    more = replace(table, keys={**table.keys, "more": lambda config: np.arange(7, 7 + rows)})
    monkeypatch.setitem(TABLES, name, more)
    content = tables.written(config, saved.history.records)[table.file]
    frame = tables.read(more, config, 3, content, tmp_path / table.file)
    assert frame["more"].tolist() == [*range(7, 7 + rows)] * (len(frame) // rows)
    with pytest.raises(RunStateError, match="line 2: more is "):
        tables.read(more, config, 3, content.replace(b",7,", b",8,", 1), tmp_path / table.file)
    with pytest.raises(RunStateError, match="its columns are"):
        tables.read(table, config, 3, content, tmp_path / table.file)


def test_rows_of_hidden_layers(made: Path) -> None:
    config, table = run_config(made), TABLES["gradients"]
    frame = tables.read(table, config, 3, None, made / table.file)
    assert set(tables.hidden(frame)["layer"]) == {1, 2}
    assert set(frame["epoch"]) == {0, 2, 3}


@pytest.mark.parametrize(
    ("every", "last", "epochs"), [(2, 3, [0, 2, 3]), (2, 4, [0, 2, 4]), (1, 2, [0, 1, 2]), (9, 2, [0, 2])]
)
def test_every_k_and_the_last(every: int, last: int, epochs: list[int], made: Path) -> None:
    probes = run_config(made).probes.model_copy(update={"every": every})
    assert [*probes.measured(last, last)] == epochs
    assert [epoch for epoch in range(last + 1) if probes.measures(epoch, last)] == epochs
    assert [*probes.measured(last - 1, last)] == [epoch for epoch in epochs if epoch < last]


def test_a_metric_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured, saved, written, read, summed up and verified."""
    monkeypatch.setitem(OTHERS, "more", lambda after: 1.5)
    config = check(TREE)
    list(run(config, tmp_path))
    stored = read_run(tmp_path / config.run_name)
    assert stored.metrics["more"].tolist() == [1.5] * 4
    assert stored.summary["final"]["more"] == 1.5
    assert verify(stored.path).status == "complete"

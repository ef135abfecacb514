"""Reading a study's folder: bit for bit what was written, one clear line for whatever is damaged or foreign."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from study_folder import study, write_study

from vgrad.errors import RunStateError
from vgrad.runs.index import is_study
from vgrad.study.files import read_outcome

FILES = ("study.json", "figures.csv", "curves.csv", "neurons.csv", "values.csv")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_study(tmp_path / "nielsen", epochs=(0, 10, 20))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("kept"), seeds=3, epochs=(0, 1))


def test_it_is_read_bit_for_bit(folder: Path) -> None:
    outcome = read_outcome(folder)
    with (folder / "figures.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [figure.figure for figure in outcome.figures] == [row["figure"] for row in rows]
    for figure, row in zip(outcome.figures, rows, strict=True):
        for name, cell in row.items():
            found = getattr(figure, name)
            assert ("" if found is None else repr(found) if isinstance(found, float) else str(found)) == cell
    with (folder / "values.csv").open(encoding="utf-8", newline="") as file:
        values = list(csv.DictReader(file))
    assert [repr(value.value) for value in outcome.values] == [row["value"] for row in values]
    assert sum(len(outcome.of(figure)) for figure in outcome.figures) == len(values)
    assert {point.epoch for curve in outcome.curves for point in curve.points} == {0, 10, 20}
    assert outcome.study.experiments[0].diverged == 1


def test_a_later_version_may_write_more(folder: Path) -> None:
    tree = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps({**tree, "weather": "fine"}))
    lines = (folder / "neurons.csv").read_text().splitlines()
    (folder / "neurons.csv").write_text(
        "".join(f"{line},{'more' if index == 0 else 'x'}\n" for index, line in enumerate(lines))
    )
    assert len(read_outcome(folder).neurons) == 12


def test_only_a_folder_with_a_study_is_one(folder: Path, tmp_path: Path) -> None:
    assert is_study(folder)
    assert not any(map(is_study, (tmp_path, tmp_path / "nothing", Path("\0"), folder / "study.json")))


def cell(row: int, column: str, text: str) -> Callable[[str], str]:
    """Puts a text into one cell of a file."""

    def change(content: str) -> str:
        rows = list(csv.reader(content.splitlines()))
        rows[row][rows[0].index(column)] = text
        return "".join(",".join(f'"{each}"' for each in line) + "\n" for line in rows)

    return change


def key(name: str, value: object) -> Callable[[str], str]:
    """Sets a key of study.json."""
    return lambda content: json.dumps({**json.loads(content), name: value})


DAMAGE: list[tuple[str, Callable[[str], str], str]] = [
    ("study.json", lambda _: "", "damaged"),
    ("study.json", lambda _: "[]", "not an object"),
    ("study.json", lambda _: "[" * 100_000, "damaged"),
    ("study.json", lambda content: content.replace('"limit": 2.5', '"limit": NaN'), "NaN is not JSON"),
    ("study.json", key("schema", 2), "schema 2, where this version of vgrad reads 1"),
    ("study.json", key("schema", None), "schema None"),
    ("study.json", key("verdict", "fine"), "verdict: input should be"),
    ("study.json", key("limit", "2.5"), "limit: input should be a valid number"),
    ("study.json", key("limit", -1), "limit: input should be greater than 0"),
    ("study.json", key("experiments", [{"letter": "A"}]), "experiments.0.name: field required"),
    ("study.json", key("experiments", study()["experiments"] * 2), "A stands there twice"),
    ("study.json", key("experiments", study()["experiments"][:2]), "experiment C is not in study.json"),
    ("figures.csv", lambda _: "", "no column experiment"),
    ("figures.csv", lambda content: content.replace("band_low", "band_lo"), "no column band_low"),
    ("figures.csv", lambda content: content.replace("z,inside", "z,z"), "no column inside"),
    ("figures.csv", lambda content: content.replace("verdict\n", "verdict,n\n", 1), "a column stands there twice"),
    ("figures.csv", lambda content: content[:-5], "its last line is cut off"),
    ("figures.csv", lambda content: content + "A,A.1\n", "has 2 cells, not 18"),
    (
        "figures.csv",
        lambda content: content + content.splitlines()[1] + "\n",
        "A.784-30-10.accuracy stands there twice",
    ),
    ("figures.csv", cell(1, "experiment", "Q"), "experiment Q is not in study.json"),
    ("figures.csv", cell(1, "n", "-3"), "line 2: n is '-3', not a whole number"),
    ("figures.csv", cell(2, "center", "nan"), "line 3: center is 'nan', not a number"),
    ("figures.csv", cell(2, "center", "1e999"), "not a finite number"),
    ("figures.csv", cell(2, "z", "٣"), "not a number"),
    ("figures.csv", cell(2, "layers", "784"), "not layers such as 784-30-10"),
    ("figures.csv", cell(2, "verdict", "\x1b[31mgood"), "verdict is '\\\\x1b[31mgood', not inside or outside"),
    ("figures.csv", cell(2, "label", "x" * 1000), "a text of at most 300 characters"),
    ("figures.csv", cell(2, "label", "x" * 200_000), "damaged: field larger than field limit"),
    ("curves.csv", cell(2, "epoch", "0"), "do not follow on each other"),
    ("curves.csv", cell(1, "line", "0"), "not the number of a layer, or ratio"),
    ("curves.csv", cell(1, "inside", "yes"), "not true, false or empty"),
    ("curves.csv", lambda content: content + content.splitlines()[1] + "\n", "stands there twice"),
    ("neurons.csv", cell(1, "measured", ""), "measured is '', not a number"),
    ("values.csv", cell(1, "value", "0x10"), "value is '0x10', not a number"),
    ("values.csv", lambda content: content + content.splitlines()[1] + "\n", "stands there twice"),
]


@pytest.mark.parametrize(("name", "change", "told"), DAMAGE)
def test_damage_is_one_line_and_exit_4(
    command: Command, folder: Path, name: str, change: Callable[[str], str], told: str
) -> None:
    file = folder / name
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    code, out, err = command("report", folder)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert told in err
    assert "\x1b" not in err
    assert "study.json" in err if "is not in study.json" in told else name in err


@pytest.mark.parametrize("name", FILES[1:])
def test_what_is_no_file(command: Command, folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert "no such file" in command("report", folder)[2]
    os.mkfifo(folder / name)  # a reader would wait for ever
    code, _, err = command("report", folder)
    assert (code, "not a regular file" in err) == (4, True)
    (folder / name).unlink()
    (folder / name).write_bytes(b"experiment,\xff\n")
    code, _, err = command("report", folder)
    assert (code, "damaged" in err) == (4, True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(FILES), at=st.floats(0, 1), piece=st.binary(max_size=8), gone=st.integers(0, 40))
def test_any_damage_is_refused_or_read(kept: Path, name: str, at: float, piece: bytes, gone: int) -> None:
    file = kept / name
    whole = file.read_bytes()
    place = int(at * len(whole))
    told = f"{name}: damaged"
    try:
        file.write_bytes(whole[:place] + piece + whole[place + gone :])
        read_outcome(kept)
    except RunStateError as error:
        told = str(error)
    finally:
        file.write_bytes(whole)
    assert told.isprintable()
    assert name in told or "study.json" in told

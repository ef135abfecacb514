"""`vgrad reproduce`: the whole way from a study's file to its verdict, on small data; the controls, on MNIST."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vgrad.cli import run

Command = Callable[..., tuple[int, str, str]]
KEPT = Path(__file__).resolve().parents[2] / "runs" / "reference"

SWEEP = {
    "layers": {"depth": 1, "width": 4},
    "data": {"name": "digits", "train": 50, "validation": 20},
    "epochs": 2,
    "batch_size": "full",
    "probes": {"record": ["delta_norm"], "neurons": [0]},
    "grid": {"layers.depth": [1, 2]},
}
STUDY: dict[str, Any] = {
    "study": "small",
    "title": "A small study",
    "source": "nobody",
    "url": "http://localhost",
    "seeds": 4,
    "experiments": [
        {
            "name": "digits",
            "title": "How fast?",
            "text": "Two networks on a few digits.",
            "quick": {"seeds": 2, "points": 1},
            "sweep": SWEEP,
            "figures": [
                {"label": "‖δ^1‖ at the start", "measure": {"name": "norm", "layer": 1}, "published": [40.0, 9.0]},
                {
                    "label": "validation accuracy",
                    "unit": "%",
                    "scale": "linear",
                    "measure": {"name": "final", "monitor": "validation_accuracy"},
                    "published": [None, 10.0],
                },
            ],
            "neurons": [[0.1, -0.2]],
            "curves": "curves.csv",
        }
    ],
}


@pytest.fixture
def vgrad(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forked_workers: None
) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "vgrad.study.report.folder.write_pictures", lambda folder: []
    )  # seconds each; one test has them
    write(tmp_path, STUDY)
    (tmp_path / "curves.csv").write_text("hidden,epoch,layer,value\n2,0,1,0.09\n2,0,2,0.4\n2,1,1,0.09\n2,1,2,0.4\n")

    def call(*words: str) -> tuple[int, str, str]:
        code = run(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def write(folder: Path, tree: dict[str, Any]) -> None:
    (folder / "small.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def outcome(folder: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((folder / "study.json").read_text())
    return tree


def centers(folder: Path, tmp_path: Path) -> None:
    """Writes the study anew with what was measured as what was published."""
    tree, found = copy.deepcopy(STUDY), rows(folder / "figures.csv")
    norms = [float(row["center"]) for row in found if "norm" in row["figure"]]
    accuracy = next(float(row["center"]) for row in found if "final" in row["figure"])
    figures = tree["experiments"][0]["figures"]
    figures[0]["published"], figures[1]["published"] = norms, [None, accuracy]
    curves = [row for row in rows(folder / "curves.csv") if row["line"] != "ratio" and row["layers"] == "64-4-4-10"]
    lines = [f"2,{row['epoch']},{row['line']},{row['center']}" for row in curves]
    (tmp_path / "curves.csv").write_text("\n".join(["hidden,epoch,layer,value", *lines, ""]))
    write(tmp_path, tree)


def test_a_second_study_is_one_file_and_its_verdict_turns(vgrad: Command, tmp_path: Path) -> None:
    """Invented figures are not reproduced; nothing speaks against the very means of our seeds, though four of them
    cannot tell much; one of them at 1e20 times its value is not reproduced."""
    code, out, err = vgrad("reproduce", "small.yaml", "-j", "0")
    assert code == 1
    assert "Not reproduced" in out
    assert err.splitlines()[-1].startswith("vgrad: not reproduced: ")
    folder = tmp_path / "runs" / "small"
    centers(folder, tmp_path)
    code, out, err = vgrad("reproduce", "small.yaml", "-j", "0", "-q")
    assert (code, err) == (0, "")
    assert out.startswith("Cannot tell: as further draws, the 2 published runs have p = 1.0")
    assert [run["layers"] for run in outcome(folder)["published_runs"]] == ["64-4-10", "64-4-4-10"]
    assert outcome(folder)["verdict"] == "cannot tell"
    text = (folder / "study.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"  # to be read by people, too
    tree = yaml.safe_load((tmp_path / "small.yaml").read_text())
    tree["experiments"][0]["figures"][0]["published"][1] *= 1e20
    write(tmp_path, tree)
    code, out, _ = vgrad("reproduce", "small.yaml", "-j", "0", "-q")
    assert (code, "lies out of reach" in " ".join(out.split())) == (1, True)
    outside = [row["figure"] for row in rows(folder / "figures.csv") if row["verdict"] == "outside"]
    assert outside == ["A.64-4-4-10.norm-1-0"]


def test_a_published_curve_that_leaves_the_band_is_outside(vgrad: Command, tmp_path: Path) -> None:
    vgrad("reproduce", "small.yaml", "-j", "0")
    folder = tmp_path / "runs" / "small"
    centers(folder, tmp_path)
    curves = (tmp_path / "curves.csv").read_text().replace("2,1,2,", "2,1,2,1" + 30 * "0")
    (tmp_path / "curves.csv").write_text(curves)
    assert vgrad("reproduce", "small.yaml", "-j", "0", "-q")[0] == 1
    outside = {row["figure"] for row in rows(folder / "figures.csv") if row["verdict"] == "outside"}
    assert outside == {"A.64-4-4-10.curve-2", "A.64-4-4-10.curve-ratio"}


def test_what_is_there_is_not_trained_again_and_files_are_the_same_with_any_jobs(
    vgrad: Command, tmp_path: Path
) -> None:
    vgrad("reproduce", "small.yaml", "-j", "0")
    first = tmp_path / "runs" / "small"
    runs = sorted(path for path in (first / "digits").iterdir() if path.is_dir())
    assert len(runs) == 8
    before = {path: (path / "run.json").stat().st_mtime_ns for path in runs}
    vgrad("reproduce", "small.yaml", "-j", "0")
    assert {path: (path / "run.json").stat().st_mtime_ns for path in runs} == before
    vgrad("reproduce", "small.yaml", "-j", "2", "--runs-dir", "other")
    for name in ("figures.csv", "curves.csv", "neurons.csv", "values.csv"):
        assert (first / name).read_bytes() == (tmp_path / "other" / "small" / name).read_bytes(), name


def test_every_value_leads_back_to_its_run(vgrad: Command, tmp_path: Path) -> None:
    vgrad("reproduce", "small.yaml", "-j", "0")
    folder = tmp_path / "runs" / "small"
    values = [row for row in rows(folder / "values.csv") if "norm" in row["figure"]]
    assert len(values) == 8
    for row in values:
        start = rows(folder / "digits" / row["run"] / "gradients.csv")[0]
        assert start["delta_norm"] == row["value"]
        assert row["run"].endswith(f"-s{row['seed']}")


def test_other_data_are_measured_and_not_judged(vgrad: Command, tmp_path: Path) -> None:
    code, out, _ = vgrad("reproduce", "small.yaml", "--data", "digits", "--seeds", "2", "-j", "0")
    assert code == 0
    assert "do not apply to digits" in " ".join(out.split())
    found = rows(tmp_path / "runs" / "small-data=digits" / "seeds=2" / "figures.csv")
    assert {row["verdict"] for row in found} == {"not comparable"}
    assert {row["published"] for row in found} == {""}
    assert all(float(row["center"]) > 0 for row in found if "curve" not in row["figure"])


def test_a_quick_look_says_what_it_left_out(vgrad: Command, tmp_path: Path) -> None:
    code, out, _ = vgrad("reproduce", "small.yaml", "--quick", "-j", "0")
    assert code == 0  # with two seeds, a factor of a hundred is inside
    assert "A, digits: 1 of 2 networks and 2 of 4 seeds" in " ".join(out.split())
    assert len(rows(tmp_path / "runs" / "small" / "quick" / "values.csv")) == 2
    assert outcome(tmp_path / "runs" / "small" / "quick")["quick"] is True


def test_a_look_leaves_the_full_outcome_alone(vgrad: Command, tmp_path: Path) -> None:
    vgrad("reproduce", "small.yaml", "-j", "0")
    folder = tmp_path / "runs" / "small"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    vgrad("reproduce", "small.yaml", "--quick", "-j", "0")
    vgrad("reproduce", "small.yaml", "--seeds", "3", "-j", "0")
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert outcome(folder / "seeds=3")["experiments"][0]["seeds"] == [0, 1, 2]
    assert len(list((folder / "digits").glob("*-s*"))) == 8  # they share the runs


def test_runs_that_end_early_or_have_no_norms_are_not_judged(vgrad: Command, tmp_path: Path) -> None:
    stop = "early_stopping={monitor: validation_accuracy, patience: 1}"
    words = ["-s", "epochs=40", "-s", stop, "-s", "init=large", "-s", "optimizer.learning_rate=1"]
    vgrad("reproduce", "small.yaml", *words, "-j", "0", "-q")
    found = rows(next((tmp_path / "runs").glob("small-*")) / "curves.csv")
    assert max(int(row["epoch"]) for row in found if row["layers"] == "64-4-10") > 1
    code, out, err = vgrad("reproduce", "small.yaml", "-s", "probes.record=[]", "-j", "0", "-q")
    assert (code, "bug" in err) == (1, False)
    assert "undecided" in out


def test_a_curve_that_ends_before_the_published_one_is_undecided(vgrad: Command, tmp_path: Path) -> None:
    code, out, _ = vgrad("reproduce", "small.yaml", "-s", "epochs=0", "-j", "0", "-q")
    found = {row["figure"]: row["verdict"] for row in rows(tmp_path / "runs" / "small-epochs=0" / "figures.csv")}
    assert code == 1
    assert found["A.64-4-4-10.curve-1"] == "undecided"
    assert "3 figures are not judged by these runs" in " ".join(out.split())


def test_one_seed_cannot_judge(vgrad: Command, tmp_path: Path) -> None:
    code, _, err = vgrad("reproduce", "small.yaml", "--seeds", "1", "-j", "0")
    assert code == 1
    assert "undecided" in err.splitlines()[-1]


def test_settings_have_a_folder_of_their_own(vgrad: Command, tmp_path: Path) -> None:
    vgrad("reproduce", "small.yaml", "-s", "activation=tanh", "--seeds", "2", "-j", "0")
    assert outcome(tmp_path / "runs" / "small-activation=tanh" / "seeds=2")["settings"] == ["activation=tanh"]
    assert not (tmp_path / "runs" / "small").exists()


def test_runs_that_diverge_are_counted_and_never_dropped_silently(vgrad: Command, tmp_path: Path) -> None:
    code, out, _ = vgrad("reproduce", "small.yaml", "-s", "optimizer.learning_rate=1e308", "--seeds", "2", "-j", "0")
    folder = next((tmp_path / "runs").glob("small-*")) / "seeds=2"
    assert code == 1
    assert outcome(folder)["experiments"][0]["diverged"] == 4
    accuracy = next(row for row in rows(folder / "figures.csv") if "final" in row["figure"])
    assert (accuracy["n"], accuracy["lost"], accuracy["verdict"]) == ("0", "2", "undecided")
    assert "diverged" in out


def test_a_damaged_run_is_told_and_the_rest_is_judged(vgrad: Command, tmp_path: Path) -> None:
    vgrad("reproduce", "small.yaml", "-j", "0")
    victim = sorted((tmp_path / "runs" / "small" / "digits").glob("*-s1"))[0]
    (victim / "config.yaml").write_text("layers: [64, 9, 10]\nname: digits\ndata: digits\n")
    code, _, err = vgrad("reproduce", "small.yaml", "-j", "0", "-q")
    assert code == 6
    assert victim.name in err
    found = rows(tmp_path / "runs" / "small" / "figures.csv")
    assert sorted(row["lost"] for row in found if "norm" in row["figure"]) == ["0", "1"]
    assert outcome(tmp_path / "runs" / "small")["experiments"][0]["failed"] == 1


def test_a_run_that_was_complete_and_cannot_be_read_is_named(vgrad: Command, tmp_path: Path) -> None:
    vgrad("reproduce", "small.yaml", "-j", "0")
    victim = sorted((tmp_path / "runs" / "small" / "digits").glob("*-s1"))[0]
    (victim / "gradients.csv").unlink()
    code, _, err = vgrad("reproduce", "small.yaml", "-j", "0", "-q")
    assert code == 6
    assert f"{victim.name}: damaged: gradients.csv missing" in err
    assert "judged without the 1 above" in err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nielson"], 2, "no study 'nielson'; did you mean 'nielsen'?; a study of your own is a .yaml file"),
        (["small.yaml", "--quick", "--seeds", "3"], 2, "--quick and --seeds"),
        (["small.yaml", "-s", "layers.depth=3"], 2, "-s layers.depth=3: the study varies layers.depth itself"),
        (["small.yaml", "-s", "activation=sigmod"], 2, "did you mean 'sigmoid'?"),
        (["small.yaml", "--data", "mnits"], 2, "did you mean 'mnist'?"),
        (["small.yaml", "--seeds", "none"], 2, "seeds"),
        (["absent.yaml"], 2, "no such file"),
        (["small.yaml", "--scheduler", "nowhere"], 2, "scheduler"),
    ],
)
def test_wrong_words_are_one_line(vgrad: Command, words: list[str], code: int, told: str) -> None:
    found, out, err = vgrad("reproduce", *words, "-q")
    assert (found, out) == (code, "")
    assert told in err.splitlines()[0]
    assert all(line.startswith("vgrad: ") for line in err.splitlines())


@pytest.mark.slow
def test_the_page_and_the_pictures_lie_beside_the_tables(
    vgrad: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    code, _, err = vgrad("reproduce", "small.yaml", "-j", "0")
    folder = tmp_path / "runs" / "small"
    assert code == 1
    for name in ("page.html", "study-speed.png", "study-ratio.png", "study-bars.png", "study-figures.png"):
        assert (folder / name).stat().st_size > 1000
        assert f"runs/small/{name}" in err
    assert "A small study" in (folder / "page.html").read_text()


def test_a_dry_run_lists_and_trains_nothing(vgrad: Command, tmp_path: Path) -> None:
    code, out, _ = vgrad("reproduce", "small.yaml", "--dry-run")
    assert code == 0
    assert len(out.splitlines()) == 8
    assert not (tmp_path / "runs").exists()


# -- the controls ------------------------------------------------------------------------------------------------------


@pytest.fixture
def start_only(vgrad: Command, tmp_path: Path, mnist_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nielsen's experiment B alone: it takes seconds."""
    from vgrad.study.names import HERE

    monkeypatch.setenv("VGRAD_DATA", str(mnist_dir))
    tree = yaml.safe_load((HERE / "nielsen.yaml").read_text(encoding="utf-8"))
    tree["experiments"] = [tree["experiments"][1]]
    del tree["power"]  # which is of all of them
    file = tmp_path / "start.yaml"
    file.write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))
    return file


@pytest.mark.parametrize(
    ("setting", "reproduced"),
    [
        ("", True),
        pytest.param("init=glorot_normal", False, marks=pytest.mark.slow),
        pytest.param("activation=tanh", False, marks=pytest.mark.slow),
        pytest.param("cost=quadratic", False, marks=pytest.mark.slow),
    ],
)
def test_the_start_is_nielsens_and_of_nothing_else(
    vgrad: Command, start_only: Path, setting: str, reproduced: bool
) -> None:
    words = ["-s", setting] if setting else []
    code, out, _ = vgrad("reproduce", str(start_only), *words, "--seeds", "8", "-q", "--json")
    found = json.loads(out)
    assert code == (0 if reproduced else 1)
    assert found["verdict"] == ("reproduced" if reproduced else "not reproduced")


@pytest.mark.parametrize(
    ("name", "verdict", "least"),
    [
        ("nielsen", "reproduced", 0),
        ("nielsen-init=glorot_normal", "not reproduced", 5),
        ("nielsen-activation=tanh", "not reproduced", 20),
    ],
)
def test_the_kept_studies_say_what_they_should(name: str, verdict: str, least: int) -> None:
    folder = KEPT / name
    outside = [row for row in rows(folder / "figures.csv") if row["verdict"] == "outside"]
    assert outcome(folder)["verdict"] == verdict
    assert least <= len(outside) <= least + 10
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 3 * 2**20
    assert not list(folder.rglob("*.npz"))


def test_all_published_figures_of_the_kept_study_are_within_two_and_a_half_standard_deviations() -> None:
    found = rows(KEPT / "nielsen" / "figures.csv")
    scalars, curves = [row for row in found if row["z"]], [row for row in found if row["inside"]]
    assert (len(scalars), len(curves)) == (24, 12)
    assert {row["n"] for row in found} == {"20"}
    assert max(abs(float(row["z"])) for row in scalars) < 2.5
    assert min(float(row["inside"]) for row in curves) >= 0.9


def test_no_outcome_lies_on_a_run_or_on_another_study(vgrad: Command, tmp_path: Path) -> None:
    assert vgrad("reproduce", "small.yaml", "-j", "0", "-q")[0] == 1
    folder = tmp_path / "runs" / "small"
    (run_folder, *_) = sorted((folder / "digits").glob("digits-*"))
    (tmp_path / "runs" / "elsewhere").symlink_to(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for changed, told, code in (
        ({"title": "Another study"}, "holds the outcome of another study", 4),
        ({"source": "somebody"}, "holds the outcome of another study", 4),
        ({"study": run_folder.name}, "is a run; give the study another name", 4),
        ({"study": "elsewhere"}, "is a link to somewhere else", 5),
    ):
        write(tmp_path, {**STUDY, **changed})
        where = folder / "digits" if "run" in told else tmp_path / "runs"
        found, out, err = vgrad("reproduce", "small.yaml", "-j", "0", "-q", "--runs-dir", str(where))
        assert (found, out) == (code, ""), err
        assert told in err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

"""`vgrad theory`: answers that fit, JSON that is strict, one line for every mistake, and what happens to odd runs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs_factory
from rows import each_row

from vgrad.cli import run
from vgrad.cli.theory.chain import USES as CHAIN
from vgrad.cli.theory.theory import THEORIES
from vgrad.nn.activations import ACTIVATIONS, tanh
from vgrad.storage.npz import pack, unpack
from vgrad.theory.lesson import SECTIONS

QUICK = ["--draws", "50"]
PARAMETERS = {"--input": "x", "--target": "y"}


def fitting(section: str, *words: object) -> list[object]:
    """The options among `words`, all of them with a value, that the section uses."""
    pairs = list(zip(words[::2], words[1::2], strict=True))
    names = {option: PARAMETERS.get(str(option), str(option).strip("-")) for option, _ in pairs}
    used = [pair for pair in pairs if section == "all" or section in CHAIN.options.get(names[pair[0]], (section,))]
    return [word for pair in used for word in pair]


TREE: dict[str, Any] = {
    "name": "odd",
    "layers": {"depth": 3, "width": 6},
    "data": {"name": "digits", "train": 80, "validation": 30},
    "epochs": 3,
    "probes": {"record": ["delta_norm"], "examples": 40},
}
Answer = tuple[int, str, str]


@pytest.fixture
def vgrad(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: object) -> Answer:
        code = run(["theory", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def trained(runs: Path, **changes: object) -> Path:
    return runs_factory.trained(runs, {**TREE, **changes})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


# The chain.


def test_all_sections_are_told_and_fit(vgrad: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (40, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, err = vgrad("chain", *QUICK)
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= width
        assert all(f"\n{name}: " in out for name in SECTIONS)
        assert "0.4477, at |w| = 6.894" in out.replace("\n", " ")
        assert "0.250 · 25.0 · 25.0 · 25.0 · dC/da4" in " ".join(out.split())


@pytest.mark.parametrize("section", SECTIONS)
def test_one_section_alone(vgrad: Any, section: str) -> None:
    code, out, err = vgrad("chain", section, *fitting(section, *QUICK))
    assert (code, err) == (0, "")
    assert out.startswith(f"{section}: ")
    assert all(f"\n{other}: " not in out for other in SECTIONS)


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "maxout"])
def test_any_activation(vgrad: Any, activation: str) -> None:
    for name in ("factors", "draws", "explode", "width"):
        for more in ([], ["--json"]):
            assert vgrad("chain", name, *fitting(name, *QUICK, "--activation", activation), *more)[::2] == (0, "")


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "softplus"])
def test_json_has_every_section_in_numbers(vgrad: Any, activation: str) -> None:
    code, out, err = vgrad("chain", *QUICK, "--activation", activation, "--json", "--neurons", 200)
    assert (code, err) == (0, "")
    tree = json.loads(out, parse_constant=lambda token: pytest.fail(token))
    assert [*tree] == ["activation", "seed", *SECTIONS]
    assert len(tree["factors"]["layers"]) == 200
    assert len(tree["draws"]["by_neurons"]) == 199


def test_given_numbers_are_the_chain(vgrad: Any) -> None:
    words = ["factors", "--weights", "-2,1,0.5", "--biases", "0.5", "--input", 1, "--target", 0.25, "--json"]
    tree = json.loads(vgrad("chain", *words)[1])["factors"]
    a, product = 1.0, 1.0
    for row, w in zip(tree["layers"], [-2, 1, 0.5], strict=True):
        a = 1 / (1 + np.exp(-(w * a + 0.5)))
        product *= a * (1 - a) * (w if row["layer"] > 1 else 1)
        assert (row["w"], row["b"]) == (w, 0.5)
        assert row["a"] == pytest.approx(a)
    assert tree["layers"][0]["dC_db"] == pytest.approx(product * (a - 0.25))


def test_the_seed_decides_and_nothing_else(vgrad: Any) -> None:
    for name in ("factors", "draws"):
        first, again, other = (
            vgrad("chain", name, "--json", *fitting(name, *QUICK, "--seed", seed))[1] for seed in (1, 1, 2)
        )
        assert first == again != other


def test_widths_of_given_weights(vgrad: Any) -> None:
    rows = json.loads(vgrad("chain", "width", "--weights", "-8,0,3", "--json")[1])["width"]["rows"]
    assert [row["w"] for row in rows] == [-8, 0, 3]
    assert rows[0]["width"] == pytest.approx(rows[0]["closed_form"])
    assert [row["z"] for row in rows[1:]] == [[], []]
    endless = json.loads(vgrad("chain", "width", "--weights", "2", "--activation", "relu", "--json")[1])["width"]
    assert endless["rows"][0]["endless"] is True
    assert endless["rows"][0]["width"] is None


def test_parameters_of_an_activation(vgrad: Any) -> None:
    tree = json.loads(vgrad("chain", "width", "--activation", "{name: sigmoid, gain: 4}", "--json")[1])
    assert tree["activation"] == {"name": "sigmoid", "gain": 4.0}
    assert tree["width"]["reach"]["least"] == 1
    assert {row["closed_form"] for row in tree["width"]["rows"]} == {None}


BAD = [
    (["--weights", "1,x"], "--weights: 'x' is not a number"),
    (["--weights", "1,nan"], "--weights: nan is no number to compute with"),
    (["--biases", "inf"], "--biases: inf is no number"),
    (["--weights", ""], "--weights: the value is empty"),
    (["--weights", "\x1b[31m"], r"--weights: '\x1b[31m' is not a number"),
    (["--weights", "1,2,3", "--biases", "1,2"], "--biases: 3 neurons have 3 of them, found 2"),
    (["--weights", "1,2", "--neurons", "3"], "--weights: 3 neurons have 3 of them, found 2"),
    (["--weights", ",".join(["1"] * 1001)], "--weights: 1,001 numbers are more than"),
    (["--activation", "sigmod"], "did you mean 'sigmoid'?"),
    (["--activation", "{name: elu, alpha: -1}"], "--activation: alpha: must be > 0"),
    (["--activation", "{name: elu, alhpa: 1}"], "did you mean 'alpha'?"),
    (["--activation", "[tanh, tanh]"], "name one activation"),
    (["--activation", "maxout"], "maxout has 2 weights a neuron"),
    (["--activation", "{"], "--activation: not valid YAML"),
    (["--activation", ""], "--activation: the value is empty"),
    (["widht"], "did you mean 'width'?"),
    (["width", "--weights", "1e10"], "is beyond 1e+09"),
    (["draws", "--draws", "1000000", "--neurons", "1000"], "use fewer --draws"),
    (["--draws", "1e9"], "--draws"),
    (["--draws", "1000001"], "--draws"),
    (["--neurons", "1001"], "--neurons"),
    (["--neurons", "1"], "--neurons"),
    (["--seed", "-1"], "--seed"),
    (["--input", "nan"], "--input: nan is no number"),
    (["--weight", "inf"], "--weight: inf is no number"),
    (["--spread", "0"], "--spread: a standard deviation is above 0"),
    (["--spread", "1e300", "--activation", "identity"], "overflows"),
    (["--input", "1e308", "--weights", "1e10"], "neuron 1: z = w a + b overflows"),
    (["-o", "x.gif"], "name a .png, .svg or .pdf file"),
    (["-o", ""], "output: the name is empty"),
]


@each_row("words, told", BAD)
def test_a_mistake_is_one_line(vgrad: Any, words: list[str], told: str) -> None:
    code, out, err = vgrad("chain", *words)
    assert (code, out) == (2, "")
    assert err.startswith("vgrad: ")
    assert err.count("\n") == 1
    assert told in err
    assert "bug" not in err


@pytest.mark.parametrize(
    "words",
    [
        ["--weight", "0"],
        ["--weight", "1e308"],
        ["--spread", "1e300"],
        ["--weights", "1e-320", "--activation", "gelu"],
        ["--weights", "0"],
        ["--activation", "{name: sigmoid, gain: 1e-12}"],
        ["--activation", "{name: tanh, gain: 1e12}"],
        ["--activation", "{name: elu, alpha: 1e300}"],
        ["--activation", "hard_tanh", "--weights", "1e9"],
        ["--target", "-1e300"],
        ["--input", "1e300"],
    ],
)
def test_extreme_numbers_have_an_answer(vgrad: Any, words: list[str]) -> None:
    for name in ("factors", "draws", "explode", "width"):
        given = fitting(name, *QUICK, *words)
        code, out, err = vgrad("chain", name, *given)
        assert (code, err) == (0, "")
        assert "nan" not in out
        assert vgrad("chain", name, *given, "--json")[::2] == (0, "")


def test_ascii_terminals(vgrad: Any, monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    from vgrad.cli.screen import streams as terminal

    monkeypatch.setattr(terminal, "PICTURES", "\udcff")  # which no encoding has
    for words in (["chain", *QUICK], ["product", made]):
        code, out, err = vgrad(*words)
        assert (code, err) == (0, "")
        assert out.isascii()


# The product.


@pytest.mark.parametrize("epoch", ["start", "end"])
def test_the_product_is_what_the_run_has_logged(vgrad: Any, made: Path, epoch: str) -> None:
    code, out, err = vgrad("product", made, "--epoch", epoch, "--json")
    assert (code, err) == (0, "")
    tree = json.loads(out)
    assert (tree["epoch"], tree["examples"], tree["agrees"]) == ({"start": 0, "end": 3}[epoch], 40, True)
    assert len(tree["layers"]) == 4
    for row in tree["layers"]:
        assert row["mean_delta_norm"] == pytest.approx(row["logged_delta_norm"], rel=1e-12)
        assert row["difference"] < 1e-13


def test_the_lines_fit_and_multiply(vgrad: Any, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (40, 80):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, err = vgrad("product", made)
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) <= width
        assert "the same" in out
    rows = [line.split() for line in out.split("lost\n")[1].splitlines()[2:5]]
    assert [row[0] for row in rows] == ["3", "2", "1"]
    for row in rows:
        assert float(row[3]) * float(row[4]) == pytest.approx(float(row[5]), rel=0.01)


def test_other_examples_are_not_those_of_the_log(vgrad: Any, made: Path) -> None:
    _, out, _ = vgrad("product", made, "--examples", 7, "--json")
    assert {row["logged_delta_norm"] for row in json.loads(out)["layers"]} == {None}
    assert "has logged no" in vgrad("product", made, "--examples", 7)[1]


def test_a_wrong_slope_exits_1(vgrad: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backpropagation takes the wrong slope from the table; the product is made from the right one."""
    path = trained(tmp_path, activation="tanh")
    right = tanh()
    from vgrad.theory import product

    honest = product.hidden_slopes

    def slopes(network: Any, parameters: Any, z: Any) -> Any:
        return honest(replace(network, activations=(right,) * 3), parameters, z)

    def wrong() -> Any:
        return replace(right, slope=lambda z, a, out: np.multiply(right.slope(z, a, out), 1 + 1e-8, out=out))

    monkeypatch.setitem(ACTIVATIONS, "tanh", wrong)
    monkeypatch.setattr(product, "hidden_slopes", slopes)
    code, out, err = vgrad("product", path)
    assert code == 1
    assert "NOT the same" in out
    assert err.startswith("vgrad: eq. 124: the product and backpropagation differ by 3.0e-08")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"batch_norm": True}, "has batch_norm, which eq. 124 has no factor for"),
        ({"layer_norm": True}, "has layer_norm"),
        ({"residual": True}, "has residual"),
        ({"activation": "maxout"}, "has maxout"),
        ({"layers": [64, 10], "output": "step", "cost": "perceptron"}, "a step has none"),
    ],
)
def test_networks_without_eq_124(vgrad: Any, tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    code, out, err = vgrad("product", trained(tmp_path, **changes))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err


@pytest.mark.parametrize(
    "changes",
    [
        {"output": "softmax", "cost": "log_likelihood", "label_smoothing": 0.1},
        {"output": "softmax", "cost": "quadratic", "activation": "prelu"},
        {"output": "identity", "cost": "quadratic", "optimizer": {"name": "sgd", "learning_rate": 0.01}},
        {"dropout": 0.3, "input_noise": 0.1, "dtype": "float32", "activation": "relu"},
        {"activation": ["tanh", {"name": "sigmoid", "gain": 2.0}, "gelu"]},
    ],
)
def test_networks_with_it(vgrad: Any, tmp_path: Path, changes: dict[str, Any]) -> None:
    path = trained(tmp_path, **changes)
    for epoch in ("start", "end"):
        code, out, err = vgrad("product", path, "--epoch", epoch, "--json")
        assert (code, err) == (0, "")
        for row in json.loads(out)["layers"]:
            assert row["mean_delta_norm"] == pytest.approx(row["logged_delta_norm"], rel=1e-11)


def test_a_run_that_was_stopped(vgrad: Any, tmp_path: Path) -> None:
    path = runs_factory.interrupted(tmp_path, {**TREE, "name": "stopped"})
    assert vgrad("product", path)[0] == 0
    code, out, err = vgrad("product", path, "--epoch", "end")
    assert (code, out) == (4, "")
    assert "interrupted after epoch 1 of 3; train it to its end, or use --epoch start" in err


def test_a_run_that_diverged(vgrad: Any, tmp_path: Path) -> None:
    diverging = {"activation": "identity", "output": "identity", "cost": "quadratic"}
    path = trained(tmp_path, **diverging, optimizer={"name": "sgd", "learning_rate": 1e308})
    assert vgrad("product", path)[0] == 0
    code, _, err = vgrad("product", path, "--epoch", "end")
    assert (code, err.count("\n")) in ((0, 0), (4, 1))
    assert "bug" not in err


def test_damaged_and_missing_parameters(vgrad: Any, folder: Path) -> None:
    arrays = unpack(folder / "initial.npz", 10**6)
    for content, told in (
        (b"PK\x03\x04 nothing", "initial.npz: damaged"),
        (pack({**arrays, "W1": arrays["W1"][:2]}), "W1 has shape (2, 64)"),
        (pack({**arrays, "W1": arrays["W1"] * np.nan}), "W1 holds NaN or infinity"),
        (None, "initial.npz missing"),
    ):
        (folder / "initial.npz").unlink()
        if content is not None:
            (folder / "initial.npz").write_bytes(content)
            assert vgrad("product", folder, "--epoch", "end")[0] == 0
        code, out, err = vgrad("product", folder)
        assert (code, out, err.count("\n")) == (4, "", 1)
        assert told in err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["none", "--runs-dir", "{runs}"], 2, "no such run"),
        (["{runs}"], 2, "not a run directory"),
        (["{run}", "--epoch", "7"], 2, "--epoch: write start or end"),
        (["{run}", "--examples", "81"], 2, "--examples: the run has 80 training examples"),
        (["{run}", "--examples", "0"], 2, "--examples"),
        (["{run}", "-o", "{runs}"], 2, "is a directory"),
        (["{run}", "-o", "{runs}/none/x.png"], 5, "cannot be written"),
    ],
)
def test_mistakes_with_runs(vgrad: Any, made: Path, words: list[str], code: int, told: str) -> None:
    known = {"{runs}": str(made.parent), "{run}": str(made)}
    given = [word.replace("{runs}", known["{runs}"]).replace("{run}", known["{run}"]) for word in words]
    found, out, err = vgrad("product", *given)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert told in err


def test_the_reference_runs_have_no_parameters(vgrad: Any) -> None:
    gallery = Path(__file__).resolve().parents[2] / "runs" / "reference" / "gallery"
    code, _, err = vgrad("product", next(gallery.iterdir()))
    assert code == 4
    assert "kept without parameters" in err


# Pictures.


@pytest.mark.parametrize(
    "section",
    ["width", *(pytest.param(name, marks=pytest.mark.slow) for name in ("all", *SECTIONS) if name != "width")],
)
def test_pictures_of_the_chain(vgrad: Any, tmp_path: Path, section: str) -> None:
    path = tmp_path / "slide.png"
    assert vgrad("chain", section, *fitting(section, *QUICK), "-o", path) == (0, f"{path}\n", "")
    found = path.read_bytes()
    assert found.startswith(b"\x89PNG")
    if section == "width":
        assert vgrad("chain", section, "-o", path)[0] == 0
        assert path.read_bytes() == found


def test_pictures_of_the_product(vgrad: Any, made: Path, tmp_path: Path) -> None:
    path = tmp_path / "product.svg"
    assert vgrad("product", made, "-o", path) == (0, f"{path}\n", "")
    assert path.read_bytes().startswith(b"<?xml")
    assert made.name.encode() in path.read_bytes()


def test_json_and_a_picture(vgrad: Any, tmp_path: Path) -> None:
    code, out, _ = vgrad("chain", "width", "--json", "-o", tmp_path / "x.pdf")
    assert code == 0
    assert "width" in json.loads(out)
    assert (tmp_path / "x.pdf").exists()


def test_weights_too_small_to_explode_are_told_as_that(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["theory", "chain", "explode", "--weight", "3"]) == 0
    assert "It does not explode: every factor is below 1. That takes |w| above 4.00." in capsys.readouterr().out
    assert run(["theory", "chain", "explode", "--weight", "5"]) == 0
    assert "does not explode" not in capsys.readouterr().out


@pytest.mark.parametrize("name", THEORIES)
def test_every_theory_is_drawn_and_told_as_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["theory", name, "--help"]) == 0
    told = capsys.readouterr().out
    assert "--output FILE" in told
    assert "--json" in told
    assert f"{THEORIES[name].__doc__}".split(".")[0].split(":")[0] in " ".join(told.split())

"""Configs: every fault at its place and in its words, and what the hash of a run depends on."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from vgrad.cli import run as command
from vgrad.cli.options import read_config
from vgrad.config.check import check
from vgrad.errors import ConfigError, DataError, StorageError
from vgrad.runs.runner import run
from vgrad.training import memory

L = "layers: [784, 30, 10]\n"
NAMES = "1 to 100 of A-Z a-z 0-9 . _ = , + -, the first a letter or digit"
SIZE = "expected a layer size, from 1 to 1,000,000,000"

# what is written, then each `line:column: key: message` in order
FAULTS: list[tuple[str, ...]] = [
    (L + "epoch: 3\n", "2:1: epoch: unknown key; did you mean 'epochs'?"),
    (L + "epochs: 3\nepochs: 4\n", "3:1: duplicate key 'epochs'; the first is at c.yaml:2:1"),
    (L + "epochs: 1e-3\n", "2:9: epochs: expected a whole number, found the number 0.001"),
    (L + "epochs: 1e1\n", "2:9: epochs: expected a whole number, found the number 10.0; write 10"),
    (L + "epochs: ten\n", "2:9: epochs: expected a whole number, found the text 'ten'"),
    (L + "epochs: true\n", "2:9: epochs: expected a whole number, found true"),
    (L + "epochs: 1:30\n", "2:9: epochs: expected a whole number, found the text '1:30'"),
    (L + "epochs: -1\n", "2:9: epochs: must be >= 0, found the number -1"),
    (L + "epochs:3\n", "2:8: a space is missing after 'epochs:'"),
    (L + "l2: .nan\n", "2:5: l2: expected a finite number, found the number nan"),
    (L + "l2: -.inf\n", "2:5: l2: expected a finite number, found the number -inf"),
    (L + "l2: -1\n", "2:5: l2: must be >= 0, found the number -1"),
    (L + "l2: true\n", "2:5: l2: expected a number, found true"),
    (L + "l2: 1_000\n", "2:5: l2: expected a number, found the text '1_000'; write 1000"),
    (L + "l2: 1,5\n", "2:5: l2: expected a number, found the text '1,5'; write 1.5"),
    (L + "l2:\n", "2:4: l2: expected a number, found null"),
    (L + "l1: '5'\n", "2:5: l1: expected a number, found the text '5'; write 5"),
    (L + "l1: " + "9" * 5000 + "\n", "2:5: a number of 5,000 characters; at most 256 are read"),
    (L + "shuffle: on\n", "2:10: shuffle: expected true or false, found the text 'on'; write true"),
    (L + "shuffle: No\n", "2:10: shuffle: expected true or false, found the text 'No'; write false"),
    (L + "shuffle: 1\n", "2:10: shuffle: expected true or false, found the number 1"),
    ("", "1:1: config is empty; write KEY: value"),
    ("- 1\n", "1:1: expected a mapping (KEY: value), found a list"),
    ("epochs: 3\n", "1:1: layers: is required, and missing"),
    (
        "layers: 784\n",
        "1:9: layers: expected a list of layer sizes or {depth: 2, width: 30}, found the number 784",
    ),
    ("layers: [784]\n", "1:9: layers: needs from 2 sizes (input and output) to 1000, found 1"),
    ("layers: [" + "784, " * 1001 + "10]\n", "1:9: layers: needs from 2 sizes (input and output) to 1000, found 1002"),
    (
        "layers: [784, 0, 3.5, true, -3, ten, 10]\n",
        f"1:15: layers.1: {SIZE}, found the number 0",
        f"1:18: layers.2: {SIZE}, found the number 3.5",
        f"1:23: layers.3: {SIZE}, found true",
        f"1:29: layers.4: {SIZE}, found the number -3",
        f"1:33: layers.5: {SIZE}, found the text 'ten'",
    ),
    ("layers: [784, 1000000001, 10]\n", f"1:15: layers.1: {SIZE}, found the number 1000000001"),
    (
        "layers: [783, 30, 9]\n",
        "1:10: layers.0: mnist has 784 inputs, found 783",
        "1:19: layers.2: mnist needs 10 outputs, found 9",
    ),
    ("layers: [2, 3, 3]\ndata: xor\nbatch_size: full\n", "1:16: layers.2: xor needs 2 or 1 outputs, found 3"),
    ("layers: {depth: 2}\n", "1:9: layers.width: is required, and missing"),
    (
        "layers: {depth: -1, width: 0, hight: 3}\n",
        "1:17: layers.depth: must be >= 0, found the number -1",
        "1:28: layers.width: must be > 0, found the number 0",
        "1:31: layers.hight: unknown key; known: depth, width",
    ),
    (
        "layers: {depth: 999, width: 3}\n",
        "1:17: layers.depth: must be <= 998, found the number 999",
    ),
    (L + "name: ../x\n", f"2:7: name: the text '../x' cannot be a name: {NAMES}"),
    (L + "name: /etc/x\n", f"2:7: name: the text '/etc/x' cannot be a name: {NAMES}"),
    (L + "name: '[/x]'\n", f"2:7: name: the text '[/x]' cannot be a name: {NAMES}"),
    (L + 'name: "\\e[31mx"\n', f"2:7: name: the text '\\x1b[31mx' cannot be a name: {NAMES}"),
    (L + f"name: {'x' * 300}\n", f"2:7: name: the text '{'x' * 29}…' cannot be a name: {NAMES}"),
    (L + "name: 'a\n\n b'\n", f"2:7: name: the text 'a\\nb' cannot be a name: {NAMES}"),
    (L + "name: 2024\n", "2:7: name: expected text, found the number 2024; put it in quotes"),
    (L + "activation: sigmod\n", "2:13: activation: no activation 'sigmod'; did you mean 'sigmoid'?"),
    (
        L + "activation: {name: sigmoid, slope: 1}\n",
        "2:29: activation.slope: unknown key; sigmoid has none, leaky_relu and prelu do: write activation: "
        "{name: leaky_relu, slope: 1}",
    ),
    (
        L + "activation: [sigmoid, tanh]\n",
        "2:13: activation: needs one for each of the 1 hidden layers, found 2",
    ),
    (
        L + "activation: [sigmod, tan]\n",
        "2:14: activation.0: no activation 'sigmod'; did you mean 'sigmoid'?",
        "2:22: activation.1: no activation 'tan'; did you mean 'tanh'?",
    ),
    (
        L + "output: tanh\n",
        "2:9: output: no output 'tanh', which is an activation (key activation); "
        "known: sigmoid, softmax, identity, step",
    ),
    (
        L + "output: softmax\n",
        "1:1: cost: cross_entropy does not go with softmax outputs; "
        "write log_likelihood, which is what other libraries call cross-entropy of a softmax",
    ),
    (
        L + "cost: log_likelihood\n",
        "2:7: cost: log_likelihood does not go with sigmoid outputs; "
        "use cross_entropy or quadratic, or output: softmax",
    ),
    (
        "layers: [2, 1]\ndata: xor\noutput: softmax\ncost: quadratic\nbatch_size: full\n",
        "3:9: output: softmax over one output is always 1; use sigmoid or 2 outputs",
    ),
    (
        "layers: [2, 2, 1]\ndata: halves\noutput: step\ncost: perceptron\n",
        "3:9: output: step is of a perceptron, which has no hidden layers; write layers: [2, 1], or use sigmoid",
    ),
    (
        "layers: [2, 1]\ndata: halves\noutput: step\n",
        "1:1: cost: cross_entropy does not go with step outputs; use perceptron, or output: sigmoid",
    ),
    (
        L + "init: xavier\n",
        "2:7: init: no init 'xavier'; write glorot_uniform or glorot_normal",
    ),
    (L + "init: {name: nielsn}\n", "2:14: init.name: no init 'nielsn'; did you mean 'nielsen'?"),
    (
        L + "init: {weights: he_norml}\n",
        "2:17: init.weights: no weight initializer 'he_norml'; did you mean 'he_normal'?",
    ),
    (L + "init: {name: nielsen, gain: 0}\n", "2:29: init.gain: must be > 0, found the number 0"),
    (L + "init: {name: file}\n", "2:7: init.path: is required, and missing"),
    (
        L + "optimizer: {learning_rate: -1}\n",
        "2:28: optimizer.learning_rate: must be >= 0, found the number -1",
    ),
    (
        L + "optimizer: {name: sgd, learning_rat: 0.1}\n",
        "2:24: optimizer.learning_rat: unknown key; did you mean 'learning_rate'?",
    ),
    (L + "batch_size: 0\n", "2:13: batch_size: expected a whole number > 0 or full, found the number 0"),
    (L + "batch_size: all\n", "2:13: batch_size: expected a whole number > 0 or full, found the text 'all'"),
    (
        L + "batch_size: 60000\n",
        "2:13: batch_size: there are 50000 training examples, found 60000; write 50000 or full",
    ),
    (L + "data: mnst\n", "2:7: data: no data set 'mnst'; did you mean 'mnist'?"),
    (L + "data: {train: 60000}\n", "2:15: data.train: mnist has 50000 train examples, found 60000"),
    (L + "data: {train: 0}\n", "2:15: data.train: must be > 0, found the number 0"),
    (
        L + "data: {scale: unitt}\n",
        "2:15: data.scale: expected 'unit', 'standard', 'none' or 'binary', found the text 'unitt'",
    ),
    (
        L + "monitor: [train_cost, tran_cost, train_cost]\n",
        "2:23: monitor.1: no monitor 'tran_cost'; did you mean 'train_cost'?",
        "2:34: monitor.2: train_cost stands twice",
    ),
    (L + "data: {test: 0}\nmonitor: [test_cost]\n", "3:11: monitor.0: the test part is empty"),
    (L + "probes: [delta_norms]\n", "2:9: probes.record.0: no probe 'delta_norms'; did you mean 'delta_norm'?"),
    (L + "probes: {every: 0}\n", "2:17: probes.every: must be > 0, found the number 0"),
    (
        L + "probes: {examples: 60000, neurons: [30, 31]}\n",
        "2:20: probes.examples: there are 50000 training examples, found 60000; write 50000 or all",
        "2:41: probes.neurons.1: the last epoch is 30, found 31",
    ),
    (
        "layers: [2, 3, 2]\ndata: {name: circles, noise: 1000}\n",
        "2:30: data.noise: must be <= 100, found the number 1000",
    ),
    (
        "layers: [2, 3, 2]\ndata: xor\nbatch_size: 10\n",
        "3:13: batch_size: there are 4 training examples, found 10; write 4 or full",
    ),
    (L + "seed: -1\n", "2:7: seed: must be >= 0, found the number -1"),
    (L + "dtype: float16\n", "2:8: dtype: expected 'float64' or 'float32', found the text 'float16'"),
    (L + "x: !!python/object:os.system {}\n", "2:4: tags are not allowed; remove '!!python/object:os.system'"),
    (L + "a: &a [*a]\n", "2:8: the alias *a stands inside what it names"),
    (
        L + "epoch: 3\nl2: -1\noptimizer: {learning_rate: .nan, momentum: 1}\nactivation: relo\nseed: x\n",
        "2:1: epoch: unknown key; did you mean 'epochs'?",
        "3:5: l2: must be >= 0, found the number -1",
        "4:28: optimizer.learning_rate: expected a finite number, found the number nan",
        "4:34: optimizer.momentum: unknown key; sgd has none, momentum and nesterov do: write optimizer: "
        "{name: momentum, learning_rate: nan, momentum: 1}",
        "5:13: activation: no activation 'relo'; did you mean 'relu'?",
        "6:7: seed: expected a whole number, found the text 'x'",
    ),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0][-60:])
def test_faults_are_told_all_at_once_with_their_place(fault: tuple[str, ...], here: Path) -> None:
    (here / "c.yaml").write_text(fault[0])
    with pytest.raises(ConfigError) as caught:
        read_config("c.yaml", [])
    assert caught.value.exit_code == 2
    assert sorted(caught.value.problems) == sorted(f"c.yaml:{problem}" for problem in fault[1:])


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("epoch=3", "epoch: unknown key; did you mean 'epochs'?"),
        ("layers.1=0", f"layers.1: {SIZE}, found the number 0"),
        ("optimizer.learning_rate=-1", "optimizer.learning_rate: must be >= 0, found the number -1"),
        ("seed=1.5", "seed: expected a whole number, found the number 1.5"),
    ],
)
def test_overrides_are_named_as_what_they_are(override: str, problem: str, here: Path) -> None:
    (here / "c.yaml").write_text(L)
    with pytest.raises(ConfigError) as caught:
        read_config("c.yaml", ["l2=1", override])
    assert caught.value.problems == (f"-s {override}: {problem}",)


def test_overrides_and_the_seed_take_part(here: Path) -> None:
    (here / "c.yaml").write_text(L + "l2: 3\nseed: 2\n")
    config = read_config("c.yaml", ["l2=1", "optimizer.learning_rate=0.5"], seed=7)
    assert (config.l2, config.seed, config.optimizer.parameters) == (1.0, 7, {"learning_rate": 0.5})


@pytest.mark.parametrize("name", ["NA", "007", "2024-01-01", "a.b_c=1,+-", "x" * 100])
def test_odd_names_that_are_names(name: str) -> None:
    assert check({"name": name, "layers": [784, 10]}).run_name.startswith(f"{name}-")


def test_the_name_is_the_stem_of_the_file(here: Path) -> None:
    (here / "deep=2.yaml").write_text(L)
    config = read_config("deep=2.yaml", [])
    assert config.run_name == f"deep=2-{config.identity}-s0"


@pytest.mark.parametrize("layers", [[784, 10**9, 10], {"depth": 998, "width": 10**9}, {"depth": 998, "width": 50_000}])
def test_layers_too_large_for_memory_are_refused_before_anything_is_made(layers: Any, tmp_path: Path) -> None:
    config = check({"name": "x", "layers": layers})
    tracemalloc.start()
    try:
        with pytest.raises(
            StorageError, match=r"needs [\d,]+\.\d GiB of memory, and [\d,]+\.\d GiB are free"
        ) as caught:
            list(run(config, tmp_path))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.exit_code == 5
    assert list(tmp_path.iterdir()) == []


def test_a_thousand_layers_are_the_most() -> None:
    assert len(check({"name": "x", "layers": {"depth": 998, "width": 3}}).sizes) == 1000
    assert check({"name": "x", "layers": {"depth": 0, "width": 3}}).sizes == (784, 10)


def test_the_default_batch_fits_the_data() -> None:
    config = check({"name": "x", "layers": [2, 3, 2], "data": "xor"})
    assert (config.batch_size, config.plain()["batch_size"], config.rows_per_step) == (4, 4, 4)
    assert check(config.plain()).identity == config.identity
    assert check({"name": "x", "layers": [784, 10]}).batch_size == 10


def test_overrides_that_cannot_be_applied_do_not_hide_the_others(here: Path) -> None:
    (here / "c.yaml").write_text("layers: {depth: 2, width: 3}\n")
    with pytest.raises(ConfigError) as caught:
        read_config("c.yaml", ["layers.depth=x", "foo=3", "optimizer.learning_rate=-1", "bar"])
    assert [problem.split(":")[0] for problem in sorted(caught.value.problems)] == [
        "-s bar",
        "-s foo=3",
        "-s layers.depth=x",
        "-s optimizer.learning_rate=-1",
    ]


def test_a_stem_that_cannot_be_a_name_has_its_remedy(here: Path) -> None:
    (here / "my run.yaml").write_text(L + "seed: -1\n")
    with pytest.raises(ConfigError) as caught:
        read_config("my run.yaml", [])
    remedies = [problem for problem in caught.value.problems if "; write name: … in the file or -s name=…" in problem]
    assert [problem[:19] for problem in remedies] == ["my run.yaml:1:1: na"]
    with pytest.raises(ConfigError) as caught:
        read_config("my run.yaml", ["name=a b"])
    assert not any("write name" in problem for problem in caught.value.problems)


def test_a_missing_parameters_file_is_told_at_its_key(here: Path) -> None:
    (here / "c.yaml").write_text(L + "init: {name: file, path: no.npz}\n")
    with pytest.raises(
        DataError, match=r"^c\.yaml:2:26: init\.path: no\.npz: cannot be read: .*initial\.npz"
    ) as caught:
        read_config("c.yaml", [])
    assert caught.value.exit_code == 3


def test_the_check_refuses_what_does_not_fit_memory(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "c.yaml").write_text("layers: [784, 1000000000, 10]\n")
    assert command(["config", "check", "c.yaml"]) == 5
    assert "c.yaml: layers: training 3 layers" in capsys.readouterr().err


def test_more_epochs_than_memory_holds_are_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    config = check({"name": "long", "layers": [2, 2, 1], "data": "xor", "epochs": 10**7})
    monkeypatch.setattr(memory, "available_bytes", lambda: 8 * 2**30)
    with pytest.raises(StorageError, match=r"epochs: the measurements of 10,000,000 epochs need 1\d\.\d GiB"):
        memory.check_memory(config)
    memory.check_memory(check({**config.plain(), "epochs": 10**5}))

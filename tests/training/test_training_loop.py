"""Training as a generator: the same bits however it is run, records as the config asks, divergence where it happens."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from numpy.random import PCG64, Generator, SeedSequence
from oracle import Model

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.data.dataset import Dataset
from vgrad.data.datasets import load
from vgrad.nn.beside.step import AugmentedStep
from vgrad.runs import runner
from vgrad.runs.checkpoint import Saved
from vgrad.runs.folder import DETERMINISTIC, RUN, SOMETIMES, RunFolder
from vgrad.runs.runner import Opened, run
from vgrad.training import descent
from vgrad.training.assembly import fresh_state, noise_of
from vgrad.training.feed import targets
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train
from vgrad.training.metrics import OTHERS
from vgrad.training.randomness import Purpose, generator
from vgrad.training.record import EpochRecord, TrainingState
from vgrad.training.rule import Cancelled

Tree = dict[str, Any]
SMALL: Tree = {
    "name": "t",
    "layers": [64, 8, 6, 10],
    "epochs": 4,
    "l2": 1.0,
    "data": {"name": "digits", "train": 105, "validation": 30, "test": 30},
}


def prepared(tree: Tree) -> tuple[Config, Dataset, TrainingState]:
    config = check({**SMALL, **tree})
    return config, load(config.data.name, **config.data.parameters), started(config)


def started(config: Config) -> TrainingState:
    return fresh_state(config, draw_parameters(config, config.init))  # type: ignore[arg-type]


def whole(tree: Tree) -> list[tuple[EpochRecord, oracle.Params]]:
    """All records with copies of the parameters."""
    return [(record, copied(state.parameters)) for record, state in train(*prepared(tree))]


def copied(params: oracle.Params) -> oracle.Params:
    return {name: value.copy() for name, value in params.items()}


def same(found: oracle.Params, wanted: oracle.Params) -> bool:
    return all(found[name].tobytes() == value.tobytes() for name, value in wanted.items())


def facts(record: EpochRecord) -> list[Any]:
    neurons = None if record.neurons is None else [delta.tolist() for delta in record.neurons]
    return [record.epoch, record.metrics, record.gradients, neurons, record.divergence]


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in DETERMINISTIC if (folder / name).exists()}


# -- the same bits ----------------------------------------------------------------------------------------------------


def trained(tree: Tree, runs: Path, cancelled: Callable[[], bool] = lambda: False) -> Path:
    opened, *_ = run(check({**SMALL, **tree}), runs, cancelled=cancelled)
    assert isinstance(opened, Opened)
    return opened.folder


@pytest.mark.parametrize("tree", [{"probes": {"neurons": [0, 2]}}, {"dtype": "float32", "batch_size": "full"}])
def test_two_runs_have_the_same_bytes(tree: Tree, tmp_path: Path) -> None:
    first, second = (files(trained(tree, tmp_path / name)) for name in ("a", "b"))
    assert set(DETERMINISTIC) - set(first) == set(SOMETIMES) - ({"neurons.csv"} if "probes" in tree else set())
    assert first == second


def test_a_run_cancelled_again_and_again_ends_with_the_same_bytes(tmp_path: Path) -> None:
    tree, calls = {"data": {"name": "digits", "train": 1000}, "epochs": 3}, count(1)
    undisturbed = trained(tree, tmp_path / "a")
    attempts = 0
    while True:
        attempts += 1
        try:  # of ten gatherings an epoch, every thirteenth is cancelled
            continued = trained(tree, tmp_path / "b", lambda: next(calls) % 13 == 0)
            break
        except Cancelled:
            continue
    assert attempts > 2
    assert files(continued) == files(undisturbed)


def test_a_run_that_another_process_finishes_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real, looks = trained({"epochs": 1}, tmp_path), runner.RunFolder.facts, iter([None])
    monkeypatch.setattr(runner.RunFolder, "facts", lambda run: next(looks, real(run)))
    assert list(run(check({**SMALL, "epochs": 1}), tmp_path)) == [Opened(folder, None, complete=True)]


def test_checkpoints_take_at_most_a_fiftieth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(runner.time, "monotonic", lambda: now)
    pace = runner._Pace()
    for begun, cost, pause in ((100.0, 0.5, 1.0), (101.5, 0.001, 25.0), (126.501, 0.0, 1.0)):
        now = begun + pause - 0.01
        assert not pace.is_due()
        now = begun + pause
        assert pace.is_due()
        with pace.timed():
            now += cost


@pytest.mark.parametrize(("seconds", "saved"), [(1e9, [2]), (0.0, [0, 1, 2])])
def test_what_is_due_is_saved_and_the_last_epoch_always(
    seconds: float, saved: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHECKPOINT_SECONDS", seconds)
    monkeypatch.setattr(runner, "CHECKPOINT_SHARE", 0)
    found, save = list[int](), runner.RunFolder.save

    def noted(folder: RunFolder, config: Config, saved: Saved) -> None:
        found.append(saved.state.epoch)
        save(folder, config, saved)

    monkeypatch.setattr(runner.RunFolder, "save", noted)
    trained({"epochs": 2}, tmp_path / "whole")
    assert found == saved
    found.clear()
    epochs: list[int] = []

    def cut() -> None:
        for event in run(check({**SMALL, "epochs": 5}), tmp_path / "cut", cancelled=lambda: 1 in epochs):
            epochs.extend([event.epoch] if isinstance(event, EpochRecord) else [])

    with pytest.raises(Cancelled):
        cut()
    assert found == ([0, 1] if saved[0] == 0 else [1])  # and not once more


def test_only_a_directory_in_which_nothing_was_begun_goes(tmp_path: Path) -> None:
    for names, stays in (([runner.LOCK], False), ([], True), ([runner.LOCK, "config.yaml"], True)):
        folder = tmp_path / str(len(names))
        folder.mkdir()
        for name in names:
            (folder / name).touch()
        runner.remove_if_unused(folder)
        assert folder.exists() == stays
        assert not stays or sorted(path.name for path in folder.iterdir()) == sorted(names)
    runner.remove_if_unused(tmp_path / "missing")


@pytest.mark.parametrize("last", [None, 11])
def test_a_restart_sets_everything_aside_run_json_first(
    last: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off anywhere, what stays is not complete; and it is a run, continued or set aside, to the last."""
    folder, moved = trained({"epochs": 1}, tmp_path), []
    monkeypatch.setattr(runner, "rename", lambda source, target: moved.append(source.rename(target)))
    if last is not None:
        (folder / f"attempt-{last}").mkdir()
    (folder / "notes.txt").write_text("mine")
    before = files(folder) | {RUN: (folder / RUN).read_bytes()}
    list(run(check({**SMALL, "epochs": 1}), tmp_path, restart=True))
    assert {path.parent for path in moved} == {folder / f"attempt-{(last or 0) + 1}"}
    assert (moved[0].name, moved[-1].name) == (RUN, "config.yaml")
    assert {path.name: path.read_bytes() for path in moved} == before
    assert files(folder) == files(moved[0].parent)
    assert (folder / "notes.txt").exists()


DEEP: Tree = {"layers": [64, *[6] * 60, 10], "dtype": "float32", "batch_norm": False}


@pytest.mark.parametrize("tree", [{}, {"batch_size": "full"}, {"dtype": "float32", "l1": 0.1}, DEEP])
def test_resuming_from_any_epoch_changes_nothing(tree: Tree) -> None:
    undisturbed = whole(tree)
    for epoch, (_, parameters) in enumerate(undisturbed):
        config, dataset, _ = prepared(tree)
        state = TrainingState(epoch, copied(parameters), {})
        rest = [(facts(record), copied(now.parameters)) for record, now in train(config, dataset, state, resumed=True)]
        assert [found for found, _ in rest] == [facts(record) for record, _ in undisturbed[epoch + 1 :]]
        assert same(rest[-1][1] if rest else parameters, undisturbed[-1][1])
        assert same(state.parameters, undisturbed[-1][1])


def test_deltas_of_deep_networks_are_looked_at_when_an_epoch_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the passes of ten examples and by that of the five that are left: a run that goes on begins so, too."""
    looks, look = list[int](), AugmentedStep._lift
    monkeypatch.setattr(AugmentedStep, "_lift", lambda self: looks.append(self.rows) or look(self))
    whole(DEEP)
    assert looks == [10, 5] * 4


@pytest.mark.parametrize("largest", [2000, 40])
@pytest.mark.parametrize("call", [1, 3, 6, 10])
def test_cancelling_restores_the_last_whole_epoch(monkeypatch: pytest.MonkeyPatch, largest: int, call: int) -> None:
    monkeypatch.setattr(descent, "LARGEST_STEP", largest)
    monkeypatch.setattr(descent, "GATHERED", 21)
    tree = {"batch_size": 21 if largest == 2000 else 105}
    pieces = 5 if largest == 2000 else 3
    undisturbed, calls = whole(tree), count(1)
    config, dataset, state = prepared(tree)
    yielded: list[TrainingState] = []
    steps = train(config, dataset, state, cancelled=lambda: next(calls) == call)
    with pytest.raises(Cancelled):
        yielded.extend(now for _, now in steps)
    epochs = [now.epoch for now in yielded]
    assert epochs == list(range((call - 1) // pieces + 1))
    assert same(yielded[-1].parameters, undisturbed[epochs[-1]][1])


def test_a_full_batch_is_one_of_all_examples() -> None:
    full, sized = whole({"batch_size": "full"}), whole({"batch_size": 105})
    assert [facts(record) for record, _ in full] == [facts(record) for record, _ in sized]
    assert same(full[-1][1], sized[-1][1])


def test_the_initial_parameters_are_left_alone() -> None:
    config, dataset, _ = prepared({})
    initial = draw_parameters(config, config.init)  # type: ignore[arg-type]
    kept = copied(initial)
    list(train(config, dataset, fresh_state(config, initial)))
    assert same(initial, kept)


def test_more_epochs_begin_like_fewer() -> None:
    few, many = whole({"epochs": 2}), whole({"epochs": 4})
    assert [facts(record) for record, _ in few] == [facts(record) for record, _ in many[:3]]


# -- randomness -------------------------------------------------------------------------------------------------------


def test_generators_are_one_a_purpose_and_epoch() -> None:
    drawn = {
        (seed, purpose, epoch): generator(seed, purpose, epoch).integers(2**62, size=4).tolist()
        for seed in (0, 1, 42)
        for purpose in Purpose
        for epoch in range(4)
    }
    assert len({tuple(numbers) for numbers in drawn.values()}) == len(drawn)
    layers = {(7, layer, epoch) for layer in range(4) for epoch in range(4)}
    found = {generator(7, Purpose.PRETRAINING, *moment[1:]).integers(2**62) for moment in layers}
    assert len(found) == len(layers)
    assert generator(0, Purpose.WEIGHTS).integers(2**62) == drawn[0, Purpose.WEIGHTS, 0][0]
    for (seed, purpose, epoch), numbers in drawn.items():
        wanted = Generator(PCG64(SeedSequence(seed, spawn_key=(int(purpose), epoch))))
        assert wanted.integers(2**62, size=4).tolist() == numbers
    assert {purpose.name: int(purpose) for purpose in Purpose} == {
        "WEIGHTS": 0,
        "BIASES": 1,
        "SHUFFLE": 2,
        "MASKS": 3,
        "INPUT_NOISE": 4,
        "PRETRAINING": 5,
        "CONTROL": 6,
    }


def test_masks_and_noise_have_their_own_generators_afresh_each_time() -> None:
    noise = noise_of(check({**SMALL, "seed": 6}), 3)
    for drawn in (noise(), noise()):
        for found, purpose in ((drawn.masks, Purpose.MASKS), (drawn.inputs, Purpose.INPUT_NOISE)):
            assert (found.random(3) == generator(6, purpose, 3).random(3)).all()


def test_parameters_are_drawn_from_the_generators_of_their_purpose() -> None:
    config = check({**SMALL, "seed": 6, "init": {"name": "nielsen", "gain": 2.0}})
    found = draw_parameters(config, config.init)  # type: ignore[arg-type]
    weights, biases = (Generator(PCG64(SeedSequence(6, spawn_key=(purpose, 0)))) for purpose in (0, 1))
    for layer, (n_in, n_out) in enumerate([(64, 8), (8, 6), (6, 10)], start=1):
        assert (found[f"W{layer}"] == 2 * weights.normal(0, n_in**-0.5, (n_out, n_in))).all()
        assert (found[f"b{layer}"] == biases.normal(0, 1, n_out)).all()


def test_the_order_is_new_each_epoch_and_only_with_shuffle(monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[tuple[int, ...]] = []
    epoch = descent.Descent.epoch

    def spied(self: descent.Descent, coming: descent.Epoch, *rest: Any, **more: Any) -> Any:
        orders.append(tuple(coming.order.tolist()))
        return epoch(self, coming, *rest, **more)

    monkeypatch.setattr(descent.Descent, "epoch", spied)
    whole({"seed": 9})
    whole({"seed": 9, "init": "zeros", "layers": [64, 10]})
    whole({"seed": 8})
    whole({"shuffle": False})
    first, other, reseeded, unshuffled = (orders[start : start + 4] for start in range(0, 16, 4))
    assert first == other
    assert len({*first, *reseeded}) == 8
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(105))} == set(unshuffled)
    for number, order in enumerate(first, start=1):
        batches = oracle.batches(105, 10, seed=9, epoch=number, shuffle=True)
        assert order == tuple(np.concatenate(batches).tolist())


@pytest.mark.parametrize("batch_size", ["full", 40])
def test_the_last_step_is_measured_only_where_a_probe_asks(batch_size: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    epoch = descent.Descent.epoch
    monkeypatch.setattr(descent.Descent, "epoch", lambda *given, **more: found.append(epoch(*given, **more)))
    whole({"epochs": 3, "batch_size": batch_size})
    assert found == [None] * 3
    found.clear()
    whole({"epochs": 3, "batch_size": batch_size, "probes": {"record": ["update_ratio"], "every": 2}})
    assert [ratios and len(ratios) for ratios in found] == [None, 3, 3]


# -- what is recorded -------------------------------------------------------------------------------------------------


def reference(config: Config, dataset: Dataset, part: str) -> tuple[Model, np.ndarray, np.ndarray]:
    raw = getattr(dataset, part)
    model = Model(tuple(choice.name for choice in config.activations), config.output, config.cost)
    return model, raw.inputs.astype(float) * dataset.scaling.factor, np.eye(10)[raw.labels]


@pytest.mark.parametrize(("every", "epochs"), [(1, [0, 1, 2, 3, 4, 5, 6, 7]), (3, [0, 3, 6, 7]), (100, [0, 7])])
def test_probes_measure_every_kth_epoch_and_the_last(every: int, epochs: list[int]) -> None:
    records = whole({"epochs": 7, "probes": {"every": every, "neurons": [1, 7]}})
    assert [record.epoch for record, _ in records if record.gradients] == epochs
    assert [record.epoch for record, _ in records if record.neurons] == [1, 7]


@pytest.mark.parametrize("examples", [1, 20, "all"])
def test_norms_and_neurons_are_the_means_over_the_probe_examples(examples: int | str) -> None:
    config, dataset, state = prepared({"probes": {"examples": examples, "neurons": [0, 2]}})
    model, xs, ys = reference(config, dataset, "train")
    first = slice(None) if examples == "all" else slice(int(examples))
    for record, now in train(config, dataset, state):
        wanted = oracle.mean_deltas(model, now.parameters, xs[first], ys[first])
        norms = [np.hypot.reduce(means) for means in wanted]
        assert record.gradients == {"delta_norm": pytest.approx(norms, rel=oracle.ROUNDING, abs=0)}
        for found, means in zip(record.neurons or [], wanted, strict=record.neurons is not None):
            oracle.assert_close(found, means, oracle.ROUNDING)


def test_probes_are_double_precision_in_single_training() -> None:
    """Norms of a deep net that float32 could not tell from zero, on inputs that are exact in both."""
    tree = {"dtype": "float32", "layers": {"depth": 12, "width": 4}, "init": {"weights": "he_normal", "gain": 0.01}}
    config, dataset, state = prepared(tree)
    model, xs, ys = reference(config, dataset, "train")
    for record, now in train(config, dataset, state):
        wide = {name: value.astype("float64") for name, value in now.parameters.items()}
        assert record.gradients is not None
        found, wanted = record.gradients["delta_norm"], oracle.delta_norms(model, wide, xs, ys)
        np.testing.assert_allclose(found, wanted, rtol=oracle.TRAINED, atol=0)
        assert 0 < found[0] < 1e-24


@pytest.mark.parametrize(("output", "cost"), [("sigmoid", "quadratic"), ("softmax", "log_likelihood")])
def test_all_monitors_are_those_of_the_oracle(output: str, cost: str) -> None:
    costs = {"sigmoid": ["quadratic", "cross_entropy"], "softmax": ["quadratic", "log_likelihood"]}[output]
    names = ["cost", "accuracy", "mse", *costs]
    monitor = [f"{part}_{name}" for name in names for part in ("validation", "train", "test")]
    data = {"name": "digits", "train": 510, "validation": 40, "test": 25}  # more than one chunk
    config, dataset, state = prepared(
        {"output": output, "cost": cost, "monitor": monitor, "data": data, "epochs": 1, "activation": "tanh"}
    )
    for record, now in train(config, dataset, state):
        assert list(record.metrics) == [*monitor, *OTHERS]
        for part in ("train", "validation", "test"):
            model, xs, ys = reference(config, dataset, part)
            every = (model, now.parameters, xs, ys)
            wanted = {f"{part}_{name}": oracle.mean_cost(*every, name=name) for name in costs}
            wanted |= {f"{part}_cost": wanted[f"{part}_{cost}"], f"{part}_mse": oracle.mse(*every)}
            assert {key: record.metrics[key] for key in wanted} == pytest.approx(wanted, rel=oracle.ROUNDING, abs=0)
            assert record.metrics[f"{part}_accuracy"] == oracle.accuracy(*every)


XOR: Tree = {
    "data": "xor",
    "batch_size": "full",
    "l2": 0,
    "optimizer": {"learning_rate": 1.0},
    "epochs": 1500,
    "probes": {"every": 1500},
}


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_xor_needs_a_hidden_layer(seed: int) -> None:
    hidden = whole({**XOR, "layers": [2, 8, 1], "activation": "tanh", "seed": seed})
    perceptron = whole({**XOR, "layers": [2, 1], "seed": seed})
    assert hidden[-1][0].metrics["train_accuracy"] == 1.0
    assert all((record.metrics["train_accuracy"] or 0.0) <= 0.75 for record, _ in perceptron)


@pytest.mark.parametrize(("classes", "outputs"), [(2, 1), (2, 2), (10, 10)])
def test_smoothed_labels_are_mixed_with_all_classes(classes: int, outputs: int) -> None:
    hard = np.array([[0.0], [1.0]]) if outputs == 1 else np.eye(classes)
    assert (targets(classes, outputs) == hard).all()
    assert targets(classes, outputs, 0.3) == pytest.approx(0.7 * hard + 0.3 / classes)


def test_it_learns() -> None:
    records = whole({"data": "digits", "layers": [64, 30, 10], "epochs": 8, "optimizer": {"learning_rate": 0.5}})
    assert (records[-1][0].metrics["validation_accuracy"] or 0) > 0.9

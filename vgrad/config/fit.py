"""What has to go together in a config whose fields are right one by one: sizes, output and cost, what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from vgrad.config import fields
from vgrad.config.choice import Choice
from vgrad.config.config import Config
from vgrad.config.fields import Init, Stack
from vgrad.config.monitors import PARTS, measures
from vgrad.config.problems import Problem
from vgrad.config.synonyms import meant
from vgrad.data.datasets import DATASETS
from vgrad.nn.costs import COSTS
from vgrad.nn.initializers import INITIALIZERS, DataDriven
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.probes import GROUPS, PROBES

RECONSTRUCTION = ("quadratic", "cross_entropy")
"""The costs that an output may have with one input as its target."""
MOST_ROWS = 10**6
"""Of steps.csv, and of pretraining.csv."""


def problems(config: Config) -> list[Problem]:
    """Everything that does not go together."""
    return [*_sizes(config), *_pairing(config), *_measuring(config), *_remedies(config), *_pretraining(config)]


def _sizes(config: Config) -> list[Problem]:
    facts, problems = config.facts, list[Problem]()
    for part, most in zip(PARTS, facts.sizes, strict=True):
        size = config.data.parameters[part]
        if size is not None and size > most:
            problems.append(Problem(("data", part), f"{config.data.name} has {most} {part} examples, found {size}"))
    if not isinstance(config.layers, Stack):
        last = len(config.layers) - 1
        if config.layers[0] != facts.n_inputs:
            problems.append(
                Problem(("layers", 0), f"{config.data.name} has {facts.n_inputs} inputs, found {config.layers[0]}")
            )
        allowed = [facts.classes, 1] if facts.classes == 2 and not facts.regression else [facts.classes]
        if config.layers[-1] not in allowed:
            wanted = " or ".join(map(str, allowed))
            problems.append(
                Problem(("layers", last), f"{config.data.name} needs {wanted} outputs, found {config.layers[-1]}")
            )
    if isinstance(config.activation, tuple) and len(config.activation) != len(config.sizes) - 2:
        hidden = f"needs one for each of the {len(config.sizes) - 2} hidden layers, found {len(config.activation)}"
        problems.append(Problem(("activation",), hidden))
    if not problems and config.rows_per_step > config.part_sizes["train"]:
        n = config.part_sizes["train"]
        problems.append(
            Problem(("batch_size",), f"there are {n} training examples, found {config.batch_size}; write {n} or full")
        )
    return problems


def _pairing(config: Config) -> list[Problem]:
    if config.reconstructs:
        return _reconstruction(config)
    if config.facts.regression and config.cost != "quadratic":
        told = f"{config.cost} is of classes; numbers are predicted with cost: quadratic and output: identity"
        return [Problem(("cost",), told)]
    if config.facts.regression and config.label_smoothing:
        return [Problem(("label_smoothing",), "the targets are numbers, and no classes; leave it out")]
    return _pair(config)


def _reconstruction(config: Config) -> list[Problem]:
    """Inputs as targets: any numbers for the quadratic cost, those of [0, 1] for the cross-entropy of each."""
    if config.output == "softmax":
        return [Problem(("output",), "softmax outputs add up to 1, and inputs do not; use sigmoid or identity")]
    if config.cost not in RECONSTRUCTION:
        told = f"{config.cost} is of classes; inputs are given back with {' or '.join(RECONSTRUCTION)}"
        return [Problem(("cost",), told)]
    if config.label_smoothing:
        return [Problem(("label_smoothing",), "the targets are the inputs, and no classes; leave it out")]
    source, scale = DATASETS[config.data.name], config.data.parameters["scale"]
    if config.is_bounded and (scale == "standard" or (scale == "none" and (source.maximum or 0) > 1)):
        told = f"{scale} leaves [0, 1], and with it cross_entropy; use unit or binary, or cost: quadratic"
        return [Problem(("data", "scale"), told)]
    return _pair(config)


def _pair(config: Config) -> list[Problem]:
    if config.output in COSTS[config.cost]:
        if config.output == "softmax" and config.sizes[-1] == 1:
            return [Problem(("output",), "softmax over one output is always 1; use sigmoid or 2 outputs")]
        if config.output == "step" and len(config.sizes) > 2:
            alone = [config.sizes[0], config.sizes[-1]]
            told = f"step is of a perceptron, which has no hidden layers; write layers: {alone}, or use sigmoid"
            return [Problem(("output",), told)]
        return []
    costs = [name for name, pairs in COSTS.items() if config.output in pairs]
    outputs = list(COSTS[config.cost])
    hint = f"use {' or '.join(costs)}, or output: {' or '.join(outputs)}"
    if (config.output, config.cost) == ("softmax", "cross_entropy"):
        hint = "write log_likelihood, which is what other libraries call cross-entropy of a softmax"
    return [Problem(("cost",), f"{config.cost} does not go with {config.output} outputs; {hint}")]


def _measuring(config: Config) -> list[Problem]:
    problems: list[Problem] = []
    of_numbers = config.facts.regression
    if config.output in COSTS[config.cost]:
        known = [f"{part}_{name}" for part in PARTS for name in measures(config.cost, config.output)]
        problems += fields.name_problems(("monitor",), config.monitor or [], known, "monitor")
    for index, name in enumerate(config.monitor or []):
        part = name.split("_")[0]
        if config.part_sizes.get(part) == 0:
            problems.append(Problem(("monitor", index), f"the {part} part is empty"))
        elif of_numbers and name in (f"{each}_accuracy" for each in PARTS):
            told = f"numbers are predicted, of which none is right or wrong; use {part}_cost or {part}_mse"
            problems.append(Problem(("monitor", index), told))
    problems += fields.name_problems(("probes", "record"), config.probes.record, [*PROBES, *GROUPS, "all"], "probe")
    n = config.part_sizes["train"]
    if config.probe_examples > n:
        found = f"there are {n} training examples, found {config.probe_examples}; write {n} or all"
        problems.append(Problem(("probes", "examples"), found))
    problems += _steps(config)
    problems += [
        Problem(("probes", key, index), f"the last epoch is {config.epochs}, found {epoch}")
        for key, epochs in (("neurons", config.probes.neurons), ("histograms", config.probes.histograms))
        for index, epoch in enumerate(epochs)
        if epoch > config.epochs
    ]
    return problems


def _steps(config: Config) -> Iterator[Problem]:
    """What is measured within epochs: that there is something, and not without measure."""
    every, there_are = config.probes.steps, config.steps_per_epoch
    if every is None or config.rows_per_step > config.part_sizes["train"]:
        return
    if every > there_are:
        steps = f"an epoch has {there_are} steps" if there_are > 1 else "an epoch is one step"
        yield Problem(("probes", "steps"), f"{steps}, found {every}")
        return
    rows = config.epochs * len(config.step_marks) * (len(config.sizes) - 1)
    if rows > MOST_ROWS:
        told = f"makes {rows:,} rows of steps.csv, more than {MOST_ROWS:,}; write more, or fewer epochs"
        yield Problem(("probes", "steps"), told)


def _remedies(config: Config) -> Iterator[Problem]:
    """Remedies and schedules."""
    if config.batch_norm and config.layer_norm:
        yield Problem(("layer_norm",), "there is batch_norm already; use one of the two")
    if config.batch_norm and config.batch_size == 1:
        yield Problem(("batch_norm",), "the statistics of one example say nothing; use a batch_size of 2 or more")
    if config.residual and not any(below == above for below, above in pairwise(config.sizes[:-1])):
        yield Problem(("residual",), "no hidden layer is as wide as the layer below it; there is nothing to connect")
    optimizer = config.optimizer
    if config.momentum_schedule and not OPTIMIZERS[optimizer.name](**optimizer.parameters).momentum:
        yield Problem(("momentum_schedule",), f"{optimizer.name} has no momentum; use momentum or nesterov")
    watched = [(("early_stopping", "monitor"), config.early_stopping.monitor)] if config.early_stopping else []
    if "monitor" in config.schedule.parameters:
        watched.append((("schedule", "monitor"), config.schedule.parameters["monitor"]))
    for path, name in watched:
        if name not in config.monitors:
            yield Problem(path, f"{name} is not in metrics.csv{meant('monitor', name, config.monitors)}")


def _pretraining(config: Config) -> Iterator[Problem]:
    """Hidden layers that reconstruct by s(W v + b), with numbers in [0, 1] at both ends."""
    if config.pretrain is None:
        return
    hidden, settings = len(config.sizes) - 2, config.pretrain.parameters
    if not hidden:
        yield Problem(("pretrain",), "there is no hidden layer to pretrain")
    others = [layer for layer, each in enumerate(config.activations, 1) if each != Choice("sigmoid")]
    if others:
        told = f"layer {others[0]} of {hidden} is {config.activations[others[0] - 1]}"
        yield Problem(("pretrain",), f"trains sigmoid layers, and {told}; use activation: sigmoid")
    for key in ("batch_norm", "layer_norm", "residual"):
        if getattr(config, key):
            yield Problem(
                ("pretrain",), f"trains layers s(W a + b), and {key} makes others of them; use one of the two"
            )
    if not isinstance(config.init, Init):
        yield Problem(
            ("pretrain",), "gives the hidden layers their parameters, and so does the init file; use one of the two"
        )
    elif isinstance(INITIALIZERS[config.init.weights.name](**config.init.weights.parameters), DataDriven):
        told = f"{config.init.weights.name} fits layers to data, and pretrain trains them; use another one"
        yield Problem(("init",), told)
    if config.data.parameters["scale"] == "standard":
        yield Problem(("data", "scale"), "standard leaves [0, 1], which pretrain reconstructs; use unit")
    n, m = config.part_sizes["train"], settings["batch_size"]
    if m > n:
        yield Problem(("pretrain", "batch_size"), f"there are {n} training examples, found {m}; write {n}")
    if settings["learning_rate"] * settings["decay"] >= 1:
        yield Problem(("pretrain", "decay"), "times learning_rate is 1 or more, and a step leaves nothing of a weight")
    rows = hidden * (settings["epochs"] + 1)
    if rows > MOST_ROWS:
        told = f"makes {rows:,} rows of pretraining.csv, more than {MOST_ROWS:,}; write fewer"
        yield Problem(("pretrain", "epochs"), told)

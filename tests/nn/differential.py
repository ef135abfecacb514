"""Random configs trained by vgrad and, beside it, by PyTorch: modules, autograd and optimizers of a different library.

    python tests/nn/differential.py [CASES] [SEED]        make differential N=200; needs make peers

Each case is a valid config drawn from vgrad's own tables: an activation, an output with its cost, an initializer, an
optimizer, a schedule, a kind of hidden layer, penalties, clipping, max-norm, label smoothing, odd batches with a
smaller last one, the classes or the inputs as targets. Every entry of every table is drawn in turn, so that some dozen
cases have them all. Initial parameters and the order of the examples are vgrad's; nothing else is shared. After every
epoch all parameters, running statistics and costs are compared, and the norms of the mean error and the mean norms
before it.

Left out, and tested with masks and constants of their own: dropout, input noise (tests/nn/test_nn_torch.py), momentum
that changes and heavy balls whose rate does (PyTorch keeps the rate out of the velocity), gains of activations.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
import yaml
from later import Later

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.data.dataset import Dataset
from vgrad.data.datasets import load
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS
from vgrad.nn.initializers import BIASES, INITIALIZERS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.schedules import SCHEDULES
from vgrad.registry import parameters
from vgrad.training.assembly import build_schedule, fresh_state
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train
from vgrad.training.randomness import Purpose, generator

torch, torch_peer = Later("torch"), Later("torch_peer")
EXACT = 1e-8
"""Of the largest entry: both sides are float64, and steps that divide by the size of a gradient amplify roundings."""
MOST_AMPLIFIED = 1e3
"""A larger difference than EXACT is none of ours if it is at most so many times what the last digits of W make."""
HIDDEN = ("plain", "batch_norm", "layer_norm", "residual")
ENDS = [(cost, output) for cost, outputs in COSTS.items() for output in outputs if output != "step"]
"""A perceptron has no hidden layers: tests/training/test_training_perceptron.py."""
RECONSTRUCTING = (("cross_entropy", "sigmoid"), ("quadratic", "sigmoid"), ("quadratic", "identity"))
EPSILON = 1e-3
"""Of optimizers that divide by the size of a gradient: some are 0 but for rounding, such as that of a shift below a
norm, and with 1e-8 their sign would decide."""
TABLES: dict[str, list[Any]] = {
    "activation": list(ACTIVATIONS),
    "end": ENDS,
    "weights": [name for name in INITIALIZERS if name != "exploding"],  # every z is 0: only rounding tells what follows
    "biases": list(BIASES),
    "optimizer": list(OPTIMIZERS),
    "schedule": list(SCHEDULES),
    "hidden": list(HIDDEN),
}
KINDS = {
    "sgd": "SGD",
    "momentum": "SGD",
    "nesterov": "SGD",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
    "nadam": "NAdam",
}
RATES = {"adadelta": 1.0, "adagrad": 0.05, "sgd": 0.2, "momentum": 0.05, "nesterov": 0.05}


def cases(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Config trees; each table is gone through in an order of its own, again and again."""
    random = Random(seed)
    orders = {name: random.sample(entries, len(entries)) for name, entries in TABLES.items()}
    for number in range(count):
        yield _tree(number, random, {name: order[number % len(order)] for name, order in orders.items()})


def _tree(number: int, random: Random, drawn: dict[str, Any]) -> dict[str, Any]:
    cost, output = drawn["end"]
    name, hidden = drawn["optimizer"], drawn["hidden"]
    own = {"epsilon": EPSILON} if "epsilon" in parameters(OPTIMIZERS[name]) else {}
    tree: dict[str, Any] = {
        "name": "case",
        "seed": number,
        "layers": [64, *_widths(random, hidden), 10],
        "data": {"name": "digits", "train": random.randint(20, 60), "validation": 30, "test": 0},
        "activation": drawn["activation"],
        "output": output,
        "cost": cost,
        "init": {"weights": drawn["weights"], "biases": drawn["biases"]},
        "optimizer": {"name": name, "learning_rate": RATES.get(name, 0.01), **own},
        "schedule": "constant" if name in ("momentum", "nesterov") else drawn["schedule"],
        "batch_size": random.choice([3, 7, 8, "full"]),
        "epochs": 3,
        "probes": {"record": ["delta_norm", "delta_norm_mean", "weight_gradient_norm"], "examples": 20},
    }
    chances = {
        "l2": lambda: random.uniform(0.1, 3),
        "l1": lambda: random.uniform(0.1, 1),
        "clip": lambda: random.choice([0.3, {"value": 0.05}, {"norm": 0.5, "value": 0.1}]),
        "max_norm": lambda: random.uniform(0.5, 2),
        "label_smoothing": lambda: 0.1,
    }
    tree |= {key: of() for key, of in chances.items() if random.random() < 0.25}
    if drawn["schedule"] == "plateau":
        tree["schedule"] = {"name": "plateau", "patience": 1} if tree["schedule"] == "plateau" else tree["schedule"]
    if (cost, output) in RECONSTRUCTING and number % 3 == 0:
        tree["data"]["targets"], tree["layers"][-1] = "inputs", 64
        tree.pop("label_smoothing", None)
        if isinstance(tree["schedule"], dict):
            tree["schedule"]["monitor"] = "validation_cost"  # there is no accuracy
    if hidden != "plain":
        tree[hidden] = True
    if hidden == "layer_norm" and drawn["weights"] in ("constant", "zeros"):
        tree["layer_norm"] = False  # units that are all alike have no variance but rounding
    if drawn["weights"] == "lsuv":
        tree["init"]["biases"] = "zeros"  # N(0, 1) may be more than the variance that it aims at
    if hidden == "batch_norm" and tree["batch_size"] != "full" and tree["data"]["train"] % tree["batch_size"] == 1:
        tree["data"]["train"] += 1  # a last batch of one has no statistics
    return tree


def _widths(random: Random, hidden: str) -> list[int]:
    depth = random.randint({"plain": 0, "residual": 2}.get(hidden, 1), 4)
    return [random.randint(2, 9)] * depth if hidden == "residual" else [random.randint(2, 9) for _ in range(depth)]


def difference(tree: dict[str, Any]) -> tuple[float, str]:
    """The largest difference of all that is compared, relative to the largest entry, and where it is."""
    torch.set_default_dtype(torch.float64)  # else NAdam keeps its products in float32
    config = check(tree)
    dataset = load(**config.plain()["data"])
    initial = draw_parameters(config, config.init)  # type: ignore[arg-type]
    other, worst = _Peer(config, dataset, initial), (0.0, "")
    for record, state in train(config, dataset, fresh_state(config, initial)):
        if record.divergence:
            return (0.0, "diverged") if other.diverges(record.epoch) else (np.inf, f"diverged in epoch {record.epoch}")
        if record.epoch:
            other.epoch(record.epoch, [past.metrics for past in other.records])
        other.records.append(record)
        pairs = {name: (value, other.p[name]) for name, value in state.parameters.items()}
        pairs |= {name: (value, other.running[name]) for name, value in state.buffers.items()}
        pairs |= {probe: (np.array(record.gradients[probe]), found) for probe, found in other.probes().items()}  # type: ignore[index]
        pairs["train_cost"] = np.array(record.metrics["train_cost"]), other.cost(dataset.train)
        pairs["validation_cost"] = np.array(record.metrics["validation_cost"]), other.cost(dataset.validation)
        for name, (ours, theirs) in pairs.items():
            wanted = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else np.asarray(theirs)
            size = pairs["delta_norm_mean"][1] if name == "delta_norm" else wanted  # a mean may cancel
            off = float(np.abs(ours - wanted).max() / max(np.abs(size).max(), 1e-6))
            worst = max(worst, (off, f"{name}, epoch {record.epoch}"))
    return worst


def amplified(tree: dict[str, Any]) -> float:
    """What a change of the initial weights in their last digits does to vgrad's own numbers, relative to the largest
    entry: a case in which that is much tells nothing of small differences."""
    config = check(tree)
    dataset, random = load(**config.plain()["data"]), np.random.default_rng(0)
    initial = draw_parameters(config, config.init)  # type: ignore[arg-type]
    moved = {name: value * (1 + 2e-16 * random.choice([-1, 1], value.shape)) for name, value in initial.items()}
    ends = []
    for start in (initial, moved):
        numbers = {}
        for record, state in train(config, dataset, fresh_state(config, start)):
            numbers = {name: value.copy() for name, value in state.parameters.items()} | dict(record.gradients or {})
        ends.append({name: np.asarray(value) for name, value in numbers.items()})
    one, other = ends
    return max(float(np.abs(one[name] - other[name]).max() / max(np.abs(one[name]).max(), 1e-6)) for name in one)


class _Peer:
    """The same training in PyTorch."""

    def __init__(self, config: Config, dataset: Dataset, initial: dict[str, np.ndarray]) -> None:
        self.config, self.dataset, self.records, self.p = config, dataset, list[Any](), torch_peer.tensors(initial)
        self.hidden = next((kind for kind in HIDDEN[1:] if getattr(config, kind)), "plain")
        self.running: dict[str, Any] = {}
        if self.hidden == "batch_norm":
            for layer, n in enumerate(config.sizes[1:-1], start=1):
                self.running |= {f"mean{layer}": torch.zeros(n).double(), f"variance{layer}": torch.ones(n).double()}
        self.x, self.y = self._examples(dataset.train)
        self.n, self.schedule = len(self.x), build_schedule(config)
        unused = {f"b{layer}" for layer in range(1, len(config.sizes) - 1)} if self.running else set()
        if config.activations and config.activations[0].name == "maxout":
            unused = set()
        self.unused = {name: torch.zeros_like(self.p[name]) for name in unused}
        own = config.optimizer.parameters
        given: dict[str, Any] = {"lr": own["learning_rate"]}
        for mine, theirs in (("momentum", "momentum"), ("decay", "weight_decay"), ("rho", "rho"), ("epsilon", "eps")):
            if mine in own:
                given[theirs] = own[mine]
        if config.optimizer.name == "rmsprop":
            given["alpha"] = given.pop("rho")
        if "beta1" in own:
            given["betas"] = own["beta1"], own["beta2"]
        if config.optimizer.name == "nesterov":
            given["nesterov"] = True
        self.optimizer = getattr(torch.optim, KINDS[config.optimizer.name])(list(self.p.values()), **given)

    def _examples(self, part: Any, smoothing: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        x = part.inputs / 16.0  # digits
        if self.config.reconstructs:
            return x, x
        y = np.eye(self.config.sizes[-1])[np.asarray(part.labels)]
        share = self.config.label_smoothing if smoothing is None else smoothing
        return x, y * (1 - share) + share / y.shape[1]

    def _forward(self, x: np.ndarray, y: np.ndarray, running: dict[str, Any] | None, *, training: bool) -> Any:
        names = [choice.name for choice in self.config.activations] or ["identity"]
        return torch_peer.peer(
            self.p | self.unused,
            x,
            y,
            depth=len(self.config.sizes) - 1,
            activation=names[0],
            output=self.config.output,
            cost=self.config.cost,
            variant=self.hidden,
            running=running,
            training=training,
        )

    def epoch(self, number: int, past: list[Any]) -> None:
        """One pass over the training part."""
        monitor = self.config.schedule.parameters.get("monitor")
        values = [-each[monitor] if monitor.endswith("accuracy") else each[monitor] for each in past] if monitor else []
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.optimizer.parameters["learning_rate"] * self.schedule(number, values)
        order = generator(self.config.seed, Purpose.SHUFFLE, number).permutation(self.n)
        m = self.config.rows_per_step
        if m >= self.n:
            order = np.arange(self.n)  # a full batch has no order
        for at in range(0, self.n, m):
            self._step(order[at : at + m])

    def _step(self, rows: np.ndarray) -> None:
        config, weights = self.config, [value for name, value in self.p.items() if name.startswith("W")]
        self.optimizer.zero_grad()
        cost = self._forward(self.x[rows], self.y[rows], self.running or None, training=True).cost
        cost = cost + config.l2 / (2 * self.n) * sum((W**2).sum() for W in weights)
        cost = cost + config.l1 / self.n * sum(W.abs().sum() for W in weights)
        cost.backward()
        for name in self.unused:  # their gradient is exactly 0; AdamW decays them
            self.p[name].grad = torch.zeros_like(self.p[name])
        moved = self.optimizer.param_groups[0]["params"]
        if config.clip and config.clip.value is not None:
            torch.nn.utils.clip_grad_value_(moved, config.clip.value)
        if config.clip and config.clip.norm is not None:
            length = torch.sqrt(sum((each.grad**2).sum() for each in moved if each.grad is not None))
            for each in moved:
                if each.grad is not None and length > config.clip.norm:
                    each.grad *= config.clip.norm / length
        self.optimizer.step()
        with torch.no_grad():
            for W in weights[:-1] if config.max_norm else []:
                lengths = W.norm(dim=1, keepdim=True)  # torch.renorm adds 1e-7 to them
                W *= torch.where(lengths > config.max_norm, config.max_norm / lengths, 1.0)

    def probes(self) -> dict[str, np.ndarray]:
        """||mean delta||, the mean of ||delta||, and ||dC/dW||, on the first examples, layer by layer."""
        for value in self.p.values():
            value.grad = None
        few = 20
        found = self._forward(self.x[:few], self.y[:few], None, training=True)
        found.cost.backward()
        delta = [z.grad.numpy() * few for z in found.z]
        weights = [self.p[f"W{layer}"].grad.numpy() for layer in range(1, len(delta) + 1)]
        return {
            "delta_norm": np.array([np.linalg.norm(each.mean(axis=0)) for each in delta]),
            "delta_norm_mean": np.array([np.linalg.norm(each, axis=1).mean() for each in delta]),
            "weight_gradient_norm": np.array([np.linalg.norm(each) for each in weights]),
        }

    def cost(self, part: Any) -> Any:
        """The mean cost of the network as it is evaluated."""
        x, y = self._examples(part, smoothing=0.0)
        return self._forward(x, y, self.running or None, training=not self.running).cost.detach()

    def diverges(self, number: int) -> bool:
        """Whether this side overflows in the epoch, too."""
        self.epoch(number, [past.metrics for past in self.records])
        return not all(bool(torch.isfinite(value).all()) for value in self.p.values())


def main(count: int = 200, seed: int = 0) -> int:
    """Tells every case that differs, as a config; the number of them."""
    wrong, largest = 0, 0.0
    for tree in cases(count, seed):
        found, where = difference(tree)
        largest = max(largest, found if found <= EXACT else 0.0)
        if found > EXACT and found > MOST_AMPLIFIED * amplified(tree):
            wrong += 1
            print(f"{found:.1e} at {where}:\n{yaml.safe_dump(tree, sort_keys=False)}", flush=True)
    print(f"{count} cases, seed {seed}: {wrong} differ; the others agree to {largest:.1e}")
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:3]))))

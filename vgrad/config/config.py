"""The config: one frozen model, complete and checked, from which everything else takes plain arguments.

    tree (YAML)  --check-->  Config  --plain-->     tree that means the same run, with every default written out
                                     --identity-->  eight hex digits over all of it but `name` and `seed`

Layers count from 1 (the first hidden one) to L (the output). The keys are those of `vgrad config schema`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from vgrad.config import fields, remedies
from vgrad.config.choice import Choice, named
from vgrad.config.fields import Init, InitFile, Probes, Stack
from vgrad.config.monitors import PARTS, split
from vgrad.config.problems import STRICT
from vgrad.config.remedies import OPTIONAL, ClipField, EarlyStopping
from vgrad.data.datasets import INPUTS, Facts, facts
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.norms import NORMS
from vgrad.registry import Fraction, NonNegative, NonNegativeInt, Positive

DEFAULT_MONITORS = ("train_cost", "train_accuracy", "validation_cost", "validation_accuracy")
DEFAULT_PROBE_EXAMPLES = 1000
DEFAULT_BATCH_SIZE = 10


class Config(BaseModel):
    """A run, completely described. Made by `check`; sizes and counts that depend on the data are properties."""

    model_config = STRICT

    name: Annotated[str, fields.NAME, Field(description="label of the run; the file's stem by default")]
    layers: Annotated[tuple[int, ...] | Stack, fields.LAYERS, Field(description="sizes from input to output")]
    activation: Annotated[
        Choice | tuple[Choice, ...],
        fields.ACTIVATION,
        Field(description="of the hidden layers: one for all, or a list with one for each"),
    ] = Choice("sigmoid")
    output: Annotated[str, named(lambda: OUTPUTS, "output"), Field(description="output activation")] = "sigmoid"
    init: Annotated[
        Init | InitFile,
        fields.INIT,
        Field(description="initial parameters: a preset, or weights and biases, or a file"),
    ] = fields.NIELSEN
    cost: Annotated[str, named(lambda: COSTS, "cost"), Field(description="what is minimized")] = "cross_entropy"
    optimizer: Annotated[Choice, fields.OPTIMIZER, Field(description="how gradients change parameters")] = Choice(
        "sgd", {"learning_rate": 0.1}
    )
    schedule: Annotated[Choice, fields.SCHEDULE, Field(description="learning rate over epochs")] = Choice("constant")
    epochs: Annotated[NonNegativeInt, Field(le=10**7, description="passes over the training part")] = 30
    batch_size: Annotated[
        Annotated[int, Field(gt=0)] | Literal["full"],
        fields.BATCH_SIZE,
        Field(description="examples a step; full is batch gradient descent"),
    ] = DEFAULT_BATCH_SIZE
    shuffle: Annotated[bool, Field(description="a new order of the training examples each epoch")] = True
    l2: Annotated[NonNegative, Field(description="lambda in C + lambda/(2n) sum W^2")] = 0.0
    l1: Annotated[NonNegative, Field(description="lambda in C + lambda/n sum |W|")] = 0.0
    pretrain: Annotated[
        Choice | None, remedies.PRETRAIN, Field(description="hidden layers one by one, from below, before training")
    ] = None
    momentum_schedule: Annotated[
        Choice | None, remedies.MOMENTUM_SCHEDULE, Field(description="of the optimizer's momentum over steps")
    ] = None
    label_smoothing: Annotated[Fraction, Field(description="share of the uniform distribution in the targets")] = 0.0
    dropout: Annotated[Fraction, Field(description="share of hidden activations that are 0 in training")] = 0.0
    input_noise: Annotated[NonNegative, Field(description="standard deviation of noise on training inputs")] = 0.0
    max_norm: Annotated[Positive | None, Field(description="largest norm of a hidden unit's incoming weights")] = None
    batch_norm: Annotated[Choice | None, remedies.BATCH_NORM, Field(description="normalize z over the batch")] = None
    layer_norm: Annotated[Choice | None, remedies.LAYER_NORM, Field(description="normalize z over the layer")] = None
    residual: Annotated[bool, Field(description="a^l = a^(l-1) + f(z^l) between layers of equal width")] = False
    clip: Annotated[
        ClipField | None, remedies.CLIP, Field(description="limit of the gradient's norm, or {norm: …, value: …}")
    ] = None
    early_stopping: Annotated[
        EarlyStopping | None, remedies.EARLY_STOPPING, Field(description="patience in epochs, or with its monitor")
    ] = None
    data: Annotated[Choice, fields.DATA, Field(description="data set, part sizes and scaling")] = fields.MNIST
    monitor: Annotated[
        list[str] | None, Field(description="columns of metrics.csv: <part>_<cost|accuracy|mse|name of a cost>")
    ] = None
    probes: Annotated[Probes, fields.PROBES, Field(description="measurements on the standing network")] = Probes()
    seed: Annotated[NonNegativeInt, Field(lt=2**63, description="of everything random")] = 0
    dtype: Annotated[Literal["float64", "float32"], Field(description="type of the parameters")] = "float64"

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values. What was computed of the old ones goes, unless the seed alone is another."""
        copied = super().model_copy(update=update, deep=deep)
        if set(update or ()) - {"seed"}:
            for name in _COMPUTED:
                vars(copied).pop(name, None)
        return copied

    @cached_property
    def facts(self) -> Facts:
        """What there is of the data: inputs, classes, examples in each part."""
        return facts(self.data.name, **self.data.parameters)

    @property
    def reconstructs(self) -> bool:
        """Whether the network is to give back its inputs: `data: {targets: inputs}`, an autoencoder."""
        return self.data.parameters.get("targets") == INPUTS

    @cached_property
    def is_bounded(self) -> bool:
        """Whether inputs have to lie in [0, 1], since they are targets of a cross-entropy."""
        return self.reconstructs and "cross_entropy" in (self.cost, *(split(name)[1] for name in self.monitors))

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """(n_0, …, n_L)."""
        if isinstance(self.layers, Stack):
            return (self.facts.n_inputs, *[self.layers.width] * self.layers.depth, self.facts.classes)
        return self.layers

    @cached_property
    def activations(self) -> tuple[Choice, ...]:
        """One per hidden layer."""
        if isinstance(self.activation, Choice):
            return (self.activation,) * (len(self.sizes) - 2)
        return self.activation

    @cached_property
    def part_sizes(self) -> dict[str, int]:
        """Examples in the train, validation and test part."""
        chosen = (self.data.parameters[part] for part in PARTS)
        return {
            part: most if size is None else size
            for part, size, most in zip(PARTS, chosen, self.facts.sizes, strict=True)
        }

    @cached_property
    def monitors(self) -> tuple[str, ...]:
        """The columns of metrics.csv; by default those of the parts that have examples."""
        if self.monitor is not None:
            return tuple(self.monitor)
        parts = (name for name in DEFAULT_MONITORS if self.part_sizes[name.split("_")[0]])
        return tuple(name for name in parts if not (self.facts.regression and name.endswith("accuracy")))

    @cached_property
    def probe_examples(self) -> int:
        """The number of training examples that probes see."""
        n = self.part_sizes["train"]
        wanted = self.probes.examples
        return n if wanted == "all" else min(DEFAULT_PROBE_EXAMPLES, n) if wanted is None else wanted

    @cached_property
    def rows_per_step(self) -> int:
        """m, the examples of a full batch."""
        return self.part_sizes["train"] if self.batch_size == "full" else self.batch_size

    @cached_property
    def steps_per_epoch(self) -> int:
        """The batches that the training part makes, the last short one included."""
        return -(-self.part_sizes["train"] // self.rows_per_step)

    @cached_property
    def step_marks(self) -> range:
        """The steps of an epoch, from 1, after which probes measure."""
        every = self.probes.steps
        return range(every, self.steps_per_epoch + 1, every) if every else range(0)

    @model_validator(mode="after")
    def _default_batch_fits(self) -> Config:
        """The default batch size is made to fit; a written one is checked, with all that has to go together, by fit."""
        if "batch_size" not in self.model_fields_set:
            object.__setattr__(self, "batch_size", min(DEFAULT_BATCH_SIZE, self.part_sizes["train"]))
        return self

    def plain(self) -> dict[str, Any]:
        """The tree that means this very run, every default written out, in the order of the keys."""
        data = {**self.data.parameters, **self.part_sizes}
        activations = [choice.plain() for choice in self.activations]
        same = len(set(map(str, self.activations))) == 1
        histograms = sorted(set(self.probes.histograms))
        return {
            "name": self.name,
            "layers": list(self.sizes),
            "activation": activations[0] if same else activations,
            "output": self.output,
            "init": self.init.plain(),
            "cost": self.cost,
            "optimizer": self.optimizer.plain(),
            "schedule": self.schedule.plain(),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "l2": self.l2 + 0.0,  # not -0.0, which is the same number
            "l1": self.l1 + 0.0,
            **_remedies(self),
            "data": {"name": self.data.name, **data},
            "monitor": list(self.monitors),
            "probes": {
                "record": self.probes.record,
                "examples": self.probe_examples,
                "every": self.probes.every,
                **({"steps": self.probes.steps} if self.probes.steps else {}),
                "neurons": sorted(set(self.probes.neurons)),
                **({"histograms": histograms} if histograms else {}),
            },
            "seed": self.seed,
            "dtype": self.dtype,
        }

    @property
    def speed(self) -> str:
        """The probe that measures how fast each layer learns: Nielsen's ||<delta^l>||, `delta_norm`; with batch norm
        <||delta^l||>, `delta_norm_mean`, since there sum_i dC/da_i of a batch is 0 whatever the layer learns."""
        return "delta_norm_mean" if self.batch_norm else "delta_norm"

    @cached_property
    def identity(self) -> str:
        """Eight hex digits over each resolved field that decides the numbers: not `name`, `seed` and file paths."""
        tree = {key: value for key, value in self.plain().items() if key not in ("name", "seed")}
        if isinstance(self.init, InitFile):
            tree["init"] = {"name": "file", "sha256": self.init.sha256}
        tree["data"].pop("path", None)
        canonical = json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]

    @property
    def run_name(self) -> str:
        """`<name>-<hash>-s<seed>`, the name of the run's directory."""
        return f"{self.name}-{self.identity}-s{self.seed}"


_COMPUTED = tuple(name for name, value in vars(Config).items() if isinstance(value, cached_property))


def _remedies(config: Config) -> dict[str, Any]:
    """The optional keys that are on, as a config writes them."""
    return {name: _plain(name, value) for name in OPTIONAL if (value := getattr(config, name))}


def _plain(name: str, value: Any) -> Any:
    if name in NORMS:
        return dict(value.parameters)
    return value.plain() if isinstance(value, Choice | ClipField | EarlyStopping) else value

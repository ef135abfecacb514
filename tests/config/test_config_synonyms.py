"""Names of methods and keys as other libraries and papers have them: named, and never taken for another method."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from project import FULL
from rows import each_row

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.config.fields import presets
from vgrad.config.keys import ELSEWHERE, NOT_HERE, setting
from vgrad.config.problems import Problems
from vgrad.config.schema import config_schema, monitor_names
from vgrad.config.synonyms import ABSENT, SAME, TABLES, TOLD, distance, meant, nearest, no_such, simple
from vgrad.nn.initializers import INITIALIZERS
from vgrad.nn.probes import GROUPS, PROBES

KNOWN = {kind: list(table) for kind, (_, table) in TABLES.items()} | {
    "init": [*presets(), "file"],
    "monitor": monitor_names(),
    "probe": [*PROBES, *GROUPS, "all"],
}

# kind, the name as it is typed elsewhere, what is told
NAMES = [
    ("init", "xavier_normal", "that is glorot_normal here"),
    ("init", "xavier_uniform", "that is glorot_uniform here"),
    ("init", "xavier_uniform_", "that is glorot_uniform here"),
    ("init", "kaiming_normal", "that is he_normal here"),
    ("init", "Kaiming-Uniform", "that is he_uniform here"),
    ("init", "HeNormal", "that is he_normal here, with the same variance; Keras and JAX cut"),
    ("init", "GlorotUniform", "did you mean 'glorot_uniform'?"),
    ("init", "glorot", "write glorot_uniform or glorot_normal"),
    ("init", "lecun", "write lecun_normal or lecun_uniform"),
    ("init", "he", "write he_normal or he_uniform"),
    ("init", "uniform_", "PyTorch's is U[0, 1]"),
    ("init", "truncated_normal", "vgrad does not have it; known: zeros"),
    ("init", "default_weight_initializer", "that is nielsen here"),
    ("init", "xavier_unifrom", "did you mean 'xavier_uniform'? that is glorot_uniform here"),
    ("weight initializer", "default_weight_initializer", "that is lecun_normal here"),
    ("weight initializer", "nielsen", "which is an init (key init)"),
    ("bias initializer", "he_normal", "which is a weight initializer (key init)"),
    ("activation", "ReLU", "did you mean 'relu'?"),
    ("activation", "LeakyReLU", "did you mean 'leaky_relu'?"),
    ("activation", "lrelu", "that is leaky_relu here"),
    ("activation", "swish", "that is silu here"),
    ("activation", "logistic", "that is sigmoid here"),
    ("activation", "Tanh", "did you mean 'tanh'?"),
    ("activation", "linear", "that is identity here"),
    ("activation", "softmax", "which is an output (key output)"),
    ("activation", "relu6", "vgrad does not have it"),
    ("activation", "mish", "vgrad does not have it"),
    ("activation", "gelu_tanh", "gelu here is the exact one"),
    ("output", "tanh", "which is an activation (key activation); known: sigmoid, softmax, identity"),
    ("output", "linear", "that is identity here"),
    ("optimizer", "AdamW", "did you mean 'adamw'?"),
    ("optimizer", "SGD", "did you mean 'sgd'?"),
    ("optimizer", "RMSprop", "did you mean 'rmsprop'?"),
    ("optimizer", "nag", "that is nesterov here"),
    ("optimizer", "gd", "that is optimizer: sgd with batch_size: full here"),
    ("optimizer", "bfgs", "vgrad does not have it; known: sgd"),
    ("data set", "MNIST", "did you mean 'mnist'?"),
    ("data set", "moons", "vgrad does not have it; known: mnist"),
    ("cost", "nll", "that is cost: log_likelihood with output: softmax here"),
    ("cost", "categorical_crossentropy", "that is cost: log_likelihood with output: softmax here"),
    ("cost", "CrossEntropyLoss", "that is cost: log_likelihood with output: softmax here"),
    ("cost", "bce", "cross_entropy is its sum over the outputs, where PyTorch and Keras take the mean"),
    ("cost", "BCELoss", "cross_entropy is its sum over the outputs"),
    ("cost", "mse", "quadratic is half the sum of the squares over the outputs"),
    ("cost", "cross-entropy", "did you mean 'cross_entropy'?"),
    ("cost", "hinge", "vgrad does not have it; known: cross_entropy, quadratic, log_likelihood"),
    ("schedule", "ReduceLROnPlateau", "that is plateau here"),
    ("schedule", "StepLR", "that is step here"),
    ("schedule", "OneCycleLR", "vgrad does not have it"),
    ("monitor", "val_loss", "that is validation_cost here"),
    ("probe", "grad_norm", "write delta_norm or weight_gradient_norm"),
]


@each_row("kind, name, told", NAMES)
def test_names_of_elsewhere(kind: str, name: str, told: str) -> None:
    message = no_such(kind, name, KNOWN[kind])
    assert message.startswith(f"no {kind} {name!r}")
    assert told in message
    assert "\n" not in message


def foreign() -> Iterator[tuple[str, str, set[str]]]:
    """Every name from elsewhere: its kind, and the names here that it may be told to have to do with."""
    for kind, same in SAME.items():
        yield from ((kind, other, {name}) for name, others in same.items() for other in others.split())
    yield from ((kind, other, set(names)) for kind, told in TOLD.items() for other, (names, _) in told.items())
    yield from ((kind, other, set()) for kind, others in ABSENT.items() for other in others.split())


def test_the_tables_agree_with_those_of_the_methods() -> None:
    seen: dict[tuple[str, str], str] = {}
    for kind, other, names in foreign():
        assert names <= set(KNOWN[kind]), (kind, other)
        literal = TOLD.get(kind, {}).get(other)
        assert other not in KNOWN[kind], f"{other} is a name of vgrad"
        assert literal or simple(other) not in map(simple, KNOWN[kind]), f"{other} is spelled otherwise only"
        assert seen.setdefault((kind, simple(other)), other) == other, f"{kind} {other} stands twice"
    assert all(len(set(map(simple, names))) == len(names) for names in KNOWN.values())


def proposed(message: str, kind: str) -> set[str]:
    """The names of `kind` that a message has, but for the list of all that there are."""
    told = message.partition("; known: ")[0].partition(", which is ")[0]
    words = set(told.replace("'", " ").replace(",", " ").replace("?", " ").replace("}", " ").split())
    return {name for name in KNOWN[kind] if name in words}


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", [*SAME])
def test_another_method_is_never_proposed(kind: str, every: bool) -> None:
    """For names from elsewhere and what is one slip away from them: a lost, a doubled, a swapped, a wrong letter."""
    names = {other: names for of, other, names in foreign() if of == kind}
    for number, (other, right) in enumerate(names.items()):
        assert proposed(meant(kind, other, KNOWN[kind]), kind) <= right, other
        if number % 4 and not every:
            continue
        for at in range(0, len(other), 1 if FULL else 2) if every else [len(other) // 2]:
            slips = [other[:at] + other[at + 1 :], other[:at] + 2 * other[at] + other[at + 1 :]]
            slips += [other[:at] + other[at : at + 2][::-1] + other[at + 2 :], f"{other[:at]}x{other[at + 1 :]}"]
            for slip in slips:
                if simple(slip) in {*map(simple, names), *map(simple, KNOWN[kind])}:
                    continue  # which is a name of its own
                told = proposed(meant(kind, slip, KNOWN[kind]), kind)
                assert told <= right | _as_near(slip, other, KNOWN[kind]), (other, slip, told)


def _as_near(slip: str, other: str, known: list[str]) -> set[str]:
    """Names here that are nearer to a slip than the name that slipped: `eelu` is rather `elu` than `celu`."""
    word = simple(slip)
    return {name for name in known if distance(word, simple(name)) < distance(word, simple(other))}


def test_names_of_one_kind_are_not_taken_for_those_of_another() -> None:
    for kind in TABLES:
        for other in TABLES:
            for name in set(KNOWN[other]) - set(KNOWN[kind]):
                if simple(name) not in {simple(each) for of, each, _ in foreign() if of == kind}:
                    assert not proposed(meant(kind, name, KNOWN[kind]), kind), (kind, name)


def test_distance() -> None:
    words = [("sgd", "sdg", 1), ("relu", "elu", 1), ("abc", "abc", 0), ("", "ab", 2), ("he_normal", "lecun_normal", 4)]
    assert [distance(one, other) for one, other, _ in words] == [wanted for *_, wanted in words]
    assert nearest("sdg", ["sgd", "adam"]) == ["sgd"]
    assert nearest("delu", ["elu", "gelu", "selu"]) == ["elu", "gelu", "selu"]
    assert nearest("x", ["y"]) == []


BASE = {"name": "c", "layers": [64, 30, 30, 10], "data": "digits"}

# what is added to BASE, the key that is wrong, what is told of it
KEYS: list[tuple[dict[str, object], str, str]] = [
    ({"lr": 0.1}, "lr", "it is optimizer.learning_rate here: write optimizer: {learning_rate: 0.1}"),
    ({"eta": 0.1}, "eta", "it is optimizer.learning_rate here: write optimizer: {learning_rate: 0.1}"),
    (
        {"learning_rate": 0.1, "optimizer": "adam"},
        "learning_rate",
        "it is optimizer.learning_rate here: write optimizer: {name: adam, learning_rate: 0.1}",
    ),
    (
        {"momentum": 0.9},
        "momentum",
        "it is optimizer.momentum here, of momentum and nesterov: write optimizer: {name: momentum, momentum: 0.9}",
    ),
    (
        {"momentum": 0.8, "optimizer": {"name": "nesterov", "learning_rate": 0.5}},
        "momentum",
        "it is optimizer.momentum here: write optimizer: {name: nesterov, learning_rate: 0.5, momentum: 0.8}",
    ),
    (
        {"optimizer": {"name": "sgd", "momentum": 0.9}},
        "optimizer.momentum",
        "sgd has none, momentum and nesterov do: write optimizer: {name: momentum, momentum: 0.9}",
    ),
    ({"optimizer": {"lr": 0.1}}, "optimizer.lr", "that is learning_rate here"),
    ({"optimizer": {"nesterov": True}}, "optimizer.nesterov", "nesterov is an optimizer: write optimizer: nesterov"),
    ({"optimizer": {"name": "adam", "beta_1": 0.8}}, "optimizer.beta_1", "did you mean 'beta1'?"),
    ({"optimizer": {"name": "rmsprop", "alpha": 0.8}}, "optimizer.alpha", "that is rho here"),
    ({"optimizer": {"name": "adamw", "weight_decay": 0.8}}, "optimizer.weight_decay", "that is decay here"),
    ({"weight_decay": 0.01}, "weight_decay", "l2 is n times as much, with n training examples, and spares biases; "),
    ({"weight_decay": 0.01, "optimizer": "adamw"}, "weight_decay", "write optimizer: {name: adamw, decay: 0.01}"),
    ({"lambda": 5}, "lambda", "that is l2 here: write l2: 5"),
    ({"lmbda": 5}, "lmbda", "that is l2 here: write l2: 5"),
    ({"depth": 5}, "depth", "it is layers.depth here: write layers: {depth: 5, width: 30}"),
    ({"width": 9}, "width", "it is layers.width here: write layers: {depth: 2, width: 9}"),
    ({"units": 9}, "units", "it is layers.width here: write layers: {depth: 2, width: 9}"),
    ({"hidden_layers": 3}, "hidden_layers", "it is layers.depth here: write layers: {depth: 3, width: 30}"),
    ({"hidden_layer_sizes": [20, 5]}, "hidden_layer_sizes", "write layers: [64, 20, 5, 10]"),
    ({"hidden": [20]}, "hidden", "write layers: [64, 20, 10]"),
    ({"gain": 2}, "gain", "write init: {name: nielsen, gain: 2} or activation: {gain: 2}"),
    ({"loss": "quadratic"}, "loss", "that is cost here: write cost: quadratic"),
    ({"loss": "mse"}, "loss", "that is cost here, and no cost 'mse'; quadratic is half the sum of the squares"),
    ({"optim": {"name": "Adam"}}, "optim", "that is optimizer here, and no optimizer 'Adam'; did you mean 'adam'?"),
    ({"optimizer": {"type": "adam"}}, "optimizer.type", "that is name here"),
    ({"clip_norm": 1.0}, "clip_norm", "clip limits the norm of the whole gradient, Keras' clipnorm that of each array"),
    ({"clip": {"max_norm": 1.0}}, "clip.max_norm", "that is norm here"),
    ({"batch": 10}, "batch", "that is batch_size here: write batch_size: 10"),
    ({"mini_batch_size": 10}, "mini_batch_size", "that is batch_size here: write batch_size: 10"),
    ({"n_epochs": 3}, "n_epochs", "that is epochs here: write epochs: 3"),
    ({"num_epoch": 3}, "num_epoch", "did you mean 'epochs'?"),
    ({"dataset": "xor"}, "dataset", "that is data here: write data: xor"),
    ({"initializer": "zeros"}, "initializer", "that is init here: write init: zeros"),
    ({"optim": "adam"}, "optim", "that is optimizer here: write optimizer: adam"),
    ({"adam": {"learning_rate": 1}}, "adam", "adam is an optimizer: write optimizer: {name: adam, learning_rate: 1}"),
    ({"relu": True}, "relu", "relu is an activation: write activation: relu"),
    ({"nesterov": True}, "nesterov", "nesterov is an optimizer: write optimizer: nesterov"),
    ({"dropout_rate": 0.2}, "dropout_rate", "that is dropout here: write dropout: 0.2"),
    ({"keep_prob": 0.8}, "keep_prob", "dropout is the share that is 0 in training: write dropout: 0.2"),
    ({"bn": 1}, "bn", "that is batch_norm here: write batch_norm: true"),
    ({"alpha": 0.1}, "alpha", "for a learning rate, l2: 0.1 for a penalty (lambda)"),
    ({"slope": 0.1}, "slope", "of leaky_relu and prelu: write activation: {name: leaky_relu, slope: 0.1}"),
    ({"warmup": 5, "schedule": "cosine"}, "warmup", "write schedule: {name: cosine, warmup: 5}"),
    ({"schedule": {"name": "step", "gamma": 0.1}}, "schedule.gamma", "that is factor here"),
    ({"weights": "he_normal"}, "weights", "it is init.weights here: write init: {weights: he_normal}"),
    ({"optimizer": {"l2": 1}}, "optimizer.l2", "that is l2 here, at the left margin: write l2: 1"),
    ({"data": {"name": "digits", "epochs": 3}}, "data.epochs", "that is epochs here, at the left margin: write epochs"),
    ({"train": 100}, "train", "it is data.train here: write data: {name: digits, train: 100}"),
    ({"BatchSize": 10}, "BatchSize", "did you mean 'batch_size'?"),
    ({"device": "cuda"}, "device", "vgrad has none"),
]


@each_row("added, key, told", KEYS)
def test_keys_of_elsewhere_are_told_where_they_go(added: dict[str, object], key: str, told: str) -> None:
    with pytest.raises(Problems) as caught:
        check({**BASE, **added})
    (problem,) = (each for each in caught.value.problems if ".".join(map(str, each.path)) == key)
    assert problem.message.startswith("unknown key; ")
    assert told in problem.message
    assert "\n" not in problem.message


def test_every_key_is_told_to_go_to_one_that_there_is() -> None:
    known = {*Config.model_fields, "layers.depth", "layers.width", "init.weights", "init.biases", "clip.value"}
    variants = config_schema()["properties"]
    for first in ("optimizer", "activation", "schedule", "data"):
        mappings = [form for form in variants[first]["anyOf"] if form.get("type") == "object"]
        known |= {f"{first}.{key}" for form in mappings for key in form["properties"]}
    assert set(ELSEWHERE) <= known
    words = [simple(other) for others in (*ELSEWHERE.values(), NOT_HERE) for other in others.split()]
    assert len(words) == len(set(words))
    assert not {*words} & {*Config.model_fields}
    assert set(INITIALIZERS) <= set(KNOWN["weight initializer"])


@each_row(
    "key, target",
    [
        ("lr", "optimizer.learning_rate"),
        ("depth", "layers.depth"),
        ("n-epochs", "epochs"),
        ("init.gain", "init.gain"),
        ("foo", ""),
        ("weight_decay", ""),
    ],
)
def test_what_a_key_is_on_the_command_line(key: str, target: str) -> None:
    assert setting(key, "1")[0] == target

"""Keys of other libraries and papers, and keys in the wrong place: where they go here, with the YAML to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from vgrad.config.config import Config
from vgrad.config.problems import Problem
from vgrad.config.synonyms import ABSENT, SAME, TABLES, nearest, no_such, simple
from vgrad.data.datasets import DATASETS, Facts
from vgrad.document.scalars import resolve
from vgrad.document.writer import spell
from vgrad.nn import activations, schedules
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.schedules import SCHEDULES
from vgrad.registry import parameters
from vgrad.text.escapes import printable

_LONGEST = 120
"""Characters of the YAML that is shown."""
_MOST = 600
Tree = Mapping[str, Any]

ELSEWHERE: Mapping[str, str] = {
    "name": "title run_name experiment experiment_name label",
    "layers": "sizes layer_sizes architecture network",
    "layers.depth": "depth n_layers num_layers n_hidden num_hidden n_hidden_layers num_hidden_layers",
    "layers.width": "width units n_units num_units hidden_units hidden_size hidden_dim hidden_width n_neurons",
    "activation": "activation_function activation_fn activations act nonlinearity hidden_activation",
    "activation.slope": "slope negative_slope leak leakiness",
    "output": "output_activation final_activation out_activation output_layer",
    "init": "initializer initialization initialisation initialiser kernel_initializer weight_init weight_initializer",
    "init.weights": "weights",
    "init.biases": "biases bias_initializer bias_init",
    "cost": "loss loss_function loss_fn loss_func cost_function cost_fn criterion objective",
    "optimizer": "optim opt optimiser solver",
    "optimizer.learning_rate": "learning_rate lr eta eta0 learning_rate_init base_lr initial_learning_rate rate",
    "optimizer.momentum": "momentum mu",
    "optimizer.beta1": "beta1 b1",
    "optimizer.beta2": "beta2 b2",
    "optimizer.epsilon": "epsilon eps",
    "optimizer.rho": "rho",
    "schedule": "scheduler lr_schedule lr_scheduler learning_rate_schedule lr_decay learning_rate_decay",
    "schedule.warmup": "warmup warmup_epochs",
    "epochs": "n_epochs num_epochs nb_epoch nb_epochs max_epochs max_iter number_of_epochs training_epochs",
    "batch_size": "batch mini_batch mini_batch_size bs train_batch_size",
    "l1": "l1_penalty l1_regularization l1_reg",
    "l2": "lambda lmbda l2_penalty l2_regularization l2_reg lambd",
    "dropout": "dropout_rate drop_rate drop_prob dropout_prob dropout_p p_drop",
    "input_noise": "noise gaussian_noise input_sd",
    "max_norm": "maxnorm max_norm_constraint kernel_constraint weight_constraint",
    "batch_norm": "bn batch_normalization batch_normalisation use_bn use_batch_norm",
    "layer_norm": "ln layer_normalization layer_normalisation use_layer_norm",
    "residual": "skip skip_connection skip_connections residuals resnet residual_connections",
    "clip": "clip_norm grad_clip gradient_clip gradient_clipping max_grad_norm grad_clip_norm clip_grad_norm "
    "gradient_clip_val clip_grad global_clipnorm clip_gradients",
    "clip.value": "clip_value clip_grad_value",
    "early_stopping": "early_stop patience",
    "label_smoothing": "smoothing",
    "pretrain": "pretraining layerwise greedy_pretraining layerwise_pretraining unsupervised_pretraining",
    "data": "dataset",
    "data.train": "train n_train num_train train_size train_examples",
    "data.validation": "validation n_validation validation_size val_size",
    "data.test": "test n_test test_size",
    "data.targets": "targets",
    "data.scale": "scale scaling normalize normalise standardize",
    "monitor": "metrics monitors",
    "probes": "probe record measure",
    "seed": "random_state random_seed rng_seed rng",
    "dtype": "precision",
}
"""A key here, dotted -> what it is called elsewhere, or at the top of a config."""

NOT_HERE = (
    "device gpu cuda n_jobs num_workers workers verbose callbacks tol n_iter_no_change min_delta amsgrad dampening "
    "centered dropconnect batch_sampler accumulate_grad_batches ema mixup cutout augmentation augment amp"
)


def placed_keys(problems: Sequence[Problem], tree: Tree) -> list[Problem]:
    """`problems`, with each unknown key told where it goes in the config `tree`."""
    return [replace(each, message=printable(_advice(each, tree), _MOST)) if each.known else each for each in problems]


def setting(key: str, value: str) -> tuple[str, str]:
    """How `key` is set on the command line: the key here, dotted, or "" and what there is to know of it instead."""
    first, _, rest = key.partition(".")
    if first in Config.model_fields:
        return key, ""
    target = "" if rest else _TARGETS.get(simple(key), "")
    if target and simple(key) not in _SPECIAL:
        return target, ""
    try:
        meant: Any = resolve(value)
    except ValueError:
        meant = value
    told = _advice(Problem((key,), "", known=tuple(Config.model_fields)), {key: meant})
    return "", printable(told, _MOST).removeprefix("unknown key").removeprefix("; ")


def _advice(problem: Problem, tree: Tree) -> str:
    key, level, known = str(problem.path[-1]), problem.path[:-1], problem.known
    word, value = simple(key), _at(tree, problem.path)
    same = [name for name in known if simple(name) == word]
    if same:
        return f"unknown key; did you mean {same[0]!r}?"
    here = [name for name in _HERE.get((str(level[0]) if level else "", word), ()) if name in known]
    if here:
        return f"unknown key; that is {here[0]} here"
    special = _SPECIAL.get(word)
    if special and (told := special(value, tree, level)):
        return f"unknown key; {told}"
    target = _TARGETS.get(word)
    if target and level and _parent(target) == level and target.rpartition(".")[2] in known:
        return f"unknown key; that is {target.rpartition('.')[2]} here"
    if target:
        return f"unknown key; {_goes(target, value, tree, level)}"
    if word in map(simple, NOT_HERE.split()):
        return f"unknown key; vgrad has none{_listed(known)}"
    if not level and (told := _variant(word, value)):
        return f"unknown key; {told}"
    others = {name for has in _PARAMETERS.get(str(level[0]), {}).values() for name in has} if level else set[str]()
    texts = {simple(name): name for name in (*known, *sorted(others))}
    near = nearest(word, {**_TARGETS, **texts} if not level else texts)
    found = {texts.get(each) or _TARGETS[each] for each in near}
    return f"unknown key; did you mean {found.pop()!r}?" if len(found) == 1 else f"unknown key{_listed(known)}"


def _listed(known: Sequence[str]) -> str:
    return f"; known: {', '.join(known)}" if 0 < len(known) <= 24 else ""


def _parent(target: str) -> tuple[str, ...]:
    return tuple(target.split(".")[:-1])


def _at(tree: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        if isinstance(tree, Mapping):
            tree = tree.get(str(part))
        elif isinstance(tree, list | tuple) and isinstance(part, int) and part < len(tree):
            tree = tree[part]
        else:
            return None
    return tree


def _goes(target: str, value: object, tree: Tree, level: Sequence[str | int]) -> str:
    """Where it goes, and the YAML of it, with what the config has there already."""
    first, _, last = target.rpartition(".")
    named, written = _name_of(tree.get(first), first), yaml(target, value, tree)
    holders = [name for name, has in _PARAMETERS.get(first, {}).items() if last in has]
    if holders and level == (first,):  # optimizer: {name: sgd, momentum: 0.9}
        return f"{named} has none, {_and(holders)} {'do' if len(holders) > 1 else 'does'}: write {written}"
    of = f", of {_and(holders)}" if holders and named not in holders else ""
    side = ", at the left margin" if level else ""
    wrong = "" if first else _no_such(target, value)
    if wrong:
        return f"that is {target} here{side}, and {wrong}"
    return f"{'it' if first else 'that'} is {target} here{of}{side}: write {written}"


def _no_such(key: str, value: object) -> str:
    """What there is to tell of a name in `value` that none of the variants under `key` has."""
    kinds = {kind: list(table) for kind, (at, table) in TABLES.items() if at == key}
    known = [name for names in kinds.values() for name in names]
    name = value.get("name") if isinstance(value, Mapping) else value
    return no_such(next(iter(kinds)), name, known) if kinds and isinstance(name, str) and name not in known else ""


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def yaml(target: str, value: object, tree: Tree) -> str:
    """The line of a config that sets the dotted key `target`, beside what `tree` has in its mapping."""
    first, _, last = target.partition(".")
    if first in ("batch_norm", "layer_norm", "residual") and not isinstance(value, bool | Mapping):
        value = True
    if not last:
        return printable(f"{first}: {spell(value)}", _LONGEST)
    held = tree.get(first)
    if first == "layers":
        sizes = held if isinstance(held, list) and len(held) > 2 else []
        own = held if isinstance(held, Mapping) else {"depth": len(sizes) - 2 if sizes else 1, "width": 30}
        return printable(f"layers: {spell({**own, **({'width': sizes[1]} if sizes else {}), last: value})}", _LONGEST)
    own = dict(held) if isinstance(held, Mapping) else {"name": held} if isinstance(held, str) else {}
    if first == "init" and last == "gain" and not own:
        own = {"name": "nielsen"}
    if first == "init" and last in ("weights", "biases"):
        own = {"weights": "lecun_normal"} | {key: held for key, held in own.items() if key != "name"}
    own.pop(last, None)
    table = _PARAMETERS.get(first, {})
    named = _name_of(held, first)
    holders = [name for name, has in table.items() if last in has]
    if holders and named not in holders:  # another variant has it
        kept = {key: inner for key, inner in own.items() if key in table[holders[0]]}
        own = {"name": holders[0], **kept}
    return printable(f"{first}: {spell({**own, last: value})}", _LONGEST)


def _name_of(held: object, first: str) -> str:
    """The name of the variant that stands under the key `first`, which has one by default."""
    name = held if isinstance(held, str) else held.get("name") if isinstance(held, Mapping) else None
    default = {"optimizer": "sgd", "activation": "sigmoid", "schedule": "constant", "data": "mnist"}.get(first, "")
    return name if isinstance(name, str) else default


def _variant(word: str, value: object) -> str:
    """For a name of a variant in the place of a key: `adam: {learning_rate: 0.01}`."""
    for kind, (key, table) in TABLES.items():
        for name in table:
            if word in (simple(name), *map(simple, SAME.get(kind, {}).get(name, "").split())):
                written = {"name": name, **value} if isinstance(value, Mapping) else name
                article = "an" if kind[0] in "aio" else "a"
                return f"{name} is {article} {kind}: write {printable(f'{key}: {spell(written)}', _LONGEST)}"
        if word in map(simple, ABSENT.get(kind, "").split()):
            return f"vgrad has no such {kind}"
    return ""


def _hidden(value: Any, tree: Tree, level: Sequence[str | int]) -> str:
    """Sizes of hidden layers alone, or how many there are."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _goes("layers.depth", value, tree, level)
    if not isinstance(value, list | tuple):
        return "the sizes go to layers, from input to output: layers: [784, 30, 10]"
    source = DATASETS.get(_name_of(tree.get("data"), "data"))
    known = source and source.facts
    ends = (known.n_inputs, known.classes) if isinstance(known, Facts) else ("inputs", "outputs")
    sizes = ", ".join([str(ends[0]), *map(spell, value), str(ends[1])])
    return printable(f"layers has every size, from input to output: write layers: [{sizes}]", _LONGEST + 60)


def _decay(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    """A penalty by its share of a step: PyTorch's of every optimizer but AdamW, whose own it is here, too."""
    adamw = _name_of(tree.get("optimizer"), "optimizer") == "adamw"
    if adamw and not level:
        return f"it is optimizer.decay here: write {yaml('optimizer.decay', value, tree)}"
    if adamw:
        return "that is decay here"
    own = yaml("optimizer.decay", value, {"optimizer": "adamw"})
    return f"l2 is n times as much, with n training examples, and spares biases; decoupled, it is adamw's: {own}"


def _alpha(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    if level:
        return ""
    rate, penalty = yaml("optimizer.learning_rate", value, tree), f"l2: {spell(value)}"
    return printable(f"write {rate} for a learning rate, {penalty} for a penalty (lambda)", _LONGEST)


def _gain(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    if level and level[0] in ("init", "activation"):
        return ""
    return f"write {yaml('init.gain', value, tree)} or {yaml('activation.gain', value, tree)}"


def _keep(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    share = f": {1 - value:.10g}" if isinstance(value, float | int) else ""
    return f"dropout is the share that is 0 in training: write dropout{share or ': 1 - keep'}"


def _nesterov(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    held = tree.get("optimizer")
    kept = held if isinstance(held, Mapping) else {}
    own = {key: inner for key, inner in kept.items() if key in ("learning_rate", "momentum")}
    return f"nesterov is an optimizer: write optimizer: {spell({'name': 'nesterov', **own}) if own else 'nesterov'}"


def _name(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    return "that is name here" if level and level[0] in _NAMED else ""


def _penalty(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    return (
        f"write l2: {spell(value)} or l1: {spell(value)}, which are lambda in C + lambda/(2n) sum W^2, lambda/n sum |W|"
    )


def _clipnorm(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    return f"clip limits the norm of the whole gradient, Keras' clipnorm that of each array: clip: {spell(value)}"


def _norm(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    return "" if level else "write batch_norm: true or layer_norm: true"


def _of_sweeps(value: object, tree: Tree, level: Sequence[str | int]) -> str:
    return "" if level else "that is of a sweep, which vgrad sweep trains; one run has a seed"


_SPECIAL: Mapping[str, Callable[[Any, Tree, Sequence[str | int]], str]] = {
    **dict.fromkeys(["hidden", "hiddenlayers", "hiddenlayersizes", "hiddensizes", "neuronsperlayer"], _hidden),
    **dict.fromkeys(["weightdecay", "wd"], _decay),
    **dict.fromkeys(["regularization", "regularizer", "kernelregularizer", "reg", "penalty"], _penalty),
    **dict.fromkeys(["keepprob", "keeprate", "keepprobability"], _keep),
    **dict.fromkeys(["norm", "normalization", "normalisation"], _norm),
    **dict.fromkeys(["grid", "seeds", "exclude", "sample"], _of_sweeps),
    **dict.fromkeys(["type", "kind", "class", "target", "method"], _name),
    "alpha": _alpha,
    "gain": _gain,
    "nesterov": _nesterov,
    "usenesterov": _nesterov,
    "clipnorm": _clipnorm,
}
"""Keys of which there is more to tell than where they go."""

_NAMED = ("optimizer", "activation", "schedule", "init", "data")

_HERE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("optimizer", "alpha"): ("rho",),
    ("optimizer", "decay"): ("rho",),
    ("activation", "negativeslope"): ("slope",),
    ("activation", "alpha"): ("slope",),
    ("schedule", "stepsize"): ("every",),
    ("schedule", "gamma"): ("factor", "rate"),
    ("schedule", "decayrate"): ("rate", "factor"),
    ("schedule", "tmax"): ("period",),
    ("clip", "maxnorm"): ("norm",),
    ("clip", "clipnorm"): ("norm",),
    ("early_stopping", "metric"): ("monitor",),
}
"""(first key, a parameter elsewhere) -> the parameter here, of the variants that have it."""


def _targets() -> Iterator[tuple[str, str]]:
    for name in Config.model_fields:
        yield simple(name), name
    for target, others in ELSEWHERE.items():
        yield from ((simple(other), target) for other in others.split())


_TARGETS = dict(_targets())
_PARAMETERS: Mapping[str, Mapping[str, frozenset[str]]] = {
    first: {name: frozenset({*parameters(variant), *common}) for name, variant in table.items()}
    for first, table, common in (
        ("optimizer", OPTIMIZERS, {}),
        ("activation", ACTIVATIONS, parameters(activations.build)),
        ("schedule", SCHEDULES, parameters(schedules.build)),
    )
}

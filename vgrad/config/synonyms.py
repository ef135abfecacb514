"""What other libraries and papers call the methods of vgrad, and which of their methods vgrad does not have.

A config has one spelling of each method, so a name from elsewhere is refused, and told what it is called here. What is
another method, however alike it is spelled, is never proposed: he_uniform is no xavier_uniform.

Names are compared without case, `-`, `_` and spaces (`simple`); names that differ in nothing else are one name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from vgrad.data.datasets import DATASETS
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS
from vgrad.nn.layerwise.pretrainings import PRETRAININGS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.schedules import SCHEDULES
from vgrad.text.escapes import printable

FEW = 24
"""So many known names are listed where none is near."""

TABLES: Mapping[str, tuple[str, Iterable[str]]] = {
    "activation": ("activation", ACTIVATIONS),
    "output": ("output", OUTPUTS),
    "cost": ("cost", COSTS),
    "optimizer": ("optimizer", OPTIMIZERS),
    "schedule": ("schedule", SCHEDULES),
    "data set": ("data", DATASETS),
    "pretraining": ("pretrain", PRETRAININGS),
    "init": ("init", PRESETS),
    "weight initializer": ("init", INITIALIZERS),
    "bias initializer": ("init.biases", BIASES),
}
"""kind -> (the key of a config that takes it, the names there are)."""

_INITIALIZERS = {
    "glorot_uniform": "xavier_uniform",
    "glorot_normal": "xavier_normal",
    "he_uniform": "kaiming_uniform",
    "he_normal": "kaiming_normal msra msra_normal",
    "normal": "gaussian",
    "zeros": "zero",
    "orthogonal": "haar random_orthogonal",
    "lecun_normal": "default_weight_initializer",
}

SAME: Mapping[str, Mapping[str, str]] = {
    "activation": {
        "sigmoid": "logistic sigm expit logsig",
        "tanh": "hyperbolic_tangent tansig",
        "scaled_tanh": "lecun_tanh",
        "relu": "rectifier rectified_linear rectified_linear_unit ramp poslin",
        "leaky_relu": "lrelu leaky leaky_rectify",
        "prelu": "parametric_relu",
        "elu": "exponential_linear_unit",
        "silu": "swish",
        "softplus": "smooth_relu",
        "hard_tanh": "htanh",
        "identity": "linear none id purelin",
    },
    "output": {
        "sigmoid": "logistic sigm expit",
        "identity": "linear none id logits",
        "step": "heaviside unit_step hardlim",
    },
    "cost": {"cross_entropy": "CrossEntropyCost"},
    "pretraining": {
        "autoencoder": "ae stacked_autoencoder",
        "denoising": "dae denoising_autoencoder stacked_denoising_autoencoder",
        "rbm": "restricted_boltzmann_machine dbn deep_belief_network",
    },
    "optimizer": {
        "sgd": "stochastic_gradient_descent vanilla_sgd",
        "momentum": "heavy_ball polyak sgd_momentum sgdm momentum_sgd sgd_with_momentum",
        "nesterov": "nag nesterov_momentum nesterov_accelerated_gradient sgd_nesterov",
    },
    "schedule": {
        "constant": "none fixed constant_lr constant_schedule",
        "step": "step_lr step_decay",
        "exponential": "exponential_lr",
        "cosine": "cosine_annealing cosine_annealing_lr",
        "plateau": "reduce_lr_on_plateau reduce_on_plateau on_plateau",
    },
    "data set": {"mnist": "mnist_784 mnist_data", "digits": "load_digits sklearn_digits", "xor": "exclusive_or"},
    "init": _INITIALIZERS | {"nielsen": "default_weight_initializer", "large": "large_weight_initializer"},
    "weight initializer": _INITIALIZERS | {"normal": "gaussian large_weight_initializer"},
    "bias initializer": {"zeros": "zero", "normal": "gaussian"},
    "monitor": {
        "train_cost": "train_loss training_cost training_loss",
        "train_accuracy": "train_acc training_accuracy training_acc",
        "validation_cost": "val_cost val_loss validation_loss",
        "validation_accuracy": "val_accuracy val_acc validation_acc",
        "test_cost": "test_loss",
        "test_accuracy": "test_acc",
    },
    "probe": {
        "dead": "dead_units dead_relus",
        "saturated": "saturation saturated_units",
        "a_mean": "activation_mean",
        "a_std": "activation_std",
        "z_mean": "preactivation_mean",
        "z_std": "preactivation_std",
    },
}
"""kind -> name -> other names of the very same method, with the same scale."""

_TRUNCATED = "with the same variance; Keras and JAX cut off the tails beyond two sigma, {0} does not"
_MEAN = "cross_entropy is its sum over the outputs, where PyTorch and Keras take the mean"
_SQUARES = "quadratic is half the sum of the squares over the outputs, where this is their mean"
_SOFTMAX = "that is cost: log_likelihood with output: softmax here"
_DRAWN = {
    "HeNormal": (("he_normal",), f"that is he_normal here, {_TRUNCATED.format('he_normal')}"),
    "GlorotNormal": (("glorot_normal",), f"that is glorot_normal here, {_TRUNCATED.format('glorot_normal')}"),
    "LecunNormal": (("lecun_normal",), f"that is lecun_normal here, {_TRUNCATED.format('lecun_normal')}"),
    **dict.fromkeys(
        ["xavier", "glorot"], (("glorot_uniform", "glorot_normal"), "write glorot_uniform or glorot_normal")
    ),
    **dict.fromkeys(["he", "kaiming"], (("he_normal", "he_uniform"), "write he_normal or he_uniform")),
    "lecun": (("lecun_normal", "lecun_uniform"), "write lecun_normal or lecun_uniform"),
    "uniform_": (("uniform",), "PyTorch's is U[0, 1], and uniform here is U[-bound, bound]"),
    "sparse_": (("sparse",), "sparse here counts the weights of a unit that are not 0; PyTorch's takes a share"),
    "random_normal": (("normal",), "that is {name: normal, sd: 0.05} of init.weights here"),
    "random_uniform": (("uniform",), "that is {name: uniform, bound: 0.05} of init.weights here"),
    "ones": (("constant",), "that is {name: constant, value: 1.0} of init.weights here"),
}

TOLD: Mapping[str, Mapping[str, tuple[tuple[str, ...], str]]] = {
    "activation": {
        "gelu_tanh": (("gelu",), "gelu here is the exact one, not its approximation"),
        "gelu_new": (("gelu",), "gelu here is the exact one, not its approximation"),
    },
    "cost": {
        **dict.fromkeys(
            [
                *("bce", "bce_loss", "bce_with_logits", "bce_with_logits_loss"),
                *("binary_cross_entropy", "binary_cross_entropy_with_logits", "sigmoid_cross_entropy"),
                *("sigmoid_binary_cross_entropy",),
            ],
            (("cross_entropy",), _MEAN),
        ),
        **dict.fromkeys(
            [
                *("nll", "nll_loss", "negative_log_likelihood", "categorical_crossentropy", "softmax_cross_entropy"),
                *("sparse_categorical_crossentropy", "cross_entropy_loss"),
                *("softmax_cross_entropy_with_integer_labels"),
            ],
            (("log_likelihood",), _SOFTMAX),
        ),
        **dict.fromkeys(
            ["log_loss", "logistic_loss"],
            (
                ("cross_entropy", "log_likelihood"),
                "write cross_entropy for sigmoid outputs, log_likelihood for a softmax",
            ),
        ),
        **dict.fromkeys(
            ["mse", "mse_loss", "mean_squared_error", "squared_error", "l2_loss"], (("quadratic",), _SQUARES)
        ),
        **dict.fromkeys(
            ["sse", "sum_of_squares", "least_squares", "squared_loss"],
            (("quadratic",), "quadratic is half the sum of the squares over the outputs"),
        ),
        "QuadraticCost": (("quadratic",), "that is quadratic here"),
    },
    "output": {
        "log_softmax": (("softmax",), "write softmax; cost: log_likelihood takes the logarithm"),
    },
    "optimizer": {
        **dict.fromkeys(
            ["gd", "gradient_descent", "batch_gradient_descent"],
            (("sgd",), "that is optimizer: sgd with batch_size: full here"),
        ),
    },
    "schedule": {
        "exponential_decay": (("exponential",), "that is exponential here, which counts epochs, not steps"),
        "cosine_decay": (("cosine",), "that is cosine here, which counts epochs, not steps"),
        **dict.fromkeys(
            ["inverse_time_decay", "time_based_decay"],
            (("inverse_time",), "that is inverse_time here, which counts epochs, not steps"),
        ),
        **dict.fromkeys(
            ["warmup", "linear_warmup", "gradual_warmup"],
            (("constant",), "every schedule has a warmup: schedule: {name: constant, warmup: 5}"),
        ),
    },
    "data set": {
        **dict.fromkeys(
            ["make_circles", "two_circles", "rings", "concentric_circles"],
            (("circles",), "circles here are rings of radius 1 and 0.5; scikit-learn's differ in radius and noise"),
        ),
        **dict.fromkeys(
            ["separable", "linearly_separable"],
            (("halves",), "halves here are those of a square, with a gap between them"),
        ),
    },
    "init": _DRAWN,
    "weight initializer": _DRAWN,
    "bias initializer": {
        "ones": (("constant",), "that is {name: constant, value: 1.0} here"),
        "uniform_": (("uniform",), "PyTorch's is U[0, 1], and uniform here is U[-bound, bound]"),
    },
    "probe": {
        **dict.fromkeys(
            ["gradient_norm", "grad_norm", "gradient_norms"],
            (("delta_norm", "weight_gradient_norm"), "write delta_norm or weight_gradient_norm"),
        ),
    },
    "monitor": {
        **dict.fromkeys(
            ["accuracy", "acc"],
            (("train_accuracy", "validation_accuracy"), "write train_accuracy or validation_accuracy"),
        ),
        "loss": (("train_cost", "validation_cost"), "write train_cost or validation_cost"),
    },
}
"""kind -> another name -> (the names here that it has to do with, what to know before one of them is written)."""

_UNDRAWN = (
    "truncated_normal trunc_normal truncnorm variance_scaling eye dirac delta_orthogonal fixup layer_sequential "
    "nguyen_widrow metainit gradinit random svd_orthogonal mimetic t_fixup spectral mup dynamical_isometry"
)

ABSENT: Mapping[str, str] = {
    "activation": "mish relu6 celu crelu rrelu srelu thresholded_relu relu2 squared_relu glu reglu geglu swiglu "
    "hard_swish hard_silu hard_sigmoid hard_shrink soft_shrink tanh_shrink log_sigmoid log_softmax exponential exp "
    "sin sine siren cos heaviside sign snake arctan rbf threshold quick_gelu sparse_plus squareplus "
    "bent_identity softexp aptx elish lisht erf isru isrlu cube square abs",
    "output": "tan exp poly sparsemax entmax hierarchical_softmax",
    "cost": "mae l1 l1_loss mean_absolute_error hinge hinge_loss squared_hinge huber huber_loss smooth_l1 "
    "smooth_l1_loss kl_div kld kullback_leibler focal focal_loss cosine_similarity poisson poisson_nll_loss "
    "gaussian_nll_loss ctc ctc_loss triplet_loss contrastive rmse mape msle log_cosh multi_margin_loss exponential "
    "mean_absolute_percentage_error dice wasserstein",
    "optimizer": "adamax radam adam_mini amsgrad lion lbfgs bfgs ftrl rprop i_rprop lamb lars adafactor "
    "adabelief adabound sag saga asgd sparse_adam muon sophia shampoo yogi lookahead hessian_free hf "
    "conjugate_gradient cg newton newton_cg natural_gradient kfac nadamw novograd swa sam fromage adan prodigy "
    "rectified_adam apollo levenberg_marquardt signsgd dadapt_adam noisy_sgd optimistic_gradient_descent sm3 soap",
    "schedule": "multi_step_lr multi_step one_cycle one_cycle_lr cyclic cyclic_lr linear linear_lr polynomial poly "
    "polynomial_lr polynomial_decay cosine_restarts cosine_annealing_warm_restarts cosine_decay_restarts sgdr "
    "piecewise_constant piecewise_constant_decay noam transformer rsqrt inv_sqrt inverse_sqrt invscaling adaptive "
    "lambda_lr multiplicative_lr linear_decay trapezoidal wsd warmup_cosine_decay",
    "data set": "cifar cifar10 cifar100 svhn imagenet iris moons two_moons make_moons "
    "blobs make_blobs spiral spirals two_spirals emnist qmnist usps wine breast_cancer california_housing "
    "boston diabetes titanic adult newsgroups imdb stl10 tiny_imagenet optdigits parity checkerboard penguins "
    "letters covtype gaussians swiss_roll make_classification and or nand omniglot celeba notmnist",
    "init": _UNDRAWN,
    "weight initializer": _UNDRAWN,
    "bias initializer": _UNDRAWN,
}
"""kind -> methods of that kind that vgrad does not have."""


def simple(name: str) -> str:
    """`name` without what does not tell two names apart: case, `-`, `_`, spaces."""
    return re.sub(r"[\W_]+", "", name.casefold())


def no_such(kind: str, name: str, known: Iterable[str]) -> str:
    """What a user is told of a name that is none: "no activation 'swish'; that is silu here"."""
    return f"no {kind} {printable(repr(name), 42)}{meant(kind, name, known)}"


def meant(kind: str, name: str, known: Iterable[str]) -> str:
    """What `name` was meant to be, from "; " on; the known names where that cannot be told, or nothing if many."""
    names = list(known)
    listed = f"; known: {', '.join(names)}" if 0 < len(names) <= FEW else ""
    literal, texts, word = TOLD.get(kind, {}).get(name), meanings(kind, names), simple(name)
    if literal or word in texts:
        return f"; {literal[1] if literal else texts[word][1]}" if literal or texts[word][1] else f"{_NOT_HERE}{listed}"
    for other, (key, table) in TABLES.items():
        if other != kind and word in map(simple, table):
            return f", which is {'an' if other[0] in 'aio' else 'a'} {other} (key {key}){listed}"
    near = [texts[each] for each in nearest(word, texts)]
    if len({text for _, text in near}) != 1 or not near[0][1]:
        return listed
    spelled, text = near[0]
    return f"; {text}" if spelled in names else f"; did you mean {spelled!r}? {text}"


_NOT_HERE = "; vgrad does not have it"


def meanings(kind: str, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Every name, made simple -> as it is spelled, and what to tell of it: nothing of what vgrad does not have."""
    found = [(other, "") for other in ABSENT.get(kind, "").split()]
    found += [(other, text) for other, (_, text) in TOLD.get(kind, {}).items()]
    for name, others in SAME.get(kind, {}).items():
        found += [(other, f"that is {name} here") for other in others.split()]
    found += [(name, f"did you mean {name!r}?") for name in names]
    return {simple(spelled): (spelled, text) for spelled, text in found}


def nearest(word: str, words: Iterable[str]) -> list[str]:
    """The words at the least distance from `word`, if small for its length: 1 below 6 letters, 2 below 12, 3."""
    most = 0 if len(word) < 3 else 1 if len(word) < 6 else 2 if len(word) < 12 else 3
    near: list[str] = []
    for other in words:
        if abs(len(other) - len(word)) <= most and (found := distance(word, other)) <= most:
            near = [*near, other] if found == most and near else [other]
            most = found
    return near


def distance(one: str, other: str) -> int:
    """Letters to insert, delete, replace or swap with their neighbour, to make one of the other."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]

"""How near mean-field theory is to drawn networks, case by case: the table of docs/theory.md.

    python scripts/prediction.py [--write]

takes some minutes, and needs MNIST. Exits 1 where a case leaves the accuracy that `vgrad theory predict` states
for it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kept import ROOT, at_home

at_home()

import numpy as np  # noqa: E402

from vgrad.config.check import check  # noqa: E402
from vgrad.theory.prediction import Prediction, predict_config  # noqa: E402

DOCUMENT, BEGIN, END = (
    ROOT / "docs" / "theory.md",
    "<!-- simulated: python scripts/prediction.py --write -->\n",
    "<!-- end -->",
)
HIDDEN, EXAMPLES = 4, 500
PLAIN = {"output": "sigmoid", "cost": "cross_entropy"}
SOFTMAX = {"output": "softmax", "cost": "log_likelihood"}
LEAKY = {"name": "leaky_relu", "slope": 0.1}
MIXED = ["relu", "tanh", "sigmoid", "selu"]
CASES: list[tuple[str, str, int, Any, str, dict[str, str], int]] = [
    ("sigmoid", "mnist", 30, "sigmoid", "nielsen", PLAIN, 400),
    ("sigmoid", "mnist", 100, "sigmoid", "nielsen", PLAIN, 400),
    ("sigmoid", "mnist", 30, "sigmoid", "large", PLAIN, 400),
    ("tanh", "mnist", 30, "tanh", "glorot_normal", PLAIN, 400),
    ("tanh", "mnist", 100, "tanh", "glorot_normal", PLAIN, 200),
    ("ReLU", "mnist", 30, "relu", "he_normal", PLAIN, 400),
    ("ReLU", "mnist", 100, "relu", "he_normal", PLAIN, 400),
    ("ReLU", "mnist", 1000, "relu", "he_normal", PLAIN, 60),
    ("leaky ReLU, slope 0.1", "mnist", 100, LEAKY, "he_normal", PLAIN, 200),
    ("SELU", "mnist", 100, "selu", "lecun_normal", PLAIN, 200),
    ("ELU", "mnist", 100, "elu", "he_normal", PLAIN, 200),
    ("GELU", "mnist", 100, "gelu", "he_normal", PLAIN, 200),
    ("softsign", "mnist", 100, "softsign", "glorot_uniform", PLAIN, 200),
    ("hard tanh", "mnist", 100, "hard_tanh", "glorot_normal", PLAIN, 200),
    ("ReLU, tanh, sigmoid, SELU", "mnist", 100, MIXED, "glorot_normal", PLAIN, 200),
    ("sigmoid, quadratic", "mnist", 100, "sigmoid", "nielsen", {**PLAIN, "cost": "quadratic"}, 400),
    (
        "tanh, identity, quadratic",
        "mnist",
        100,
        "tanh",
        "glorot_normal",
        {"output": "identity", "cost": "quadratic"},
        400,
    ),
    ("tanh, softmax", "mnist", 100, "tanh", "glorot_normal", SOFTMAX, 400),
    ("ReLU, softmax", "mnist", 30, "relu", "he_normal", SOFTMAX, 200),
    ("ReLU, softmax", "mnist", 100, "relu", "he_normal", SOFTMAX, 400),
    ("ReLU, softmax", "mnist", 300, "relu", "he_normal", SOFTMAX, 200),
    ("ReLU, softmax", "mnist", 1000, "relu", "he_normal", SOFTMAX, 60),
    ("sigmoid", "digits", 100, "sigmoid", "nielsen", PLAIN, 400),
    ("tanh", "digits", 100, "tanh", "glorot_normal", PLAIN, 400),
    ("ReLU", "digits", 100, "relu", "he_normal", PLAIN, 400),
]
"""The network in words, data, units, activation, init, output and cost, and how many networks."""


def found_of(data: str, units: int, activation: Any, init: str, pair: dict[str, str], seeds: int) -> Prediction:
    """Theory, and the networks."""
    tree = {"name": "x", "layers": {"depth": HIDDEN, "width": units}, "activation": activation, "init": init, **pair}
    return predict_config(check({**tree, "data": {"name": data, "train": 1000}}), Path(), EXAMPLES, seeds)


def row(network: str, init: str, data: str, units: int, seeds: int, found: Prediction) -> str:
    """A line of the table."""
    logs = np.log(found.measured[:, :HIDDEN])
    predicted = np.log([layer.geometric for layer in found.layers[:HIDDEN]])
    ratios = " ".join(f"{ratio:.3f}" for ratio in np.exp(logs.mean(axis=0) - predicted))
    error = float(logs.std(axis=0, ddof=1).max()) / seeds**0.5
    spread = float(logs[:, 0].std(ddof=1)) / np.log(10) / found.layers[0].deviation
    cells = [network, f"`{init}`", data, str(units), str(seeds), ratios, f"{error:.3f}", f"{spread:.2f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    """Measures every case; with --write into the document."""
    lines = [
        "| network | init | data | units | networks | layers 1 2 3 4 | error | spread |",
        "|---|---|---|--:|--:|---|--:|--:|",
    ]
    wrong = []
    for network, data, units, activation, init, pair, seeds in CASES:
        found = found_of(data, units, activation, init, pair, seeds)
        lines.append(row(network, init, data, units, seeds, found))
        print(lines[-1], flush=True)
        wrong += [f"{network}, {units} units: layers {found.outside()}"] if found.outside() else []
    if "--write" in sys.argv[1:]:
        head, _, rest = DOCUMENT.read_text().partition(BEGIN)
        DOCUMENT.write_text(head + BEGIN + "\n".join(lines) + "\n" + rest[rest.index(END) :])
    print("\n".join(f"outside of what is stated: {each}" for each in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

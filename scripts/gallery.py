"""The gallery: docs/gallery.md and its pictures, made from the runs in runs/reference/gallery.

python scripts/gallery.py           draws them again: make gallery
python scripts/gallery.py train     trains the runs again (a minute; MNIST) and keeps what reports read of them
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from kept import at_home, keep, vgrad

RUNS = Path("runs/reference/gallery")
CONFIG = "configs/gallery.yaml"
ACTIVATIONS = {"sigmoid": "nielsen", "relu": "he_normal"}
SIGMOID, ONE = "activation=sigmoid,depth>=2", "activation=sigmoid,depth=2,seed=0"

PICTURES = [
    (
        "How fast each hidden layer learns",
        "Nielsen's curves: with sigmoids the first layer is slower by a factor for every layer above it.",
        ["--where", SIGMOID, "--by", "layers"],
        "curves.png",
    ),
    (
        "A remedy, as a grid over two axes",
        "The same depths with rectifiers and He's initialization.",
        ["--where", "depth>=2", "--by", "activation,layers", "--across", "3"],
        "grid.png",
    ),
    (
        "The norm against the layer",
        "A straight line on a log axis is a constant factor a layer.",
        ["--kind", "layers", "--where", "depth>=2", "--by", "activation,layers"],
        "layers.png",
    ),
    (
        "The chapter's bars",
        "Each neuron of the network with two hidden layers, before training.",
        ["--kind", "neurons", "--where", ONE],
        "neurons.png",
    ),
    ("Layer by epoch", "The same norms as shades.", ["--kind", "heatmap", "--where", SIGMOID], "heatmap.png"),
    (
        "What it does to the accuracy",
        "Deeper is not better when the early layers do not learn.",
        ["--kind", "accuracy", "--by", "activation,layers"],
        "accuracy.png",
    ),
    (
        "The figure of a paper",
        "Values against a swept key, a line for each value of the next one, with 95 % intervals over seeds.",
        ["--x", "depth", "--y", "last_first_ratio,validation_accuracy", "--color", "activation", "--width", "3.4"],
        "values.png",
    ),
    (
        "A value over two keys",
        "The same ratio as shades, with the numbers in them; one hidden layer has no ratio.",
        ["--x", "depth,activation", "--y", "last_first_ratio", "--width", "3.4"],
        "two-keys.png",
    ),
    ("Where the factor comes from", "Every layer multiplies by a slope.", ["--kind", "activations"], "activations.png"),
]
PIVOT = ["--rows", "layers.depth", "--cols", "activation"]


def train() -> None:
    """Trains the runs and puts their small form under runs/reference."""
    shutil.rmtree(RUNS, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        for activation, init in ACTIVATIONS.items():
            for depth in range(1, 5):
                for seed in range(3):
                    settings = [f"layers.depth={depth}", f"activation={activation}", f"init={init}"]
                    overrides = [piece for setting in settings for piece in ("-s", setting)]
                    found = vgrad("train", CONFIG, *overrides, "--seed", str(seed), "--runs-dir", folder)
                    keep(Path(found.strip()), RUNS)


def draw() -> None:
    """docs/gallery.md, the pictures and the page."""
    lines = [
        "# Gallery",
        "",
        "Networks of 1 to 4 hidden layers of 30 neurons on the first 5,000 images of MNIST, three seeds each. The",
        "runs are in `runs/reference/gallery`, without their parameters; everything here is made from them by",
        "`make gallery`.",
        "",
        "```sh",
        "for depth in 1 2 3 4; do for seed in 0 1 2; do",
        *(
            f"vgrad train {CONFIG} -s layers.depth=$depth -s activation={activation} -s init={init} --seed $seed"
            for activation, init in ACTIVATIONS.items()
        ),
        "done; done",
        "```",
        "",
    ]
    for title, told, arguments, name in PICTURES:
        command = ["plot", str(RUNS), *arguments, "-o", f"docs/gallery/{name}"]
        vgrad(*command)
        lines += [f"## {title}", "", told, "", "```sh", f"vgrad {shlex.join(command)}", "```", ""]
        lines += [f"![{title}](gallery/{name})", ""]
    values = ["--value", "validation_accuracy,last_first_ratio,verdict"]
    table = ["report", str(RUNS), *PIVOT, *values, "--format", "markdown"]
    lines += ["## A table for a paper", "", "`--format latex` gives the same with booktabs.", ""]
    lines += ["```sh", f"vgrad {shlex.join(table)}", "```", "", vgrad(*table)]
    page = ["report", str(RUNS), "--format", "html", "-o", "docs/gallery/page.html"]
    vgrad(*page)
    lines += ["## A page for a class", "", "One file, without a network: [page.html](gallery/page.html).", ""]
    lines += ["```sh", f"vgrad {shlex.join(page)}", "```", ""]
    Path("docs/gallery.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    at_home()
    Path("docs/gallery").mkdir(exist_ok=True)
    if sys.argv[1:] == ["train"]:
        train()
    draw()

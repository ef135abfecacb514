"""How often the intervals of reports hold what they claim, and how often their tests reject what is true.

    python scripts/intervals.py [--write | --small]

takes a minute or two and puts the tables into docs/numerics.md.

Every interval of a report is a 95 % interval and every test of size 5 %. Here they are made again and again: of normal
draws, of what reports are made of (accuracies, norms of random networks), and of what is far from normal. `--small`
draws a tenth, which tests/test_intervals_document.py holds against the document.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from kept import ROOT, at_home

at_home()

import numpy as np  # noqa: E402

from vgrad.config.check import check  # noqa: E402
from vgrad.config.fields import Init  # noqa: E402
from vgrad.data.datasets import load  # noqa: E402
from vgrad.nn.arrays import norm  # noqa: E402
from vgrad.statistics import arithmetic, geometric, holm, paired  # noqa: E402
from vgrad.training.assembly import build_network  # noqa: E402
from vgrad.training.evaluation import ProbeSet  # noqa: E402
from vgrad.training.initial import draw_parameters  # noqa: E402
from vgrad.vanishing import decay  # noqa: E402

DOCUMENT = ROOT / "docs" / "numerics.md"
SMALL = "--small" in sys.argv[1:]
TIMES, NETWORKS = (400, 150) if SMALL else (4000, 1500)
SEEDS, LAYERS, PAIRS = (3, 5, 8, 20), (4, 6, 10, 20), (3, 5, 6, 8, 12, 20, 40)
Draw = Callable[[np.random.Generator, int], np.ndarray]


def walk_of(activation: str, init: str, hidden: int) -> np.ndarray:
    """log10 ||delta^l|| of NETWORKS untrained networks of 30 units a layer on small digits: (networks, hidden)."""
    tree = {"layers": {"depth": hidden, "width": 30}, "activation": activation, "init": init, "epochs": 0}
    tree |= {"data": {"name": "digits", "train": 100, "validation": 50}, "name": "x"}
    dataset, found = load(**check(tree).plain()["data"]), []
    network = build_network(check(tree))
    probes = ProbeSet(network, dataset, 100, 0.0)
    for seed in range(NETWORKS):
        config = check({**tree, "seed": seed})
        assert isinstance(config.init, Init)
        measured = probes.measure(draw_parameters(config, config.init), None)
        found.append([norm(mean) for mean in measured.mean_delta[:-1]])
    return np.log10(found)


def share(held: Iterable[bool]) -> str:
    """In percent."""
    return f"{100 * np.mean(list(held)):.1f}"


def accuracies(examples: int, p: float) -> Draw:
    """Shares of so many examples that are right."""
    return lambda rng, n: rng.binomial(examples, p, n) / examples


def failing(rng: np.random.Generator, n: int) -> np.ndarray:
    """Accuracies of runs of which one in ten does not learn."""
    return np.where(rng.random(n) < 0.1, 0.1, 0.96) + rng.normal(0, 0.005, n)


def means() -> list[list[str]]:
    """Intervals of means over seeds; samples that are all equal have none."""
    norms = walk_of("sigmoid", "nielsen", 3)[:, 0]
    kinds: dict[str, tuple[Draw, float, bool]] = {
        "normal": (lambda rng, n: rng.normal(0.5, 0.1, n), 0.5, False),
        "accuracies of 10,000 examples, 96 %": (accuracies(10_000, 0.96), 0.96, False),
        "accuracies of 50 examples, 90 %": (accuracies(50, 0.9), 0.9, False),
        "accuracies of 50 examples, 98 %": (accuracies(50, 0.98), 0.98, False),
        "counts (Poisson, 1 on average)": (lambda rng, n: rng.poisson(1.0, n).astype(float), 1.0, False),
        "costs, lognormal ×÷ 1.65": (lambda rng, n: np.exp(rng.normal(0, 0.5, n)), float(np.exp(0.125)), False),
        "accuracies, one run in ten at chance": (failing, 0.874, False),
        "norms of the first of three sigmoid layers": (
            lambda rng, n: 10 ** rng.choice(norms, n),
            float(10 ** norms.mean()),
            True,
        ),
        "exponential, as geometric means": (
            lambda rng, n: rng.standard_exponential(n),
            float(np.exp(-np.euler_gamma)),
            True,
        ),
    }
    rows = []
    for name, (draw, truth, factor) in kinds.items():
        cells = []
        for n in SEEDS:
            rng, held = np.random.default_rng(n), []
            for _ in range(TIMES):
                found = (geometric if factor else arithmetic)(draw(rng, n).tolist())
                if found.low is not None and found.high is not None:
                    held.append(found.low <= truth <= found.high)
            cells.append(share(held))
        rows.append([name, *cells])
    return rows


def differences() -> tuple[list[list[str]], list[list[str]]]:
    """Intervals of paired differences, and the share of true hypotheses that are rejected."""
    kinds: dict[str, Draw] = {
        "normal": lambda rng, n: rng.normal(0, 1, n),
        "accuracies of 50 examples, 90 %": lambda rng, n: accuracies(50, 0.9)(rng, n) - accuracies(50, 0.9)(rng, n),
        "accuracies, one run in ten at chance": lambda rng, n: failing(rng, n) - failing(rng, n),
        "Cauchy": lambda rng, n: rng.standard_cauchy(n),
    }
    covered, rejected = [], []
    for name, draw in kinds.items():
        cells, wrong = [], []
        for n in PAIRS:
            rng, held, sizes = np.random.default_rng(n), [], []
            for _ in range(TIMES):
                found = paired(draw(rng, n).tolist(), [0.0] * n, quotient=False)
                if found.low is not None and found.high is not None:
                    held.append(found.low <= 0 <= found.high)
                sizes.append(found.p is not None and found.p <= 0.05)
            cells.append(share(held))
            wrong.append(share(sizes))
        covered.append([name, *cells])
        rejected.append([name, *wrong])
    return covered, [*rejected, ["any of four normal ones, by Holm", *map(any_of_four, PAIRS)]]


def any_of_four(n: int) -> str:
    """How often Holm's adjustment lets through any of four true hypotheses."""
    rng, wrong = np.random.default_rng(n), []
    for _ in range(TIMES):
        ps = [paired(rng.normal(size=n).tolist(), [0.0] * n, quotient=False).p for _ in range(4)]
        wrong.append(min(holm([p for p in ps if p is not None])) <= 0.05)
    return share(wrong)


def rates() -> list[list[str]]:
    """Intervals of the decay rate within a run."""
    kinds = {
        "a normal walk": None,
        "sigmoid, `nielsen`": ("sigmoid", "nielsen"),
        "tanh, `glorot_normal`": ("tanh", "glorot_normal"),
        "relu, `he_normal`": ("relu", "he_normal"),
    }
    rows = []
    for name, kind in kinds.items():
        cells = []
        for hidden in LAYERS:
            rng = np.random.default_rng(hidden)
            normal = np.cumsum(rng.normal(0.1, 0.2, (TIMES, hidden)), axis=1)
            walks = walk_of(*kind, hidden) if kind else normal
            truth = float(np.diff(walks, axis=1).mean()) if kind else 0.1
            found = [decay((10**walk).tolist()) for walk in walks]
            cells.append(share(each is not None and (each.low or 0) <= truth <= (each.high or 0) for each in found))
        rows.append([name, *cells])
    return rows


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Prints the tables, or puts them between their marks."""
    covered, rejected = differences()
    text = "\n\n".join(
        [
            "Coverage in per cent of the 95 % interval of a mean, by number of seeds:",
            table(["draws", *map(str, SEEDS)], means()),
            "Of a mean of paired differences, by number of pairs:",
            table(["differences", *map(str, PAIRS)], covered),
            "Of the decay rate of one run, by hidden layers:",
            table(["profiles", *map(str, LAYERS)], rates()),
            "True hypotheses of no difference that are rejected at 0.05, by number of pairs:",
            table(["hypotheses", *map(str, PAIRS)], rejected),
        ]
    )
    if "--write" not in sys.argv[1:]:
        sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        print(text)
        return
    begin, end = "<!-- simulated: python scripts/intervals.py --write -->\n\n", "\n\n<!-- end -->"
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
    DOCUMENT.write_text(before + begin + text + end + rest.partition(end)[2], encoding="utf-8")


if __name__ == "__main__":
    main()

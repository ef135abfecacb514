"""How often the intervals of reports hold what they claim, and how often their tests reject what is true.

    python scripts/coverage.py [--write]        a minute; puts the tables into docs/numerics.md

Every interval of a report is a 95 % interval, every test of size 5 %. Here they are made again and again: of normal
draws, of what reports are made of (accuracies, norms of random networks), of what is far from normal. Small versions
are in tests/test_statistics.py, tests/test_vanishing.py and tests/study/test_study_joint.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from kept import ROOT, at_home

at_home()

import numpy as np  # noqa: E402

from vgrad.config.check import check  # noqa: E402
from vgrad.data.datasets import load  # noqa: E402
from vgrad.nn.arrays import norm  # noqa: E402
from vgrad.statistics import arithmetic, geometric, paired  # noqa: E402
from vgrad.training.assembly import build_network  # noqa: E402
from vgrad.training.evaluation import ProbeSet  # noqa: E402
from vgrad.training.initial import draw_parameters  # noqa: E402
from vgrad.vanishing import decay  # noqa: E402

DOCUMENT = ROOT / "docs" / "numerics.md"
PAIRS = (3, 5, 8, 15, 20)
TIMES, SEEDS, LAYERS, NETWORKS = 4000, (3, 5, 8, 20), (4, 6, 10, 20), 400
Draw = Callable[[np.random.Generator, int], np.ndarray]


def walk_of(kind: tuple[str, str], hidden: int) -> np.ndarray:
    """log10 ||delta^l|| of NETWORKS untrained networks of 30 units a layer on small digits: (networks, hidden)."""
    tree = {"layers": {"depth": hidden, "width": 30}, "activation": kind[0], "init": kind[1], "epochs": 0}
    tree |= {"data": {"name": "digits", "train": 100, "validation": 50}, "name": "x"}
    dataset, found = load(**check(tree).plain()["data"]), []
    network = build_network(check(tree))
    probes = ProbeSet(network, dataset, 100, 0.0)
    for seed in range(NETWORKS):
        config = check({**tree, "seed": seed})
        measured = probes.measure(draw_parameters(config, config.init), None)
        found.append([norm(mean) for mean in measured.mean_delta[:-1]])
    return np.log10(found)


def share(held: Iterable[bool]) -> str:
    """In percent."""
    return f"{100 * np.mean(list(held)):.1f}"


def means() -> list[list[str]]:
    """Intervals of means over seeds."""
    norms = walk_of(("sigmoid", "nielsen"), 3)[:, 0]
    kinds: dict[str, tuple[Draw, float, bool]] = {
        "normal": (lambda rng, n: rng.normal(0.5, 0.1, n), 0.5, False),
        "accuracies of 10,000 examples": (lambda rng, n: rng.binomial(10_000, 0.96, n) / 10_000, 0.96, False),
        "accuracies of 50 examples": (lambda rng, n: rng.binomial(50, 0.9, n) / 50, 0.9, False),
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
                held.append(found.low is not None and found.high is not None and found.low <= truth <= found.high)
            cells.append(share(held))
        rows.append([name, *cells])
    return rows


def differences() -> tuple[list[list[str]], list[list[str]]]:
    """Intervals of paired differences, and the share of true hypotheses that are rejected."""
    kinds: dict[str, Draw] = {
        "normal": lambda rng, n: rng.normal(0, 1, n),
        "accuracies of 50 examples": lambda rng, n: rng.binomial(50, 0.9, n) - rng.binomial(50, 0.9, n),
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
    return covered, rejected


def rates() -> list[list[str]]:
    """Intervals of the decay rate within a run."""
    rows = []
    for name, kind in (
        ("a normal walk", None),
        ("sigmoid, `nielsen`", ("sigmoid", "nielsen")),
        ("tanh, `glorot_normal`", ("tanh", "glorot_normal")),
        ("relu, `he_normal`", ("relu", "he_normal")),
    ):
        cells = []
        for hidden in LAYERS:
            rng = np.random.default_rng(hidden)
            walks = np.cumsum(rng.normal(0.1, 0.2, (TIMES, hidden)), axis=1) if kind is None else walk_of(kind, hidden)
            truth = 0.1 if kind is None else float(np.diff(walks, axis=1).mean())
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
    seeds = [f"{n}" for n in SEEDS]
    text = "\n\n".join(
        [
            "Coverage in per cent of the 95 % interval of a mean, by number of seeds:",
            table(["draws", *seeds], means()),
            "Of a mean of paired differences:",
            table(["differences", *map(str, PAIRS)], covered),
            "Of the decay rate of one run, by hidden layers:",
            table(["profiles", *map(str, LAYERS)], rates()),
            "True hypotheses of no difference that the test rejects at 0.05, by number of pairs (the exact test of "
            "three and five pairs cannot reach it):",
            table(["differences", *map(str, PAIRS)], rejected),
        ]
    )
    if "--write" not in sys.argv[1:]:
        print(text)
        return
    begin, end = "<!-- simulated: python scripts/coverage.py --write -->\n\n", "\n\n<!-- end -->"
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(begin)
    DOCUMENT.write_text(before + begin + text + end + rest.partition(end)[2], encoding="utf-8")


if __name__ == "__main__":
    main()

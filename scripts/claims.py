"""How often claims hold that are just not true, and how often those that are true, by simulation.

    python scripts/claims.py [--write]

takes a minute, puts the table into docs/studies.md and draws docs/pictures/claims-power.png. A claim has one part, or
twenty of which one is at its boundary and the others far inside, or all are; what a seed has in common in its parts is
half of its scatter. tests/study/test_study_claims.py draws fewer.
"""

from __future__ import annotations

import re
import sys

from kept import ROOT, at_home

at_home()

import numpy as np  # noqa: E402

from vgrad.pictures.fonts import load_matplotlib  # noqa: E402
from vgrad.pictures.style import content, styled  # noqa: E402
from vgrad.study.claims.evidence import weigh  # noqa: E402

DOCUMENT, PICTURE = ROOT / "docs" / "studies.md", ROOT / "docs" / "pictures" / "claims-power.png"
NORMAL = "normal"
SEEDS, TIMES, DRAWN = (5, 6, 8, 12, 20), 2000, (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5)
DRAWS = {
    NORMAL: lambda random, shape: random.standard_normal(shape),
    "uniform": lambda random, shape: random.uniform(-(3**0.5), 3**0.5, shape),
    "heavy-tailed": lambda random, shape: random.standard_t(3, shape) / 3**0.5,
    "skewed: a few seeds far worse": lambda random, shape: 1 - random.exponential(size=shape),
    "skewed: a few seeds far better": lambda random, shape: random.exponential(size=shape) - 1,
}
MARKED = re.compile(r"(<!-- simulated: python scripts/claims.py --write -->\n\n).*?(<!-- end -->)", re.DOTALL)


def holds(n: int, shift: np.ndarray, draws: str, times: int = TIMES) -> float:
    """Percent of the studies of n seeds in which a claim holds whose parts lie `shift` deviations inside."""
    random, found = np.random.default_rng([n, len(shift)]), 0
    for _ in range(times):
        common, own = (DRAWS[draws](random, (n, parts)) for parts in (1, len(shift)))
        scatter = own if len(shift) == 1 else (common + own) / 2**0.5
        found += weigh(scatter + shift).verdict == "holds"
    return 100 * found / times


def table() -> str:
    """The share of studies in which a claim holds at its boundary."""
    lines = [f"| seeds differ by | {' | '.join(f'{n} seeds' for n in SEEDS)} |", f"|---|{'---:|' * len(SEEDS)}"]
    for draws in DRAWS:
        lines.append(f"| {draws} | {' | '.join(f'{holds(n, np.zeros(1), draws):.1f}' for n in SEEDS)} |")
    one, every = np.full(20, 9.0), np.zeros(20)
    one[0] = 0.0
    for told, shift in (("normal, one of 20 parts at the boundary", one), ("normal, all 20 parts", every)):
        lines.append(f"| {told} | {' | '.join(f'{holds(n, shift, NORMAL):.1f}' for n in SEEDS)} |")
    return "\n".join(lines) + "\n"


def draw() -> None:
    """Power against the distance from the boundary."""
    load_matplotlib()
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.subplots()
        for n in SEEDS:
            axes.plot(DRAWN, [holds(n, np.full(1, shift), NORMAL, 500) for shift in DRAWN], label=f"{n} seeds")
        axes.axhline(5, color="0.6", linewidth=0.8, linestyle=":")
        axes.set_xlabel("how far inside its boundary a claim is true, in standard deviations of the seeds")
        axes.set_ylabel("studies in which it holds, %")
        axes.legend(frameon=False)
        PICTURE.write_bytes(content(figure, "png", "The power of claims", "", "scripts/claims.py"))


def main() -> None:
    """Prints the table, or puts it into the document."""
    text = table()
    if "--write" not in sys.argv[1:]:
        print(text, end="")
        return
    draw()
    before = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(MARKED.sub(lambda found: f"{found[1]}{text}\n{found[2]}", before), encoding="utf-8")


if __name__ == "__main__":
    main()

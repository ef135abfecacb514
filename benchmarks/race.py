"""vgrad against PyTorch, JAX and scikit-learn on one core: quotients of processor times, peer / vgrad.

    python benchmarks/race.py [--rounds N] [WORKLOAD …]    the median of N rounds (7), after one that warms up
    python benchmarks/race.py --quick                      a tenth of the work, one round; only correctness is judged

Correctness first: after the first round, the peers' parameters, costs and norms are compared with vgrad's. Then the
contenders take turns; each quotient is the median over rounds of two neighbours', and of JAX's two ways of unrolling
the faster one counts. `products` is what the bare matrix products take of vgrad's time. Exits with 1 where a bar is
missed. Needs MNIST (`vgrad data fetch`); peers come with `make peers`, and what is not installed is left out.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
from _harness import Contender, paired_ratio, processor, table
from _workloads import CONSTANT, WORKLOADS, Workload

from vgrad.data.fetch import present
from vgrad.errors import VgradError

SAME = {"float64": 1e-12, "float32": 1e-3}
"""How far apart what was computed may be, relative to the largest number of its array."""
DEPTHS = ((10, 50), (50, 100))
HEADER = ["", "type", "µs a step", "PyTorch", "JAX", "unroll", "scikit-learn", "products", "apart", "bars"]


def main(names: list[str], rounds: int, quick: bool) -> int:
    """Prints the table; how many bars were missed."""
    print(f"{processor()}; {rounds} rounds after a first one, interleaved, one core{'; quick' if quick else ''}")
    rows, missed, notes = list[list[str]](), 0, dict[str, str]()
    for name in names:
        workload = WORKLOADS[name].quick() if quick else WORKLOADS[name]
        for dtype in workload.dtypes:
            field = race(name, workload, dtype, rounds, "quick" if quick else "full")
            notes |= {contender.hello["note"]: name for name, contender in field.items()}
            step = 1e6 * median(field["vgrad"].times()) / workload.steps
            apart = {dtype: differing(field)}
            if "float64" not in workload.dtypes:  # ReLUs that switch make much of float32's rounding
                apart = {"float64": differing(race(name, workload, "float64", 0, "quick" if quick else "full"))}
            told, failures = judged(workload, field, apart, quick)
            rows.append([name, dtype, f"{step:.1f}", *told])
            missed += failures
            print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    print(*(f"- {note}" for note in notes), "", table(HEADER, rows), sep="\n")
    if not quick and {f"depth {depth}" for depth in (10, 50, 100)} <= {*names}:
        missed += sum(not constant(depths(dtype, rounds), dtype) for dtype in SAME)
    return missed


def race(name: str, workload: Workload, dtype: str, rounds: int, form: str) -> dict[str, Contender]:
    """All contenders after 1 + `rounds` interleaved rounds."""
    names = ["vgrad", *(f"JAX, unroll {times}" for times in workload.unrolls), "PyTorch", "products"]
    names += ["scikit-learn"] if name == "784-30-30-10" else []
    field = {who: Contender([who, name, dtype, form]) for who in names}
    for who in [who for who, contender in field.items() if "skip" in contender.hello]:
        print(f"skipped: {field[who].hello['skip']}", file=sys.stderr)
        field.pop(who).close()
    for _ in range(1 + rounds):
        for contender in field.values():
            contender.round()
            if len(contender.rounds) == 1:
                contender.keep()
    for contender in field.values():
        contender.close()
    return field


def judged(
    workload: Workload, field: Mapping[str, Contender], apart: Mapping[str, float], quick: bool
) -> tuple[list[str], int]:
    """The cells of a row after the time of a step, and how many of its bars were missed; `apart` is by type."""
    mine = field["vgrad"].times()
    ratio = {who: paired_ratio(contender.times(), mine) for who, contender in field.items()}
    jax = min((who for who in ratio if who.startswith("JAX")), key=ratio.__getitem__, default="JAX")
    bars = [
        ("PyTorch", ratio.get("PyTorch"), workload.torch),
        ("JAX", ratio.get(jax), workload.jax),
        ("products", ratio["products"], workload.products and 1 / workload.products),
    ]
    set_bars = [(who, found, bar) for who, found, bar in bars if found is not None and bar is not None]
    missed = [] if quick else [who for who, found, bar in set_bars if found < bar]
    missed += ["correctness" for dtype, found in apart.items() if not found <= SAME[dtype]]
    told = ", ".join(f"{who} {bar:.2f}" for who, _, bar in set_bars)
    if missed:
        told += f"; MISSED: {', '.join(missed)}"
    cells = [_cell(ratio.get("PyTorch")), _cell(ratio.get(jax)), jax.rpartition(" ")[2] if jax in ratio else ""]
    return [
        *cells,
        _cell(ratio.get("scikit-learn")),
        _cell(ratio["products"]),
        f"{max(apart.values()):.0e}",
        told,
    ], len(missed)


def differing(field: Mapping[str, Contender]) -> float:
    """How far apart the peers' numbers after the first round are from vgrad's."""
    return max((_apart(field["vgrad"].kept, peer.kept) for peer in field.values() if peer.kept), default=0.0)


def depths(dtype: str, rounds: int) -> dict[int, list[float]]:
    """vgrad's seconds a step in interleaved rounds, for 10, 50 and 100 hidden layers."""
    names = {depth: f"depth {depth}" for depth in (10, 50, 100)}
    field = {depth: Contender(["vgrad", name, dtype, "full"]) for depth, name in names.items()}
    for _ in range(1 + rounds):
        for contender in field.values():
            contender.round()
    for contender in field.values():
        contender.close()
    return {
        depth: [seconds / WORKLOADS[names[depth]].steps for seconds in contender.times()]
        for depth, contender in field.items()
    }


def constant(steps: Mapping[int, Sequence[float]], dtype: str) -> bool:
    """Whether a layer more costs the same in deep networks, to CONSTANT; tells it."""
    early, late = ([(b - a) / (to - so) for a, b in zip(steps[so], steps[to], strict=True)] for so, to in DEPTHS)
    more = median(b / a for a, b in zip(early, late, strict=True)) - 1
    told = "" if more <= CONSTANT else f"; MISSED: {100 * CONSTANT:.0f} %"
    first, second = (f"{1e6 * median(each):.2f} µs" for each in (early, late))
    print(f"\n{dtype}: a layer more costs {first} from depth 10 to 50, {second} to 100, {100 * more:+.0f} %{told}")
    return more <= CONSTANT


def _cell(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def _apart(mine: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> float:
    """The largest difference of what both have, relative to the largest number of its array; infinite where not finite.

    Biases that batch norm subtracts are left out: no peer trains them.
    """
    names = [name for name in theirs if f"gamma{name[1:]}" not in theirs or name[0] != "b"]
    differences = [np.abs(mine[name] - theirs[name]).max() / np.abs(mine[name]).max() for name in names]
    return math.inf if not np.isfinite(differences).all() else float(max(differences))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=None, help="7; 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work; only correctness is judged")
    given = parser.parse_args()
    if unknown := [name for name in given.workloads if name not in WORKLOADS]:
        parser.error(f"no such workload: {unknown[0]}")
    return given


if __name__ == "__main__":
    arguments = _arguments()
    try:
        present()
    except VgradError as error:
        print(f"skipped: {error}")
        raise SystemExit(0) from None
    rounds = arguments.rounds or (1 if arguments.quick else 7)
    raise SystemExit(bool(main(arguments.workloads or [*WORKLOADS], rounds, arguments.quick)))

"""Mutation testing: one small change at a time, and the tests of the default suite that run the changed line.

python scripts/mutation.py AREA [-n N] [--seed S] [--jobs J] [--word WORD]
python scripts/mutation.py AREA --again     only the survivors of the last time, by the tests of then and all new ones

AREA is a table of scripts/mutation.toml: files to change, and tests that must notice. The changes are cosmic-ray's, and
those of mutation_operators.py. All of them are listed and N are drawn; each is made in a copy of the house, and tried
in a fork of a process that has loaded NumPy and the like, with the tests that ran the changed statement when nothing
was changed: first those, then the rest of their files. Survivors are printed as they are found.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from mutation_places import HOUSE, TABLE, Mutant, Spot, drawn, mutant_at
from mutation_trial import LOADED, Baseline, copied, load, measured, notices

KEPT = HOUSE / ".mutation"


def main() -> int:
    """Prints survivors and the score; 1 when it is below the least that TABLE asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("area", choices=TABLE["areas"])
    parser.add_argument("-n", type=int, help="how many are drawn (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--word", default="", help="only mutants whose file or change has it")
    parser.add_argument("--again", action="store_true", help="only those that survived the last time")
    options = parser.parse_args()
    area, kept = TABLE["areas"][options.area], KEPT / f"{options.area}.json"
    load([*LOADED, *area.get("loads", ())])
    copies = [copied() for _ in range(options.jobs)]
    try:
        if options.again:
            tree = json.loads(kept.read_text())
            chosen = [mutant for spot in tree["survivors"] if (mutant := mutant_at(Spot(**spot)))]
            baseline = Baseline(**tree["baseline"])
        else:
            chosen = list(drawn(area, options.n, options.seed, options.word))
            baseline = measured(copies[0], area["tests"])
        survivors = tried(chosen, copies, baseline, area["tests"] if options.again else ())
    finally:
        for copy in copies:
            shutil.rmtree(copy, ignore_errors=True)
    KEPT.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"baseline": asdict(baseline), "survivors": [asdict(each.spot) for each in survivors]}))
    noticed = len(chosen) - len(survivors)
    print(f"{noticed} of {len(chosen)} noticed: {noticed / max(len(chosen), 1):.1%}")
    return int(noticed < TABLE["least"] * len(chosen))


def tried(chosen: Sequence[Mutant], copies: Sequence[Path], baseline: Baseline, more: Sequence[str]) -> list[Mutant]:
    """The survivors, printed as they are found."""
    free, survivors = list(copies), list[Mutant]()

    def attempt(mutant: Mutant) -> None:
        copy, begun = free.pop(), time.monotonic()
        word = {True: "killed", False: "SURVIVED", None: "hung"}[notices(copy, mutant, baseline, more)]
        free.append(copy)
        where = f"{mutant.spot.file}:{mutant.spot.position[0]}  {mutant.spot.operator}"
        print(f"{word:8} {time.monotonic() - begun:4.0f} s  {where}", flush=True)
        if word == "SURVIVED":
            survivors.append(mutant)
            print(mutant.change, flush=True)

    with ThreadPoolExecutor(len(copies)) as pool:
        list(pool.map(attempt, chosen))
    return survivors


if __name__ == "__main__":
    sys.exit(main())

"""Contenders in processes of their own, asked in turn, and their times in a table.

A contender is started once and kept: what it imports, loads and warms up is not what is measured. It then waits for a
line on its standard input, does one round, and answers with a line of JSON. The others sleep meanwhile, so all of
them meet the same machine, and a disturbance meets all of them: A B C A B C …
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
CORE_TYPE = "OPENBLAS_CORETYPE"
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Contender:
    """A process that runs `_peers.py NAME DTYPE`; `hello` is its first answer: `note`, or `skip` with a reason."""

    def __init__(self, name: str, dtype: str, environment: dict[str, str]) -> None:
        self.name, self.dtype, self.rounds = name, dtype, list[dict[str, float]]()
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "_peers.py"), name, dtype],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment | dict.fromkeys(THREADS, "1"),
        )
        self.hello: dict[str, Any] = self._answer()

    def round(self) -> None:
        """One epoch, timed by the contender itself."""
        assert self._process.stdin
        print(file=self._process.stdin, flush=True)
        self.rounds.append(self._answer())

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def times(self) -> list[float]:
        """Seconds of every round but the first, which warms up."""
        return [answer["seconds"] for answer in self.rounds[1:]]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} {self.dtype} ended early with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def environments() -> list[tuple[str, dict[str, str]]]:
    """The environment as it is, and without a core type of OpenBLAS, which leaves the choice to each contender."""
    found = dict(os.environ)
    chosen = found.pop(CORE_TYPE, None)
    unset = [(f"{CORE_TYPE} not set", found)]
    return unset if chosen is None else [(f"{CORE_TYPE}={chosen}, as set in the environment", dict(os.environ)), *unset]


def paired_ratio(times: Sequence[float], reference: Sequence[float]) -> float:
    """The median over rounds of times / reference."""
    return median(a / b for a, b in zip(times, reference, strict=True))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns; the first one to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        others = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
        return f"| {' | '.join([cells[0].ljust(widths[0]), *others])} |"

    rule = [("-" * widths[0])] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def processor() -> str:
    """The processor's name and how many of its cores may be used."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        if line.startswith("model name")
    ]
    return f"{names[0] if names else 'unknown processor'}, {len(os.sched_getaffinity(0))} cores usable"

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
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


class Contender:
    """A process that runs `_peers.py WHAT`; `hello` is its first answer: `note`, or `skip` with a reason."""

    def __init__(self, what: Sequence[str]) -> None:
        self.what, self.rounds = list(what), list[dict[str, float]]()
        self.kept: dict[str, np.ndarray] = {}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "_peers.py"), *what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | dict.fromkeys(THREADS, "1"),
        )
        self.hello: dict[str, Any] = self._answer()

    def round(self) -> None:
        """One round, timed by the contender itself."""
        self.rounds.append(self._ask(""))

    def keep(self) -> None:
        """What it has now: its parameters, and what it recorded last."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "kept.npz"
            self._ask(str(path))
            with np.load(path) as found:
                self.kept = dict(found)

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def times(self) -> list[float]:
        """Seconds of the processor of every round but the first, which warms up."""
        return [answer["cpu"] for answer in self.rounds[1:]]

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin
        print(line, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.what)} ended early with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


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

"""Runs of one sweep that were computed with different libraries or BLAS kernels: their last bits are not comparable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from vgrad.errors import RunStateError
from vgrad.runs.folder import RUN
from vgrad.storage.json import read_json
from vgrad.text.escapes import printable

_SHOWN = 300


class Mixing:
    """The surroundings (`vgrad.machine.Surroundings`) of complete runs, counted."""

    def __init__(self) -> None:
        self._found: Counter[tuple[str, ...]] = Counter()

    def add(self, path: Path) -> None:
        """One more complete run. What does not say where it was computed is left out."""
        try:
            told = (read_json(path / RUN) or {}).get("surroundings")
        except RunStateError:
            return
        if isinstance(told, list) and told and all(isinstance(text, str) for text in told):
            self._found[tuple(told)] += 1

    @property
    def line(self) -> str | None:
        """For the user, with the number of runs; None where all are of one kind."""
        if not self._found or (len(self._found) == 1 and len(next(iter(self._found))) == 1):
            return None
        total, usual = self._found.total(), max(self._found, key=lambda told: (self._found[told], -len(told)))
        usual = usual if len(usual) == 1 else usual[-1:]
        others = total - self._found[usual]
        other = next(told for told in self._found if told != usual)
        by = printable(", then ".join(other), _SHOWN)
        told = f"{others} of {total} runs were computed with {by}; the others with {printable(usual[0], _SHOWN)}"
        return f"{told if others < total else told.partition(';')[0]}: other bits than an undisturbed sweep's"

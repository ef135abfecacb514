"""Which options a command uses in which mode: the tables that refusals and help texts are made from.

A mode is a kind of picture, a format, a section, a way to train. An option that a table does not name is used in all
modes of its command. `--dry-run` is no mode: it stands before a command that will use its options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import typer

from vgrad.cli.command import given
from vgrad.errors import ConfigError
from vgrad.sweeps.executors import EXECUTORS, OPTIONS, chosen
from vgrad.text.formats import FORMATS


@dataclass(frozen=True)
class Uses:
    """`options` maps a parameter of the command to the modes that use it; `chosen` is how a mode is asked for, and
    `reasons` say why a parameter is of no use elsewhere."""

    chosen: str
    options: Mapping[str, tuple[str, ...]]
    reasons: Mapping[str, str] = field(default_factory=dict)

    def refuse_unused(self, context: typer.Context, mode: str) -> None:
        """ConfigError when the command line has options that `mode` would leave out without a word."""
        problems = [
            f"{option}: {self._named(mode)} makes no use of it; {self._remedy(name)}"
            for name, option in given(context).items()
            if mode not in self.options.get(name, (mode,))
        ]
        if problems:
            raise ConfigError(*problems)

    def told(self, name: str) -> str:
        """For the help text: "for curves and layers"."""
        return f"for {_listed(self.options[name], 'and')}"

    def _named(self, mode: str) -> str:
        return f"{self.chosen} {mode}".strip()

    def _remedy(self, name: str) -> str:
        reason = self.reasons.get(name)
        return f"{reason}: leave it out" if reason else f"it is for {self._named(_listed(self.options[name], 'or'))}"


def _listed(words: tuple[str, ...], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


KINDS = ("curves", "steps", "neurons", "layers", "heatmap", "accuracy", "activations", "values")
PLOT = Uses(
    "--kind",
    {
        "where": KINDS,
        "by": ("curves", "steps", "layers", "heatmap", "accuracy"),
        "across": ("curves", "steps", "heatmap", "values"),
        "epoch": ("steps", "neurons"),
        "monitor": ("accuracy",),
        "under": ("curves",),
        "smooth": ("curves", "accuracy"),
        "theory": ("layers",),
        "scale": ("curves", "steps", "neurons", "layers", "values"),
        **dict.fromkeys(("x", "y", "color", "marker", "panel", "each"), ("values",)),
    },
)
"""A picture of a study uses none of these: it draws the whole study."""

_OF_A_TABLE = ("rows", "cols", "value", "where", "baseline", "sort", "top", "threshold")
DIFF = "--diff"
REPORT = Uses(
    "",
    {
        "width": ("--format table", "--format latex"),
        "spread": tuple(f"--format {form}" for form, each in FORMATS.items() if not each.whole),
        **dict.fromkeys(_OF_A_TABLE, tuple(f"--format {form}" for form in FORMATS)),
    },
    {
        **dict.fromkeys(_OF_A_TABLE, "two runs are compared as they are"),
        "spread": "there are no means, or all that is known of them",
    },
)


def of_sweeps(jobs: int | None, scheduler: str) -> Uses:
    """A mode is an executor; the reasons are those of the one that is asked for."""
    entries = EXECUTORS.values()
    used = {name: tuple(entry.asked for entry in entries if name not in entry.unused) for name in OPTIONS}
    return Uses("", used, EXECUTORS[chosen(jobs, scheduler)].unused)


def way(jobs: int | None, scheduler: str) -> str:
    """Where a sweep is trained: the mode of `of_sweeps`."""
    return EXECUTORS[chosen(jobs, scheduler)].asked

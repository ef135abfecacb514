"""Why a gradient vanishes or explodes, in one clause of mean-field theory, and what would change it.

The clause is about deep stacks of the network's layers before training. Where they do not do what was measured, because
layers are few or narrow or variances far from their fixed point, it says so in place of a remedy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from vgrad.config.config import Config
from vgrad.errors import ConfigError
from vgrad.runs.summary import run_verdict, speeds, verdict_of
from vgrad.text.numbers import significant
from vgrad.theory.propagation.criticality import Deep, deep, near
from vgrad.vanishing import EXPLODING, USUAL, VANISHING, Thresholds, decay

ENOUGH = 0.5
"""The share of a measured rate from which on theory accounts for it."""
ACCOUNTS, CANCELS, CRITICAL, FALLS_SHORT = "accounts", "cancels", "critical", "falls short"


@dataclass(frozen=True)
class Explanation:
    """What theory says of a run's layers, and in a word whether that `holds` of what was measured: it accounts for the
    rate; errors of different examples cancel, though each grows; the layers are critical already; it falls short.
    """

    deep: Deep
    holds: str

    def told(self) -> str:
        """The clause, without a stop."""
        chi, root = f"χ = {significant(self.deep.chi)}", f"√χ = {significant(math.sqrt(self.deep.chi))}"
        if self.holds == FALLS_SHORT:
            return f"{chi} in deep stacks of these layers, which does not account for it"
        if self.holds == CRITICAL:
            return f"{chi}: deep stacks of these layers are critical; this is what depth and narrow layers do"
        if self.holds == CANCELS:
            single = f"a layer of a deep stack multiplies a single δ by {root}"
            return f"{chi}: {single}, but those of different examples turn apart and cancel in the mean"
        return f"{_does(self.deep)}{_remedy(self.deep)}"

    def tree(self) -> dict[str, Any]:
        """As `vgrad show --json` has it."""
        return {**asdict(self.deep), "holds": self.holds, "told": self.told()}


def explanation(config: Config, summary: Mapping[str, Any], thresholds: Thresholds = USUAL) -> Explanation | None:
    """Why this run's gradient vanishes or explodes before training; None where it does neither, and where the theory
    does not hold of the network."""
    moments = summary["gradient"]
    if not moments or moments["start"]["epoch"] != 0 or moments["start"].get("speed", "delta_norm") != "delta_norm":
        return None
    word = verdict_of(moments["start"], thresholds)
    fall = decay(speeds(moments["start"]) or [])
    if word not in (VANISHING, EXPLODING) or run_verdict(summary, thresholds) != word or fall is None:
        return None
    try:
        found = deep(config)
    except ConfigError:
        return None
    return None if found is None else Explanation(found, _holds(found, fall.rate))


def _holds(found: Deep, rate: float) -> str:
    """How the decades that norms fall in a layer, towards the input, compare with theory's."""
    sign = math.copysign(1.0, rate)
    if sign * _decades(found.chi) >= ENOUGH * abs(rate):
        return ACCOUNTS
    if found.turned is not None and found.chi > 1 and rate > 0 and _decades(found.turned) >= ENOUGH * rate:
        return CANCELS
    return CRITICAL if near(found.chi) else FALLS_SHORT


def _decades(square: float) -> float:
    """The decades that a norm falls by where its square has this factor."""
    return -math.log10(max(square, 1e-300)) / 2


def outlook(found: Deep) -> str:
    """The clause before anything is measured."""
    if near(found.chi):
        return f"χ = {significant(found.chi)}: deep stacks of these layers are critical, and pass ‖δ‖ on as it is"
    return f"{_does(found)}{_remedy(found)}"


def _does(found: Deep) -> str:
    """What a layer does to the norm."""
    chi, root = f"χ = {significant(found.chi)}", f"√χ = {significant(math.sqrt(found.chi))}"
    if found.chi < 1:
        return f"{chi}: a layer of a deep stack leaves {root} of ‖δ‖"
    return f"{chi}: a layer of a deep stack multiplies ‖δ‖ by {root}"


def _remedy(found: Deep) -> str:
    """What would let delta pass."""
    gain = "" if found.gain is None else f"critical at gain {significant(found.gain)}"
    if found.init is None or found.init_chi is None:
        return f"; {gain or 'no one gain is critical'}"
    if near(found.init_chi):
        return f"; {gain}, or with init {found.init}" if gain else f"; critical with init {found.init}"
    nearest = f"of the initializers {found.init} comes nearest, √χ = {significant(math.sqrt(found.init_chi))}"
    return f"; {gain or 'no one gain is critical'}; {nearest}"

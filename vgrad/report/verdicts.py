"""What to call a gradient: thresholds that are printed and can be set, the verdict, and how deep learning reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean
from vgrad.statistics import decay, power
from vgrad.text.characters import hint
from vgrad.text.escapes import visible


@dataclass(frozen=True)
class Thresholds:
    """`vanishing`, `exploding`: decades a layer. `effective`: the share of the largest hidden norm from which on a
    layer counts as learning. `dead`, `saturated`: the share in one hidden layer from which on the run is called so."""

    vanishing: float = 0.3
    exploding: float = 0.3
    effective: float = 0.1
    dead: float = 0.5
    saturated: float = 0.5

    def told(self) -> str:
        """The rules in a sentence."""
        return (
            f"vanishing: a decay of {power(self.vanishing):.2g} or more ({self.vanishing:g} decades); "
            f"exploding: of {power(-self.exploding):.2g} or less"
        )


def parse_thresholds(texts: Sequence[str]) -> Thresholds:
    """Thresholds with `NAME=NUMBER,…` set. ConfigError for anything else."""
    found = Thresholds()
    known = [field.name for field in fields(Thresholds)]
    for piece in (piece.strip() for text in texts for piece in text.split(",")):
        name, _, number = piece.partition("=")
        if name not in known:
            raise ConfigError(f"--threshold {visible(piece)[:60]}: no such threshold{did_you_mean(name, known)}")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0 < value < 1e6:
            raise ConfigError(f"--threshold {visible(piece)[:60]}: write {name}=NUMBER, above 0{hint(number)}")
        found = replace(found, **{name: value})
    return found


def verdict(norms: Sequence[float], thresholds: Thresholds, shares: Mapping[str, float] | None = None) -> str | None:
    """`vanishing`, `healthy` or `exploding` by the decay rate; None with fewer than two hidden layers.

    `shares` holds the greatest recorded share of `dead` or `saturated` units over hidden layers; either is named
    where it reaches its threshold.
    """
    bad = [kind for kind in ("dead", "saturated") if (shares or {}).get(kind, 0.0) >= getattr(thresholds, kind)]
    if len(norms) >= 2:
        slope = decay(norms)
        if slope is None:
            bad.insert(0, "vanishing" if norms[0] == 0 else "exploding")
        elif slope.value >= thresholds.vanishing:
            bad.insert(0, "vanishing")
        elif slope.value <= -thresholds.exploding:
            bad.insert(0, "exploding")
    return "+".join(bad) or ("healthy" if len(norms) >= 2 else None)


def effective_depth(norms: Sequence[float], thresholds: Thresholds) -> int | None:
    """The number of hidden layers whose norm is at least `effective` of the largest."""
    largest = max(norms, default=0.0)
    return sum(norm >= thresholds.effective * largest for norm in norms) if largest > 0 else None

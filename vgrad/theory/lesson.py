"""The sections of the chapter about the one-neuron chain, each as values that a table or a picture can be made from.

factors    one chain, factor by factor                            (eq. 114-122)
draws      many chains: how the product is spread, by length
explode    weights and biases that make every factor large, and what becomes of it when the input moves
width      for which inputs a factor reaches 1, by weight          (eq. 123)
identity   the neuron that passes x on
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from vgrad.errors import ConfigError
from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array
from vgrad.theory.chain import Chain, Distribution, chain, distribution, drawn, exploding
from vgrad.theory.identity import SMALL, Imitation, best, expanded
from vgrad.theory.neuron import Interval, Reach, reach, sigmoid_width, steep_intervals, width

MOVED = 0.1
"""How far the input of the exploding chain is moved."""
TIMES = (0.9, 1.0, 1.25, 1.5, 2.0, 2.5, 5.0, 10.0, 25.0)
"""Weights whose widths are shown, in units of the least that has one."""


@dataclass(frozen=True)
class Setting:
    """What the sections are about. `weights` and `biases` are drawn where they are None; `closed_form` says that
    eq. 123 holds: the plain sigmoid. `draw_neurons` is the longest chain of the draws."""

    activation: Activation
    closed_form: bool
    neurons: int = 4
    weights: Sequence[float] | None = None
    biases: Sequence[float] | None = None
    x: float = 0.5
    y: float = 0.0
    seed: int = 0
    draws: int = 10_000
    draw_neurons: int = 10
    spread: float = 1.0
    explode_weight: float = 100.0
    width_weights: Sequence[float] | None = None


@dataclass(frozen=True)
class Width:
    """The weighted inputs with |w f'| >= 1, the width of the inputs that lead there, and that of eq. 123."""

    w: float
    z: list[Interval]
    width: float
    closed_form: float | None


@dataclass(frozen=True)
class Explosion:
    """The chain at its input, and the same weights and biases with the input moved by MOVED; None: that overflows."""

    chain: Chain
    moved: Chain | None


@dataclass(frozen=True)
class Widths:
    """Widths by weight, and the weight with the largest."""

    rows: list[Width]
    reach: Reach


@dataclass(frozen=True)
class Imitations:
    """For ever smaller w_1: (as the expansion says, with its constant; the best without one); then the best of all."""

    rows: list[tuple[Imitation, Imitation]]
    best: Imitation


@dataclass(frozen=True)
class Lesson:
    """The sections that were asked for; the others are None."""

    setting: Setting
    factors: Chain | None = None
    draws: Distribution | None = None
    explode: Explosion | None = None
    width: Widths | None = None
    identity: Imitations | None = None
    names: tuple[str, ...] = field(default=())


def generator(seed: int, purpose: int) -> Generator:
    """Independent generators of one seed: 0 for the chain, 1 for the draws."""
    return Generator(PCG64(SeedSequence(seed, spawn_key=(purpose,))))


def factors(setting: Setting) -> Chain:
    """The chain with the given numbers, drawn where they are not given."""
    w, b = drawn(generator(setting.seed, 0), setting.neurons, setting.spread)
    w = w if setting.weights is None else np.array(setting.weights, dtype=np.float64)
    b = b if setting.biases is None else np.array(setting.biases, dtype=np.float64)
    return chain(setting.activation, w, b, setting.x, setting.y)


def draws(setting: Setting) -> Distribution:
    """Chains drawn again and again."""
    random = generator(setting.seed, 1)
    return distribution(setting.activation, random, setting.draw_neurons, setting.draws, setting.x, setting.spread)


def explode(setting: Setting) -> Explosion:
    """The chain that explodes, and how little it takes to stop it."""
    activation, x, y = setting.activation, setting.x, setting.y
    w, b = exploding(activation, setting.explode_weight, setting.neurons, x)
    found, moved = chain(activation, w, b, x, y), None
    with suppress(ConfigError):
        moved = chain(activation, w, b, x + MOVED, y)
    return Explosion(found, moved)


def widths(setting: Setting) -> Widths:
    """Widths for a few weights, and the largest there is."""
    found = reach(setting.activation)
    least = found.least if np.isfinite(found.least) else 1.0
    given = setting.width_weights
    rows = [_width(setting, w) for w in ([round(t * least, 12) for t in TIMES] if given is None else given)]
    return Widths(rows, found)


def _width(setting: Setting, w: float) -> Width:
    z = steep_intervals(setting.activation, 1 / abs(w)) if w else []
    return Width(w, z, width(setting.activation, w), sigmoid_width(w) if setting.closed_form else None)


def curve(activation: Activation, low: float, high: float, points: int = 300) -> tuple[Array, Array]:
    """|w| from low to high, evenly on a log axis, and the width at each."""
    w = np.geomspace(low, high, points)
    return w, np.array([width(activation, float(each)) for each in w])


def identity(setting: Setting) -> Imitations:
    """Identity neurons with ever smaller w_1."""
    f = setting.activation
    return Imitations([(expanded(f, w1), best(f, w1)) for w1 in SMALL], best(f))


SECTIONS: dict[str, Callable[[Setting], object]] = {
    "factors": factors,
    "draws": draws,
    "explode": explode,
    "width": widths,
    "identity": identity,
}


def teach(setting: Setting, names: Sequence[str]) -> Lesson:
    """The sections of these names."""
    found: dict[str, object] = {name: SECTIONS[name](setting) for name in names}
    return Lesson(setting, **found, names=tuple(names))  # type: ignore[arg-type]  # each field has its section's type

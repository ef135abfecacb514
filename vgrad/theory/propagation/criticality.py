r"""What hidden layers do to delta in the deep limit, and which gain or initializer would let it pass.

For l = 1 … H - 1, with sigma_w,l^2 fan-in times the variance of a weight of layer l (Schoenholz et al. 2017, eq. 9):

    chi_l = sigma_w,l+1^2 E f'(sqrt(q_l) z)^2,   q_(l+1) = sigma_w,l+1^2 E f(sqrt(q_l) z)^2 + sigma_b^2

from q_1 at the fixed point of the second layer's variances, so that no data are needed: of equal layers every chi_l is
chi of their stack. E ||delta^1||^2 = chi_1 … chi_(H-1) E ||delta^H||^2, and chi is their geometric mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vgrad.config.choice import Choice
from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.errors import ConfigError
from vgrad.nn.activations import build
from vgrad.nn.arrays import Array
from vgrad.nn.initializers import INITIALIZERS, PRESETS, DataDriven
from vgrad.theory.meanfield import Layer
from vgrad.theory.propagation.depth import NEAR, STEP
from vgrad.theory.propagation.layers import drawn_layers, layers_of
from vgrad.theory.propagation.medium import STEEPEST, Medium, medium

SAME, DRAWN = 0.02, 2**16
"""Initializers whose ln chi differ by less are equally near; weights drawn to find the variance, to half a percent."""
LEAST_GAIN, GAINS, PRECISE = 1e-3, 400, 24
LEAST = 1e-300
Step = tuple[float, float]
"""sigma_w^2 and sigma_b^2 of a layer."""
WAY = math.log10(2)
"""Decades by which the norms of any two layers may differ at a gain that is said to let delta pass."""


def near(chi: float) -> bool:
    """Whether layers of this chi pass delta on as it is."""
    return abs(math.log(max(chi, LEAST))) < NEAR


@dataclass(frozen=True)
class Deep:
    """`chi`, and where layers are alike `turned`, the factor of E delta(x) . delta(x') of two examples, else None.

    `gain` is the init.gain at which chi is 1, None where no one gain lets delta pass; `init` is the initializer of the
    table whose chi, `init_chi`, is nearest to 1, None where the network's own is as near.
    """

    chi: float
    turned: float | None
    gain: float | None
    init: str | None
    init_chi: float | None

    @property
    def critical(self) -> bool:
        """Whether delta passes as it is."""
        return near(self.chi)


def deep(config: Config) -> Deep | None:
    """What theory says of this network; None with fewer than two hidden layers, and where activations differ.

    ConfigError for what mean-field theory does not hold of.
    """
    layers = layers_of(config)
    if len(layers) < 3 or len({str(each) for each in config.activations}) > 1:
        return None
    assert isinstance(config.init, Init)
    hidden = config.sizes[1:-1]
    return _deep(config.activations[0], config.init, hidden, _steps(hidden, layers[1:-1]))


def _steps(sizes: Sequence[int], layers: Sequence[Layer]) -> list[Step]:
    """Of the layers above layers of `sizes`, through which delta comes back."""
    return [(layer.weights * n_in, layer.biases) for n_in, layer in zip(sizes, layers, strict=False)]


def _deep(activation: Choice, init: Init, sizes: Sequence[int], steps: Sequence[Step]) -> Deep:
    stack = medium(build(activation.name, **activation.parameters))
    own, alike = _mean_log(stack, steps), len(set(steps)) == 1
    gain = _critical(stack, steps)
    name, nearest = _nearest(stack, sizes)
    nearer = name is not None and abs(own) >= NEAR and abs(nearest) <= abs(own) - SAME
    return Deep(
        chi=math.exp(own),
        turned=_turned(stack, *steps[0]) if alike else None,
        gain=None if gain is None else gain * init.gain,
        init=name if nearer else None,
        init_chi=math.exp(nearest) if nearer else None,
    )


def _turned(stack: Medium, weights: float, biases: float) -> float | None:
    xi = float(stack.stacks(np.array([math.sqrt(weights)]), np.array([math.sqrt(biases)])).xi_c[0])
    return math.exp(-1 / xi) if xi > 0 else None


def _logs(stack: Medium, steps: Sequence[Step], gains: Array) -> Array:
    """ln chi_l of l = 1 … H - 1, or of the first alone where all are alike, with weights times each of the gains:
    (gains, H - 1)."""
    squares = np.square(gains)
    logs = stack.ends(squares * steps[0][0], np.full_like(gains, steps[0][1]))
    found = []
    for weights, biases in steps[:1] if len(set(steps)) == 1 else steps:
        chi, logs = stack.step(logs, squares * weights, biases)
        found.append(np.log(np.maximum(chi, LEAST)))
    return np.column_stack(found)


def _mean_log(stack: Medium, steps: Sequence[Step]) -> float:
    """ln chi."""
    return float(_logs(stack, steps, np.ones(1)).mean())


def _critical(stack: Medium, steps: Sequence[Step]) -> float | None:
    """The least factor of the weights from which on chi is above 1, if it is 1 there, and all layers let delta pass."""
    most = STEEPEST / math.sqrt(max(weights for weights, _ in steps))
    gains = np.geomspace(LEAST_GAIN * most, most, GAINS)
    above = _logs(stack, steps, gains).mean(axis=1) >= 0
    crossed = np.flatnonzero(above[1:] & ~above[:-1])
    if not len(crossed):
        return None
    low, high = gains[crossed[0]], gains[crossed[0] + 1]
    for _ in range(PRECISE):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _logs(stack, steps, np.array([middle])).mean() >= 0 else (middle, high)
    around = _logs(stack, steps, high * np.array([1 - STEP, 1 + STEP, 1]))
    way = np.cumsum(np.insert(around[2], 0, 0.0)) / (2 * math.log(10))
    passes = (np.abs(around.mean(axis=1)) < NEAR).all() and np.ptp(way) < WAY
    return float(high) if passes else None


def _nearest(stack: Medium, sizes: Sequence[int]) -> tuple[str | None, float]:
    """The initializer of the table that is nearest to critical between hidden layers of these sizes, and its ln chi; of
    equals, the first of the table."""
    best, nearest = None, math.inf
    for name in [*INITIALIZERS, *PRESETS]:
        weights, biases = PRESETS.get(name, (name, "zeros"))
        if isinstance(INITIALIZERS[weights](), DataDriven):
            continue
        try:
            layers = drawn_layers(Init(weights=Choice(weights), biases=Choice(biases)), sizes, DRAWN)
        except ConfigError:
            continue
        found = _mean_log(stack, _steps(sizes, layers))
        if abs(found) < abs(nearest) - SAME:
            best, nearest = name, found
    return best, nearest

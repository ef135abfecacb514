"""Probes: the columns of gradients.csv, each a function of a measurement on the standing network.

Lists start at layer 1 and end at the output layer L. delta^l, z^l and a^l are (m, n_l), one row a probe example;
<x> is the mean over examples. What the measurement computes, and when, is told in `vgrad.nn.measurement`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vgrad.nn.arrays import Array, norm
from vgrad.nn.measurement import Measurement, Prober

__all__ = ["GROUPS", "PROBES", "Measurement", "Probe", "Prober", "expand", "histograms"]

Values = Sequence[float | None]
Probe = Callable[[Measurement], Values]
"""A measurement -> one number a layer; None where there is none."""

SATURATED = 0.01
BINS = 50


def delta_norm(measurement: Measurement) -> Values:
    """||<delta^l>||, Nielsen's speed of learning of layer l  (Nielsen ch. 5)."""
    return [norm(mean) for mean in measurement.mean_delta]


def delta_norm_mean(measurement: Measurement) -> Values:
    """<||delta^l||>, the mean over examples of each one's norm  (as in Glorot and Bengio 2010, fig. 7)."""
    return measurement.mean_norms


def coherence(measurement: Measurement) -> Values:
    """||<delta^l>|| / <||delta^l||>, from 0 (examples cancel) to 1 (they agree); none where all deltas are 0."""
    pairs = zip(delta_norm(measurement), delta_norm_mean(measurement), strict=True)
    return [mean / each if mean is not None and each else None for mean, each in pairs]


def weight_gradient_norm(measurement: Measurement) -> Values:
    """||dC/dW^l||_F, without the penalty  (Glorot and Bengio 2010, fig. 8: about equal where deltas shrink)."""
    return [norm(gradient) for gradient in measurement.detail.weight_gradient]


def weight_norm(measurement: Measurement) -> Values:
    """||W^l||_F."""
    return [norm(W) for W in measurement.detail.W]


def update_ratio(measurement: Measurement) -> Values:
    """||W after - W before|| / ||W before|| of the epoch's last step, about 1e-3 in a healthy run  (CS231n).

    It is the real step, so momentum, decay and clipping are in it. None before the first step and where W was 0.
    """
    return measurement.update_ratios or [None] * len(measurement.mean_delta)


def z_mean(measurement: Measurement) -> Values:
    """Mean over examples and units of z^l."""
    return [float(z.mean()) for z in measurement.detail.z]


def z_std(measurement: Measurement) -> Values:
    """Standard deviation (divisor n) over examples and units of z^l: its square is q^l - <z^l>^2  (Poole 2016)."""
    return [float(z.std()) for z in measurement.detail.z]


def a_mean(measurement: Measurement) -> Values:
    """Mean over examples and units of a^l  (Glorot and Bengio 2010, fig. 2)."""
    return [float(a.mean()) for a in measurement.detail.a]


def a_std(measurement: Measurement) -> Values:
    """Standard deviation (divisor n) over examples and units of a^l  (Glorot and Bengio 2010, fig. 2)."""
    return [float(a.std()) for a in measurement.detail.a]


def z_p15(measurement: Measurement) -> Values:
    """The 15th percentile over examples and units of z^l  (Ioffe and Szegedy 2015, fig. 1)."""
    return _percentile(measurement, 15)


def z_p50(measurement: Measurement) -> Values:
    """The 50th percentile, the median, over examples and units of z^l  (Ioffe and Szegedy 2015, fig. 1)."""
    return _percentile(measurement, 50)


def z_p85(measurement: Measurement) -> Values:
    """The 85th percentile over examples and units of z^l  (Ioffe and Szegedy 2015, fig. 1)."""
    return _percentile(measurement, 85)


def z_p98(measurement: Measurement) -> Values:
    """The 98th percentile over examples and units of z^l  (of a^l in Glorot and Bengio 2010, fig. 3)."""
    return _percentile(measurement, 98)


def saturated(measurement: Measurement) -> Values:
    """Share of unit-example pairs so near a bound of f that |f'(z)| is below 1 % of its largest value  (Glorot 2010).

    None where f has not two bounds, as in rectifiers: their zero slopes are half of what they are, and they die. For
    the output, f' is the diagonal a (1 - a).
    """
    detail = measurement.detail
    pairs = zip(detail.slope, detail.bounded, strict=True)
    return [float((slope < SATURATED).mean()) if bounded else None for slope, bounded in pairs]


def dead(measurement: Measurement) -> Values:
    """Share of units whose slope f'(z) is exactly 0 on every probe example: none of them moves the unit."""
    return [float((slope == 0).all(axis=0).mean()) for slope in measurement.detail.slope]


def zero_deltas(measurement: Measurement) -> Values:
    """Number of entries of delta^l that are exactly 0: underflow, or units without a slope on an example."""
    return [float(np.count_nonzero(delta == 0)) for delta in measurement.detail.delta]


def jacobian_min(measurement: Measurement) -> Values:
    """The least singular value of da^l/da^(l-1) (for L: dz^L/da^(L-1)) on 25 examples  (Glorot 2010, 4.2.1)."""
    return [float(values.min()) for values in measurement.jacobians]


def jacobian_mean(measurement: Measurement) -> Values:
    """The mean singular value of da^l/da^(l-1) (for L: dz^L/da^(L-1)) on 25 examples  (Glorot 2010, 4.2.1)."""
    return [float(values.mean()) for values in measurement.jacobians]


def jacobian_max(measurement: Measurement) -> Values:
    """The greatest singular value of da^l/da^(l-1) (for L: dz^L/da^(L-1)) on 25 examples  (Glorot 2010, 4.2.1)."""
    return [float(values.max()) for values in measurement.jacobians]


def output_jacobian_min(measurement: Measurement) -> Values:
    """The least singular value of dz^L/da^l on 25 examples, 1 for l = L  (Saxe et al. 2013)."""
    return [float(values.min()) for values in measurement.output_jacobians]


def output_jacobian_mean(measurement: Measurement) -> Values:
    """The mean singular value of dz^L/da^l on 25 examples, 1 for l = L  (Saxe et al. 2013)."""
    return [float(values.mean()) for values in measurement.output_jacobians]


def output_jacobian_max(measurement: Measurement) -> Values:
    """The greatest singular value of dz^L/da^l on 25 examples, 1 for l = L  (Saxe et al. 2013)."""
    return [float(values.max()) for values in measurement.output_jacobians]


def _percentile(measurement: Measurement, percent: float) -> Values:
    return [float(np.percentile(z, percent)) for z in measurement.detail.z]


def histograms(measurement: Measurement) -> list[dict[str, tuple[Array, Array]]]:
    """Per layer: `delta` and `activation` -> (counts, edges), 50 equal bins from the least to the greatest value."""
    detail = measurement.detail
    pairs = zip(detail.delta, detail.a, strict=True)
    return [{"delta": _histogram(delta), "activation": _histogram(a)} for delta, a in pairs]


def _histogram(values: Array) -> tuple[Array, Array]:
    """Counts (50,) and edges (51,). Equal values get bins of width 0 around them; scaled, so that none is subnormal."""
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high, BINS + 1)
    if not low < high:
        return np.bincount([0] * values.size, minlength=BINS).astype(np.float64), edges
    place = np.minimum(((values.ravel() - low) / (high - low) * BINS).astype(np.intp), BINS - 1)
    return np.bincount(place, minlength=BINS).astype(np.float64), edges


PROBES: dict[str, Probe] = {
    "delta_norm": delta_norm,
    "delta_norm_mean": delta_norm_mean,
    "coherence": coherence,
    "weight_gradient_norm": weight_gradient_norm,
    "weight_norm": weight_norm,
    "update_ratio": update_ratio,
    "z_mean": z_mean,
    "z_std": z_std,
    "z_p15": z_p15,
    "z_p50": z_p50,
    "z_p85": z_p85,
    "z_p98": z_p98,
    "a_mean": a_mean,
    "a_std": a_std,
    "saturated": saturated,
    "dead": dead,
    "zero_deltas": zero_deltas,
    "jacobian_min": jacobian_min,
    "jacobian_mean": jacobian_mean,
    "jacobian_max": jacobian_max,
    "output_jacobian_min": output_jacobian_min,
    "output_jacobian_mean": output_jacobian_mean,
    "output_jacobian_max": output_jacobian_max,
}

GROUPS: dict[str, tuple[str, ...]] = {
    "gradients": ("delta_norm", "delta_norm_mean", "coherence", "weight_gradient_norm", "zero_deltas"),
    "weights": ("weight_norm", "update_ratio"),
    "signals": ("z_mean", "z_std", "z_p15", "z_p50", "z_p85", "z_p98", "a_mean", "a_std", "saturated", "dead"),
    "jacobians": tuple(name for name in PROBES if "jacobian" in name),
}
"""name -> probes; `all` is every probe there is."""


def expand(names: Sequence[str]) -> list[str]:
    """`names` with groups replaced by their probes; each probe once, at its first place."""
    groups = {**GROUPS, "all": tuple(PROBES)}
    found: list[str] = []
    for name in names:
        found += [probe for probe in groups.get(name, (name,)) if name not in groups or probe not in found]
    return found

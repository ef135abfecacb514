"""Optimizers: how gradients change parameters, in place.

All parameters are one vector w of shape (N,), their gradient g another: dC/dw with the penalty's share in it. An
optimizer is a rule that is applied elementwise, and the names of the vectors that it remembers (`slots`), which are a
checkpoint's arrays. Rules work on blocks of the vectors that stay in the second-level cache: an Adam step reads and
writes its vectors some ten times. In the formulas eta is the learning rate and t the number of the step, from 1.

Each is `torch.optim`'s of that name to rounding while eta is constant; where the two differ, the docstring says how.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vgrad.nn.arrays import Array, add_scaled
from vgrad.registry import Fraction, NonNegative, Positive

State = dict[str, np.ndarray]
BLOCK = 32768
TINY = 2.0**-59
"""In float32, the g^2 of smaller g are next to the denormal numbers, each operation on which takes a hundred times as
long: Adam's steps of 30 sigmoid layers took 520 us instead of 218. Beside an epsilon that is `LARGE`, none counts."""
LARGE = 1e-10
"""The least of the defaults; of a mean, the root of `TINY`^2 is a third of the rounding of this."""
EVERY = 64
"""Steps from one look for tiny gradients to the next."""


class Step(NamedTuple):
    """What a rule is told: eta, the momentum mu of this step (0 for rules without), and t, the steps so far + 1.

    `tiny`: some g are, and their squares may be taken for those of `TINY`.
    """

    eta: float
    momentum: float
    t: int
    tiny: bool = False


Slots = tuple[Array, ...]
Formula = Callable[[Array, Array, Slots, Array, Step], None]
"""(w, g, slots, work, step): changes w and slots in place; g may be overwritten, and so may work, of w's shape."""


@dataclass(frozen=True)
class Optimizer:
    """`slots` name the vectors that `rule` remembers, all 0 at first; `momentum` is mu where a schedule may change it.

    `is_plain_descent` says that the step is exactly w <- w - eta g, which the network can fuse with the product that
    makes g (`Backprop.descend`); `is_heavy_ball` that it is v <- mu v - eta g, w <- w + v with the slot v, where the
    first half can be fused with it (`add_gradients`); `rests` that w stays what it is where every g so far was 0.
    `epsilon` is what is added to a sum or mean of g^2, or to its root; None where there is none.
    """

    learning_rate: float
    rule: Formula
    slots: tuple[str, ...] = ()
    momentum: float = 0.0
    is_plain_descent: bool = False
    is_heavy_ball: bool = False
    rests: bool = True
    epsilon: float | None = None

    def init(self, w: Array) -> State:
        """The state before the first step."""
        return {name: np.zeros_like(w) for name in self.slots}

    @property
    def is_fine(self) -> bool:
        """Whether the squares of tiny g may count beside `epsilon`."""
        return self.epsilon is not None and self.epsilon < LARGE


class Stepper:
    """Applies a rule to w, g and the state's vectors, block by block."""

    def __init__(self, optimizer: Optimizer, w: Array, g: Array, state: State) -> None:
        work = np.empty(min(BLOCK, len(w)), w.dtype)
        self._rule, self._steps, self._tiny = optimizer.rule, 0, False
        self._looks = w.dtype == np.float32 and optimizer.epsilon is not None and not optimizer.is_fine
        self._blocks = []
        for start in range(0, len(w), BLOCK):
            part = slice(start, start + BLOCK)
            slots = tuple(state[name][part] for name in optimizer.slots)
            self._blocks.append((w[part], g[part], slots, work[: len(w[part])]))

    def __call__(self, step: Step) -> None:
        """One step; g may be overwritten."""
        rule = self._rule
        if self._looks:
            if self._steps % EVERY == 0:
                self._tiny = any(_has_tiny(g, work) for _, g, _, work in self._blocks)
            self._steps += 1
            if self._tiny:
                step = step._replace(tiny=True)
        for w, g, slots, work in self._blocks:
            rule(w, g, slots, work, step)


def sgd(*, learning_rate: NonNegative = 0.1) -> Optimizer:
    """w <- w - eta g  (Nielsen ch. 1, eq. 20-21)."""

    def rule(w: Array, g: Array, slots: Slots, work: Array, step: Step) -> None:
        add_scaled(w, g, -step.eta)

    return Optimizer(learning_rate, rule, is_plain_descent=True)


def momentum(*, learning_rate: NonNegative = 0.1, momentum: Fraction = 0.9) -> Optimizer:
    """v <- mu v - eta g;  w <- w + v   (Polyak 1964; Nielsen, eq. 107-108).

    PyTorch keeps v without eta; the two differ when a schedule changes eta.
    """

    def rule(w: Array, g: Array, slots: Slots, work: Array, step: Step) -> None:
        (v,) = slots
        np.multiply(v, step.momentum, out=v)
        add_scaled(v, g, -step.eta)
        np.add(w, v, out=w)

    return Optimizer(learning_rate, rule, ("v",), momentum, is_heavy_ball=True)


def nesterov(*, learning_rate: NonNegative = 0.1, momentum: Fraction = 0.9) -> Optimizer:
    """v <- mu v - eta g(w);  w <- w + mu v - eta g(w)   (Sutskever et al. 2013, eq. 3-4, as Bengio et al. 2013, eq. 7).

    Sutskever takes the gradient at theta + mu v; here w is that point. As in PyTorch both mu are this step's, so with a
    momentum schedule w is Sutskever's point up to the change of mu from one step to the next. PyTorch keeps v without
    eta.
    """

    def rule(w: Array, g: Array, slots: Slots, work: Array, step: Step) -> None:
        (v,) = slots
        np.multiply(v, step.momentum, out=v)
        add_scaled(v, g, -step.eta)
        add_scaled(w, v, step.momentum)
        add_scaled(w, g, -step.eta)

    return Optimizer(learning_rate, rule, ("v",), momentum)


def adagrad(*, learning_rate: NonNegative = 0.01, epsilon: Positive = 1e-10) -> Optimizer:
    """s <- s + g^2;  w <- w - eta g / (sqrt(s) + eps)   (Duchi et al. 2011)."""

    def rule(w: Array, g: Array, slots: Slots, work: Array, step: Step) -> None:
        (s,) = slots
        np.add(s, _squares(g, work, step.tiny), out=s)
        np.sqrt(s, out=work)
        np.add(work, epsilon, out=work)
        _descend(w, g, work, step.eta)

    return Optimizer(learning_rate, rule, ("s",), epsilon=epsilon)


def adadelta(*, learning_rate: NonNegative = 1.0, rho: Fraction = 0.9, epsilon: Positive = 1e-6) -> Optimizer:
    """s <- rho s + (1-rho) g^2;  d = g sqrt(u + eps)/sqrt(s + eps);  u <- rho u + (1-rho) d^2;  w <- w - eta d.

    (Zeiler 2012, algorithm 1, whose eta is 1.)
    """

    def rule(w: Array, g: Array, slots: Slots, work: Array, step: Step) -> None:
        s, u = slots
        _average(s, g, rho, work, step.tiny)
        np.add(u, epsilon, out=work)
        np.multiply(g, np.sqrt(work, out=work), out=g)
        np.add(s, epsilon, out=work)
        np.divide(g, np.sqrt(work, out=work), out=g)
        _average(u, g, rho, work, step.tiny)
        add_scaled(w, g, -step.eta)

    return Optimizer(learning_rate, rule, ("s", "u"), epsilon=epsilon)


def rmsprop(*, learning_rate: NonNegative = 0.01, rho: Fraction = 0.99, epsilon: Positive = 1e-8) -> Optimizer:
    """s <- rho s + (1-rho) g^2;  w <- w - eta g / (sqrt(s) + eps)   (Hinton 2012, lecture 6e)."""

    def rule(w: Array, g: Array, slots: Slots, work: Array, step: Step) -> None:
        (s,) = slots
        _average(s, g, rho, work, step.tiny)
        np.sqrt(s, out=work)
        np.add(work, epsilon, out=work)
        _descend(w, g, work, step.eta)

    return Optimizer(learning_rate, rule, ("s",), epsilon=epsilon)


def adam(
    *, learning_rate: NonNegative = 0.001, beta1: Fraction = 0.9, beta2: Fraction = 0.999, epsilon: Positive = 1e-8
) -> Optimizer:
    """m <- b1 m + (1-b1) g;  v <- b2 v + (1-b2) g^2;  w <- w - eta m' / (sqrt(v') + eps)   (Kingma and Ba 2015).

    m' = m / (1 - b1^t) and v' = v / (1 - b2^t). The slots hold m and v without the factors 1 - b and those of
    `_accumulate`.
    """

    def rule(w: Array, g: Array, slots: Slots, work: Array, step: Step) -> None:
        m, v = slots
        first = _accumulate(m, g, beta1, step.t)
        second = _accumulate(v, _squares(g, g, step.tiny), beta2, step.t)
        root = math.sqrt(second * (1 - beta2) / (1 - beta2**step.t))  # sqrt(v') is root times that of the slot
        np.sqrt(v, g)  # g is in the first caches, where `work` is not
        np.add(g, epsilon / root, g)
        np.divide(m, g, g)
        add_scaled(w, g, -step.eta * first * (1 - beta1) / (1 - beta1**step.t) / root)

    return Optimizer(learning_rate, rule, ("m", "v"), epsilon=epsilon)


def adamw(
    *,
    learning_rate: NonNegative = 0.001,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    decay: NonNegative = 0.01,
) -> Optimizer:
    """w <- (1 - eta decay) w, then Adam's step   (Loshchilov and Hutter 2019, in PyTorch's form).

    Algorithm 2 of the paper multiplies the decay by the schedule alone, not by the learning rate. As in PyTorch every
    parameter decays, biases too, unlike with `l2`.
    """
    plain = adam(learning_rate=learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)

    def rule(w: Array, g: Array, slots: Slots, work: Array, step: Step) -> None:
        np.multiply(w, 1 - step.eta * decay, out=w)
        plain.rule(w, g, slots, work, step)

    return Optimizer(learning_rate, rule, plain.slots, rests=not decay, epsilon=epsilon)


def nadam(
    *,
    learning_rate: NonNegative = 0.002,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    momentum_decay: NonNegative = 0.004,
) -> Optimizer:
    """Adam with m' = mu_(t+1) m / (1 - p_(t+1)) + (1 - mu_t) g / (1 - p_t)   (Dozat 2016, algorithm 2).

    mu_t = b1 (1 - 0.96^(t momentum_decay) / 2) and p_t = mu_1 … mu_t, here in float64; PyTorch's p_t is float32.
    """
    products = [1.0]

    def mu(t: int) -> float:
        return beta1 * (1 - 0.5 * math.pow(0.96, t * momentum_decay))

    def rule(w: Array, g: Array, slots: Slots, work: Array, step: Step) -> None:
        m, v = slots
        while len(products) < step.t + 2:  # always multiplied in the same order, so a resumed run has the same bits
            products.append(products[-1] * mu(len(products)))
        first = _accumulate(m, g, beta1, step.t)
        second = _accumulate(v, _squares(g, work, step.tiny), beta2, step.t)
        now, ahead = mu(step.t), mu(step.t + 1)
        np.multiply(g, (1 - now) / (1 - products[step.t]), out=g)
        add_scaled(g, m, first * (1 - beta1) * ahead / (1 - products[step.t + 1]))
        np.multiply(v, second * (1 - beta2) / (1 - beta2**step.t), out=work)
        np.sqrt(work, out=work)
        np.add(work, epsilon, out=work)
        _descend(w, g, work, step.eta)

    return Optimizer(learning_rate, rule, ("m", "v"), epsilon=epsilon)


def _descend(w: Array, g: Array, work: Array, eta: float) -> None:
    """w <- w - eta g / work; overwrites g."""
    np.divide(g, work, out=g)
    add_scaled(w, g, -eta)


def _has_tiny(g: Array, work: Array) -> bool:
    np.abs(g, out=work)
    return bool(((work < TINY) & (work > 0)).any())


def _squares(g: Array, out: Array, tiny: bool) -> Array:
    """g^2, or where tiny ones do not count max(|g|, TINY)^2, into `out`, which may be g."""
    if tiny:
        g = np.maximum(np.abs(g, out), TINY, out=out)
    return np.multiply(g, g, out)


def _average(s: Array, g: Array, rho: float, work: Array, tiny: bool) -> None:
    """s <- rho s + (1 - rho) g^2."""
    np.multiply(s, rho, out=s)
    _squares(g, work, tiny)
    np.multiply(work, 1 - rho, out=work)
    np.add(s, work, out=s)


def _accumulate(s: Array, x: Array, beta: float, t: int) -> float:
    """Adds x to a decaying sum, S_t = beta S_(t-1) + x, kept as s = S_t / beta^k with k = t mod 64; returns beta^k.

    So a step is s <- s + x / beta^k, one pass where decaying first would be two; only each 64th step decays s.
    """
    period = 64 if beta >= 0.8 else 1  # 0.8^-64 is 1.6e6: far from overflow in float32
    k = t % period
    if k == 0:
        np.multiply(s, beta**period, out=s)
    add_scaled(s, x, beta**-k)
    return float(beta**k)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "nadam": nadam,
}

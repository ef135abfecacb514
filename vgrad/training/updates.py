"""From gradients to steps, where these are more than -eta times those: penalties, clipping, optimizers, limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import numpy as np

from vgrad.nn.limits import max_norm
from vgrad.nn.optimizers import Step, Stepper
from vgrad.nn.parameters import Flat
from vgrad.training.rule import Rule

F = TypeVar("F", bound=Flat)


class Updates(Generic[F]):
    """The steps of an epoch: passes add scale * gradient to keep * `target`, then `finish` changes the parameters.

    The target is the gradient g, with keep 0 — or, of a heavy ball that is not clipped, its velocity: v <- mu v - eta g
    then comes out of the product that makes g, and what is left is w <- w + v. `first` is the number of the first step,
    `slots` are the optimizer's.
    """

    def __init__(self, rule: Rule, w: F, g: F, slots: Mapping[str, F], eta: float, first: int) -> None:
        self._rule, self._w, self._g, self._eta, self._t = rule, w, g, eta, first
        weights = [W for name, W in w.views.items() if name.startswith("W")]
        self._limited = weights[:-1] if rule.max_norm else []
        self._ball = rule.optimizer.is_heavy_ball and rule.clip is None
        self._step = Stepper(rule.optimizer, w.vector, g.vector, {name: slot.vector for name, slot in slots.items()})
        self.target, self.scale, self.keep = g, 1.0, 0.0
        if self._ball:
            self.target, self.scale, self.keep = slots["v"], -eta, rule.momentum(first)

    def finish(self) -> None:
        """The penalty's share, and then the step."""
        rule, t = self._rule, self._t
        rule.penalty.add_gradient(self._w, self.target, self.scale)
        if self._ball:
            np.add(self._w.vector, self.target.vector, out=self._w.vector)
            self.keep = rule.momentum(t + 1)
        else:
            if rule.clip is not None:
                rule.clip.apply(self._g.vector)
            self._step(Step(self._eta, rule.momentum(t), t))
        for W in self._limited:
            max_norm(W, rule.max_norm or 0.0)
        self._t = t + 1

"""JAX at its best: an epoch is one compiled `lax.scan` with a donated carry, over batches gathered on the device.

What was faster is done: images stay bytes, gathered with indices promised to be in bounds and scaled batch by batch;
the derivative of the cost with respect to z^L is given outright, as in vgrad, so that no cost is computed that nobody
asked for; weights are (n_l, n_(l-1)); the masks of an epoch are drawn at once; vectors are as long as the processor's;
in batch gradient descent the examples lie side by side.
"""

from __future__ import annotations

import os
from typing import Any

ONE_CORE = "--xla_cpu_multi_thread_eigen=false"
os.environ["XLA_FLAGS"] = f"{ONE_CORE} --xla_cpu_prefer_vector_width=512"  # before JAX is imported

import jax  # noqa: E402

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402

Tree = Any
ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}


def contend(given: Any, unroll: int) -> tuple[Any, Any]:
    """A round, and what it leaves; the scan's body is written out `unroll` times."""
    return (_measured if given.workload.measured else _steps)(given, unroll)


class Network:
    """The network of a config, as functions of p, a dictionary of vgrad's names."""

    def __init__(self, given: Any) -> None:
        self.config, self.layers = given.config, given.layers
        self._f = ACTIVATIONS[self.config.activations[0].name]
        self._output = jax.nn.softmax if self.config.output == "softmax" else jax.nn.sigmoid

    def z(self, p: Tree, a: Tree, masks: Tree) -> tuple[Tree, Tree]:
        """z^L, and the mean and variance of each layer's batch."""
        moments = []
        for layer in range(1, self.layers):
            z = a @ p[f"W{layer}"].T
            if self.config.batch_norm:
                mean, variance = z.mean(axis=0), z.var(axis=0)
                moments.append((mean, variance))
                z = (z - mean) * lax.rsqrt(variance + 1e-5) * p[f"gamma{layer}"] + p[f"beta{layer}"]
            else:
                z = z + p[f"b{layer}"]
            a = self._f(z)
            if masks:
                a = jnp.where(masks[layer - 1], a / (1 - self.config.dropout), 0)
        return a @ p[f"W{self.layers}"].T + p[f"b{self.layers}"], moments

    def gradient(self, p: Tree, x: Tree, y: Tree, masks: Tree) -> tuple[Tree, Tree]:
        """dC/dp of the batch, and the moments; delta^L = a^L - y with both outputs and their costs."""

        def linear(p: Tree) -> tuple[Tree, Tree]:
            z, moments = self.z(p, x, masks)
            delta = lax.stop_gradient(self._output(z) - y)
            return (delta * z).sum() / len(x), moments

        return jax.grad(linear, has_aux=True)(p)


def _steps(given: Any, unroll: int) -> tuple[Any, Any]:
    """An epoch of small batches. Where masks are drawn, those of the first epoch are vgrad's, to compare with it."""
    network, m, dtype = Network(given), given.m, given.dtype
    images, y, rate = jnp.asarray(given.images), jnp.asarray(given.y), given.config.dropout
    start, rule = _optimizer(given)

    def step(carry: Tree, batch: Tree) -> tuple[Tree, None]:
        p, state, running = carry
        index, masks = batch
        x = images.at[index].get(mode="promise_in_bounds").astype(dtype) / 255
        g, moments = network.gradient(p, x, y.at[index].get(mode="promise_in_bounds"), masks)
        running = [
            (0.9 * mean + 0.1 * of_batch, 0.9 * variance + 0.1 * m / (m - 1) * spread)
            for (mean, variance), (of_batch, spread) in zip(running, moments, strict=True)
        ]
        p, state = rule(p, g, state)
        return (p, state, running), None

    @jax.jit
    def drawn(key: Tree) -> Tree:
        """Masks of all steps: sixteen bits say 0.2 to 1e-5."""
        shapes = [(given.workload.steps, m, n) for n in given.config.sizes[1:-1]]
        key, *keys = jax.random.split(key, len(shapes) + 1)
        return key, [
            jax.random.bits(own, shape, "uint16") >= round(rate * 2**16)
            for own, shape in zip(keys, shapes, strict=True)
        ]

    epoch = jax.jit(lambda carry, batches: lax.scan(step, carry, batches, unroll=unroll)[0], donate_argnums=0)
    running = [(jnp.zeros(n, dtype), jnp.ones(n, dtype)) for n in given.config.sizes[1:-1] if given.config.batch_norm]
    p = {name: jnp.array(value) for name, value in given.initial.items()}
    held = {"carry": (p, start(p), running), "key": drawn(jax.random.key(0))[0]}

    def round_() -> None:
        order, masks = jnp.asarray(given.order()), []
        if rate and given.epoch == 1:
            masks = [jnp.asarray(each) for each in given.masks()]
        elif rate:
            held["key"], masks = drawn(held["key"])
        held["carry"] = jax.block_until_ready(epoch(held["carry"], (order, masks)))

    return round_, lambda: {name: np.asarray(value) for name, value in held["carry"][0].items()}


def _measured(given: Any, unroll: int) -> tuple[Any, Any]:
    """Batch gradient descent; cost, accuracy and ||mean delta^l|| = ||dC/db^l|| of every epoch come out of its scan."""
    layers, dtype, m, sigmoid = given.layers, given.dtype, len(given.images), jax.nn.sigmoid
    wide = np.float64 if given.workload.wide else dtype
    x, labels = jnp.asarray(given.scaled()), jnp.asarray(given.labels)
    xT, yT = (jnp.asarray(each.T, wide) for each in (x, given.y))

    def step(held: Tree, _: None) -> tuple[Tree, Tree]:
        p, a, z = {name: w.astype(wide) for name, w in held.items()}, [xT], xT
        for layer in range(1, layers + 1):
            z = p[f"W{layer}"] @ a[-1] + p[f"b{layer}"][:, None]
            a.append(sigmoid(z))
        delta, g = (a[-1] - yT) / m, {}
        for layer in range(layers, 0, -1):
            g[f"W{layer}"] = delta @ a[layer - 1].T if layer > 1 else delta.astype(dtype) @ x
            g[f"b{layer}"] = delta.sum(axis=1)
            if layer > 1:
                delta = (p[f"W{layer}"].T @ delta) * a[layer - 1] * (1 - a[layer - 1])
        cost = (jnp.maximum(z, 0) + jnp.log1p(jnp.exp(-jnp.abs(z))) - yT * z).sum() / m
        accuracy = (z.argmax(axis=0) == labels).astype(dtype).mean()
        norms = jnp.stack([jnp.sqrt(jnp.square(g[f"b{layer}"]).sum()) for layer in range(1, layers + 1)])
        keep = {name: given.decay if name.startswith("W") else 1.0 for name in p}
        moved = {name: keep[name] * w - given.eta * g[name].astype(dtype) for name, w in held.items()}
        return moved, (cost, accuracy, norms)

    epochs = jax.jit(lambda p: lax.scan(step, p, length=given.workload.epochs, unroll=unroll), donate_argnums=0)
    held: list[Any] = [{name: jnp.array(value) for name, value in given.initial.items()}, ()]

    def round_() -> None:
        p, told = jax.block_until_ready(epochs(held[0]))
        held[:] = p, [np.asarray(each) for each in told]

    def found() -> dict[str, np.ndarray]:
        cost, accuracy, norms = held[1]
        p = {name: np.asarray(value) for name, value in held[0].items()}
        return p | {"cost": cost[-1:], "accuracy": accuracy[-1:], "delta_norm": norms[-1]}

    return round_, found


def _optimizer(given: Any) -> tuple[Any, Any]:
    """What it remembers at first, and its rule: (p, g, state) -> (p, state)."""
    eta, name, of_all = given.eta, given.config.optimizer.name, jax.tree.map
    if name == "sgd":
        return (lambda p: ()), lambda p, g, state: (of_all(lambda w, d: w - eta * d, p, g), state)

    def zeros(p: Tree) -> Tree:
        return of_all(jnp.zeros_like, p)

    def heavy_ball(p: Tree, g: Tree, v: Tree) -> tuple[Tree, Tree]:
        v = of_all(lambda v, d: 0.9 * v - eta * d, v, g)
        return of_all(jnp.add, p, v), v

    def adam(p: Tree, g: Tree, state: Tree) -> tuple[Tree, Tree]:
        s, r, t = state
        t = t + 1
        s = of_all(lambda s, d: 0.9 * s + 0.1 * d, s, g)
        r = of_all(lambda r, d: 0.999 * r + 0.001 * d * d, r, g)
        one, two = eta / (1 - 0.9**t), 1 / jnp.sqrt(1 - 0.999**t)

        def moved(w: Tree, s: Tree, r: Tree) -> Tree:
            return w - one.astype(w.dtype) * s / (jnp.sqrt(r) * two.astype(w.dtype) + 1e-8)

        return of_all(moved, p, s, r), (s, r, t)

    return (zeros, heavy_ball) if name == "momentum" else (lambda p: (zeros(p), zeros(p), jnp.zeros(())), adam)

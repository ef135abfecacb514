"""One contract a table: slopes, initial statistics, schedules' values, optimizers' trajectories."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rows import each_row
from scipy import integrate, stats

from vgrad.nn.activations import ACTIVATIONS, build, steepest
from vgrad.nn.functions import sigmoid_f
from vgrad.nn.initializers import BIASES, INITIALIZERS, DataDriven, initialize
from vgrad.nn.limits import Clip, max_norm
from vgrad.nn.network import Network
from vgrad.nn.optimizers import OPTIMIZERS, Step, Stepper
from vgrad.nn.schedules import MOMENTUM_SCHEDULES, SCHEDULES
from vgrad.nn.schedules import build as build_schedule
from vgrad.registry import parameters

# Activations.


def values(activation: Any, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a = activation.f(z, np.empty_like(z))
    return a.copy(), activation.slope(z, a, np.empty_like(z)).copy()


@each_row("gain", [1.0, 2.5])
@each_row("name", ACTIVATIONS)
def test_slope_is_the_derivative(name: str, gain: float) -> None:
    """By complex step (to rounding) and by central differences (to h^2), away from the kinks at 0 and ±1."""
    activation = build(name, gain=gain)
    z = np.linspace(-6, 6, 241)[None, :] + 0.003
    a, slope = values(activation, z)
    assert activation.complex_f is not None
    stepped = activation.complex_f(z + 1e-30j)
    assert np.allclose(stepped.real, a, rtol=1e-13, atol=1e-13)
    assert np.allclose(stepped.imag / 1e-30, slope, rtol=1e-12, atol=1e-13)
    h = 1e-5
    central = (values(activation, z + h)[0] - values(activation, z - h)[0]) / (2 * h)
    assert np.allclose(central, slope, rtol=1e-7, atol=1e-8)


@each_row("dtype", [np.float64, np.float32])
@each_row("name", ACTIVATIONS)
def test_activation_is_finite_and_keeps_its_type_far_out(name: str, dtype: type) -> None:
    """Also with warnings as errors: nothing overflows where the value itself does not."""
    z = np.array([[-1e30, -1e4, -800.0, -90.0, -1.0, -0.0, 0.0, 1.0, 90.0, 800.0, 1e4, 1e30]], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
        a, slope = values(build(name), z)
    assert a.dtype == slope.dtype == dtype
    assert np.isfinite(a).all()
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("name", "z", "wanted"),
    [
        ("sigmoid", -700.0, math.exp(-700)),
        ("sigmoid", 40.0, math.exp(-40)),
        ("tanh", 20.0, 4 * math.exp(-40)),
        ("softplus", -50.0, math.exp(-50)),
        ("scaled_tanh", 60.0, 1.7159 * 2 / 3 * 4 * math.exp(-80)),
        ("softsign", 1e6, 1 / (1 + 1e6) ** 2),
        ("elu", -30.0, math.exp(-30)),
    ],
)
def test_slope_of_a_saturated_neuron_is_exact(name: str, z: float, wanted: float) -> None:
    assert values(build(name), np.array([[z]]))[1][0, 0] == pytest.approx(wanted, rel=1e-12)


def test_selu_keeps_mean_and_variance() -> None:
    """E f(z) = 0 and E f(z)^2 = 1 for z ~ N(0, 1): the fixed point that gives the two constants."""
    selu = build("selu")

    def moment(power: int) -> float:
        def integrand(z: float) -> float:
            return float(values(selu, np.array([[z]]))[0][0, 0] ** power * stats.norm.pdf(z))

        return sum(integrate.quad(integrand, *ends, epsabs=1e-13)[0] for ends in ((-12, 0), (0, 12)))

    assert moment(1) == pytest.approx(0, abs=1e-9)
    assert moment(2) == pytest.approx(1, abs=1e-9)


def test_gain_on_the_learned_slope() -> None:
    z = np.array([[-2.0, 3.0]])
    steep = build("prelu", gain=2.0)
    assert steep.learned is not None
    p = np.array([0.1, 0.5])
    a, slope = values(steep.learned.bind(p), z)
    assert np.allclose(a, [[-0.4, 6.0]])
    assert np.allclose(slope, [[0.2, 2.0]])
    assert np.allclose(steep.learned.gradient(z), [[-4.0, 0.0]])


@pytest.mark.parametrize(("name", "largest"), [("sigmoid", 0.25), ("tanh", 1.0), ("gelu", 1.12890), ("silu", 1.09984)])
def test_steepest(name: str, largest: float) -> None:
    assert steepest(build(name))[0] == pytest.approx(largest, rel=1e-4)
    assert steepest(build(name, gain=3.0))[0] == pytest.approx(3 * largest, rel=1e-4)
    right = build(name)  # one that falls is as steep
    falling = replace(right, slope=lambda z, a, out: np.negative(right.slope(z, a, out), out=out))
    assert (steepest(falling, 3) == steepest(right, 3)).all()


# Initializers.

SHAPE = (400, 300)  # (n_out, n_in): 120,000 weights, so a variance is known to 0.8 % (two standard errors)
VARIANCE = {
    "normal": 1.0,
    "uniform": 0.05**2 / 3,
    "standard": 1 / (3 * 300),
    "lecun_normal": 1 / 300,
    "lecun_uniform": 1 / 300,
    "glorot_normal": 2 / 700,
    "glorot_uniform": 2 / 700,
    "he_normal": 2 / 300,
    "he_uniform": 2 / 300,
    "orthogonal": 1 / 400,
    "lsuv": 1 / 400,
    "sparse": 15 / 300,
    "exploding": 100.0**2 / 300,
    "zeros": 0.0,
    "constant": 0.0,
}
BOUNDED = {"uniform": 0.05, "standard": 300**-0.5, "lecun_uniform": 0.1, "glorot_uniform": (6 / 700) ** 0.5}
BOUNDED |= {"he_uniform": 0.02**0.5, "exploding": 100 / 300**0.5}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initial_weights_have_their_statistics(name: str) -> None:
    W = INITIALIZERS[name]()(np.random.default_rng(3), *SHAPE)
    assert W.shape == SHAPE
    assert W.dtype == np.float64
    variance = VARIANCE[name]
    assert W.var() == pytest.approx(variance, rel=0.05 if name == "sparse" else 0.02, abs=1e-30)
    assert abs(W.mean() - (0.1 if name == "constant" else 0)) <= 4 * (variance / W.size) ** 0.5 + 1e-12
    if name in BOUNDED:
        assert np.abs(W).max() <= BOUNDED[name]
        assert np.abs(W).max() > 0.999 * BOUNDED[name]
    again = INITIALIZERS[name]()(np.random.default_rng(3), *SHAPE)
    assert (again == W).all()


@pytest.mark.parametrize("name", ["normal", "lecun_normal", "glorot_normal", "he_normal"])
def test_normal_weights_are_normal(name: str) -> None:
    W = INITIALIZERS[name]()(np.random.default_rng(4), 100, 100).ravel()
    assert stats.kstest(W / VARIANCE[name] ** 0.5 if name == "normal" else W / W.std(), "norm").pvalue > 0.01


@pytest.mark.parametrize("shape", [(40, 40), (60, 20), (20, 60), (1, 5), (5, 1)])
def test_orthogonal_has_unit_singular_values(shape: tuple[int, int]) -> None:
    W = INITIALIZERS["orthogonal"]()(np.random.default_rng(0), *shape)
    assert np.allclose(np.linalg.svd(W, compute_uv=False), 1, atol=1e-13)


def test_orthogonal_is_not_biased() -> None:
    """Haar: the trace of a random rotation has mean 0 and variance 1; plain QR would favour a negative diagonal."""
    generator = np.random.default_rng(0)
    traces = [np.trace(INITIALIZERS["orthogonal"]()(generator, 6, 6)) for _ in range(2000)]
    assert abs(np.mean(traces)) < 4 / 2000**0.5
    assert np.var(traces) == pytest.approx(1, abs=0.13)


def test_sparse_has_k_weights_a_unit() -> None:
    W = INITIALIZERS["sparse"](k=7, sd=2.0)(np.random.default_rng(0), 200, 50)
    assert (np.count_nonzero(W, axis=1) == 7).all()
    assert W[W != 0].std() == pytest.approx(2.0, rel=0.06)
    assert np.count_nonzero(W, axis=0).min() > 0
    for n_out, n_in, kept in ((9, 4, 4), (4, 50, 15)):  # as many as there are; k counts what comes in, not the units
        W = INITIALIZERS["sparse"]()(np.random.default_rng(0), n_out, n_in)
        assert (np.count_nonzero(W, axis=1) == kept).all()


def network(*sizes: int, activation: str = "sigmoid") -> Network:
    from vgrad.nn.costs import COSTS

    functions = tuple(build(activation) for _ in sizes[1:-1])
    return Network(sizes, functions, sigmoid_f, COSTS["cross_entropy"]["sigmoid"])


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "maxout"])
@pytest.mark.parametrize(("biases", "gain"), [("zeros", 1.0), ("normal", 1.0), ("uniform", 1.7)])
def test_lsuv_gives_unit_variance(activation: str, biases: str, gain: float) -> None:
    """Or that of the gain, whatever the biases add, unless they alone are more."""
    from vgrad.nn.backprop import GeneralBackprop

    net = network(20, 40, 40, 40, 5, activation=activation)
    generator = np.random.default_rng(0)
    lsuv = INITIALIZERS["lsuv"]()
    assert isinstance(lsuv, DataDriven)
    pieces = [f.pieces for f in net.activations]
    drawn_biases = BIASES[biases](**({"sd": 0.4} if biases == "normal" else {}))
    parameters_of = initialize(net.sizes, lsuv, drawn_biases, gain, (generator, generator), pieces)
    x = generator.normal(2, 3, (200, 20))
    lsuv.adapt(net, parameters_of, x, gain)
    passes = GeneralBackprop(net, parameters_of, 200, {}, "evaluate")
    passes.forward(x)
    assert all(abs(z.var() / gain**2 - 1) < 0.01 for z in passes.z)
    large = initialize(net.sizes, lsuv, BIASES["normal"](sd=5.0), gain, (generator, generator), pieces)
    with pytest.raises(ValueError, match="no scale of W1 gives z1 the variance; its biases alone have"):
        lsuv.adapt(net, large, x, gain)


def test_exploding_example_explodes() -> None:
    """Nielsen's chain: every z is 0, so each factor is w s'(0) = 25; on wide layers it is 25 in the mean square."""
    from vgrad.nn.backprop import Backprop

    for sizes, wide in (((1, 1, 1, 1, 1), False), ((9, 50, 50, 50, 50), True)):
        net, generator = network(*sizes), np.random.default_rng(1)
        exploding = INITIALIZERS["exploding"]()
        assert isinstance(exploding, DataDriven)
        drawn = initialize(net.sizes, exploding, BIASES["normal"](), 1.0, (generator, generator))
        x = generator.normal(size=(30, sizes[0]))
        exploding.adapt(net, drawn, x, 1.0)
        passes = Backprop(net, drawn, 30)
        passes.forward(x)
        assert all(np.abs(z).max() < 1e-10 for z in passes.z)
        passes.backward(np.ones((30, sizes[-1])))
        norms = [np.linalg.norm(delta.mean(axis=0)) for delta in passes.delta]
        factors = np.array(norms[:-1]) / np.array(norms[1:])
        assert np.allclose(factors, 25, rtol=0.35 if wide else 1e-12)


@pytest.mark.parametrize("name", BIASES)
def test_initial_biases(name: str) -> None:
    b = BIASES[name]()(np.random.default_rng(0), 20_000)
    wanted = {"zeros": (0.0, 0.0), "constant": (0.1, 0.0), "normal": (0.0, 1.0), "uniform": (0.0, 0.05**2 / 3)}[name]
    assert b.mean() == pytest.approx(wanted[0], abs=4 * (wanted[1] / b.size) ** 0.5 + 1e-15)
    assert b.var() == pytest.approx(wanted[1], rel=0.05, abs=1e-30)


# Schedules: (k -> factor), written here a second time.

FORMULAS: dict[str, tuple[dict[str, Any], Callable[[int], float]]] = {
    "constant": ({}, lambda k: 1.0),
    "step": ({"every": 3, "factor": 0.2}, lambda k: 0.2 ** math.floor((k - 1) / 3)),
    "exponential": ({"rate": 0.9}, lambda k: math.exp((k - 1) * math.log(0.9))),
    "inverse_time": ({"rate": 0.5}, lambda k: 2 / (2 + (k - 1))),
    "cosine": ({"period": 8, "smallest": 0.1}, lambda k: 0.55 + 0.45 * math.cos(math.pi * min(1, (k - 1) / 8))),
    "plateau": ({}, lambda k: 1.0),  # without a past; its own test follows
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_is_its_formula(name: str) -> None:
    own, formula = FORMULAS[name]
    schedule = SCHEDULES[name](**own)
    assert [schedule(k) for k in range(1, 21)] == pytest.approx([formula(k) for k in range(1, 21)], rel=1e-14)


@pytest.mark.parametrize("name", SCHEDULES)
def test_warm_up_comes_first(name: str) -> None:
    own, formula = FORMULAS[name]
    schedule = build_schedule(name, warmup=4, **own)
    found = [schedule(k) for k in range(1, 12)]
    assert found[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert found[4:] == pytest.approx([formula(k) for k in range(1, 8)], rel=1e-14)


def test_plateau_halves() -> None:
    """Nielsen's rule, step by step: best at epoch 1, three epochs without a better one, then again."""
    schedule = SCHEDULES["plateau"](patience=3, factor=0.5, smallest=0.2)
    past = [5.0, 4.0, 4.0, 4.5, 4.1, 4.0, 4.0, 4.0, 3.0, 3.0, 3.0, 3.0]
    factors = [schedule(k, past[:k]) for k in range(1, len(past) + 1)]
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2]
    warm = build_schedule(
        "plateau", warmup=2, patience=3, factor=0.5, smallest=0.2
    )  # better values before do not count
    assert [warm(k + 2, [1.0, 0.5, *past[:k]]) for k in range(1, len(past) + 1)] == factors


def test_sutskevers_momentum() -> None:
    mu = MOMENTUM_SCHEDULES["sutskever"](0.99)
    for t in (1, 249, 250, 251, 499, 500, 5000, 12_499, 100_000):
        assert mu(t) == pytest.approx(min(1 - 2 ** (-1 - math.log2(math.floor(t / 250) + 1)), 0.99), rel=1e-14)
    assert MOMENTUM_SCHEDULES["constant"](0.7)(3) == 0.7


# Optimizers.

SETTINGS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "sgd": ("SGD", {"learning_rate": 0.05}, {"lr": 0.05}),
    "momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.8}, {"lr": 0.1, "momentum": 0.8}),
    "nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.8}, {"lr": 0.1, "momentum": 0.8, "nesterov": True}),
    "adagrad": ("Adagrad", {"learning_rate": 0.2}, {"lr": 0.2}),
    "adadelta": ("Adadelta", {"learning_rate": 2.0, "rho": 0.8}, {"lr": 2.0, "rho": 0.8}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.05, "rho": 0.9}, {"lr": 0.05, "alpha": 0.9}),
    "adam": ("Adam", {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.95}, {"lr": 0.1, "betas": (0.8, 0.95)}),
    "adamw": ("AdamW", {"learning_rate": 0.1, "decay": 0.1}, {"lr": 0.1, "weight_decay": 0.1}),
    "nadam": ("NAdam", {"learning_rate": 0.1}, {"lr": 0.1}),
}


@pytest.fixture
def double(torch: Any) -> Iterator[None]:
    """float64 as PyTorch's default; else it keeps NAdam's products in float32."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("defaults", "block"), [(True, 16384), (False, 7)])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.usefixtures("double")
def test_trajectory_is_torchs(
    name: str, defaults: bool, block: int, torch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 steps on a curved valley, to 1e-10."""
    monkeypatch.setattr("vgrad.nn.optimizers.BLOCK", block)
    kind, own, theirs = SETTINGS[name]
    optimizer = OPTIMIZERS[name](**({} if defaults else own))
    if defaults:
        theirs = {"lr": optimizer.learning_rate, **({"momentum": 0.9} if optimizer.momentum else {})}
        theirs |= {"nesterov": True} if name == "nesterov" else {}
    start = np.random.default_rng(0).normal(size=40)
    scale = np.logspace(-4, 1, 40)  # gradients of all sizes
    w, g = start.copy(), np.empty(40)
    step = Stepper(optimizer, w, g, state := optimizer.init(w))
    p = torch.tensor(start, requires_grad=True)
    other = getattr(torch.optim, kind)([p], **theirs)
    for t in range(1, 21):
        g[:] = scale * w + np.sin(3 * w)
        step(Step(optimizer.learning_rate, optimizer.momentum, t))
        other.zero_grad()
        (torch.tensor(scale) * p**2 / 2 - torch.cos(3 * p) / 3).sum().backward()
        other.step()
        assert np.abs(w - p.detach().numpy()).max() < 1e-10
    assert sorted(state) == sorted(optimizer.slots)
    assert np.abs(w - start).max() > 1e-3


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("name", ["adam", "nadam"])
def test_decaying_sums_keep_their_value_over_many_steps(name: str, torch: Any) -> None:
    """300 steps, more than four of the periods after which the slots are decayed; also with beta1 = 0."""
    for beta1 in (0.9, 0.0, 0.5):
        optimizer = OPTIMIZERS[name](learning_rate=0.01, beta1=beta1, beta2=0.99)
        w, g = np.linspace(-1, 1, 9), np.empty(9)
        step = Stepper(optimizer, w, g, optimizer.init(w))
        p = torch.tensor(w.copy(), requires_grad=True)
        kind = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam}[name]
        other = kind([p], lr=0.01, betas=(beta1, 0.99))
        for t in range(1, 301):
            g[:] = w + 0.5 * np.sin(3 * w) + 0.1 * np.cos(t)
            p.grad = torch.tensor(g.copy())
            step(Step(0.01, 0.0, t))
            other.step()
            assert np.abs(w - p.detach().numpy()).max() < 1e-10


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_continues_from_its_state(name: str) -> None:
    """State is a value: ten steps, a copy, ten more, with the same bits as twenty; also from a fresh rule, of which
    only the rate that a step is told counts."""
    runs = []
    for cut in (20, 10):
        w, g = np.linspace(-1, 1, 9), np.empty(9)
        optimizer = OPTIMIZERS[name]()
        state = optimizer.init(w)
        for t in range(1, 21):
            if t == cut + 1:
                optimizer, state, w = (
                    OPTIMIZERS[name](learning_rate=9.0),
                    {k: v.copy() for k, v in state.items()},
                    w.copy(),
                )
            g[:] = np.cos(5 * w)
            Stepper(optimizer, w, g, state)(Step(0.1, optimizer.momentum, t))
        runs.append(w)
    assert (runs[0] == runs[1]).all()


def test_defaults_are_torchs(torch: Any) -> None:
    ours = {"beta1": lambda d: d["betas"][0], "beta2": lambda d: d["betas"][1], "epsilon": lambda d: d["eps"]}
    ours |= {"decay": lambda d: d["weight_decay"], "momentum_decay": lambda d: d["momentum_decay"]}
    for name, (kind, _, _) in SETTINGS.items():
        defaults = getattr(torch.optim, kind)([torch.zeros(1, requires_grad=True)]).defaults
        for key, (_, value) in parameters(OPTIMIZERS[name]).items():
            if key in ours:
                assert value == ours[key](defaults), (name, key)


# Limits.


def test_clipping_is_torchs(torch: Any) -> None:
    g = np.random.default_rng(0).normal(size=50)
    for most in (0.1, 5.0, 100.0):
        mine, p = g.copy(), torch.zeros(50, dtype=torch.float64, requires_grad=True)
        Clip(norm=most).apply(mine)
        p.grad = torch.tensor(g.copy())
        torch.nn.utils.clip_grad_norm_([p], most)
        assert np.allclose(mine, p.grad.numpy(), rtol=2e-6)  # torch divides by norm + 1e-6
        assert np.linalg.norm(mine) <= most * (1 + 1e-12)
        mine = g.copy()
        Clip(value=most).apply(mine)
        q = torch.zeros(50, dtype=torch.float64, requires_grad=True)
        q.grad = torch.tensor(g.copy())
        torch.nn.utils.clip_grad_value_([q], most)
        assert (mine == q.grad.numpy()).all()


def test_values_are_clipped_before_the_norm() -> None:
    g = np.array([3.0, -4.0, 0.5])
    Clip(norm=1.0, value=1.0).apply(g)
    assert np.allclose(g, [2 / 3, -2 / 3, 1 / 3], rtol=1e-15)


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e200])
def test_clipping_neither_overflows_nor_underflows(size: float) -> None:
    g = np.full(4, size)
    Clip(norm=size).apply(g)
    assert np.allclose(g, size / 2, rtol=1e-12)


def test_max_norm() -> None:
    W = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    max_norm(W, 2.5)
    assert np.allclose(W, [[1.5, 2.0], [0.3, 0.4], [0.0, 0.0]], rtol=1e-15)

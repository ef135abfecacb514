"""Fixed points, chi and depth scales of deep stacks against plain iteration, closed forms and published figures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rows import each_row
from scipy.special import erf

from vgrad.nn.activations import ACTIVATIONS, build
from vgrad.nn.initializers import BIASES, INITIALIZERS
from vgrad.theory.gaussian import leaky_values
from vgrad.theory.neuron import respond
from vgrad.theory.propagation.diagram import ACROSS, UP, diagram
from vgrad.theory.propagation.draws import NoSpread, places, variances
from vgrad.theory.propagation.medium import Medium, Stack, medium, phase

NOT_HERE = ("sigmoid", "maxout")  # maxout has several weighted inputs
Command = Callable[..., tuple[int, str, str]]
WIDTH = 64
"""Of the layers whose initializers are placed: drawing them takes longest, and a process keeps what it has drawn."""
Z = np.linspace(-8.5, 8.5, 241)  # the trapezoidal rule: of a Gaussian it is exact to rounding, also for a steep f
W = np.exp(-(Z**2) / 2) / np.exp(-(Z**2) / 2).sum()


def stack(name: str, sigma_w: float, sigma_b: float) -> Stack:
    return medium(build(name)).stacks(np.array([sigma_w]), np.array([sigma_b]))


def iterated(name: str, sigma_w: float, sigma_b: float) -> tuple[list[float], list[float], float]:
    """q and c layer by layer from q = 1 and c = 0.3, by a grid in one and two dimensions; chi at the last q."""
    f = lambda z: respond(build(name), z)[0]  # noqa: E731
    q = [1.0]
    for _ in range(500):
        q.append(sigma_w**2 * float(W @ f(math.sqrt(q[-1]) * Z) ** 2) + sigma_b**2)
    root, c = math.sqrt(q[-1]), [0.3]
    for _ in range(240):
        v = root * (c[-1] * Z[:, None] + math.sqrt(1 - c[-1] ** 2) * Z[None, :])
        product = float(W @ (f(root * Z)[:, None] * f(v.ravel()).reshape(v.shape)) @ W)
        c.append(min((sigma_w**2 * product + sigma_b**2) / q[-1], 1.0))
    return q, c, sigma_w**2 * float(W @ respond(build(name), root * Z)[1] ** 2)


def rate(values: list[float], last: float) -> float:
    """Layers in which the values come e-fold nearer to the last one, from where they are still far from rounding."""
    far = np.abs(np.array(values) - last)
    at = int(np.flatnonzero(far > 1e-6)[-1])
    return -1 / math.log((far[at] / far[at - 4]) ** 0.25)


@each_row(
    "name, sigma_w, sigma_b",
    [("tanh", 2.5**0.5, 0.05**0.5), ("tanh", 1.0, 0.05**0.5), ("sigmoid", 12.0, 0.5), ("softplus", 0.8, 1.0)],
)
def test_fixed_points_and_depth_scales_are_those_of_plain_iteration(name: str, sigma_w: float, sigma_b: float) -> None:
    q, c, chi = iterated(name, sigma_w, sigma_b)
    found = stack(name, sigma_w, sigma_b)
    assert found.q[0] == pytest.approx(q[-1], rel=1e-6)
    assert found.c[0] == pytest.approx(c[-1], abs=1e-4)
    assert found.chi[0] == pytest.approx(chi, rel=1e-6)
    assert found.xi_q[0] == pytest.approx(rate(q, q[-1]), rel=0.01)
    assert found.xi_c[0] == pytest.approx(rate(c, c[-1]), rel=0.02)


@each_row(
    "name, weights, biases, root",
    [
        ("sigmoid", 1.0, 1.0, 0.205),
        ("sigmoid", 1.0, 0.0, 0.236),
        ("sigmoid", 1 / 3, 0.0, 0.141),
        ("tanh", 1.0, 0.0, 1.0),
        ("tanh", 1 / 3, 0.0, 0.577),
        ("tanh", 25 / 9, 0.0, 1.100),
        ("relu", 2.0, 0.0, 1.0),
        ("relu", 1.0, 0.0, 0.707),
        ("selu", 1.0, 0.0, 1.035),
        ("sigmoid", 4.0, 0.0, 0.414),
        ("sigmoid", 9.0, 0.0, 0.538),
        ("sigmoid", 25.0, 0.0, 0.708),
        ("sigmoid", 64.0, 0.0, 0.892),
        ("sigmoid", 15 * 0.25**2, 0.0, 0.229),  # sparse: 15 weights N(0, s^2)
        ("sigmoid", 15 * 4.0**2, 0.0, 1.227),
    ],
)
def test_the_factor_of_a_layer(name: str, weights: float, biases: float, root: float) -> None:
    """Schoenholz et al. 2017, eq. 9, for initializers that have a name."""
    assert math.sqrt(medium(build(name)).chi(weights**0.5, biases**0.5)) == pytest.approx(root, abs=6e-4)


@each_row(
    "name, biases, sigma",
    [
        ("sigmoid", 0.0, 10.15),
        ("sigmoid", 1.0, 10.26),
        ("tanh", 0.0, 1.0),
        ("tanh", 0.05, 1.761**0.5),
        ("tanh", 0.1, 1.986**0.5),
        ("tanh", 0.2, 2.285**0.5),
        ("tanh", 0.5, 2.843**0.5),
        ("tanh", 1.0, 3.443**0.5),
        ("relu", 0.0, 2**0.5),
        ("relu", 1.0, 2**0.5),
        ("identity", 0.5, 1.0),
    ],
)
def test_where_it_is_critical(name: str, biases: float, sigma: float) -> None:
    assert medium(build(name)).critical(np.array([biases**0.5]))[0] == pytest.approx(sigma, rel=5e-4)


@each_row("weights, depth", [(1.0, 22), (1.33, 52), (2.5, 71), (4.0, 42)])
def test_the_depths_that_tanh_networks_train_to(weights: float, depth: int) -> None:
    """6 xi_c at sigma_b^2 = 0.05  (Schoenholz et al. 2017, fig. 5)."""
    assert 6 * stack("tanh", weights**0.5, 0.05**0.5).xi_c[0] == pytest.approx(depth, abs=0.7)


@each_row("scale, depth", [(0.25, 2.0), (0.5, 3.3), (1.0, 6.3), (2.0, 23), (4.0, 21.8)])
def test_the_depths_of_sparse_weights(scale: float, depth: float) -> None:
    """Scales of Sutskever et al. 2013, table 3; 21.83 is that of a quadrature with SciPy."""
    assert 6 * stack("sigmoid", 15**0.5 * scale, 0.0).xi_c[0] == pytest.approx(depth, rel=0.03)


@pytest.mark.parametrize("q", [1e-6, 0.3, 4.0, 1e6])
def test_closed_forms_over_twelve_decades(q: float) -> None:
    """E f'^2 of the hard tanh is erf(1/sqrt(2 q)), and E f^2 of ReLU q/2: in the flat and in the steep, too."""
    log = np.array([math.log(q)])
    assert float(Medium(build("hard_tanh"))._slopes(log)[0]) == pytest.approx(
        float(erf(1 / math.sqrt(2 * q))), rel=1e-6
    )
    assert float(Medium(build("relu"))._values(log)[0]) == pytest.approx(q / 2, rel=1e-6)


def test_relu_without_end() -> None:
    """Beyond He's weights q grows without end and so do gradients; with them c approaches 1 as 1 - 9 pi^2/(2 l^2)."""
    found = medium(build("relu")).stacks(np.array([1.0, 2**0.5, 2.0]), np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(found.q, [2.0, 1.0, math.inf], rtol=1e-6)
    np.testing.assert_allclose(found.chi, [0.5, 1.0, 2.0], rtol=1e-6)
    assert found.xi_c[0] == pytest.approx(1 / math.log(2), rel=1e-6)
    assert math.isinf(found.xi_c[1])
    K = np.array([[1.0, 0.3], [0.3, 1.0]])
    for _ in range(4000):
        K = 2 * leaky_values(0.0, K)
    assert (1 - K[0, 1]) * 2 * 4000**2 / (9 * math.pi**2) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "name",
    ["sigmoid", *(pytest.param(each, marks=pytest.mark.slow) for each in ACTIVATIONS if each not in NOT_HERE)],
)
def test_every_activation_has_a_plane_of_numbers(name: str) -> None:
    found = diagram(build(name), name, WIDTH, None, 2.0)
    assert found.stacks.chi.shape == (ACROSS * UP,)
    for values in (found.stacks.q, found.stacks.c, found.stacks.chi, found.stacks.xi_c, found.stacks.xi_q):
        assert not np.isnan(values).any()
        assert (values >= 0).all()
    assert (found.stacks.c <= 1).all()
    line = found.line[np.isfinite(found.line)]
    chi = medium(build(name)).stacks(line + 1e-3, found.sigma_b[np.isfinite(found.line)]).chi
    assert (chi > 1 - 1e-6).all()


def test_where_initializers_lie() -> None:
    """Their variances by definition, between layers of 64 units."""
    found = {name: (place.sigma_w, place.sigma_b) for place in places(WIDTH) for name in place.names}
    wanted: dict[str, tuple[float, float]] = {
        "nielsen": (1, 1),
        "large": (8, 1),
        "normal": (8, 0),
        "lecun_uniform": (1, 0),
        "glorot_normal": (1, 0),
        "orthogonal": (1, 0),
        "he_uniform": (2**0.5, 0),
        "standard": (3**-0.5, 0),
        "sparse": (15**0.5, 0),
        "uniform": (8 * 0.05 / 3**0.5, 0),
    }
    for name, sigma in wanted.items():
        assert found[name] == pytest.approx(sigma, rel=2e-3), name
    assert found.keys() == INITIALIZERS.keys() - {"zeros", "constant", "lsuv", "exploding"} | {"nielsen", "large"}


def test_what_is_no_draw_around_0_is_said() -> None:
    normal, zeros = INITIALIZERS["normal"](), BIASES["zeros"]()
    with pytest.raises(NoSpread, match="no spread"):
        variances(INITIALIZERS["constant"](), zeros, 1.0, 5, 5)
    with pytest.raises(NoSpread, match="mean of its biases"):
        variances(normal, BIASES["constant"](), 1.0, 5, 5)
    assert variances(normal, zeros, 3.0, 5, 7) == (pytest.approx(9.0, rel=5e-3), 0.0)


def test_the_phase_in_a_word() -> None:
    assert [phase(chi) for chi in (0.5, 0.995, 1.005, 1.5)] == ["ordered", "critical", "critical", "chaotic"]


def test_the_commands(command: Command, tmp_path: Path) -> None:
    code, out, err = command("theory", "phase", "tanh", "--width", WIDTH, "--json", "-o", tmp_path / "p.png")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert np.shape(found["chi"]) == (UP, ACROSS)
    assert found["critical"][0] == {"sigma_b": 0.0, "sigma_w": pytest.approx(1.0, abs=1e-4)}
    assert [each["phase"] for each in found["initializers"] if "nielsen" in each["names"]] == ["ordered"]
    code, out, err = command("theory", "depth", "sigmoid", "--sigma-w", "1,12", "--json", "-o", tmp_path / "d.png")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["critical_sigma_w"] == pytest.approx(10.15, abs=0.005)
    assert [each["phase"] for each in found["stacks"]] == ["ordered", "chaotic"]
    for name in ("p.png", "d.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    told = command("theory", "depth", "sigmoid")[1]
    assert "χ = 1 at σ_w = 10.15" in told
    assert "χ jumps from 0.587 to 1.18 at σ_w = 1.534" in command("theory", "depth", "gelu")[1]
    assert max(map(len, (told + command("theory", "phase", "--width", WIDTH)[1]).splitlines())) <= 80


@each_row(
    "words, told",
    [
        (("phase", "maxout"), "ACTIVATION: maxout has 2 weights a neuron"),
        (("phase", "tan"), "ACTIVATION: "),
        (("phase", "tanh", "--sigma-b", "nan"), "--sigma-b: a standard deviation is above 0 to 100, found nan"),
        (("phase", "tanh", "--sigma-w", "1e9"), "--sigma-w: a standard deviation is above 0 to 100"),
        (("depth", "tanh", "--sigma-w", "1,0"), "--sigma-w: a standard deviation is above 0 to 100, found 0"),
        (("depth", "tanh", "--sigma-w", "1,x"), "--sigma-w: 'x' is not a number"),
        (("depth", "tanh", "--sigma-b", "-1"), "--sigma-b: a standard deviation is 0 to 100, found -1"),
    ],
)
def test_bad_input_is_one_line(command: Command, words: tuple[str, ...], told: str) -> None:
    code, out, err = command("theory", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1

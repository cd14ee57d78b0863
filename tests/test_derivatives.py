"""Derivatives where outputs are rounded to their limits, beside the formula in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from numbacnn.graph import Graph
from numbacnn.layers import ELU, GELU, Dense, Flatten, Layer, Sigmoid, SiLU, Softmax, Tanh
from numbacnn.ops import activations, losses, softmax, targets
from numbacnn.program import Loss, Program

PLACES = {
    "float32": (-100, -60, -20, -17, -9, -3, -1, 0.5, 3, 9, 17, 20, 40, 85),
    "float64": (-700, -40, -20, 20, 40, 300),
}


def elu(x: float, alpha: float) -> float:
    return 1 if x > 0 else alpha * math.exp(x)


def sigmoid(x: float) -> float:
    return math.exp(-abs(x)) / (1 + math.exp(-abs(x))) ** 2


def tanh(x: float) -> float:
    return 4 * math.exp(-2 * abs(x)) / (1 + math.exp(-2 * abs(x))) ** 2


DERIVATIVES = [
    *((ELU(alpha), lambda x, alpha=alpha: elu(x, alpha)) for alpha in (1.0, 0.3, 2.7)),
    (Sigmoid(), sigmoid),
    (Tanh(), tanh),
]


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize(("layer", "derivative"), DERIVATIVES, ids=lambda value: repr(value)[:20])
def test_derivatives_are_right_where_outputs_are_at_their_limits(
    layer: Layer, derivative: Any, kind: str
) -> None:
    at = PLACES[kind]
    graph = Graph([("layer", layer)], (1, 1, len(at)), dtype=kind)
    plan = Program(graph, 1, gradients="input")
    plan.input[...] = np.array(at)
    plan.run_forward()
    found = plan.backward("layer", np.ones((1, 1, 1, len(at)), kind))
    assert found is not None
    expected = np.array([derivative(x) for x in at])
    # Numbers below the smallest that have all their digits are right to the spacing of those.
    smallest = float(np.finfo(kind).smallest_subnormal)
    np.testing.assert_allclose(
        found.ravel(), expected, rtol=1e-5 if kind == "float32" else 1e-13, atol=4 * smallest
    )


@pytest.mark.parametrize(
    ("forward", "constants", "exact", "units"),
    [
        (activations.tanh_forward, (), np.tanh, 2),
        (activations.sigmoid_forward, (), lambda x: 1 / (1 + np.exp(-x)), 4),
        (activations.elu_forward, (1.0,), lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), 6),
    ],
    ids=["tanh", "sigmoid", "elu"],
)
def test_activations_are_right_to_the_last_places(forward, constants, exact, units) -> None:
    small = np.geomspace(1e-38, 1, 1_001)
    x = np.concatenate([np.linspace(-12, 12, 100_001), small, -small, [0, -80, 1e30]])
    x = x.astype(np.float32)
    found = np.empty_like(x)
    forward(found, x, *constants)
    expected = exact(x.astype(np.float64))
    assert (np.abs(found - expected) <= units * np.spacing(np.abs(expected).astype(np.float32))).all()
    forward(found[:3], np.array([np.nan, -np.inf, np.inf], np.float32), *constants)
    assert np.isnan(found[0])
    assert found[1:3].tolist() == [exact(-np.inf), exact(np.inf)]


def test_tanh_keeps_the_sign_of_0() -> None:
    found = np.empty(2, np.float32)
    activations.tanh_forward(found, np.array([0.0, -0.0], np.float32))
    assert np.signbit(found).tolist() == [False, True]


def gates_by_ops(x: np.ndarray[Any, Any]) -> dict[str, tuple[Any, Any]]:
    """Layer -> (output, derivative) at x, flat."""
    found = {}
    for name, layer in (("silu", SiLU()), ("gelu", GELU()), ("by tanh", GELU(approximate=True))):
        plan = Program(Graph([("layer", layer)], (1, 1, x.size), dtype=x.dtype), 1, gradients="input")
        plan.input[...] = x
        plan.run_forward()
        slope = plan.backward("layer", np.ones((1, 1, 1, x.size), x.dtype))
        assert slope is not None
        found[name] = plan.output("layer").ravel().copy(), slope.ravel().copy()
    return found


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_gates_are_right_from_where_they_are_shut_to_where_they_are_open(kind: str) -> None:
    x = np.linspace(-9, 9, 1501).astype(kind)
    wide, far = x.astype(np.float64), math.sqrt(2 / math.pi)
    below = np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in wide])
    inner, slope = 2 * far * (wide + 0.044715 * wide**3), 2 * far * (1 + 3 * 0.044715 * wide**2)
    shares = {"silu": 1 / (1 + np.exp(-wide)), "gelu": below, "by tanh": 1 / (1 + np.exp(-inner))}
    density = np.exp(-(wide**2) / 2) / math.sqrt(2 * math.pi)
    slopes = {
        "silu": shares["silu"] * (1 - shares["silu"]),
        "gelu": density,
        "by tanh": shares["by tanh"] * (1 - shares["by tanh"]) * slope,
    }
    for name, (output, derivative) in gates_by_ops(x).items():
        tolerance = 1e-5 if kind == "float32" else 1e-12
        np.testing.assert_allclose(output, wide * shares[name], rtol=tolerance, atol=1e-36, err_msg=name)
        # Near its least the two parts of a derivative cancel out.
        expected = shares[name] + wide * slopes[name]
        np.testing.assert_allclose(derivative, expected, rtol=tolerance, atol=tolerance / 20, err_msg=name)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_gates_at_infinity_and_of_no_number(kind: str) -> None:
    for name, (output, derivative) in gates_by_ops(
        np.array([-np.inf, -1e30, 1e30, np.inf, np.nan], kind)
    ).items():
        assert output[:4].tolist() == [0, 0, np.array(1e30, kind), np.inf], name
        assert derivative[:4].tolist() == [0, 0, 1, 1], name
        assert np.isnan(output[4]), name
        assert np.isnan(derivative[4]), name


def slopes_by_ops(x: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The three derivatives at x, flat, as the ops have them."""
    ones, y, found = np.ones_like(x), np.empty_like(x), {}
    found["elu"] = np.empty_like(x)
    activations.elu_backward(found["elu"], ones, x, 0.6, activations.STANDARD)
    for name in ("sigmoid", "tanh"):
        forward, backward = (getattr(activations, f"{name}_{way}") for way in ("forward", "backward"))
        forward(y, x)
        found[name] = np.empty_like(x)
        backward(found[name], ones, y, x)
    return found


def test_derivatives_are_right_all_the_way_to_where_they_vanish() -> None:
    x = np.linspace(-110, 110, 30011).astype(np.float32)
    wide = x.astype(np.float64)
    small = np.exp(-abs(wide))
    expected = {
        "elu": np.where(wide > 0, 1, 0.6 * np.exp(np.minimum(wide, 0))),
        "sigmoid": small / (1 + small) ** 2,
        "tanh": 4 * small**2 / (1 + small**2) ** 2,
    }
    smallest = float(np.finfo(np.float32).smallest_subnormal)
    for name, found in slopes_by_ops(x).items():
        # An output just below where it counts as saturated has lost a hundredth of its digits: 1 - y is right to 2^-17.
        tolerance = 1e-6 if name == "elu" else 2e-5
        np.testing.assert_allclose(found, expected[name], rtol=tolerance, atol=4 * smallest, err_msg=name)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_derivatives_at_infinity_and_of_no_number(kind: str) -> None:
    x = np.array([-np.inf, -1e30, 1e30, np.inf, np.nan], kind)
    for name, found in slopes_by_ops(x).items():
        expected = [0, 0, 1, 1] if name == "elu" else [0, 0, 0, 0]
        assert found[:4].tolist() == expected, name
        assert np.isnan(found[4]), name


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("margin", [1, 15, 20, 40, 80])
def test_softmax_has_a_gradient_where_a_probability_is_rounded_to_one(kind: str, margin: float) -> None:
    x = np.array([[margin, 0, -1, 0.5], [0, -1, margin, -2]], kind)
    d_y = np.array([[1, 0, 0, 0], [0.25, -1, 2, 3]], kind)
    y, d_x = np.empty_like(x), np.empty_like(x)
    softmax.forward(y, x)
    softmax.backward(d_x, d_y, y)
    exact = np.exp(x.astype(np.longdouble) - margin)
    exact /= exact.sum(1, keepdims=True)
    # y_k times the sum over j of y_j (d_y_k - d_y_j), which rounds nothing away.
    wide = d_y.astype(np.longdouble)
    expected = exact * (exact[:, None] * (wide[:, :, None] - wide[:, None])).sum(2)
    np.testing.assert_allclose(d_x, expected.astype(float), rtol=1e-5 if kind == "float32" else 1e-12)


SURE = (1, 10, 100, 1000, 30000)


@pytest.mark.parametrize("factor", SURE)
@pytest.mark.parametrize("label", [0, 2])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_the_direction_of_log_softmax_is_known_however_sure_a_network_is(
    kind: str, label: int, factor: float
) -> None:
    scores = np.array([[3, -1, 0.5, 1]]) * factor
    values, d_x = np.empty(1, kind), np.full((1, 4), np.nan, kind)
    losses.DIRECTIONS["log-softmax"](values, d_x, scores.astype(kind), np.array([label]), 1.0, 1.0)
    others = np.delete(scores.astype(np.longdouble), label)
    shares = np.exp(others - others.max())
    expected = np.insert((shares / shares.sum()).astype(float), label, -1.0)
    np.testing.assert_allclose(d_x[0], expected, rtol=1e-5, atol=1e-30)
    odds = np.log(shares.sum()) + others.max() - scores[0, label]
    assert values[0] == pytest.approx(float(np.logaddexp(0, odds)), rel=1e-5, abs=1e-38)


@pytest.mark.parametrize("factor", SURE)
def test_the_direction_of_log_loss_is_known_however_sure_a_network_is(factor: float) -> None:
    scores = (np.array([[-3, 2.5, -4], [-3, -2.5, 4]]) * factor).astype(np.float32)
    values, d_x = np.empty(2, np.float32), np.full((2, 3), np.nan, np.float32)
    losses.DIRECTIONS["log"](values, d_x, scores, np.array([1, 1]), 1.0, 1.0)
    assert abs(d_x[0]).max() == pytest.approx(1)
    assert d_x[0].argmin() == 1
    with np.errstate(under="ignore"):
        others = np.exp(np.array([-0.5, -1.5], np.float32) * factor)
    np.testing.assert_allclose(d_x[0, ::2], others, rtol=0.2, atol=1e-37)
    # The second picture is wrong in two classes, and its gradient is that of the loss itself.
    plain = np.empty_like(d_x)
    losses.LOSSES["log"](values, plain, scores, np.array([1, 1]), 1.0, 1.0)
    assert d_x[1].tolist() == plain[1].tolist()


def test_gradients_of_sure_scores_keep_their_digits() -> None:
    """A class's own probability rounds to 1 from a lead of 17 on; its gradient is what the others have together."""
    scores = np.array([[40, 0, 1]], np.float32)
    left = math.exp(-40) + math.exp(-39)
    one = np.array([[1, 0, 0]], np.float32)
    for kernel, arguments in (
        (targets.distribution, (one,)),
        (targets.smoothed, (np.array([0]), 0.0)),
        (targets.pixels, (np.array([[0]]), 255)),
    ):
        x = scores[None] if kernel is targets.pixels else scores
        values, d_x = np.empty(1, np.float32), np.empty_like(x)
        kernel(values, d_x, x, *arguments, 1.0)
        np.testing.assert_allclose(d_x.ravel(), [-left, math.exp(-40), math.exp(-39)], rtol=1e-5)
    values, d_x = np.empty(1, np.float32), np.empty((1, 2), np.float32)
    targets.binary(values, d_x, np.array([[40, -200]], np.float32), np.array([[1, 1]], np.float32), 1.0)
    np.testing.assert_allclose(d_x, [[-math.exp(-40), -1]], rtol=1e-5)
    np.testing.assert_allclose(values, [200])


def test_a_direction_differs_from_the_gradient_by_a_factor_a_picture() -> None:
    graph = Graph([("flat", Flatten()), ("scores", Dense(5)), ("softmax", Softmax())], (1, 1, 6))
    graph.initialise(seed=3)
    plan = Program(graph, 4, gradients="input")
    plan.input[...] = np.random.default_rng(0).standard_normal((4, 1, 1, 6))
    labels = np.array([0, 1, 2, 3])
    for name in losses.LOSSES:
        found = []
        for reduction in ("sum", "direction"):
            plan.run_forward()
            gradient = plan.backward_loss(labels, Loss(name), reduction=reduction)
            assert gradient is not None
            found.append(gradient.copy())
        gradient, direction = found
        assert gradient.any()
        for one, other in zip(gradient, direction, strict=True):
            if one.any():
                factor = (one.ravel() @ other.ravel()) / (one.ravel() @ one.ravel())
                assert factor >= 1 - 1e-5
                np.testing.assert_allclose(other, factor * one, rtol=1e-4, atol=1e-5 * abs(other).max())

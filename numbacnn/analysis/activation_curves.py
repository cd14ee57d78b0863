"""The non-linear activations as curves: what they make of a number, and how much of a gradient they pass on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..graph import Graph
from ..layers import LAYERS, Clip, Layer, Planes
from ..program import Program
from .diagnosis import FLAT
from .strongest import ACTIVATIONS

FORMULAS = {
    "relu": "max(0, x)",
    "leaky-relu": "max(0.01 x, x)",
    "prelu": "max(a x, x), a is learned (here 0.25)",
    "elu": "x if x > 0, else e^x - 1",
    "sigmoid": "1 / (1 + e^-x)",
    "tanh": "tanh x",
    "ramp": "max(-1, min(1, x))",
    "relu6": "max(0, min(6, x))",
    "clip": "max(low, min(high, x)), here 0 and 1",
    "silu": "x / (1 + e^-x)",
    "gelu": "x Phi(x)",
}
QUIZ = (-10.0, 0.0, 10.0)
"""Where the lecture asks for the gradient."""

FURTHEST = 50.0
"""Where a curve is asked whether it is flat for good."""


class Curve(NamedTuple):
    """An activation over `x`: its values, its slope, and its slope at `QUIZ`; "saturates" says on which sides it is flat."""

    kind: str
    formula: str
    x: Any
    y: Any
    slope: Any
    quiz: tuple[float, ...]
    saturates: str


def activation_curves(x: Any) -> list[Curve]:
    """Every non-linearity of the layer registry over numbers x (n,), computed by the layers themselves."""
    values = np.asarray(x, np.float64)
    options: dict[str, dict[str, Any]] = {Clip.kind: {"low": 0.0, "high": 1.0}}
    kinds = [kind for kind in LAYERS.values() if issubclass(kind, ACTIVATIONS)]
    return [_curve(kind(**options.get(kind.kind, {})), values) for kind in kinds]


def _curve(layer: Layer, x: Any) -> Curve:
    asked = np.concatenate([x, QUIZ, [-FURTHEST, FURTHEST]])
    y, slope = evaluated(layer, asked)
    left, right = slope[-2:]
    flat = FLAT * np.abs(slope).max()
    sides = [name for name, end in (("left", left), ("right", right)) if abs(end) < flat]
    saturates = {
        0: "saturates nowhere",
        1: f"flat on the {sides[0] if sides else ''}",
        2: "saturates on both sides",
    }
    return Curve(
        layer.kind,
        FORMULAS[layer.kind],
        x,
        y[: len(x)],
        slope[: len(x)],
        tuple(slope[len(x) : len(x) + len(QUIZ)].tolist()),
        saturates[len(sides)],
    )


def evaluated(layer: Layer, x: Any) -> tuple[Any, Any]:
    """What a layer that works on every number by itself makes of x (n,), and its slope there: (n,), (n,)."""
    count = len(x)
    graph = Graph([("x", Planes((1, count, 1))), ("y", layer)], ())
    graph.initialise()
    plan = Program(graph, 1, gradients="input", keep=["y"])
    y = plan.forward(others={"x": np.asarray(x, np.float32).reshape(1, 1, count, 1)}, until="y").copy()
    plan.backward("y", np.ones_like(y))
    return y.reshape(-1), plan.gradient_given("x").reshape(-1).copy()

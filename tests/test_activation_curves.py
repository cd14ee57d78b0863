from __future__ import annotations

import numpy as np
import pytest

from numbacnn.analysis import activation_curves
from numbacnn.analysis.activation_curves import FORMULAS, QUIZ, evaluated
from numbacnn.analysis.strongest import ACTIVATIONS
from numbacnn.layers import LAYERS, Sigmoid

X = np.linspace(-4.03, 4.03, 404)
"""None of them where a curve has a corner."""


def test_every_non_linearity_of_the_registry_is_drawn() -> None:
    curves = activation_curves(X)
    kinds = [kind for kind, layer in LAYERS.items() if issubclass(layer, ACTIVATIONS)]
    assert [curve.kind for curve in curves] == kinds
    assert set(FORMULAS) == set(kinds)
    for curve in curves:
        middle = (curve.x[1:] + curve.x[:-1]) / 2
        differences = np.diff(curve.y) / np.diff(curve.x)
        slopes = np.interp(middle, curve.x, curve.slope)
        straight = np.abs(np.diff(curve.slope)) < 0.05  # not across a corner
        np.testing.assert_allclose(differences[straight], slopes[straight], atol=3e-3, err_msg=curve.kind)


def test_the_lecture_quiz() -> None:
    answers = {curve.kind: curve for curve in activation_curves(X)}
    assert answers["sigmoid"].quiz == pytest.approx((4.54e-5, 0.25, 4.54e-5), rel=2e-3)
    assert answers["relu"].quiz == (0, 0, 1)
    assert answers["sigmoid"].saturates == answers["tanh"].saturates == "saturates on both sides"
    assert answers["relu"].saturates == "flat on the left"
    assert answers["prelu"].saturates == "saturates nowhere"


def test_a_curve_is_the_layers_own() -> None:
    y, slope = evaluated(Sigmoid(), np.array(QUIZ))
    expected = 1 / (1 + np.exp(-np.array(QUIZ)))
    np.testing.assert_allclose(y, expected, rtol=1e-5)
    np.testing.assert_allclose(slope, expected * (1 - expected), rtol=2e-3)

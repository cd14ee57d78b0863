"""First values of the weights."""

from __future__ import annotations

import math

import numpy as np
import pytest

from numbacnn.errors import UsageError
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, ParameterSpec
from numbacnn.layers.initialization import INITIALIZERS, SYMMETRIC

LARGE = ParameterSpec((100, 200), fan_in=100, fan_out=200)


def draw(scheme, **options):
    return INITIALIZERS[scheme](np.random.default_rng(5), LARGE, **options)


@pytest.mark.parametrize(
    ("scheme", "options", "bound"),
    [("uniform", {}, 0.05), ("uniform", {"bound": 0.2}, 0.2), ("glorot", {}, math.sqrt(6 / 300))],
)
def test_uniform_schemes_fill_their_interval(scheme, options, bound):
    values = draw(scheme, **options)
    assert values.shape == LARGE.shape
    assert bound * 0.99 < abs(values).max() <= bound
    assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert abs(values.mean()) < 0.02 * bound


@pytest.mark.parametrize(
    ("scheme", "options", "deviation"),
    [("normal", {}, 0.01), ("normal", {"deviation": 0.3}, 0.3), ("he", {}, math.sqrt(2 / 100))],
)
def test_normal_schemes_have_their_deviation(scheme, options, deviation):
    values = draw(scheme, **options)
    assert values.std() == pytest.approx(deviation, rel=0.02)
    assert abs(values.mean()) < 0.03 * deviation


def test_symmetric_schemes_are_those_that_give_equal_weights():
    assert {scheme for scheme in INITIALIZERS if np.ptp(draw(scheme)) == 0} == set(SYMMETRIC)
    assert (draw("zero") == 0).all()
    assert (draw("constant", value=0.5) == 0.5).all()


def test_fans_count_the_connections_of_one_neuron():
    weights = Convolution(8, (3, 5), groups=2).parameter_specs((9, 9, 4))["weights"]
    assert (weights.shape, weights.fan_in, weights.fan_out) == ((3, 5, 2, 8), 3 * 5 * 2, 3 * 5 * 4)
    weights = Dense(7).parameter_specs((11,))["weights"]
    assert (weights.shape, weights.fan_in, weights.fan_out) == ((11, 7), 11, 7)


def weights_of(lines, seed):
    graph = Graph(lines, (5, 5, 2))
    graph.initialise("he", seed)
    return {each.node: each.value for each in graph.parameters.values() if each.key == "weights"}


def test_a_seed_gives_the_same_weights_whatever_stands_below():
    short = [("conv1", Convolution(3, 3)), ("conv2", Convolution(3, 3))]
    first, second = weights_of(short, 1), weights_of([*short, ("flatten", Flatten()), ("dense", Dense(2))], 1)
    assert (first["conv1"] == second["conv1"]).all()
    assert (first["conv2"] == second["conv2"]).all()
    assert not (first["conv1"] == weights_of(short, 2)["conv1"]).any()
    assert not (first["conv1"].ravel()[:5] == first["conv2"].ravel()[:5]).any()


def test_an_unknown_scheme_is_refused():
    with pytest.raises(
        UsageError, match="unknown initialisation 'xavier'; known: constant, dirac, glorot, he"
    ):
        Graph([("conv", Convolution(3, 3))], (5, 5, 2)).initialise("xavier")

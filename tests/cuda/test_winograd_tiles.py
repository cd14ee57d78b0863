"""Winograd's algorithm on the GPU: which convolutions take it, how much workspace, in how many turns, and what it rounds."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from runs import needs_compiler

needs_compiler()

import numpy as np
from comparisons import EVERYWHERE as COMPARISONS
from comparisons.convolution import CONVOLUTION_LAYERS, Filters
from execution import run
from test_driver import driver, python
from variants import arguments_of, as_float64, assert_agree

from numbacnn.ops.cuda import convolution
from numbacnn.ops.cuda.product.precision import computing
from numbacnn.ops.cuda.winograd import passes, tiling

__all__ = ["driver"]
PASSES = passes._PASSES


def volumes(shape, count=None):
    """(input, output, window) of a convolution, of so many pictures."""
    own, *volume = shape.volume
    count = own if count is None else count
    layer = shape.layer
    return (count, *volume), (count, *layer.output_shape(tuple(volume))), layer.window()


def sizes(shape, count, algorithm="auto", room=math.inf):
    """The size of the tiles of each pass; 0: of none."""
    x, y, window = volumes(shape, count)
    jobs = [passes.job_for(act, x, y, window, shape.layer.groups, algorithm, room) for act in PASSES]
    return [0 if job is None else job.tiling.size for job in jobs]


@pytest.mark.parametrize("name", ["alexnet conv2", "alexnet conv3", "alexnet conv4", "vgg-small conv6"])
def test_large_layers_take_tiles_of_four(name):
    assert sizes(CONVOLUTION_LAYERS[name], 128) == [4, 4, 4]


@pytest.mark.parametrize(
    ("name", "count"),
    [("alexnet conv1", 128), ("vgg-small conv1", 256), ("lenet conv2", 512), ("cifar-quick conv3", 1)],
)
def test_others_are_products_of_patches(name, count):
    assert sizes(CONVOLUTION_LAYERS[name], count) == [0, 0, 0]


def test_an_algorithm_that_is_asked_for_is_taken():
    small = Filters((1, 5, 5, 16), 16, 3)
    assert sizes(small, 1, "winograd-2") == [2, 2, 2]
    assert sizes(small, 1, "winograd-4") == [4, 4, 4]
    # Three channels have such tiles on the CPU alone.
    assert sizes(Filters((1, 8, 8, 3), 32, 5, {"padding": 2}), 1, "winograd-4") == [0, 0, 0]
    for algorithm in ("im2col", "lanes"):
        assert sizes(CONVOLUTION_LAYERS["alexnet conv2"], 128, algorithm) == [0, 0, 0]


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_tensor_cores_multiply_patches(precision):
    with computing(precision):
        assert sizes(CONVOLUTION_LAYERS["alexnet conv2"], 128) == [0, 0, 0]
        assert sizes(CONVOLUTION_LAYERS["alexnet conv2"], 128, "winograd-4") == [0, 0, 0]


@pytest.mark.parametrize("name", ["alexnet conv2", "alexnet conv4", "vgg-small conv6"])
@pytest.mark.parametrize("limit", [math.inf, 3e8, 1e6])
def test_the_workspace_that_is_asked_for_is_that_which_is_used(name, limit):
    """What there is at a time has a bound, however large the layer is, and "auto" does without where there is less room."""
    x, y, window = volumes(CONVOLUTION_LAYERS[name], 128)
    room = convolution.workspace_size(y[:3], x[3], y[3], window, 1, "auto", x[1:3], limit)
    assert room <= min(limit, 2 * tiling._MOST)
    assert sizes(CONVOLUTION_LAYERS[name], 128, room=room) == ([0] * 3 if limit == 1e6 else [4] * 3)
    for act in PASSES:
        job = passes.job_for(act, x, y, window, 1, "auto", room)
        if job is not None:
            assert job.room(room) <= room
            assert job.at_a_time(room) == job.at_a_time(math.inf)


@pytest.mark.parametrize("limit", [6e7, 2e7, 6e6])
def test_tiles_that_are_asked_for_take_turns_where_there_is_little_room(limit):
    x, y, window = volumes(CONVOLUTION_LAYERS["alexnet conv4"], 128)
    for act in PASSES:
        job = passes.job_for(act, x, y, window, 1, "winograd-4", limit)
        assert job.room(limit) <= max(limit, 2 * job.filters + job.each)
        assert 1 <= job.at_a_time(limit) < job.tiles
        if limit == 6e7:
            assert job.at_a_time(limit) % 128 == 0


# Executed

SHAPE = Filters((3, 9, 10, 16), 32, 3, {"padding": 1, "algorithm": "winograd-4"})
"""27 tiles."""


@pytest.mark.parametrize(
    "kernel",
    [
        pytest.param("convolution.forward", marks=pytest.mark.slow),
        "convolution.backward_input_masked",
        "convolution.backward_parameters",
    ],
)
def test_in_turns_to_the_same_numbers(kernel, monkeypatch):
    arguments = arguments_of(kernel, SHAPE)
    at_once = run(kernel, arguments)
    monkeypatch.setattr(tiling, "_MOST", 36 * (16 + 32) * 10)
    x, y, window = volumes(SHAPE)
    job = passes.job_for("forward", x, y, window, 1, "winograd-4", math.inf)
    assert (job.tiles, job.at_a_time(math.inf)) == (27, 10)
    arguments = arguments_of(kernel, SHAPE)
    in_turns = run(kernel, arguments)
    assert_agree(in_turns, COMPARISONS[kernel].naive(*map(as_float64, arguments)))
    if kernel != "convolution.backward_parameters":
        for one, other in zip(in_turns, at_once, strict=True):
            np.testing.assert_array_equal(one, other)
    for one, other in zip(run(kernel, arguments), in_turns, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("algorithm", "kernel", "most"),
    [
        pytest.param("winograd-2", 3, 1e-6, marks=pytest.mark.slow),
        pytest.param("winograd-4", 3, 2e-6, marks=pytest.mark.slow),
        pytest.param("winograd-2", 5, 2e-6, marks=pytest.mark.slow),
        ("winograd-4", 5, 5e-6),
    ],
)
def test_rounding_is_that_of_the_cpus_tiles(algorithm, kernel, most):
    """Root mean square errors of y, d_x and d_weights as a share of their size, as tests/test_winograd.py bounds the CPU's."""
    shape = Filters((2, 10, 9, 48), 32, kernel, {"padding": 1, "algorithm": algorithm})
    for op in ("forward", "backward_input", "backward_weights"):
        arguments = arguments_of(f"convolution.{op}", shape)
        (found,) = run(f"convolution.{op}", arguments)
        (exact,) = COMPARISONS[f"convolution.{op}"].naive(*map(as_float64, arguments))
        error = np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact**2))
        assert error < most, op


# Through the stand-in driver


@pytest.mark.slow
def test_a_program_with_such_layers_has_the_gradients_of_patches(driver: Path) -> None:
    ask = """
import numpy as np
from networks import gradients
from numbacnn.graph import Graph
from numbacnn.layers import Convolution, Dense, Flatten, LeakyReLU, Pixels, Softmax
from numbacnn.network import Network
from numbacnn.program import Program
found = []
for algorithm in ("im2col", "winograd-4"):
    lines = [
        ("pixels", Pixels(mean=120.0, scale=1 / 60)),
        ("conv1", Convolution(16, 5, padding=1, algorithm=algorithm)),
        ("leaky", LeakyReLU()),
        ("conv2", Convolution(16, 5, padding=2, algorithm=algorithm)),
        ("flat", Flatten()),
        ("scores", Dense(3)),
        ("softmax", Softmax()),
    ]
    graph = Graph(lines, (8, 7, 16))
    graph.initialise("he", 3)
    network = Network(graph, device="cuda")
    found.append(gradients(network, 2))
    plan = Program(graph, 2, gradients="all")
    names = [name for step in plan._forward_steps("scores") for name in plan.launches_of(step).names]
    print(*(name for name in names if name.startswith("winograd")))
(scores, pixels, own), (others, other_pixels, other) = found
pairs = [(scores, others), (pixels, other_pixels), *((own[name], other[name]) for name in own)]
print(max(np.linalg.norm(one - two) / np.linalg.norm(one) for one, two in pairs))
"""
    done = python(driver, "-c", ask, execute=True)
    assert done.code == 0, done.stderr
    of_patches, of_tiles, error = done.stdout.splitlines()
    assert of_patches == ""
    way = r"winograd.filters_4_5 winograd.inputs_8 winograd.forward_\d+x\d+ winograd.outputs_4_5"
    assert re.fullmatch(f"{way} {way}", of_tiles)
    assert 1e-8 < float(error) < 2e-5

"""On the CPU a picture's answer is the same bits alone, in any batch, at any place in it, on any number of threads, and in
any workspace.
"""

from __future__ import annotations

import functools

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from numbacnn.graph import Graph
from numbacnn.layers import (
    Add,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    LeakyReLU,
    MaxPool,
    ReLU,
    Softmax,
)
from numbacnn.program import Program

MOST = 70
NETWORKS = {
    "products": [
        ("conv1", Convolution(5, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(2)),
        ("conv2", Convolution(7, 3, stride=2, padding=1, rounding="floor")),
        ("flatten", Flatten()),
        ("dense3", Dense(530)),
        ("leaky3", LeakyReLU(0.1)),
        ("dropout3", Dropout(0.5)),
        ("dense4", Dense(11)),
        ("softmax", Softmax()),
    ],
    "Winograd, a join and normalisation": [
        ("conv1", Convolution(32, 3, padding=1)),
        ("norm1", BatchNorm()),
        ("relu1", ReLU()),
        ("conv2", Convolution(32, 3, padding=1)),
        ("sum", Add(), ("relu1", "conv2")),
        ("leaky2", LeakyReLU(0.3)),
        ("pool", GlobalAveragePool()),
        ("flatten", Flatten()),
        ("dense", Dense(3)),
        ("softmax", Softmax()),
    ],
}
SHAPE = (8, 8, 3)


@functools.cache
def graph_of(name):
    graph = Graph(NETWORKS[name], SHAPE)
    graph.initialise(seed=3)
    return graph


@functools.cache
def program_of(name, size, lean, room=None):
    """`room`: the workspace as a multiple of the least; None: as much as the fastest takes."""
    graph = graph_of(name)
    least = 4 * max(
        node.layer.prepare(size, graph.shapes[node.name], *graph.input_shapes(node), limit=0).workspace
        for node in graph.nodes
    )
    bound = None if room is None else int(room * least)
    return Program(graph, size, keep=() if lean else None, workspace_bytes=bound)


def images_of(count, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE)).astype(np.uint8)


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    count=st.integers(1, MOST),
    place=st.integers(0, MOST - 1),
    seed=st.integers(0, 5),
    threads=st.integers(1, numba.config.NUMBA_NUM_THREADS),
    lean=st.booleans(),
    room=st.sampled_from([None, 1, 1.02, 1.2, 1.7, 3]),
    own_room=st.sampled_from([None, 1, 1.5]),
)
def test_a_picture_has_the_same_bits_in_any_company_and_workspace(
    name, count, place, seed, threads, lean, room, own_room
):
    place %= count
    images = images_of(count, seed)
    numba.set_num_threads(threads)
    try:
        together = program_of(name, MOST, lean, room).forward(images)[place].copy()
        alone = program_of(name, 1, True, own_room).forward(images[place : place + 1])[0]
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert alone.tobytes() == together.tobytes()

"""Winograd's matrices against their definition, and what his algorithm costs in float32's digits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from numbacnn.errors import NetworkError
from numbacnn.graph import Graph
from numbacnn.layers import Convolution
from numbacnn.ops.convolution import tiles
from numbacnn.ops.convolution.matrices import matrices
from numbacnn.ops.product import ROWS
from numbacnn.ops.product.whole_tiles import STEPS
from numbacnn.program import Program


@pytest.mark.parametrize(("outputs", "taps"), [(2, 3), (4, 3), (2, 5), (4, 5)])
def test_matrices_make_a_filter(outputs, taps):
    generator = np.random.default_rng(3)
    a, b, g = matrices(outputs, taps)
    x, weights = generator.standard_normal(outputs + taps - 1), generator.standard_normal(taps)
    np.testing.assert_allclose(
        a.T @ ((g @ weights) * (b.T @ x)), np.correlate(x, weights, "valid"), atol=1e-14
    )


def errors(algorithm, kernel):
    """Root mean square errors of y, d_x and d_weights in float32 against float64, as a share of their size."""
    results = []
    for dtype in (np.float64, np.float32):
        layer = Convolution(64, kernel, padding=1, algorithm=algorithm if dtype == np.float32 else "im2col")
        graph = Graph([("conv", layer)], (14, 14, 128), dtype=dtype)
        generator = np.random.default_rng(11)
        graph.write("conv/weights", 0.1 * generator.standard_normal((kernel, kernel, 128, 64)))
        graph.write("conv/bias", generator.standard_normal(64))
        plan = Program(graph, 4, gradients="all")
        plan.input[...] = generator.standard_normal(plan.input.shape).astype(np.float32)
        y = plan.forward().copy()
        d_x = plan.backward("conv", generator.standard_normal(y.shape).astype(np.float32)).copy()
        results.append([y, d_x, plan.gradients["conv"]["weights"].copy()])
    return np.array(
        [
            np.sqrt(np.mean((rough - exact) ** 2) / np.mean(exact**2))
            for exact, rough in zip(*results, strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("algorithm", "kernel", "ratios", "most"),
    [
        ("winograd-2", 3, (1, 1, 4), 2e-6),
        ("winograd-4", 3, (3, 3, 8), 2e-6),
        ("winograd-2", 5, (3, 3, 8), 2e-6),
        ("winograd-4", 5, (6, 7, 24), 5e-6),
    ],
)
def test_rounding_stays_near_that_of_the_definition(algorithm, kernel, ratios, most):
    """Measured for 3x3: 0.6, 0.6 and 2.4 times the definition's error with tiles of 2; 1.8, 1.9 and 4.3 times with tiles of 4; for
    5x5: 1.2, 1.4 and 4.8, and 4.0, 4.7 and 15.3 times.
    """
    measured = errors(algorithm, kernel)
    assert (measured < np.array(ratios) * errors("im2col", kernel)).all()
    assert (measured < most).all()


def test_an_unknown_algorithm_is_an_error():
    with pytest.raises(NetworkError, match=r"'winograd-5'.*did you mean 'winograd-"):
        Convolution(16, 3, algorithm="winograd-5")


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_few_tiles_are_shared_out_by_filters_to_the_same_bits(threads, monkeypatch):
    monkeypatch.setattr(tiles, "threads", lambda: threads)
    monkeypatch.setattr(tiles, "threads_now", lambda: threads)
    plan = tiles.blocks_of(4, 16, 96, 4, 3, 1e9, packed=True)
    assert plan.filters % (plan.shares * tiles.ALIGN) == 0
    assert plan.workers <= max(threads, 1)
    assert (plan.shares > 1) == (threads > 1)
    graph = Graph([("conv", Convolution(96, 3, padding=1, algorithm="winograd-4"))], (8, 8, 16))
    graph.initialise(seed=1)
    images = np.random.default_rng(0).standard_normal((9, 8, 8, 16)).astype(np.float32)
    expected = Program(graph, 9, keep=(), workspace_bytes=1 << 20).forward(images)
    np.testing.assert_array_equal(Program(graph, 1, keep=()).forward(images[:1]), expected[:1])


def test_many_tiles_are_not():
    assert tiles.blocks_of(4096, 64, 64, 4, 3, 1e9, packed=True).shares == 1


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [100, 196, 256, 784])
def test_many_filters_are_fetched_while_rows_enough_are_multiplied(count, threads, monkeypatch):
    monkeypatch.setattr(tiles, "threads", lambda: threads)
    monkeypatch.setattr(tiles, "threads_now", lambda: threads)
    tiles._largest.cache_clear()
    plan = tiles.blocks_of(ROWS * count, 256, 384, 4, 3, 1e9, packed=True)
    tiles._largest.cache_clear()
    assert plan.workers == threads
    assert plan.blocks % threads == 0
    assert STEPS <= count // plan.blocks <= plan.tiles // ROWS < 2 * STEPS


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize(("size", "taps"), [(2, 3), (4, 5)])
def test_what_is_done_at_a_time_fits_in_the_workspace_of_a_larger_batch(size, taps, threads, monkeypatch):
    monkeypatch.setattr(tiles, "threads", lambda: threads)
    monkeypatch.setattr(tiles, "threads_now", lambda: threads)
    for function in (tiles._largest, tiles._shared, tiles.task_room):
        function.cache_clear()
    for channels, filters in ((16, 96), (256, 64), (384, 256)):
        u = tiles.packed_size(channels, filters, size, taps)
        for most in (1, 20, 60, 400):
            for limit in (math.inf, 3e6):
                room = tiles.workspace_size((1, size, size * most), channels, filters, size, taps, limit)
                for count in (1, 5, 20, 60, 400):
                    if count > most:
                        continue
                    plan = tiles.blocks_of(count, channels, filters, size, taps, room)
                    taken = u if plan.filters == filters else 0
                    assert taken + tiles._elements(plan, channels, size, taps) <= room
                    packed = tiles.blocks_of(count, channels, filters, size, taps, room, packed=True)
                    assert tiles._elements(packed, channels, size, taps) <= room
    for function in (tiles._largest, tiles._shared, tiles.task_room):
        function.cache_clear()

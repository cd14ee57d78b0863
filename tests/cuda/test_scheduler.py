"""The scheduler that the simulated kernels run on: it finds what a GPU would get wrong in silence."""

from __future__ import annotations

import time

import numpy as np
import pytest
from runs import needs_simulator

needs_simulator()

from numba import cuda, float32, uint32
from scheduler import ORDERS, Deadlock, in_order

TILE = 16
LANES = np.arange(32)


@cuda.jit(device=True)
def own_place():
    return uint32(cuda.threadIdx.y), uint32(cuda.threadIdx.x)


@cuda.jit
def tiled_product(c, a, b, size):
    left = cuda.shared.array((TILE, TILE), float32)
    right = cuda.shared.array((TILE, TILE), float32)
    y, x = own_place()
    row, column = uint32(cuda.blockIdx.y) * TILE + y, uint32(cuda.blockIdx.x) * TILE + x
    total = np.float32(0)
    for first in range(0, size, TILE):
        left[y, x] = a[row * size + uint32(first) + x]
        right[y, x] = b[(uint32(first) + y) * size + column]
        cuda.syncthreads()
        for k in range(TILE):
            total += left[y, k] * right[k, x]
        cuda.syncthreads()
    c[row * size + column] = total


@cuda.jit
def reverses(y, x, barrier):
    shared = cuda.shared.array(64, float32)
    thread = cuda.threadIdx.x
    shared[thread] = x[thread]
    if barrier:
        cuda.syncthreads()
    y[thread] = shared[63 - thread]


@cuda.jit
def turns(y, x, barrier):
    """A thread hands its number on twice; without the second barrier one may overwrite what another has yet to read."""
    shared = cuda.shared.array(64, float32)
    thread = cuda.threadIdx.x
    value = x[thread]
    for _ in range(2):
        shared[thread] = value
        cuda.syncthreads()
        value = shared[(thread + 1) % 64]
        if barrier:
            cuda.syncthreads()
    y[thread] = value


def in_every_order(compute):
    results = {}
    for name, order in ORDERS.items():
        with in_order(order()):
            results[name] = compute()
    return results


@pytest.mark.parametrize(
    ("kernel", "expected"), [(reverses, np.arange(64)[::-1]), (turns, np.roll(np.arange(64), -2))]
)
def test_a_missing_barrier_shows_in_some_order(kernel, expected):
    def compute(barrier):
        y = np.full(64, -1, np.float32)
        kernel[1, 64](y, np.arange(64, dtype=np.float32), barrier)
        return (y == expected).all()

    assert all(in_every_order(lambda: compute(True)).values())
    assert not all(in_every_order(lambda: compute(False)).values())


def test_a_tiled_product_is_right_in_every_order_and_fast():
    a, b = np.random.default_rng(7).standard_normal((2, 64, 64)).astype(np.float32)

    def compute():
        c = np.full(64 * 64, np.nan, np.float32)
        tiled_product[(4, 4), (TILE, TILE)](c, a.ravel(), b.ravel(), np.uint32(64))
        return c.reshape(64, 64)

    began = time.process_time()
    results = in_every_order(compute)
    assert (time.process_time() - began) / len(results) < 4
    np.testing.assert_allclose(results["forward"], a @ b, rtol=1e-4, atol=1e-4)
    assert len({result.tobytes() for result in results.values()}) == 1


def test_device_functions_may_be_closed_over_and_close_over_others():
    @cuda.jit(device=True)
    def inner(x):
        return x + np.float32(cuda.threadIdx.x)

    @cuda.jit(device=True)
    def outer(x):
        return inner(x) * np.float32(2)

    class Pair:
        function = outer

    @cuda.jit
    def kernel(y):
        thread = cuda.threadIdx.x
        y[thread] = outer(y[thread]) + Pair.function(np.float32(1))

    y = np.zeros(3, np.float32)
    for _ in range(2):
        kernel[1, 3](y)
    assert y.tolist() == [6, 18, 30]


def test_memory_is_unknown_when_a_block_starts():
    @cuda.jit
    def kernel(floats, whole):
        shared, own = cuda.shared.array(4, float32), cuda.local.array(2, float32)
        flat, numbers = cuda.shared.array(0, float32), cuda.local.array(2, uint32)
        floats[cuda.blockIdx.x] = shared[3] + own[1] + flat[7]
        shared[3] = own[1] = flat[7] = np.float32(0)
        whole[cuda.blockIdx.x] = numbers[0]

    floats, whole = np.zeros(3, np.float32), np.zeros(3, np.uint32)
    kernel[3, 1, 0, 32](floats, whole)
    assert np.isnan(floats).all()
    assert (whole == 0x7FFFFFFF).all()


@cuda.jit
def writes(y, place):
    own = cuda.local.array((2, 2), float32)
    own[0, 0] = np.float32(0)
    y[place] = own[0, 0]


@pytest.mark.parametrize("place", [4, -1, np.int32(-2), np.uint32(2**32 - 1)])
def test_an_index_out_of_range_is_an_error(place):
    y = np.zeros(4, np.float32)
    with pytest.raises(IndexError):
        writes[1, 1](y, place)
    writes[1, 1](y, 3)


def test_a_barrier_that_some_never_reach_is_an_error():
    @cuda.jit
    def ends_early():
        if cuda.threadIdx.x < 40:
            cuda.syncthreads()

    @cuda.jit
    def parts():
        if cuda.threadIdx.x < 40:
            cuda.syncthreads()
        else:
            cuda.syncthreads()

    with pytest.raises(Deadlock, match=r"40 of 64 threads .* wait at syncthreads in line .*, 24 have ended"):
        ends_early[1, 64]()
    with pytest.raises(Deadlock, match=r"40 of 64 .* 24 of 64"):
        parts[1, 64]()
    ends_early[1, 32]()


def test_an_error_leaves_nothing_behind():
    @cuda.jit
    def fails(y):
        cuda.syncthreads()
        y[cuda.threadIdx.x + 1] = 1

    with pytest.raises(IndexError) as caught:
        fails[1, 4](np.zeros(4, np.float32))
    assert "thread (3, 0, 0) of block (0, 0, 0), forward" in caught.value.__notes__
    assert not hasattr(cuda, "threadIdx")
    test_an_index_out_of_range_is_an_error(4)


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        ("shfl_xor_sync", LANES ^ 5),
        ("shfl_down_sync", np.where(LANES + 5 < 32, LANES + 5, LANES)),
        ("shfl_up_sync", np.where(LANES >= 5, LANES - 5, LANES)),
        ("shfl_sync", np.full(32, 5)),
    ],
)
def test_lanes_exchange_values_within_their_warp(exchange, expected):
    @cuda.jit
    def kernel(y, x):
        thread = cuda.threadIdx.x
        y[thread] = getattr(cuda, exchange)(0xFFFFFFFF, x[thread], 5)

    def compute():
        y = np.zeros(64, np.float32)
        kernel[1, 64](y, np.arange(64, dtype=np.float32))
        return y

    for y in in_every_order(compute).values():
        assert y.tolist() == [*expected, *(expected + 32)]


def test_votes_count_a_warp_or_a_block():
    @cuda.jit
    def kernel(y):
        thread = cuda.threadIdx.x
        y[0, thread] = cuda.ballot_sync(0xFFFFFFFF, thread % 2 == 1)
        y[1, thread] = cuda.any_sync(0xFFFFFFFF, thread == 40)
        y[2, thread] = cuda.all_sync(0xFFFFFFFF, thread < 32)
        y[3, thread] = cuda.syncthreads_count(thread < 5)
        y[4, thread] = cuda.syncthreads_or(thread == 5)
        y[5, thread] = cuda.syncthreads_and(thread < 63)
        if thread < 16:
            cuda.syncwarp(0xFFFF)

    for y in in_every_order(lambda: _written(kernel)).values():
        assert (y[0] == 0xAAAAAAAA).all()
        assert y[1].tolist() == [0] * 32 + [1] * 32
        assert y[2].tolist() == [1] * 32 + [0] * 32
        assert (y[3:] == [[5], [1], [0]]).all()


def _written(kernel):
    y = np.zeros((6, 64), np.uint32)
    kernel[1, 64](y)
    return y


def test_a_launch_that_no_gpu_takes_is_an_error():
    y = np.zeros(1, np.float32)
    for configuration in [(1, 1025), (1, (32, 33)), ((1, 65536), 1), (1, 1, 0, 48 * 1024 + 1)]:
        with pytest.raises(ValueError, match="no GPU takes"):
            writes[configuration](y, 0)
    with pytest.raises(ValueError, match="not contiguous"):
        writes[1, 1, 0, 0](np.zeros((4, 4), np.float32)[:, 0], 0)

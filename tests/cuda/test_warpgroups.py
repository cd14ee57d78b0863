"""Products of whole warpgroups (wgmma): executed beside the naive references, tried before they are taken, and refused."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from runs import needs_compiler

needs_compiler()

import numpy as np
from comparisons.convolution import Filters
from execution import SIGNIFICANT_BITS, TILED, assert_of_rounded_numbers, changed_ptx
from kernels.executed import launches_executed
from kernels.launches import laid_out_in
from kernels.ptx.errors import FaultError

from numbacnn.errors import DeviceError
from numbacnn.ops.cuda import convolution, dense
from numbacnn.ops.cuda.product import launching, trying, tuning
from numbacnn.ops.cuda.product.launching import Call
from numbacnn.ops.cuda.product.plan import Plan, plan_of
from numbacnn.ops.cuda.product.precision import PRECISIONS, WARPGROUPS, computing, least_capability
from numbacnn.ops.cuda.product.tile import WARPGROUP_TILES
from numbacnn.ops.cuda.product.tuned import Shape

WIDE, NARROW = WARPGROUP_TILES
OPS = ("forward", "backward_input_masked", "backward_parameters")
CASES = [
    pytest.param(
        f"{room}.{op}",
        tile,
        precision,
        id=f"{room}.{op}-{tile.name}-{precision}",
        marks=[] if often else [pytest.mark.slow],
    )
    for room in ("convolution", "dense")
    for op in OPS
    for tile in WARPGROUP_TILES
    for precision in SIGNIFICANT_BITS
    for narrow in [op == "backward_input_masked"]
    for often in [room == "convolution" and (tile is NARROW) == (precision == "tf32") == narrow]
]


@pytest.mark.parametrize(("kernel", "tile", "precision"), CASES)
def test_products_agree_with_the_naive_references(kernel, tile, precision):
    with laid_out_in(tile), computing(precision):
        assert_of_rounded_numbers(kernel, TILED[kernel.partition(".")[0]]["in fours"], precision)


@pytest.mark.parametrize(
    ("kernel", "shape"),
    [
        # Pixels of one kind at a stride, groups, a sum in parts with those of the columns, less than an instruction.
        ("convolution.backward_input_masked", Filters((1, 9, 7, 8), 12, 3, {"stride": 2, "padding": 1})),
        ("convolution.forward", Filters((1, 9, 7, 16), 24, 5, {"groups": 2, "padding": 2})),
        ("dense.backward_parameters", (2200, 4, 8)),
        ("dense.forward", (1, 4, 4)),
    ],
)
@pytest.mark.parametrize("precision", [pytest.param("tf32", marks=pytest.mark.slow), "bf16"])
def test_odd_shapes(kernel, shape, precision):
    with laid_out_in(NARROW), computing(precision):
        assert_of_rounded_numbers(kernel, shape, precision)


LONG = "dense.backward_input_masked", (9, 12, 140)
"""Five parts of the depth: more than there are in shared memory at once."""
OTHER_PITCH = r"(or\.b64\s+%rd\d+, %rd\d+), \d+;", rf"\1, {8 << 32 | 64 << 16};"
"""Descriptors are made so, with the distances that are the same in all of them."""


@pytest.mark.parametrize(
    ("pattern", "replacement", "expected"),
    [
        (r"fence\.proxy\.async\.shared::cta;", "", "with no fence.proxy.async behind it"),
        (r"bar\.sync\s+0;", "", "published with no barrier between"),
        (r"wgmma\.fence\.sync\.aligned;", "", "no wgmma.fence before"),
        # One product more under way than there is room for.
        (r"(wait_group\.sync\.aligned) 1;", r"\1 2;", "may still read"),
        (r"wgmma\.commit_group\.sync\.aligned;", "", "may still read"),
        (r"wgmma\.wait_group\.sync\.aligned 0;", "", "nan location mismatch"),
        # A pitch that is another, of both matrices.
        (*OTHER_PITCH, "Mismatched elements"),
    ],
)
def test_what_is_left_out_of_the_kernel_is_found(pattern, replacement, expected):
    with (
        laid_out_in(NARROW),
        computing("bf16"),
        changed_ptx(pattern, replacement),
        pytest.raises((FaultError, AssertionError), match=expected),
    ):
        assert_of_rounded_numbers(*LONG, "bf16")


@pytest.mark.parametrize("precision", SIGNIFICANT_BITS)
def test_so_many_blocks_as_registers_allow_find_shared_memory(precision):
    for product in (*dense.products(), *convolution.products()):
        if product.in_fours:
            for tile, blocks in ((WIDE, 1), (NARROW, 2)):
                kernel = product.kernel(tile, PRECISIONS[precision], partial=False)
                assert kernel.shared_bytes > 48 * 1024
                assert blocks * (kernel.shared_bytes + 1024) <= 228 * 1024
                assert least_capability(kernel.name) == WARPGROUPS


# Which plans are taken


class Host:
    """As much of a device as trying a product takes."""

    def zeros(self, shape, dtype):
        return np.zeros(shape, dtype)

    def write(self, target, source):
        target[:] = source

    def read(self, array):
        return array


@pytest.fixture
def call():
    """d_W and d_b of a dense layer."""
    rows, columns, depth = 12, 8, 40
    (product,) = (each for each in dense.products() if each.name == "dense.backward_weights_in_fours")
    arrays = tuple(np.zeros(size, np.float32) for size in (rows * columns, depth * rows, depth * columns))
    sums = np.zeros(columns, np.float32)
    return Call(
        product,
        Shape(rows, columns, depth),
        arrays,
        columns,
        (rows, columns, 0),
        None,
        1.0,
        np.zeros(500),
        sums,
    )


def tried(call, precision="bf16", plan=None):
    usual = plan_of(*call.shape, 0, precision)
    with launches_executed():
        return trying.complaint(call, plan or Plan(NARROW, 1, call.shape.depth), usual, precision, Host())


def test_a_plan_that_gives_the_same_numbers_is_measured(call):
    assert tried(call) is None
    assert not any(array.any() for array in (*call.arrays, call.sums))  # what is there stays as it is


def test_a_plan_that_gives_others_is_not(call):
    with changed_ptx(*OTHER_PITCH):
        assert "of their size from those of" in tried(call)
    # Nor one whose numbers are none.
    with changed_ptx(r"wgmma\.wait_group\.sync\.aligned 0;", ""):
        assert "its numbers are nan" in tried(call)


def test_a_plan_that_fails_is_not(call, monkeypatch):
    launch = launching.launch

    def fails(kernel, *others):
        if "wgmma" in kernel.name:
            raise DeviceError("too many resources")
        launch(kernel, *others)

    monkeypatch.setattr(launching, "launch", fails)
    assert tried(call) == "too many resources"


@pytest.mark.parametrize(
    ("capability", "precision", "name", "some"),
    [
        ((9, 0), "tf32", "dense.forward_in_fours", True),
        ((9, 0), "float32", "dense.forward_in_fours", False),
        ((9, 0), "bf16", "dense.forward", False),
        ((8, 9), "bf16", "dense.forward_in_fours", False),
        ((10, 0), "bf16", "dense.forward_in_fours", False),
    ],
)
def test_only_where_they_can_be(capability, precision, name, some, monkeypatch):
    monkeypatch.setattr(trying, "compute_capability", lambda: capability)
    (product,) = (each for each in dense.products() if each.name == name)
    one = SimpleNamespace(shape=Shape(4096, 512, 1024), workspace=None, product=product)
    found = trying.plans_to_try(one, precision)
    assert bool(found) == some
    assert all(plan.tile.by_warpgroups for plan in found)
    assert not any(plan.tile.by_warpgroups for plan in tuning.plans_of(one, precision))


@pytest.mark.parametrize(
    ("outcome", "said"), [(0, None), (1, "exit status 1"), (None, "not done after 300 seconds")]
)
def test_another_process_tries_first(outcome, said, monkeypatch):
    def wait(seconds):
        if outcome is None:
            raise subprocess.TimeoutExpired("", seconds)
        return outcome

    @contextmanager
    def process(function, argument):
        assert (function, argument) == (trying._try_every_tile, "bf16")
        yield SimpleNamespace(wait=wait)

    trying.trouble.cache_clear()
    monkeypatch.setattr(trying, "another_process", process)
    found = trying.trouble("bf16")
    trying.trouble.cache_clear()
    assert found is None if said is None else said in found


@pytest.mark.slow
@pytest.mark.parametrize("precision", SIGNIFICANT_BITS)
def test_what_another_process_tries_is_right(precision, monkeypatch):
    monkeypatch.setattr(trying, "get_device", lambda name: Host())
    with launches_executed():
        trying._try_every_tile(precision)

"""What the table of comparisons cannot say of CUDA variants: they agree with the CPU's where numbers are not numbers or
equal, and to the bit where masks and pictures have to be the same on both.
"""

from __future__ import annotations

import pytest
from runs import needs_compiler

needs_compiler()

import numpy as np
from comparisons import EVERYWHERE as COMPARISONS
from execution import run
from variants import arguments_of, as_float64

from numbacnn.ops import losses
from numbacnn.ops.kernel import Kernel

WITH_NAN = [
    ("softmax.forward", "three"),
    ("softmax.backward", "three"),
    *((kernel.name, shape) for kernel in losses.LOSSES.values() for shape in ("two classes", "ragged")),
    *(
        (name, shape)
        for name, row in COMPARISONS.items()
        for shape in row.shapes
        if name.startswith("activations.") and shape.startswith("seven")
    ),
    ("pooling.max_forward", "overlapping"),
    ("pooling.max_backward", "overlapping"),
    ("pooling.sum_forward", "ceil with padding, average"),
    ("pooling.sum_backward", "ceil with padding, average"),
    ("joins.accumulate", "seven"),
    ("joins.add", "seven"),
    ("pixels.forward", "colour"),
    ("update.sgd", "seven"),
    ("tally.write", "ragged"),
]
PRODUCTS_AND_COPIES = [
    ("convolution.forward", "not square"),
    ("dense.forward", "ragged"),
    ("joins.copy_channels", "one of three"),
]
LARGEST = "cells beyond 16 bits"
"""A pool whose one window takes the executor seconds, and decides as the others do."""
TO_THE_BIT = ["pooling.max_forward", "pooling.max_backward", "pooling.sum_forward", "augmentation.augment"]


def on_the_cpu(kernel, arguments):
    """What the CPU's variant writes into copies of its outputs."""
    outputs = [output.copy() for output in arguments[: COMPARISONS[kernel].outputs]]
    Kernel.registry[kernel].variant("cpu")(*outputs, *arguments[len(outputs) :])
    return outputs


def agree(kernel, arguments):
    for ours, theirs in zip(run(kernel, arguments), on_the_cpu(kernel, arguments), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("kernel", "shape"), WITH_NAN, ids=[f"{kernel}-{shape}" for kernel, shape in WITH_NAN]
)
def test_nan_goes_where_it_goes_on_the_cpu(kernel, shape):
    arguments = arguments_of(kernel, COMPARISONS[kernel].shapes[shape])
    generator = np.random.default_rng(3)
    given = list(zip(Kernel.registry[kernel].parameters, arguments, strict=True))
    inputs = {
        name: array
        for name, array in given[COMPARISONS[kernel].outputs :]
        if getattr(array, "dtype", None) == np.float32
    }
    # Where a forward pass read a NaN it wrote one, and a backward pass that is given both may look at either.
    together = {"y", "x"} if {"y", "x"} <= inputs.keys() else set()
    for names in (together, *({name} for name in inputs.keys() - together)):
        for count in (1, 3):
            before = {name: inputs[name].copy() for name in names}
            places = generator.random(count)
            for name in names:
                inputs[name].flat[(places * inputs[name].size).astype(int)] = np.nan
            agree(kernel, arguments)
            for name, array in before.items():
                inputs[name][...] = array


@pytest.mark.parametrize(("kernel", "shape"), PRODUCTS_AND_COPIES)
def test_nan_goes_where_the_reference_has_it(kernel, shape):
    row = COMPARISONS[kernel]
    arguments = arguments_of(kernel, row.shapes[shape])
    x = next(argument for argument in arguments[row.outputs :] if isinstance(argument, np.ndarray))
    for place in (0, x.size // 2, x.size - 1):
        value, x.flat[place] = x.flat[place], np.nan
        expected = np.isnan(row.naive(*map(as_float64, arguments))[0])
        assert expected.any()
        np.testing.assert_array_equal(np.isnan(run(kernel, arguments)[0]), expected)
        x.flat[place] = value


@pytest.mark.parametrize("kernel", TO_THE_BIT)
@pytest.mark.parametrize("values", ["few", "few and NaN", "the lowest"])
def test_equal_values_are_decided_as_on_the_cpu(kernel, values):
    generator = np.random.default_rng(5)
    for name, shape in COMPARISONS[kernel].shapes.items():
        if name == LARGEST:
            continue
        arguments = arguments_of(kernel, shape)
        for array in arguments[COMPARISONS[kernel].outputs :]:
            if getattr(array, "dtype", None) == np.float32:
                array[...] = generator.integers(-2, 2, array.shape)
                if values == "few and NaN":
                    array[generator.random(array.shape) < 0.2] = np.nan
                if values == "the lowest":
                    array[...] = -np.inf
        for ours, theirs in zip(run(kernel, arguments), on_the_cpu(kernel, arguments), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kernel", [*(kernel.name for kernel in losses.LOSSES.values()), "tally.write"])
def test_equal_scores_are_decided_as_on_the_cpu(kernel):
    generator = np.random.default_rng(5)
    arguments = arguments_of(kernel, (9, 40))
    scores = next(
        array for array in arguments if getattr(array, "shape", None) == (9, 40) and array is not arguments[1]
    )
    for share in (0, 0.1):
        scores[...] = generator.integers(-2, 2, scores.shape)
        scores[generator.random(scores.shape) < share] = np.nan
        agree(kernel, arguments)


@pytest.mark.parametrize("probability", [0.0, 0.3, 0.5, 0.999])
def test_dropout_draws_the_cpus_mask(probability):
    arguments = arguments_of("dropout.forward", (1003, probability))
    _, ours = run("dropout.forward", arguments)
    _, theirs = on_the_cpu("dropout.forward", arguments)
    assert ours.tobytes() == theirs.tobytes()


def test_a_long_runs_tally_finds_its_row():
    arguments = arguments_of("tally.write", (5, 3))
    arguments[-1] = np.array([1, 2**40 + 1], np.uint64)
    agree("tally.write", arguments)

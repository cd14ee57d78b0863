"""Every op's CUDA variant against its naive reference, executed from the PTX that it is compiled to."""

from __future__ import annotations

import pytest
from runs import needs_compiler

needs_compiler()

from comparisons import EVERYWHERE as COMPARISONS
from execution import run
from variants import CASES, IDS, arguments_of, as_float64, assert_agree

LARGE = ("Winograd", "cells beyond 16 bits")
"""How the names of shapes begin which take long to execute: for Winograd's tiles, and for the width of an index."""
QUICK = ("Winograd, cut tiles, no padding", "Winograd, filters of 5x5, tiles of 4, asymmetric padding")
"""Of them those that are tried each time."""


def is_slow(shape):
    return shape.startswith(LARGE) and shape not in QUICK


SHAPES = [
    pytest.param(*case, id=name, marks=[pytest.mark.slow] if is_slow(case[1]) else [])
    for case, name in zip(CASES, IDS, strict=True)
]


@pytest.mark.parametrize(("kernel", "shape"), SHAPES)
def test_variant_agrees_with_the_naive_reference(kernel, shape):
    arguments = arguments_of(kernel, COMPARISONS[kernel].shapes[shape])
    assert_agree(run(kernel, arguments), COMPARISONS[kernel].naive(*map(as_float64, arguments)))

"""Runs an op's CUDA variant without a GPU, from the PTX that its kernels are compiled to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
from comparisons import EVERYWHERE as COMPARISONS
from comparisons.convolution import Filters
from kernels import executed
from kernels.executed import launches_executed, ptx
from variants import arguments_of, as_float64, assert_agree

from numbacnn.ops.kernel import Kernel


def run(kernel: str, arguments: list[Any]) -> list[Any]:
    """What the variant writes into copies of its outputs; of what it reads it may change the workspace only."""
    op, outputs = Kernel.registry[kernel], COMPARISONS[kernel].outputs
    own = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
    for name, argument in list(zip(op.parameters, own, strict=True))[outputs:]:
        if isinstance(argument, np.ndarray) and name != "workspace":
            argument.flags.writeable = False
    with launches_executed():
        op.variant("cuda")(*own)
    return own[:outputs]


TILED: dict[str, dict[str, Any]] = {
    "dense": {"in fours": (140, 20, 136), "one by one": (141, 19, 133)},
    "convolution": {
        "in fours": Filters((2, 9, 9, 8), 132, 3, {"padding": 1}),
        "one by one": Filters((2, 9, 9, 7), 133, 3, {"padding": 1}),
    },
}
"""Of more than one tile, the last ones cut."""
SIGNIFICANT_BITS = {"tf32": 11, "bf16": 8}


def rounded(value: np.ndarray[Any, Any], precision: str) -> np.ndarray[Any, Any]:
    """float64 of the nearest number with so many bits; of two as near, tf32 takes the larger, bf16 the even."""
    fraction, exponent = np.frexp(value.astype(np.float64))
    bits = SIGNIFICANT_BITS[precision]
    scaled = np.ldexp(fraction, bits)
    whole = np.rint(scaled) if precision == "bf16" else np.copysign(np.floor(abs(scaled) + 0.5), scaled)
    return np.ldexp(whole, exponent - bits)


def exact_ones(kernel: str, arguments: list[Any]) -> Any:
    return COMPARISONS[kernel].naive(*map(as_float64, arguments))


def assert_of_rounded_numbers(kernel: str, shape: Any, precision: str) -> None:
    """The product, of numbers that are rounded; what is summed beside it is of those that are not."""
    arguments = arguments_of(kernel, shape)
    exact = [
        rounded(value, precision) if name in ("x", "d_y", "weights") else as_float64(value)
        for name, value in zip(Kernel.registry[kernel].parameters, arguments, strict=True)
    ]
    expected, *others = COMPARISONS[kernel].naive(*exact)
    written, *also_written = run(kernel, arguments)
    np.testing.assert_allclose(written, expected, rtol=1e-4, atol=1e-5 * max(1, abs(expected).max()))
    assert len(also_written) == len(others)
    assert_agree(also_written, exact_ones(kernel, arguments)[1:])


@contextmanager
def changed_ptx(pattern: str, replacement: str) -> Iterator[None]:
    """Kernels made inside are changed in their PTX."""
    executed.executable.cache_clear()
    with patch.object(executed, "ptx", lambda *how: re.sub(pattern, replacement, _unchanged(*how))):
        yield
    executed.executable.cache_clear()


@cache
def _unchanged(kernel: Any, kinds: tuple[Any, ...]) -> str:
    return ptx(kernel, kinds)

"""What the runs of CUDA variants share, executed and on a GPU: the arguments of a CUDA variant, and how its results are compared."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import numpy as np
from comparisons import EVERYWHERE as COMPARISONS

from numbacnn import ops
from numbacnn.ops.kernel import Kernel, of_device

for module in pkgutil.walk_packages(ops.__path__, f"{ops.__name__}."):
    if ".cuda" not in module.name:
        importlib.import_module(module.name)

CASES = [(kernel, shape) for kernel, row in COMPARISONS.items() for shape in row.shapes]
IDS = [f"{kernel}-{shape}" for kernel, shape in CASES]


def arguments_of(kernel: str, shape: Any) -> list[Any]:
    """The arguments of the op on a shape of its row, on the host, with a workspace as small as its variant asks for."""
    arguments = COMPARISONS[kernel].make(np.random.default_rng(7), np.float32, shape)
    op = Kernel.registry[kernel]
    op.variant("cuda")
    if "workspace" in op.parameters:
        place = op.parameters.index("workspace")
        size = _workspace_size(kernel, dict(zip(op.parameters, arguments, strict=True)))
        arguments[place] = np.full(size, np.nan, np.float32)
    return arguments


def _workspace_size(kernel: str, named: dict[str, Any]) -> int:
    room = kernel.partition(".")[0]
    ask = of_device(f"{room}.workspace_size", "cuda")
    if kernel == "dense.bias_gradient":
        return int(ask(named["d_bias"].size, len(named["d_y"])))
    if room == "update":
        return int(ask(named["gradient"].size))
    if room == "normalization":
        return int(ask(*named["x"].shape))
    y, x = (named.get(letter, named.get(f"d_{letter}")) for letter in "yx")
    assert y is not None
    assert x is not None
    if room == "dense":
        return int(ask(y.shape[1], *x.shape))
    sums = 0
    if kernel == "convolution.backward_parameters":
        sums = of_device("dense.workspace_size", "cuda")(y.shape[3], y.size // y.shape[3])
    manner = named["window"], named["groups"], named["algorithm"]
    return max(sums, int(ask(y.shape[:3], x.shape[3], y.shape[3], *manner, x.shape[1:3])))


def as_float64(argument: Any) -> Any:
    floats = isinstance(argument, np.ndarray) and argument.dtype.kind == "f"
    return argument.astype(np.float64) if floats else argument


def assert_agree(written: list[np.ndarray[Any, Any]], expected: tuple[np.ndarray[Any, Any], ...]) -> None:
    """Within what float32 can say: in one order of additions or another."""
    for actual, wanted in zip(written, expected, strict=True):
        if wanted.dtype.kind == "f":
            rounding = 200 * np.finfo(np.float32).eps
            np.testing.assert_allclose(
                actual, wanted, rtol=rounding, atol=rounding * max(1, abs(wanted).max())
            )
        else:
            np.testing.assert_array_equal(actual, wanted)

"""Which kernels the ops launch and with which types of arguments: every op is run, and what it launches only noted."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from comparisons import EVERYWHERE as COMPARISONS
from comparisons import arrays
from comparisons.convolution import Filters
from numba.cuda.typing.typeof import Purpose, typeof

import numbacnn.ops
from numbacnn.ops.cuda import toolchain
from numbacnn.ops.cuda.product import launching
from numbacnn.ops.cuda.product.plan import plan_of
from numbacnn.ops.cuda.product.precision import computing
from numbacnn.ops.cuda.product.tile import WARPGROUP_TILES, Tile
from numbacnn.ops.kernel import Kernel

from .executed import flat

Types = tuple[Any, ...]
_WORKSPACE = 1 << 28
"""Elements, none of which is ever touched."""
TENSOR_CORES = ("tf32", "bf16")
TENSOR_OPS = ("convolution.forward", "convolution.backward_input", "convolution.backward_parameters")
TENSOR_LAYERS = ("alexnet conv1", "lenet conv2", "cifar-quick conv2", "alexnet conv3")
"""What stands for all products on tensor cores: dense ones read their numbers as these do, and more simply."""
WARPGROUP_LAYER = "alexnet conv3"


def launches() -> dict[str, list[Types]]:
    """Every kernel's name -> the types of its arguments, one tuple for each way that it is launched; none if no op
    launches it.
    """
    for module in pkgutil.walk_packages(numbacnn.ops.__path__, f"{numbacnn.ops.__name__}."):
        importlib.import_module(module.name)
    noted: dict[int, list[Types]] = {}
    with _only_noted(noted), _blank_arrays():
        for name, row in COMPARISONS.items():
            op = Kernel.registry[name]
            for shape in (*row.shapes.values(), *row.layers.values(), *_larger(row.layers.values())):
                op.variant("cuda")(*_arguments(op, row, shape))
        for precision in TENSOR_CORES:
            with computing(precision):
                for name in TENSOR_OPS:
                    row, op = COMPARISONS[name], Kernel.registry[name]
                    for shape in _larger(row.layers[layer] for layer in TENSOR_LAYERS):
                        op.variant("cuda")(*_arguments(op, row, shape))
                    for tile in WARPGROUP_TILES:
                        with laid_out_in(tile):
                            shape = row.layers[WARPGROUP_LAYER]
                            op.variant("cuda")(*_arguments(op, row, shape))
    return {name: noted.get(id(kernel), []) for name, kernel in sorted(toolchain.KERNELS.items())}


@contextmanager
def laid_out_in(tile: Tile) -> Iterator[None]:
    """Every product takes this tile, in as many parts as the model finds best for another."""

    def plan(*shape: Any) -> Any:
        return plan_of(*shape)._replace(tile=tile)

    with patch.object(launching, "plan_of", plan):
        yield


def _arguments(op: Kernel, row: Any, shape: Any) -> list[Any]:
    """As a program calls the op, with as much workspace as it likes: that of the table is for the CPU."""
    arguments: list[Any] = row.make(np.random.default_rng(7), np.float32, shape)
    if "workspace" in op.parameters:
        arguments[op.parameters.index("workspace")] = np.zeros(_WORKSPACE, np.float32)
    return arguments


def _larger(shapes: Iterable[Any]) -> Iterator[Any]:
    """Convolutions of eight times as many pictures: a GPU's batches, which take the larger tiles."""
    for shape in shapes:
        if isinstance(shape, Filters):
            count, *volume = shape.volume
            yield dataclasses.replace(shape, volume=(8 * count, *volume))


@contextmanager
def _only_noted(noted: dict[int, list[Types]]) -> Iterator[None]:
    """Launches append to noted[id of the kernel] and do nothing else."""

    def note(kernel: Any, _blocks: Any, _threads: int, arguments: tuple[Any, ...]) -> None:
        types = tuple(typeof(argument, Purpose.argument) for argument in flat(arguments))
        if types not in noted.setdefault(id(kernel), []):
            noted[id(kernel)].append(types)

    with (
        patch.object(toolchain, "prepared", note),
        patch.object(toolchain, "carry_out", lambda _: None),
    ):
        yield


@contextmanager
def _blank_arrays() -> Iterator[None]:
    """The table's arrays hold zeros that no memory is taken for: some layers are large."""
    with (
        patch.object(arrays, "numbers", lambda generator, dtype, *shape: np.zeros(shape, dtype)),
        patch.object(arrays, "unwritten", lambda dtype, *shape: np.zeros(shape, dtype)),
    ):
        yield

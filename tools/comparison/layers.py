"""Layer by layer: every convolution, pool and dense layer of the networks, each op on its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from numbacnn.ops import convolution, dense, pooling

from .bounded import Disagreement
from .passes import TOLERANCE, relative_error
from .theirs import LAYOUTS
from .timing import Act, in_turns, ratios

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
# The tests' tables of layers
from comparisons.arrays import numbers
from comparisons.convolution import CONVOLUTION_LAYERS, convolution_arguments
from comparisons.dense import DENSE_LAYERS
from comparisons.pooling import AVERAGE_LAYERS, POOL_LAYERS, pool_arrays

aten = torch.ops.aten
TURN = 0.03

Tensors = Callable[[], Sequence[Any]]

VOLUME, FILTERS, MATRIX, ROW = (0, 2, 3, 1), (2, 3, 1, 0), (0, 1), (0,)
"""Where numbacnn's dimensions stand among PyTorch's."""


@dataclass(frozen=True)
class Task:
    """One op of one layer: what numbacnn calls, the arrays it writes, each with where its dimensions stand in
    PyTorch's, and PyTorch's way there in each of its layouts.

    `gflop` is the work of a matrix product done as its definition says, 0 of other ops.
    """

    name: str
    ours: Act
    written: Sequence[tuple[NDArray[Any], tuple[int, ...]]]
    theirs: dict[str, Tensors]
    gflop: float = 0.0


def layer_by_layer(networks: Sequence[str], rounds: int) -> Iterator[dict[str, Any]]:
    """A row for each op of each layer; raises Disagreement."""
    for make, layers in (
        (_convolution, CONVOLUTION_LAYERS),
        (_max_pool, POOL_LAYERS),
        (_average_pool, AVERAGE_LAYERS),
        (_dense, DENSE_LAYERS),
    ):
        for title, shape in layers.items():
            network, layer = title.split()
            if network in networks:
                for task in make(shape):
                    yield {"network": network, "layer": layer, **_measured(title, task, rounds)}


def _measured(title: str, task: Task, rounds: int) -> dict[str, Any]:
    with torch.inference_mode():
        task.ours()
        for layout, act in task.theirs.items():
            for (found, order), expected in zip(task.written, act(), strict=True):
                apart = relative_error(found, expected.permute(order).numpy())
                if not apart < TOLERANCE:
                    raise Disagreement(f"{title}, {task.name}: {apart:.1e} from PyTorch's in {layout}")
        times = in_turns({"numbacnn": task.ours, **task.theirs}, rounds, TURN)
    row: dict[str, Any] = {
        "op": task.name,
        "milliseconds": {key: 1000 * value.median for key, value in times.items()},
        **ratios(times),
    }
    if task.gflop:
        row["gflops"] = {key: task.gflop / value.median for key, value in times.items()}
    return row


def _volume(x: NDArray[Any], layout: str) -> Any:
    """(N,H,W,C) as PyTorch's (N,C,H,W) in a layout."""
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=LAYOUTS[layout])


def _filters(weights: NDArray[Any], layout: str) -> Any:
    """(R,S,C,K) as (K,C,R,S)."""
    return torch.from_numpy(weights).permute(3, 2, 0, 1).contiguous(memory_format=LAYOUTS[layout])


# The layers


def _convolution(shape: Any) -> Iterator[Task]:
    generator = np.random.default_rng(0)
    x, weights, d_y, manner = convolution_arguments(generator, np.float32, shape)
    bias = numbers(generator, np.float32, len(weights.T))
    y, d_x, d_weights, d_bias = map(np.empty_like, (d_y, x, weights, bias))
    workspace = np.empty(dense.workspace_size("cpu", len(bias)), np.float32)
    gflop = 2e-9 * weights.size * d_y.size / len(bias)
    window, groups = shape.layer.window(), shape.layer.groups
    place = [window.stride, window.padding[::2], window.dilation]
    tensors = {
        layout: (_volume(x, layout), _filters(weights, layout), _volume(d_y, layout)) for layout in LAYOUTS
    }
    shift = torch.from_numpy(bias)

    def forward(layout: str) -> Tensors:
        x, weights, _ = tensors[layout]
        return lambda: [nn.functional.conv2d(x, weights, shift, *place, groups)]

    def backward(layout: str, wanted: list[bool]) -> Tensors:
        x, weights, d_y = tensors[layout]

        def act() -> Sequence[Any]:
            d_x, d_weights, d_bias = aten.convolution_backward(
                d_y, x, weights, [len(bias)], *place, False, [0, 0], groups, wanted
            )
            return [d_x] if wanted[0] else [d_weights, d_bias]

        return act

    def learn() -> None:
        convolution.backward_weights(d_weights, x, d_y, *manner)
        dense.bias_gradient(d_bias, d_y.reshape(-1, len(bias)), workspace)

    yield Task(
        "forward",
        lambda: convolution.forward(y, x, weights, bias, 1.0, *manner),
        [(y, VOLUME)],
        {layout: forward(layout) for layout in LAYOUTS},
        gflop,
    )
    yield Task(
        "input gradient",
        lambda: convolution.backward_input(d_x, d_y, weights, *manner),
        [(d_x, VOLUME)],
        {layout: backward(layout, [True, False, False]) for layout in LAYOUTS},
        gflop,
    )
    yield Task(
        "weight gradient",
        learn,
        [(d_weights, FILTERS), (d_bias, ROW)],
        {layout: backward(layout, [False, True, True]) for layout in LAYOUTS},
        gflop,
    )


def _max_pool(pool: Any) -> Iterator[Task]:
    x, d_y, place = pool_arrays(np.random.default_rng(0), np.float32, pool)
    y, d_x = np.empty_like(d_y), np.empty_like(x)
    switches = np.empty(y.shape, np.uint16)
    window = pool.window
    theirs = [window.kernel, window.stride, window.padding[::2], [1, 1], window.rounding == "ceil"]

    def forward(layout: str) -> Tensors:
        volume = _volume(x, layout)
        return lambda: aten.max_pool2d_with_indices(volume, *theirs)[:1]

    def backward(layout: str) -> Tensors:
        volume, gradient = _volume(x, layout), _volume(d_y, layout)
        _, winners = aten.max_pool2d_with_indices(volume, *theirs)
        return lambda: [aten.max_pool2d_with_indices_backward(gradient, volume, *theirs, winners)]

    yield Task(
        "forward",
        lambda: pooling.max_forward(y, switches, x, 1.0, *place),
        [(y, VOLUME)],
        {layout: forward(layout) for layout in LAYOUTS},
    )
    yield Task(
        "input gradient",
        lambda: pooling.max_backward(d_x, d_y, switches, *place),
        [(d_x, VOLUME)],
        {layout: backward(layout) for layout in LAYOUTS},
    )


def _average_pool(pool: Any) -> Iterator[Task]:
    x, d_y, place = pool_arrays(np.random.default_rng(0), np.float32, pool)
    y, d_x = np.empty_like(d_y), np.empty_like(x)
    window = pool.window
    theirs = [window.kernel, window.stride, window.padding[::2], window.rounding == "ceil", True, None]

    def forward(layout: str) -> Tensors:
        volume = _volume(x, layout)
        return lambda: [aten.avg_pool2d(volume, *theirs)]

    def backward(layout: str) -> Tensors:
        volume, gradient = _volume(x, layout), _volume(d_y, layout)
        return lambda: [aten.avg_pool2d_backward(gradient, volume, *theirs)]

    yield Task(
        "forward",
        lambda: pooling.sum_forward(y, x, 1.0, *place, pool.average),
        [(y, VOLUME)],
        {layout: forward(layout) for layout in LAYOUTS},
    )
    yield Task(
        "input gradient",
        lambda: pooling.sum_backward(d_x, d_y, *place, pool.average),
        [(d_x, VOLUME)],
        {layout: backward(layout) for layout in LAYOUTS},
    )


def _dense(shape: tuple[int, int, int]) -> Iterator[Task]:
    """A dense layer has no layout; PyTorch keeps its weights as (K,D), and so are they here."""
    count, depth, outputs = shape
    generator = np.random.default_rng(0)
    x, weights, bias, d_y = (
        numbers(generator, np.float32, *extent)
        for extent in ((count, depth), (depth, outputs), (outputs,), (count, outputs))
    )
    y, d_x, d_weights, d_bias = map(np.empty_like, (d_y, x, weights, bias))
    workspace = np.empty(dense.workspace_size("cpu", outputs), np.float32)
    gflop = 2e-9 * count * weights.size
    rows, gradient, shift = map(torch.from_numpy, (x, d_y, bias))
    columns = torch.from_numpy(weights).T.contiguous()

    def learn() -> None:
        dense.backward_weights(d_weights, x, d_y, workspace)
        dense.bias_gradient(d_bias, d_y, workspace)

    for name, ours, written, theirs in (
        (
            "forward",
            lambda: dense.forward(y, x, weights, bias, 1.0, workspace),
            [(y, MATRIX)],
            lambda: [nn.functional.linear(rows, columns, shift)],
        ),
        (
            "input gradient",
            lambda: dense.backward_input(d_x, d_y, weights, workspace),
            [(d_x, MATRIX)],
            lambda: [gradient @ columns],
        ),
        (
            "weight gradient",
            learn,
            [(d_weights, MATRIX[::-1]), (d_bias, ROW)],
            lambda: [gradient.T @ rows, gradient.sum(0)],
        ),
    ):
        yield Task(name, ours, written, {"channels first": theirs}, gflop)

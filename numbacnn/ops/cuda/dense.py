"""Fully connected layers on the GPU; see ops.dense."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from .columns import parts_of, sum_rows
from .product.combine import combine
from .product.finishing import as_it_is, biased_and_rectified, masked
from .product.launching import Product
from .product.loaders import across_depth, along_depth

_INPUTS, _OUTPUTS, _NONE = range(3)
"""Places in a product's geometry."""


def workspace_size(filters: int, rows: int = 0, depth: int = 0, limit: float = math.inf) -> int:
    """Elements of workspace that each of these ops needs at most for x (rows, depth): what the bias gradient takes, whatever the
    `limit`, and the products no more than that and the limit.
    """
    sums = parts_of(rows)[0] * filters
    if not depth:
        return sums
    both = _are_aligned(depth, filters)
    return max(
        sums,
        _forward(both).room(rows, filters, depth, limit=limit),
        _backward_input(_are_aligned(filters)).room(rows, depth, filters, limit=limit),
        _backward_weights(both).room(depth, filters, rows, limit=limit),
    )


@cache
def _forward(aligned: bool) -> Product:
    load_x, load_w = along_depth(_INPUTS, _NONE, aligned), across_depth(_OUTPUTS, _NONE, aligned)
    return Product(_name("forward", aligned), load_x, load_w, biased_and_rectified)


@cache
def _backward_input(aligned: bool) -> Product:
    load = along_depth(_OUTPUTS, _NONE, aligned)
    return Product(_name("backward_input", aligned), load, load, masked)


@cache
def _backward_weights(aligned: bool) -> Product:
    load_x, load_d_y = across_depth(_INPUTS, _NONE, aligned), across_depth(_OUTPUTS, _NONE, aligned)
    return Product(_name("backward_weights", aligned), load_x, load_d_y, as_it_is, sums_columns=True)


def products() -> list[Product]:
    """Every product of fully connected layers, however its numbers are read."""
    return [
        make(aligned) for make in (_forward, _backward_input, _backward_weights) for aligned in (True, False)
    ]


def _name(op: str, aligned: bool) -> str:
    return f"dense.{op}{'_in_fours' if aligned else ''}"


def _are_aligned(*sizes: int) -> bool:
    """Whether four neighbours of rows so long are read at a time."""
    return all(size % 4 == 0 for size in sizes)


def forward(y: Any, x: Any, weights: Any, bias: Any, slope: Any, workspace: Any) -> None:
    """y = f(x W + b), f(v) = v above 0, else slope v."""
    inputs, outputs = weights.shape
    _forward(_are_aligned(inputs, outputs))(
        y,
        x,
        weights,
        rows=y.shape[0],
        columns=outputs,
        depth=inputs,
        row_size=outputs,
        geometry=(inputs, outputs, 0),
        start=bias,
        slope=slope,
        workspace=workspace,
    )


def backward_input(d_x: Any, d_y: Any, weights: Any, workspace: Any) -> None:
    """d_x = d_y W^T."""
    backward_input_masked(d_x, d_y, weights, workspace, None, 1.0)


def backward_input_masked(d_x: Any, d_y: Any, weights: Any, workspace: Any, signs: Any, slope: Any) -> None:
    """d_x = d_y W^T where signs is above 0, else slope times that; a slope of 1 needs no signs."""
    inputs, outputs = weights.shape
    _backward_input(_are_aligned(outputs))(
        d_x,
        d_y,
        weights,
        rows=d_x.shape[0],
        columns=inputs,
        depth=outputs,
        row_size=inputs,
        geometry=(inputs, outputs, 0),
        start=signs,
        slope=slope,
        workspace=workspace,
    )


def backward_weights(d_weights: Any, x: Any, d_y: Any, workspace: Any) -> None:
    """d_W = x^T d_y, summed over the batch."""
    _sum_gradients(d_weights, None, x, d_y, workspace)


def backward_parameters(d_weights: Any, d_bias: Any, x: Any, d_y: Any, workspace: Any) -> None:
    """d_W = x^T d_y, and d_b, the sum of d_y, taken as it is read for d_W."""
    _sum_gradients(d_weights, d_bias, x, d_y, workspace)


def _sum_gradients(d_weights: Any, d_bias: Any, x: Any, d_y: Any, workspace: Any) -> None:
    """d_bias: None where it is not wanted."""
    inputs, outputs = d_weights.shape
    _backward_weights(_are_aligned(inputs, outputs))(
        d_weights,
        x,
        d_y,
        rows=inputs,
        columns=outputs,
        depth=x.shape[0],
        row_size=outputs,
        geometry=(inputs, outputs, 0),
        workspace=workspace,
        sums=d_bias,
    )


def bias_gradient(d_bias: Any, d_y: Any, workspace: Any) -> None:
    """d_b_k = sum over m of d_y_mk."""
    parts, _ = parts_of(d_y.shape[0])
    sum_rows(d_bias if parts == 1 else workspace, d_y)
    if parts > 1:
        combine(d_bias, workspace, parts)

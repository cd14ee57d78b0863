"""Convolution on the CPU: patches gathered into columns, then one matrix product a block of images.

The columns of a whole batch are F*F times the size of the input, so a block is as many images as the
workspace holds, at least one; the caller sizes the workspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import prange

from ..compilation import jit
from ..dense import add_bias
from ..geometry import Window


def forward(y: Any, x: Any, weights: Any, bias: Any, window: Window, groups: int, workspace: Any) -> None:
    """y = x * weights + bias, every filter a dot product with every patch (lecture: convolutional layer)."""
    filters = weights.shape[3] // groups
    for group in range(groups):
        matrix = _matrix(weights, group, filters)
        for images, columns, spare in _blocks(x, y, window, groups, workspace):
            columns = _gather(columns, x[images], y.shape[1:3], window, group * weights.shape[2])
            product = _rows(y[images])
            if groups == 1:
                np.dot(columns, matrix, out=product)
            else:
                block = spare[: len(columns) * filters].reshape(-1, filters)
                product[:, group * filters : (group + 1) * filters] = np.dot(columns, matrix, out=block)
    add_bias(_rows(y), bias)


def backward_input(d_x: Any, d_y: Any, weights: Any, window: Window, groups: int, workspace: Any) -> None:
    """d_x = the product of d_y with the transposed filters, every column added back where it came from."""
    filters = weights.shape[3] // groups
    if _is_pointwise(window) and groups == 1:
        np.dot(_rows(d_y), _matrix(weights, 0, filters).T, out=_rows(d_x))
        return
    for group in range(groups):
        transposed = _matrix(weights, group, filters).T
        for images, columns, spare in _blocks(d_x, d_y, window, groups, workspace):
            gradient = _filters_of(d_y[images], group, filters, groups, spare)
            np.dot(gradient, transposed, out=columns)
            first = group * weights.shape[2]
            _col2im(
                d_x[images],
                columns.reshape(*d_y[images].shape[:3], *weights.shape[:3]),
                first,
                window.stride,
                window.padding[::2],
                window.dilation,
            )


def backward_weights(d_weights: Any, x: Any, d_y: Any, window: Window, groups: int, workspace: Any) -> None:
    """d_weights = the product of the transposed columns with d_y, summed over the batch."""
    filters = d_weights.shape[3] // groups
    depth = d_weights.shape[2]
    total = d_weights.reshape(-1, d_weights.shape[3])
    total[:] = 0
    for group in range(groups):
        for images, columns, spare in _blocks(x, d_y, window, groups, workspace):
            columns = _gather(columns, x[images], d_y.shape[1:3], window, group * depth)
            gradient = _filters_of(d_y[images], group, filters, groups, spare)
            block = spare[-total.shape[0] * filters :].reshape(-1, filters)
            total[:, group * filters : (group + 1) * filters] += np.dot(columns.T, gradient, out=block)


def workspace_size(rows: int, depth: int, filters: int, groups: int) -> int:
    """Elements that one image needs: its columns, and what `_blocks` keeps beside them.

    rows = P*Q, depth = R*S*C/G, filters = K/G.
    """
    return rows * depth + (rows * filters if groups > 1 else 0) + depth * filters


def _is_pointwise(window: Window) -> bool:
    return window.kernel == (1, 1) and window.stride == (1, 1) and not any(window.padding)


def _rows(tensor: Any) -> Any:
    """(N,P,Q,K) -> (N*P*Q, K), the same memory."""
    return tensor.reshape(-1, tensor.shape[-1])


def _matrix(weights: Any, group: int, filters: int) -> Any:
    """The filters of one group as (R*S*C/G, K/G)."""
    matrix = weights.reshape(-1, weights.shape[3])
    return np.ascontiguousarray(matrix[:, group * filters : (group + 1) * filters])


def _filters_of(d_y: Any, group: int, filters: int, groups: int, spare: Any) -> Any:
    """One group's share of d_y as a contiguous (rows, K/G)."""
    if groups == 1:
        return _rows(d_y)
    share = spare[: d_y.size // groups].reshape(-1, filters)
    share[:] = _rows(d_y)[:, group * filters : (group + 1) * filters]
    return share


def _blocks(
    x: Any, y: Any, window: Window, groups: int, workspace: Any
) -> Iterator[tuple[slice, Any, Any]]:
    """Cuts a batch into blocks of images: (which images, their columns, spare workspace behind them)."""
    rows = y.shape[1] * y.shape[2]
    depth = window.kernel[0] * window.kernel[1] * (x.shape[3] // groups)
    filters = y.shape[3] // groups
    per_image = rows * depth + (rows * filters if groups > 1 else 0)
    size = max(1, (workspace.size - depth * filters) // per_image)
    for start in range(0, len(x), size):
        images = slice(start, min(start + size, len(x)))
        used = (images.stop - start) * rows * depth
        yield images, workspace[:used].reshape(-1, depth), workspace[used:]


def _gather(columns: Any, x: Any, output_size: tuple[int, int], window: Window, first: int) -> Any:
    """The columns of these images; of a 1x1 convolution the images themselves."""
    if _is_pointwise(window) and columns.shape[1] == x.shape[3]:
        return _rows(x)
    shape = (len(x), *output_size, *window.kernel, columns.shape[1] // (window.kernel[0] * window.kernel[1]))
    _im2col(columns.reshape(shape), x, first, window.stride, window.padding[::2], window.dilation)
    return columns


@jit(parallel=True)
def _im2col(columns: Any, x: Any, first: Any, stride: Any, padding: Any, dilation: Any) -> None:
    """images (N,H,W,C) -> columns (N,P,Q,R,S,D): channels first .. first+D of the patch under each window."""
    count, height, width = x.shape[0], x.shape[1], x.shape[2]
    rows, cells, depth = columns.shape[1], columns.shape[2], columns.shape[5]
    whole = dilation[1] == 1 and depth == x.shape[3]
    run = columns.shape[4] * depth
    for index in prange(count * rows):
        n = index // rows
        p = index - n * rows
        for r in range(columns.shape[3]):
            h = p * stride[0] - padding[0] + r * dilation[0]
            inside = 0 <= h < height
            for q in range(cells):
                left = q * stride[1] - padding[1]
                target = columns[n, p, q, r].reshape(run)
                if not inside:
                    target[:] = 0
                elif whole and left >= 0 and left + columns.shape[4] <= width:
                    # A row of the patch lies in one piece in the image: NHWC's gift to im2col.
                    source = x[n, h, left : left + columns.shape[4]].reshape(run)
                    for i in range(run):
                        target[i] = source[i]
                else:
                    for s in range(columns.shape[4]):
                        w = left + s * dilation[1]
                        for d in range(depth):
                            target[s * depth + d] = x[n, h, w, first + d] if 0 <= w < width else 0


@jit(parallel=True)
def _col2im(d_x: Any, columns: Any, first: Any, stride: Any, padding: Any, dilation: Any) -> None:
    """columns (N,P,Q,R,S,D) -> d_x (N,H,W,C), channels first .. first+D: the adjoint of im2col.

    One thread owns one row of d_x and collects all that belongs there, so no two threads add to one
    number and the order of the sums does not depend on how many threads there are.
    """
    count, height, width = d_x.shape[0], d_x.shape[1], d_x.shape[2]
    rows, cells, depth = columns.shape[1], columns.shape[2], columns.shape[5]
    for index in prange(count * height):
        n = index // height
        h = index - n * height
        for w in range(width):
            for d in range(depth):
                d_x[n, h, w, first + d] = 0
        for r in range(columns.shape[3]):
            offset = h + padding[0] - r * dilation[0]
            p = offset // stride[0]
            if offset < 0 or p * stride[0] != offset or p >= rows:
                continue
            for q in range(cells):
                for s in range(columns.shape[4]):
                    w = q * stride[1] - padding[1] + s * dilation[1]
                    if 0 <= w < width:
                        for d in range(depth):
                            d_x[n, h, w, first + d] += columns[n, p, q, r, s, d]

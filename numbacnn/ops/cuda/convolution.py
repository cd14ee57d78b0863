"""Convolution on the GPU as one product a call, its columns made where they are read (implicit im2col); see
ops.convolution. In float32 it may be Winograd's algorithm instead (winograd/); a filter a channel is no product (depthwise.py).

forward            y (N*P*Q, K) = patches (N*P*Q, R*S*C) weights (R*S*C, K)
backward_input     d_x (N*H*W, C) = the gradients that reach each pixel (N*H*W, R*S*K) weights turned (R*S*K, C): every
                   pixel gathers what is its own, and nothing is added to what another thread writes; at a stride a product
                   for each kind of pixels, to which other taps lead
backward_weights   d_weights (R*S*C, K) = patches turned (R*S*C, N*P*Q) d_y (N*P*Q, K)

A group is a product of its own, side by side with the others in the grid.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from ..convolution.depthwise import suits as is_depthwise
from . import activations, dense, depthwise, few_channels
from .patches import (
    FILTERS,
    OWN_FILTERS,
    geometry_of,
    gradients_of_pixels,
    kinds_of,
    patches,
    patches_turned,
    row_of_kind,
    weights_turned,
)
from .product.finishing import as_it_is, biased_and_rectified, masked
from .product.launching import Product
from .product.loaders import across_depth
from .winograd import passes as winograd


def choose(channels: int, filters: int, window: Any, groups: int, algorithm: str) -> str:
    """The algorithm's name as it is: under "auto" every pass takes what is quickest for the pictures that there are."""
    return algorithm


def workspace_size(
    output: tuple[int, int, int],
    channels: int,
    filters: int,
    window: Any,
    groups: int,
    algorithm: str,
    input_size: tuple[int, int],
    limit: float = math.inf,
) -> int:
    """Elements of workspace that the three ops need for an output (N, P, Q), at most `limit`."""
    if is_depthwise(channels, filters, window, groups):
        return depthwise.weights_workspace_size(output, channels, window)
    pixels = output[0] * math.prod(input_size)
    volumes = (output[0], *input_size, channels), (*output, filters)
    tiles = winograd.room(*volumes, window, groups, algorithm, limit)
    if few_channels.suits(channels, filters, groups):
        copies = sum(few_channels.sizes(pixels, filters, window.kernel))
        if copies <= limit:
            padded = few_channels.PADDED
            return copies + _room(output, padded, filters, window, groups, pixels, limit - copies)
    return max(tiles, _room(output, channels, filters, window, groups, pixels, limit))


def _room(
    output: tuple[int, int, int],
    channels: int,
    filters: int,
    window: Any,
    groups: int,
    pixels: int,
    limit: float,
) -> int:
    """Elements for the parts of the three products' sums."""
    own_channels, own_filters = channels // groups, filters // groups
    taps, cells = math.prod(window.kernel), math.prod(output)
    both = _are_aligned(own_channels, own_filters)
    rooms = [
        _forward(both).room(cells, own_filters, taps * own_channels, groups, limit),
        _backward_weights(both).room(taps * own_channels, own_filters, cells, groups, limit),
    ]
    if window.stride == (1, 1):
        to_pixels = _backward_input(_are_aligned(own_filters), False)
        rooms.append(to_pixels.room(pixels, own_channels, taps * own_filters, groups, limit))
    return max(rooms)


@cache
def _forward(aligned: bool) -> Product:
    load_w = across_depth(FILTERS, OWN_FILTERS, aligned)
    return Product(_name("forward", aligned), patches(aligned), load_w, biased_and_rectified)


@cache
def _backward_input(aligned: bool, strided: bool) -> Product:
    loads = gradients_of_pixels(aligned), weights_turned(aligned, strided)
    if strided:
        return Product(_name("backward_input_strided", aligned), *loads, masked, row_of_kind)
    return Product(_name("backward_input", aligned), *loads, masked)


@cache
def _backward_weights(aligned: bool) -> Product:
    load_d_y = across_depth(FILTERS, OWN_FILTERS, aligned)
    loads = patches_turned(aligned), load_d_y
    return Product(_name("backward_weights", aligned), *loads, as_it_is, sums_columns=True)


def products() -> list[Product]:
    """Every product of convolutions, however its numbers are read."""
    ways = (True, False)
    return [
        *(_forward(aligned) for aligned in ways),
        *(_backward_input(aligned, strided) for aligned in ways for strided in ways),
        *(_backward_weights(aligned) for aligned in ways),
        *winograd.products(),
    ]


def _name(op: str, aligned: bool) -> str:
    return f"convolution.{op}{'_in_fours' if aligned else ''}"


def _pads(x: Any, filters: int, window: Any, groups: int, workspace: Any) -> bool:
    """Whether three channels are read as four, and there is room for that."""
    if not few_channels.suits(x.shape[3], filters, groups):
        return False
    copies = sum(few_channels.sizes(math.prod(x.shape[:3]), filters, window.kernel))
    return bool(workspace.size >= copies)


def _are_aligned(*own: int) -> bool:
    """Whether four neighbours among a group's channels are read at a time."""
    return all(size % 4 == 0 for size in own)


def forward(
    y: Any,
    x: Any,
    weights: Any,
    bias: Any,
    slope: Any,
    window: Any,
    groups: Any,
    algorithm: Any,
    workspace: Any,
) -> None:
    """y = f(x * weights + bias): every filter's dot product with every patch (lecture: convolutional layer)."""
    if is_depthwise(x.shape[3], y.shape[3], window, groups):
        depthwise.forward(y, x, weights, bias, slope, window)
        return
    job = winograd.job_for("forward", x.shape, y.shape, window, groups, algorithm, workspace.size)
    if job is not None:
        winograd.forward(y, x, weights, bias, slope, window, job, workspace)
        return
    if _pads(x, y.shape[3], window, groups, workspace):
        x, workspace = few_channels.padded_pixels(x, workspace)
        weights, workspace = few_channels.padded_filters(weights, workspace)
    own_channels, own_filters = x.shape[3] // groups, y.shape[3] // groups
    _forward(_are_aligned(own_channels, own_filters))(
        y,
        x,
        weights,
        rows=math.prod(y.shape[:3]),
        columns=own_filters,
        depth=math.prod(window.kernel) * own_channels,
        row_size=y.shape[3],
        geometry=geometry_of(x.shape, y.shape, window, groups),
        groups=groups,
        start=bias,
        slope=slope,
        workspace=workspace,
    )


def backward_input(
    d_x: Any, d_y: Any, weights: Any, window: Any, groups: Any, algorithm: Any, workspace: Any
) -> None:
    """d_x: every pixel's sum over the patches that it lies in, at any stride."""
    backward_input_masked(d_x, d_y, weights, window, groups, algorithm, workspace, None, 1.0)


def backward_input_masked(
    d_x: Any,
    d_y: Any,
    weights: Any,
    window: Any,
    groups: Any,
    algorithm: Any,
    workspace: Any,
    signs: Any,
    slope: Any,
) -> None:
    """d_x: the same where signs is above 0, else slope times that; a slope of 1 needs no signs."""
    if is_depthwise(d_x.shape[3], d_y.shape[3], window, groups):
        depthwise.backward_input(d_x, d_y, weights, window)
        if signs is not None:
            activations.leaky_relu_backward(d_x, d_x, signs, slope, activations.STANDARD)
        return
    job = winograd.job_for("backward_input", d_x.shape, d_y.shape, window, groups, algorithm, workspace.size)
    if job is not None:
        winograd.backward_input(d_x, d_y, weights, signs, slope, window, job, workspace)
        return
    own_channels, own_filters = d_x.shape[3] // groups, d_y.shape[3] // groups
    strided = window.stride != (1, 1)
    if strided:
        products = list(kinds_of(d_x.shape, d_y.shape, window, groups))
    else:
        geometry = geometry_of(d_x.shape, d_y.shape, window, groups)
        products = [(math.prod(d_x.shape[:3]), math.prod(window.kernel), geometry)]
    for pixels, taps, geometry in products:
        _backward_input(_are_aligned(own_filters), strided)(
            d_x,
            d_y,
            weights,
            rows=pixels,
            columns=own_channels,
            depth=taps * own_filters,
            row_size=d_x.shape[3],
            geometry=geometry,
            groups=groups,
            start=signs,
            slope=slope,
            # Parts of the pixels of one kind would have to be added up apart from the others.
            workspace=None if strided else workspace,
        )


def backward_weights(
    d_weights: Any, x: Any, d_y: Any, window: Any, groups: Any, algorithm: Any, workspace: Any
) -> None:
    """d_weights: every element of a patch times every filter's gradient, summed over all pixels."""
    if is_depthwise(x.shape[3], d_y.shape[3], window, groups):
        depthwise.backward_weights(d_weights, x, d_y, window, workspace)
    else:
        _sum_gradients(d_weights, None, x, d_y, window, groups, algorithm, workspace)


def backward_parameters(
    d_weights: Any, d_bias: Any, x: Any, d_y: Any, window: Any, groups: Any, algorithm: Any, workspace: Any
) -> None:
    """d_weights, and d_bias: every filter's gradient, summed over all pixels as it is read for d_weights."""
    if is_depthwise(x.shape[3], d_y.shape[3], window, groups):
        depthwise.backward_weights(d_weights, x, d_y, window, workspace)
        dense.bias_gradient(d_bias, d_y.reshape(-1, d_bias.size), workspace)
    else:
        _sum_gradients(d_weights, d_bias, x, d_y, window, groups, algorithm, workspace)


def _sum_gradients(
    d_weights: Any, d_bias: Any, x: Any, d_y: Any, window: Any, groups: int, algorithm: str, workspace: Any
) -> None:
    """d_bias: None where it is not wanted."""
    job = winograd.job_for("backward_weights", x.shape, d_y.shape, window, groups, algorithm, workspace.size)
    if job is not None:
        winograd.backward_weights(d_weights, x, d_y, window, job, workspace)
        if d_bias is not None:
            dense.bias_gradient(d_bias, d_y.reshape(-1, d_bias.size), workspace)
        return
    target = d_weights
    if _pads(x, d_y.shape[3], window, groups, workspace):
        x, workspace = few_channels.padded_pixels(x, workspace)
        size = few_channels.PADDED * math.prod(window.kernel) * d_y.shape[3]
        target, workspace = workspace[:size], workspace[size:]
    own_channels, own_filters = x.shape[3] // groups, d_y.shape[3] // groups
    rows, depth = math.prod(window.kernel) * own_channels, math.prod(d_y.shape[:3])
    _backward_weights(_are_aligned(own_channels, own_filters))(
        target,
        x,
        d_y,
        rows=rows,
        columns=own_filters,
        depth=depth,
        row_size=d_y.shape[3],
        geometry=geometry_of(x.shape, d_y.shape, window, groups),
        groups=groups,
        workspace=workspace,
        sums=d_bias,
    )
    if target is not d_weights:
        few_channels.take_filters(d_weights, target)

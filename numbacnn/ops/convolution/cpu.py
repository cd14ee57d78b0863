"""Convolution on the CPU: every filter's product with every patch, the patches read in place (see cut.py), or
Winograd's way where that was measured faster, or directly where every channel has a filter of its own.
"""

from __future__ import annotations

import math
from typing import Any

from .. import dense
from ..geometry import Window
from ..parallel import parallel
from ..product import columns_of_panel, pack_panels, panels_size, transpose, zeros
from . import columns, depthwise, patches, pointwise, sums, thin, tiles, winograd, winograd_sums
from .choice import choose, tile_of
from .cut import Terms, cut

_LARGE = 1 << 17
"""Channels times filters from which a weight gradient of 1x1 filters is computed as a dense layer's."""


def workspace_size(
    output: tuple[int, int, int],
    channels: int,
    filters: int,
    window: Window,
    groups: int,
    algorithm: str,
    input_size: tuple[int, int],
    limit: float = math.inf,
) -> int:
    """Elements of workspace that the three ops need for an output (N, P, Q) and an input of (H, W): at most `limit`, unless
    the least that they can do with is more.
    """
    chosen = choose(channels, filters, window, groups, algorithm)
    if chosen == "direct":
        return depthwise.workspace_size(output, channels, window)
    size = tile_of(chosen, channels)
    mirrored = math.prod(window.kernel) * channels // groups * filters
    if size:
        taps = window.kernel[0]
        forward_size = tiles.workspace_size(output, channels, filters, size, taps, limit)
        backward_size = tiles.workspace_size(output, filters, channels, size, taps, limit - mirrored)
        return max(forward_size, mirrored + backward_size)
    plan = cut(output, channels, filters, window.terms, groups)
    if _is_product(channels, filters, window, groups):
        forward_size = max(plan.packed, dense.workspace_size("cpu", filters, 0, 0, limit))
    else:
        forward_size = plan.workspace(limit)
    if thin.is_chosen(chosen, channels):
        forward_size = max(forward_size, thin.workspace_size(output, channels, filters, limit))
    if _by_columns(channels, window, groups):
        return max(forward_size, columns.workspace_size(output, channels, filters, window, groups, limit))
    backward = cut((output[0], *input_size), filters, channels, _mirrored(window), groups)
    if pointwise.suits(_mirrored(window), groups):
        return max(forward_size, mirrored + backward.packed)
    return max(forward_size, mirrored + backward.forward_workspace(limit - mirrored))


def forward(
    y: Any,
    x: Any,
    weights: Any,
    bias: Any,
    slope: float,
    window: Window,
    groups: int,
    algorithm: str,
    workspace: Any,
) -> None:
    """y = f(x * weights + bias): every filter's dot product with every patch (lecture: convolutional layer)."""
    chosen = choose(x.shape[3], y.shape[3], window, groups, algorithm)
    if chosen == "direct":
        depthwise.forward(y, x, weights, bias, slope, window.terms)
        return
    if thin.is_chosen(chosen, x.shape[3]):
        packed = workspace[: thin.packed_size(x.shape[3], y.shape[3])]
        thin.pack(packed, weights.reshape(-1), x.shape[3])
        thin.multiply(y, x, packed, bias, slope, 0, window.corner, workspace[packed.size :])
        return
    _convolve(y, x, weights, bias, slope, window.terms, groups, tile_of(chosen, x.shape[3]), workspace)


def forward_packed(
    y: Any,
    x: Any,
    packed: Any,
    bias: Any,
    added: Any,
    slope: float,
    first: int,
    window: Window,
    groups: int,
    algorithm: str,
    workspace: Any,
) -> None:
    """Channels first .. first+K of y (N,P,Q,…) = f(x * weights + bias (K) + added), of filters that were packed before (packing.py). `added` is
    None or, where y has no other channels and the algorithm `suits_sum`, another array of the shape of y.
    """
    chosen = choose(x.shape[3], bias.size, window, groups, algorithm)
    if thin.is_chosen(chosen, x.shape[3]):
        thin.multiply(y, x, packed, bias, slope, first, window.corner, workspace)
        return
    _convolve_packed(
        y, x, packed, bias, added, slope, first, window.terms, groups, tile_of(chosen, x.shape[3]), workspace
    )


def backward_input(
    d_x: Any, d_y: Any, weights: Any, window: Window, groups: int, algorithm: str, workspace: Any
) -> None:
    """d_x: at stride 1 the convolution of d_y with the mirrored filters, whose channels are the filters'."""
    channels, filters = d_x.shape[3], d_y.shape[3]
    chosen = choose(channels, filters, window, groups, algorithm)
    if chosen == "direct":
        depthwise.backward_input(d_x, d_y, weights, window)
        return
    if _by_columns(channels, window, groups):
        columns.backward_input(d_x, d_y, weights, window, groups, workspace)
        return
    mirrored = workspace[: weights.size].reshape(*window.kernel, filters // groups, channels)
    _mirror(mirrored, weights, groups)
    bias, rest = zeros(channels, d_x.dtype), workspace[weights.size :]
    _convolve(d_x, d_y, mirrored, bias, 1.0, _mirrored(window), groups, tile_of(chosen, channels), rest)


def backward_weights(
    d_weights: Any, x: Any, d_y: Any, window: Window, groups: int, algorithm: str, workspace: Any
) -> None:
    """d_weights: every element of a patch times every filter's gradient, summed over all pixels."""
    chosen = choose(x.shape[3], d_y.shape[3], window, groups, algorithm)
    if chosen == "direct":
        depthwise.backward_weights(d_weights, x, d_y, window, workspace)
        return
    size = tile_of(chosen, x.shape[3])
    if not size and _is_product(x.shape[3], d_y.shape[3], window, groups):
        matrices = (each.reshape(-1, each.shape[-1]) for each in (d_weights, x, d_y))
        dense.backward_weights(*matrices, workspace)
        return
    if size:
        winograd_sums.backward_weights(d_weights, x, d_y, window.corner, size, workspace)
        return
    sums.backward_weights(d_weights, x, d_y, window.terms, groups, workspace)


def backward_parameters(
    d_weights: Any,
    d_bias: Any,
    x: Any,
    d_y: Any,
    window: Window,
    groups: int,
    algorithm: str,
    workspace: Any,
) -> None:
    """d_weights, and d_bias: every filter's gradient, summed over all pixels."""
    backward_weights(d_weights, x, d_y, window, groups, algorithm, workspace)
    dense.bias_gradient(d_bias, d_y.reshape(-1, d_bias.size), workspace)


def _is_product(channels: int, filters: int, window: Window, groups: int) -> bool:
    """Whether a weight gradient is x^T d_y itself, of so many channels and filters that every task has enough of them: sums
    of a few pixels at a time would go to and fro between the caches.
    """
    alone = window.kernel == window.stride == (1, 1) and not any(window.padding)
    return alone and groups == 1 and channels * filters >= _LARGE


def _by_columns(channels: int, window: Window, groups: int) -> bool:
    """Whether d_x is made of columns (columns.py), and not by a convolution of d_y.

    A stride leaves no choice; few channels of a large filter would leave most of the convolution's vectors empty.
    """
    few = channels // groups < columns_of_panel(4) and math.prod(window.kernel) > 1
    return window.stride != (1, 1) or few


@parallel(lambda mirrored, weights, groups: weights.shape[0] * weights.shape[1] * groups)
def _mirror(begin: Any, end: Any, mirrored: Any, weights: Any, groups: Any) -> None:
    """Every filter turned by 180 degrees, channels and filters exchanged: (R,S,C/G,K) -> (R,S,K/G,C)."""
    tall, wide, share, filters = weights.shape
    own, last = filters // groups, tall * wide - 1
    channels = share * groups
    target, source = mirrored.reshape(mirrored.size), weights.reshape(weights.size)
    for index in range(begin, end):
        cell, group = index // groups, index % groups
        transpose(
            target,
            (last - cell) * own * channels + group * share,
            channels,
            source,
            cell * share * filters + group * own,
            filters,
            share,
            own,
        )


def _mirrored(window: Window) -> Terms:
    """The window of the convolution that walks back through a convolution of stride 1."""
    tall, wide = window.extent
    top, bottom, left, right = window.padding
    padding = (tall - 1 - top, tall - 1 - bottom, wide - 1 - left, wide - 1 - right)
    return (*window.kernel, 1, 1, *padding, *window.dilation)


def _convolve(
    y: Any,
    x: Any,
    weights: Any,
    bias: Any,
    slope: float,
    terms: Terms,
    groups: int,
    size: int,
    workspace: Any,
) -> None:
    """With filters as they are, which are packed into the workspace first."""
    if size:
        winograd.convolve(y, x, weights, bias, slope, (terms[4], terms[6]), size, workspace)
        return
    depth, filters = weights.size // bias.size, bias.size // groups
    packed = workspace[: panels_size(groups, depth, filters)]
    pack_panels(packed, weights.reshape(-1), groups, depth, filters)
    _convolve_packed(y, x, packed, bias, None, slope, 0, terms, groups, 0, workspace[packed.size :])


def _convolve_packed(
    y: Any,
    x: Any,
    packed: Any,
    bias: Any,
    added: Any,
    slope: float,
    first: int,
    terms: Terms,
    groups: int,
    size: int,
    workspace: Any,
) -> None:
    if size:
        winograd.convolve_packed(
            y, x, packed, bias, added, slope, first, (terms[4], terms[6]), size, terms[0], workspace
        )
    elif pointwise.suits(terms, groups):
        pointwise.multiply(y, x, packed, bias, added, slope, first)
    else:
        patches.multiply(y, x, packed, bias, added, slope, first, terms, groups, workspace)

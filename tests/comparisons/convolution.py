"""Convolutions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import naive
import numpy as np

from comparisons import arrays
from comparisons.rows import Comparison, masked
from numbacnn.layers import Convolution
from numbacnn.ops import convolution
from numbacnn.ops.convolution.choice import TILES, choose
from numbacnn.ops.convolution.matrices import matrices


@dataclass(frozen=True)
class Filters:
    """A convolution: the volume of its input (N,H,W,C), and its options."""

    volume: tuple[int, int, int, int]
    filters: int
    kernel: Any
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def layer(self):
        return Convolution(self.filters, self.kernel, **self.options)


CONVOLUTIONS = {
    "one of everything": Filters((1, 1, 1, 1), 1, 1),
    "batch 1, one channel": Filters((1, 5, 5, 1), 1, 3),
    "not square": Filters((2, 7, 5, 3), 5, (3, 2)),
    "stride 3, padding 1": Filters((2, 7, 7, 2), 3, 3, {"stride": 3, "padding": 1}),
    "strides (2, 1)": Filters((3, 7, 4, 2), 4, (3, 2), {"stride": (2, 1)}),
    "stride above kernel": Filters((2, 7, 7, 2), 3, 1, {"stride": 2}),
    "asymmetric padding": Filters((2, 6, 5, 3), 4, 3, {"padding": (1, 0, 0, 2)}),
    "asymmetric padding, stride 2": Filters((2, 6, 6, 2), 3, 3, {"padding": (1, 0, 0, 1), "stride": 2}),
    "padding as wide as the kernel": Filters((2, 4, 4, 2), 3, 3, {"padding": 3}),
    "dilation 2": Filters((2, 9, 8, 3), 4, 3, {"dilation": 2, "padding": 1}),
    "dilation and stride": Filters((2, 9, 9, 2), 3, 3, {"dilation": (2, 1), "stride": (2, 3), "padding": 0}),
    "2 groups": Filters((2, 6, 6, 4), 6, 3, {"groups": 2, "padding": 1}),
    "2 groups, stride 2": Filters((3, 7, 7, 4), 6, 3, {"groups": 2, "stride": 2}),
    "depthwise": Filters((2, 6, 5, 5), 5, 3, {"groups": 5, "padding": 1}),
    "depthwise, stride 2": Filters(
        (3, 7, 8, 35), 35, 3, {"groups": 35, "stride": 2, "padding": (0, 1, 1, 1), "rounding": "floor"}
    ),
    "depthwise, wide padding": Filters(
        (2, 4, 3, 3), 3, (2, 3), {"groups": 3, "padding": 3, "stride": (1, 3)}
    ),
    "depthwise, rows of cells": Filters((1, 3, 9, 66), 66, 3, {"groups": 66, "padding": 1}),
    "depthwise, rows of spans": Filters((2, 5, 29, 16), 16, 3, {"groups": 16, "padding": (0, 1, 2, 0)}),
    "depthwise, rows of cells, stride 2": Filters(
        (1, 3, 19, 17), 17, 3, {"groups": 17, "stride": 2, "padding": 1, "rounding": "floor"}
    ),
    "depthwise, 5x5": Filters((1, 4, 11, 17), 17, 5, {"groups": 17, "padding": 2}),
    "depthwise, 5x5, stride 2": Filters(
        (1, 4, 15, 16), 16, 5, {"groups": 16, "stride": 2, "padding": 2, "rounding": "floor"}
    ),
    "depthwise, 3x2, stride 3": Filters(
        (1, 4, 15, 3), 3, (3, 2), {"groups": 3, "stride": 3, "rounding": "floor"}
    ),
    "depthwise, dilation 2": Filters((2, 6, 5, 4), 4, 3, {"groups": 4, "dilation": 2, "padding": 1}),
    "two filters a channel": Filters((2, 6, 5, 4), 8, 3, {"groups": 4, "padding": 1}),
    "1x1": Filters((3, 5, 4, 7), 6, 1),
    "1x1, several tasks": Filters((3, 7, 7, 9), 41, 1),
    "1x1, several blocks": Filters((1, 3, 3, 530), 18, 1),
    "1x1, whole tiles": Filters((2, 5, 3, 8), 48, 1),
    "1x1, many filters": Filters((1, 7, 4, 300), 230, 1),
    "1x1 with padding": Filters((2, 3, 3, 2), 4, 1, {"padding": 1}),
    "kernel as large as the picture": Filters((4, 5, 6, 3), 7, (5, 6)),
    "floor": Filters((2, 8, 8, 2), 3, 3, {"stride": 2, "rounding": "floor"}),
    "ceil": Filters((2, 8, 8, 2), 3, 3, {"stride": 2, "rounding": "ceil"}),
    "a filter above a panel": Filters((2, 13, 11, 3), 17, 3, {"padding": 1}),
    "many pictures in a tile": Filters((37, 3, 3, 2), 4, 2),
    "several tiles in a picture": Filters((2, 21, 19, 2), 3, 3),
    "several tiles, stride 2": Filters((2, 41, 39, 1), 2, 3, {"stride": 2}),
    "Winograd, one tile": Filters((1, 4, 4, 64), 64, 3, {"padding": 1}),
    "Winograd, cut tiles, no padding": Filters((3, 9, 7, 16), 32, 3, {"algorithm": "winograd-4"}),
    "Winograd, asymmetric padding": Filters(
        (2, 5, 6, 32), 16, 3, {"padding": (2, 0, 1, 2), "algorithm": "winograd-4"}
    ),
    "Winograd, several blocks": Filters((5, 22, 21, 16), 16, 3, {"padding": 1, "algorithm": "winograd-4"}),
    "Winograd, tiles of 2": Filters((3, 7, 5, 32), 16, 3, {"padding": 1, "algorithm": "winograd-2"}),
    "Winograd, many filters": Filters((2, 3, 5, 256), 256, 3, {"padding": 1}),
    "Winograd, filters of 5x5": Filters((3, 6, 5, 32), 48, 5, {"padding": 2, "algorithm": "winograd-2"}),
    "Winograd, filters of 5x5, tiles of 4": Filters((3, 9, 6, 16), 48, 5, {"padding": 2}),
    "Winograd, filters of 5x5, tiles of 4, asymmetric padding": Filters(
        (2, 8, 11, 32), 16, 5, {"padding": (0, 4, 3, 1), "algorithm": "winograd-4"}
    ),
    "Winograd, filters of 5x5, asymmetric padding": Filters(
        (2, 7, 8, 16), 32, 5, {"padding": (4, 0, 1, 3), "algorithm": "winograd-2"}
    ),
    "colours in tiles": Filters((2, 12, 8, 3), 32, 5, {"padding": 2}),
    "colours in cut tiles, no padding": Filters((3, 11, 14, 3), 48, 5),
    "four channels, uneven padding": Filters(
        (2, 7, 6, 4), 32, 5, {"padding": (0, 4, 6, 1), "algorithm": "winograd-4"}
    ),
    "small filters of one channel": Filters((9, 12, 12, 1), 6, 5, {"padding": 2}),
}
CONVOLUTION_LAYERS = {
    "lenet conv1": Filters((64, 28, 28, 1), 6, 5, {"padding": 2}),
    "lenet conv2": Filters((64, 14, 14, 6), 16, 5),
    "cifar-quick conv1": Filters((64, 32, 32, 3), 32, 5, {"padding": 2}),
    "cifar-quick conv2": Filters((64, 16, 16, 32), 32, 5, {"padding": 2}),
    "cifar-quick conv3": Filters((64, 8, 8, 32), 64, 5, {"padding": 2}),
    "vgg-small conv1": Filters((32, 32, 32, 3), 64, 3, {"padding": 1}),
    "vgg-small conv2": Filters((32, 32, 32, 64), 64, 3, {"padding": 1}),
    "vgg-small conv3": Filters((32, 16, 16, 64), 128, 3, {"padding": 1}),
    "vgg-small conv4": Filters((32, 16, 16, 128), 128, 3, {"padding": 1}),
    "vgg-small conv5": Filters((32, 8, 8, 128), 256, 3, {"padding": 1}),
    "vgg-small conv6": Filters((32, 8, 8, 256), 256, 3, {"padding": 1}),
    "alexnet conv1": Filters((16, 227, 227, 3), 96, 11, {"stride": 4}),
    "alexnet conv2": Filters((16, 27, 27, 96), 256, 5, {"padding": 2}),
    "alexnet conv3": Filters((16, 13, 13, 256), 384, 3, {"padding": 1}),
    "alexnet conv4": Filters((16, 13, 13, 384), 384, 3, {"padding": 1}),
    "alexnet-2012 conv2": Filters((16, 27, 27, 96), 256, 5, {"padding": 2, "groups": 2}),
    "mobilenet-v1 conv2 depthwise": Filters((16, 112, 112, 32), 32, 3, {"padding": 1, "groups": 32}),
    "mobilenet-v1 conv7 depthwise": Filters((16, 14, 14, 512), 512, 3, {"padding": 1, "groups": 512}),
    "alexnet conv5": Filters((16, 13, 13, 384), 256, 3, {"padding": 1}),
}


def convolution_arguments(generator, dtype, shape):
    """x, weights and d_y of a convolution, and what ends every call."""
    layer, (count, *volume) = shape.layer, shape.volume
    output = layer.output_shape(tuple(volume))
    x = arrays.numbers(generator, dtype, count, *volume)
    weights = arrays.numbers(generator, dtype, *layer.parameter_specs(tuple(volume))["weights"].shape)
    d_y = arrays.numbers(generator, dtype, count, *output)
    # As large as the ops ask for and no larger; NaN shows whatever is read before it is written.
    workspace = arrays.unwritten(dtype, layer.prepare(count, output, tuple(volume)).workspace)
    return x, weights, d_y, [layer.window(), layer.groups, layer.algorithm, workspace]


def convolution_forward(generator, dtype, shape):
    x, weights, y, tail = convolution_arguments(generator, dtype, shape)
    return [
        arrays.unwritten(dtype, *y.shape),
        x,
        weights,
        arrays.numbers(generator, dtype, y.shape[3]),
        0.25,
        *tail,
    ]


def convolution_backward_input(generator, dtype, shape):
    x, weights, d_y, tail = convolution_arguments(generator, dtype, shape)
    return [arrays.unwritten(dtype, *x.shape), d_y, weights, *tail]


def convolution_backward_weights(generator, dtype, shape):
    x, weights, d_y, tail = convolution_arguments(generator, dtype, shape)
    return [arrays.unwritten(dtype, *weights.shape), x, d_y, *tail]


def convolution_backward_parameters(generator, dtype, shape):
    x, weights, d_y, tail = convolution_arguments(generator, dtype, shape)
    filters = d_y.shape[3]
    return [arrays.unwritten(dtype, *weights.shape), arrays.unwritten(dtype, filters), x, d_y, *tail]


def matrices_of(weights, groups, tile):
    """The matrices (depth, columns) that are packed: a group's filters each, or the transformed filters of each position
    in a tile of Winograd's.
    """
    rows, columns, depth, filters = weights.shape
    if not tile:
        flat = weights.reshape(rows * columns * depth, groups, filters // groups)
        return [flat[:, group] for group in range(groups)]
    g = matrices(tile, rows)[2]
    transformed = np.einsum("ir,rsck,js->ijck", g, weights, g)
    if is_thin(tile, depth):
        return [transformed.swapaxes(0, 1).reshape(-1, filters)]
    return [*transformed.reshape(-1, depth, filters)]


def is_thin(tile, channels):
    """Whether one matrix has the transformed filters of all positions, column after column."""
    return tile and channels <= 4


def weights_of(found, shape, tile):
    """The weights whose matrices were found."""
    if not tile:
        return np.stack(found, 1).reshape(shape)
    inverse = np.linalg.pinv(matrices(tile, shape[0])[2])
    side = inverse.shape[1]
    transformed = np.reshape(found, (side, side, *shape[2:]))
    if is_thin(tile, shape[2]):
        transformed = transformed.swapaxes(0, 1)
    return np.einsum("ri,ijck,sj->rsck", inverse, transformed, inverse)


GAP = 16
"""Numbers between the matrices of Winograd's positions."""


def tile_of(weights, window, groups, algorithm):
    return TILES[choose(weights.shape[2] * groups, weights.shape[3], window, groups, algorithm)]


def naive_packed(packed, weights, window, groups, algorithm):
    tile = tile_of(weights, window, groups, algorithm)
    parts = [naive.packed(each, arrays.panel_width(weights)) for each in matrices_of(weights, groups, tile)]
    if tile and not is_thin(tile, weights.shape[2]):
        parts = [np.append(part, np.zeros(GAP)) for part in parts]
    found = np.concatenate(parts)
    return (np.append(found, packed[found.size :]),)


def packed_arguments(generator, dtype, shape):
    _, weights, _, (*manner, _) = convolution_arguments(generator, dtype, shape)
    size = convolution.packed_size(shape.volume[3], shape.filters, *manner)
    return [arrays.unwritten(dtype, size), weights, *manner]


@dataclass(frozen=True)
class Summed:
    """A convolution that is a term of a residual sum."""

    filters: Filters


def forward_packed(generator, dtype, shape):
    """Into a share of more channels, or as a term of a sum."""
    if isinstance(shape, Summed):
        return forward_summed(generator, dtype, shape.filters)
    y, x, weights, bias, slope, *manner, workspace = convolution_forward(generator, dtype, shape)
    packed = packed_arguments(generator, dtype, shape)[0]
    convolution.pack(packed, weights, *manner)
    wide = arrays.numbers(generator, dtype, *y.shape[:3], y.shape[3] + FIRST + 4)
    wide[..., FIRST : FIRST + y.shape[3]] = y
    return [wide, x, packed, bias, None, slope, FIRST, *manner, workspace]


def forward_summed(generator, dtype, shape):
    wide, x, packed, bias, _, slope, _, *rest = forward_packed(generator, dtype, shape)
    y = arrays.unwritten(dtype, *wide.shape[:3], bias.size)
    return [y, x, packed, bias, arrays.numbers(generator, dtype, *y.shape), slope, 0, *rest]


FIRST = 5
"""Channels before those that a packed convolution writes."""


def naive_forward_packed(y, x, packed, bias, added, slope, first, window, groups, algorithm, _):
    weights = packed_weights(
        packed, x, (*window.kernel, x.shape[3] // groups, bias.size), window, groups, algorithm
    )
    expected = y.copy()
    total = naive.convolution(x, weights, bias, window, groups) + (0 if added is None else added)
    expected[..., first : first + bias.size] = naive.leaky_relu(total, slope)
    return (expected,)


def packed_weights(packed, x, shape, window, groups, algorithm):
    """The weights (R,S,C/G,K) that were packed."""
    filters = shape[3]
    tile = TILES[choose(x.shape[3], filters, window, groups, algorithm)]
    depth, columns = (shape[2], filters) if tile else (np.prod(shape[:3]), filters // groups)
    if is_thin(tile, shape[2]):
        depth *= (tile + shape[0] - 1) ** 2
    whole = np.nan_to_num(packed)
    width = arrays.panel_width(x)
    apart = tile and not is_thin(tile, shape[2])
    step = depth * columns + GAP if apart else depth * -(-columns // width) * width
    count = (tile + shape[0] - 1) ** 2 if apart else groups
    found = [naive.unpacked(whole[place * step :], depth, columns, width) for place in range(count)]
    return weights_of(found, shape, tile)


def manner_of(shape):
    return (
        shape.volume[3],
        shape.filters,
        shape.layer.window(),
        shape.layer.groups,
        shape.layer.algorithm,
    )


PACKED = {name: shape for name, shape in CONVOLUTIONS.items() if convolution.packed_size(*manner_of(shape))}
SUMMED = {
    f"{name}, in a sum": Summed(shape)
    for name, shape in PACKED.items()
    if convolution.suits_sum(*manner_of(shape))
}

ROWS: dict[str, Comparison] = {
    "convolution.pack": Comparison(packed_arguments, naive_packed, PACKED),
    "convolution.forward_packed": Comparison(forward_packed, naive_forward_packed, PACKED | SUMMED),
    "convolution.forward": Comparison(
        convolution_forward,
        lambda y, x, weights, bias, slope, window, groups, *_: (
            naive.leaky_relu(naive.convolution(x, weights, bias, window, groups), slope),
        ),
        CONVOLUTIONS,
        CONVOLUTION_LAYERS,
    ),
    "convolution.backward_input": Comparison(
        convolution_backward_input,
        lambda d_x, d_y, weights, window, groups, *_: (
            naive.convolution_backward_input(d_y, weights, window, groups, d_x.shape),
        ),
        CONVOLUTIONS,
        CONVOLUTION_LAYERS,
    ),
    "convolution.backward_weights": Comparison(
        convolution_backward_weights,
        lambda d_weights, x, d_y, window, groups, *_: (
            naive.convolution_backward_weights(x, d_y, window, groups, d_weights.shape),
        ),
        CONVOLUTIONS,
        CONVOLUTION_LAYERS,
    ),
    "convolution.backward_parameters": Comparison(
        convolution_backward_parameters,
        lambda d_weights, d_bias, x, d_y, window, groups, *_: (
            naive.convolution_backward_weights(x, d_y, window, groups, d_weights.shape),
            d_y.sum((0, 1, 2)),
        ),
        CONVOLUTIONS,
        CONVOLUTION_LAYERS,
        outputs=2,
    ),
}
ROWS["convolution.backward_input_masked"] = masked(
    ROWS["convolution.backward_input"],
    "one of everything",
    "stride 3, padding 1",
    "2 groups, stride 2",
    "depthwise",
    "a filter above a panel",
    "Winograd, cut tiles, no padding",
    "Winograd, filters of 5x5, tiles of 4, asymmetric padding",
)

"""Dense layers: shapes are (N, D, K)."""

from __future__ import annotations

import naive
import numpy as np

from comparisons import arrays
from comparisons.rows import Comparison, masked
from numbacnn.ops import dense

PRODUCTS = {
    "one of everything": (1, 1, 1),
    "batch 1": (1, 7, 5),
    "batch 1, several blocks": (1, 9, 515),
    "one output": (3, 5, 1),
    "ragged": (13, 31, 17),
    "depth above a block": (2, 401, 3),
    "rows above a chunk": (491, 3, 5),
    "many panels": (5, 4, 150),
    "more columns than a task has": (4, 3, 2111),
}
DENSE_LAYERS = {
    "lenet dense3": (64, 400, 120),
    "lenet dense4": (64, 120, 84),
    "lenet dense5": (64, 84, 10),
    "cifar-quick dense4": (64, 1024, 64),
    "cifar-quick dense5": (64, 64, 10),
    "vgg-small dense7": (32, 4096, 256),
    "vgg-small dense8": (32, 256, 10),
    "alexnet dense6": (16, 9216, 4096),
    "alexnet dense7": (16, 4096, 4096),
    "alexnet dense8": (16, 4096, 1000),
}


def dense_arguments(outputs, *inputs, slope=None, also=()):
    """Arrays whose sizes are written in the letters N, D and K, the output's first and those of what is written `also`; then a
    rectifier's slope, if any.
    """

    def make(generator, dtype, shape):
        sizes = dict(zip("NDK", shape, strict=True))
        extents = [[sizes[letter] for letter in letters] for letters in (outputs, *also, *inputs)]
        matrices = [arrays.numbers(generator, dtype, *extent) for extent in extents]
        for output in matrices[: 1 + len(also)]:
            output[...] = np.nan
        workspace = arrays.unwritten(dtype, dense.workspace_size("cpu", sizes["K"], sizes["N"], sizes["D"]))
        return [*matrices, *([] if slope is None else [slope]), workspace]

    return make


def product(reference, outputs, *inputs, slope=None):
    make = dense_arguments(outputs, *inputs, slope=slope)
    return Comparison(make, lambda *arguments: (reference(*arguments[:-1]),), PRODUCTS, DENSE_LAYERS)


def some_weights(generator, dtype, shape):
    """Arguments of `backward_some_weights` for the last rows of the weights, all but a third."""
    _, x, d_y, workspace = dense_arguments("DK", "ND", "NK")(generator, dtype, shape)
    first = shape[1] // 3
    return [np.full((shape[1] - first, shape[2]), np.nan, dtype), x, d_y, first, workspace]


def packed_arguments(generator, dtype, shape):
    weights = arrays.numbers(generator, dtype, *shape[1:])
    return [arrays.unwritten(dtype, dense.packed_size(*shape[1:])), weights]


def forward_packed(generator, dtype, shape):
    y, x, weights, bias, slope, _ = dense_arguments("NK", "ND", "DK", "K", slope=0.25)(
        generator, dtype, shape
    )
    packed = packed_arguments(generator, dtype, shape)[0]
    dense.pack(packed, weights)
    return [y, x, packed, bias, slope]


def naive_packed(packed, weights):
    found = naive.packed(weights, arrays.panel_width(weights))
    return (np.append(found, packed[found.size :]),)


def naive_forward_packed(y, x, packed, bias, slope):
    weights = naive.unpacked(np.nan_to_num(packed), x.shape[1], bias.size, arrays.panel_width(x))
    return (naive.leaky_relu(x @ weights + bias, slope),)


PACKED = {
    **PRODUCTS,
    "several blocks of few rows": (2, 387, 40),
    "a last row tile that is not whole": (17, 386, 300),
    "whole steps in every block": (16, 516, 96),
    "one row tile of whole steps": (5, 260, 48),
    "rows of two tasks": (97, 70, 33),
}

ROWS: dict[str, Comparison] = {
    "dense.pack": Comparison(packed_arguments, naive_packed, PACKED),
    "dense.forward_packed": Comparison(forward_packed, naive_forward_packed, PACKED, DENSE_LAYERS),
    "dense.forward": product(
        lambda y, x, weights, bias, slope: naive.leaky_relu(x @ weights + bias, slope),
        "NK",
        "ND",
        "DK",
        "K",
        slope=0.25,
    ),
    "dense.backward_input": product(lambda d_x, d_y, weights: d_y @ weights.T, "ND", "NK", "DK"),
    "dense.backward_weights": product(lambda d_weights, x, d_y: x.T @ d_y, "DK", "ND", "NK"),
    "dense.backward_parameters": Comparison(
        dense_arguments("DK", "ND", "NK", also="K"),
        lambda d_weights, d_bias, x, d_y, _: (x.T @ d_y, d_y.sum(0)),
        PRODUCTS,
        DENSE_LAYERS,
        outputs=2,
    ),
    "dense.backward_some_weights": Comparison(
        some_weights, lambda d_weights, x, d_y, first, _: ((x.T @ d_y)[first:],), PRODUCTS
    ),
    "dense.bias_gradient": product(lambda d_bias, d_y: d_y.sum(0), "K", "NK"),
}
ROWS["dense.backward_input_masked"] = masked(ROWS["dense.backward_input"], "batch 1", "ragged", "many panels")

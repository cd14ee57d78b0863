"""Small Caffe files that tests write: weights of all three generations, and what such a network computes, channels first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from numbacnn.formats.protobuf import Writer

TEXT = """
name: "tiny"  # a convolution of two groups, a pool that hangs over, a dense layer
input: "data"
input_dim: 1 input_dim: 2 input_dim: 8 input_dim: 7
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 group: 2 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.1 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip" inner_product_param { num_output: 3 } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }
"""


def weights(seed: int = 0) -> dict[str, list[Any]]:
    """The arrays of the network of TEXT."""
    random = np.random.default_rng(seed)
    shapes: dict[str, list[tuple[int, ...]]] = {"conv": [(4, 1, 3, 3), (4,)], "ip": [(3, 48), (3,)]}
    return {
        name: [random.normal(size=shape).astype(np.float32) for shape in own] for name, own in shapes.items()
    }


def expected(images: Any, arrays: dict[str, list[Any]]) -> Any:
    """Probabilities of the network of TEXT for pictures (N,C,H,W), slowly."""
    filters, bias = arrays["conv"]
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    conv = np.empty((len(images), 4, 8, 7))
    for k, row, column in np.ndindex(4, 8, 7):
        patch = padded[:, k // 2, row : row + 3, column : column + 3]
        conv[:, k, row, column] = (patch * filters[k, 0]).sum((1, 2)) + bias[k]
    conv = np.where(conv > 0, conv, 0.1 * conv)
    # (8 - 3)/2 and (7 - 3)/2, rounded up, and one: 4 rows, the last of two rows of pixels, and 3 columns.
    pool = np.stack(
        [
            np.stack([conv[:, :, r : r + 3, c : c + 3].mean((2, 3)) for c in (0, 2, 4)], axis=-1)
            for r in (0, 2, 4, 6)
        ],
        axis=2,
    )
    scores = pool.reshape(len(images), -1) @ arrays["ip"][0].T + arrays["ip"][1]
    exponents = np.exp(scores - scores.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True)


def blob(array: Any, *, legacy: bool = False) -> Writer:
    """A BlobProto, with a shape or with the four sizes of old files."""
    message = Writer()
    if legacy:
        for number, length in enumerate((1,) * (4 - array.ndim) + array.shape, 1):
            message.integer(number, length)
    else:
        shape = Writer()
        for length in array.shape:
            shape.integer(1, length)
        message.data(7, shape)
    return message.array(5, array)


def write(path: Path, arrays: dict[str, list[Any]], generation: int = 2) -> Path:
    """The weights alone, as a .caffemodel of layers of a generation from 0 to 2, without types or options."""
    network = Writer().data(1, "tiny")
    for name, blobs in arrays.items():
        layer = Writer()
        if generation == 0:
            inner = Writer().data(1, name)
            for each in blobs:
                inner.data(50, blob(each, legacy=True))
            layer.data(1, inner)
        else:
            layer.data(1 if generation == 2 else 4, name)
            for each in blobs:
                layer.data(7 if generation == 2 else 6, blob(each, legacy=generation == 1))
        network.data(100 if generation == 2 else 2, layer)
    path.write_bytes(b"".join(network.parts()))
    return path

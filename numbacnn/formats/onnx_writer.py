"""Writes a network as ONNX, opset 17, IR version 10.

The input `pixels` is float32 (N,C,H,W), channels as RGB, values from 0 to 255: the preprocessing is part of the graph.
The outputs are the probabilities (N, classes) and the scores before the softmax. ONNX flattens volumes as (C,H,W),
numbacnn as (H,W,C); weights are reordered accordingly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import Node
from ..layers import (
    ELU,
    GELU,
    Add,
    AveragePool,
    BatchNorm,
    Clip,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Factor,
    Flatten,
    GlobalAveragePool,
    LeakyReLU,
    LocalResponseNorm,
    MaxPool,
    Multiply,
    Pixels,
    PReLU,
    Ramp,
    ReLU,
    ReLU6,
    Scale,
    Sigmoid,
    SiLU,
    Softmax,
    Subsample,
    SumPool,
    Tanh,
    TransposedConvolution,
    Upsample,
)
from ..layers.base import pair
from ..layers.convolution import padding_of
from ..network import Network
from .description import Unsupported
from .onnx_schema import IR_VERSION, OPSET
from .onnx_writing import INPUT, Writing
from .protobuf import Writer


def onnx_bytes(network: Network, name: str, version: str) -> list[bytes]:
    """Returns the contents of the file in parts, to be written one after another. Raises ModelError for layers that
    ONNX has no counterpart for.
    """
    graph = network.graph
    unsupported = Unsupported()
    for node in graph.nodes:
        if _writer_of(node) is None:
            unsupported.note(node.layer.kind, node.name)
    unsupported.check(name, "kind of layer")
    writing = Writing(graph)
    for node in graph.nodes:
        write = _writer_of(node)
        assert write is not None
        writing.values[node.name] = write(writing, node)
    model = Writer().integer(1, IR_VERSION).data(2, "numbacnn").data(3, version)
    model.data(7, writing.finished(network, name))
    model.data(8, Writer().data(1, "").integer(2, OPSET))
    for key, value in (
        ("class_names", json.dumps(list(network.class_names))),
        ("input", "RGB pixels from 0 to 255"),
    ):
        model.data(14, Writer().data(1, key).data(2, value))
    return model.parts()


def _pixels(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, Pixels)
    channels = writing.graph.input_shape[2]
    image = layer.constants.get("mean_image")
    value = INPUT
    mean, scale = (
        np.broadcast_to(np.asarray(each, np.float32), channels).reshape(-1, 1, 1)
        for each in (layer.mean, layer.scale)
    )
    mean = mean if image is None else image.transpose(2, 0, 1)
    if mean.any():
        value = writing.node("Sub", [value, writing.tensor(mean, "mean")])
    if (scale != 1).any():
        value = writing.node("Mul", [value, writing.tensor(scale, "scale")])
    if layer.channel_order == "BGR":
        value = writing.node("Gather", [value, writing.tensor(np.arange(channels)[::-1])], axis=1)
    return value


def _convolution(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, Convolution)
    window = layer.window()
    assert window is not None
    filters = writing.read(node, "weights").transpose(3, 2, 0, 1)
    inputs = [*writing.inputs(node), writing.parameter(node, "weight", filters)]
    if layer.bias:
        inputs.append(writing.parameter(node, "bias", writing.read(node, "bias")))
    return writing.node(
        "Conv", inputs, kernel_shape=window.kernel, strides=window.stride, dilations=window.dilation,
        group=layer.groups, pads=_pads(writing, node),
    )  # fmt: skip


def _pads(writing: Writing, node: Node) -> tuple[int, ...]:
    """Returns [top, left, bottom, right], enlarged so that windows that overhang the border (ceil rounding) fit."""
    window = node.layer.window()
    assert window is not None
    sizes, outputs = writing.graph.input_shapes(node)[0][:2], writing.graph.shapes[node.name][:2]
    before = window.padding.top, window.padding.left
    after = []
    for axis, end in enumerate((window.padding.bottom, window.padding.right)):
        needed = (outputs[axis] - 1) * window.stride[axis] + window.extent[axis] - sizes[axis] - before[axis]
        after.append(max(end, needed))
    return (*before, *after)


def _max_pool(writing: Writing, node: Node) -> str:
    window = node.layer.window()
    assert window is not None
    return writing.node(
        "MaxPool",
        writing.inputs(node),
        kernel_shape=window.kernel,
        strides=window.stride,
        pads=_pads(writing, node),
    )


def _sum_pool(writing: Writing, node: Node) -> str:
    """Writes a sum or average pool. ONNX only averages; the number of cells that it divides by (the window's, those of
    the padded picture, or those of the picture) matches the layer's.
    """
    layer, window = node.layer, node.layer.window()
    assert window is not None
    pads, value = _pads(writing, node), writing.inputs(node)[0]
    declared = (window.padding.top, window.padding.left, window.padding.bottom, window.padding.right)
    averages = isinstance(layer, AveragePool)
    inside = 0
    if averages and getattr(layer, "count_padding", True) and pads != declared and any(declared):
        ends = writing.tensor(np.array((0, 0, *declared[:2], 0, 0, *declared[2:])))
        value = writing.node("Pad", [value, ends])
        pads = (0, 0, *(over - given for over, given in zip(pads[2:], declared[2:], strict=True)))
    elif not averages or (getattr(layer, "count_padding", True) and pads == declared):
        inside = 1
    value = writing.node(
        "AveragePool",
        [value],
        kernel_shape=window.kernel,
        strides=window.stride,
        pads=pads,
        count_include_pad=inside,
    )
    return (
        value if averages else writing.node("Mul", [value, writing.tensor(float(math.prod(window.kernel)))])
    )


def _dense(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, Dense)
    weights, order = writing.read(node, "weights"), writing.orders[node.inputs[0]]
    if order is not None:
        weights = weights[np.argsort(order)]
    inputs = [*writing.inputs(node), writing.parameter(node, "weight", weights.T)]
    if layer.bias:
        inputs.append(writing.parameter(node, "bias", writing.read(node, "bias")))
    return writing.node("Gemm", inputs, transB=1)


def _batch_norm(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, BatchNorm)
    names = (
        ("weight", "scale", 1.0),
        ("bias", "shift", 0.0),
        ("running_mean", "running_mean", 0.0),
        ("running_var", "running_variance", 1.0),
    )
    inputs = [
        writing.parameter(node, theirs, writing.channels(node, ours, default, False))
        for theirs, ours, default in names
    ]
    return writing.node("BatchNormalization", [*writing.inputs(node), *inputs], epsilon=float(layer.eps))


def _scale(writing: Writing, node: Node) -> str:
    value = writing.node(
        "Mul", [*writing.inputs(node), writing.parameter(node, "weight", writing.channels(node, "scale"))]
    )
    return writing.node("Add", [value, writing.parameter(node, "bias", writing.channels(node, "shift"))])


def _factor(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, Factor)
    return writing.node("Mul", [*writing.inputs(node), writing.tensor(float(layer.factor))])


def _prelu(writing: Writing, node: Node) -> str:
    return writing.node(
        "PRelu", [*writing.inputs(node), writing.parameter(node, "weight", writing.channels(node, "slopes"))]
    )


def _response(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, LocalResponseNorm)
    return writing.node(
        "LRN",
        writing.inputs(node),
        size=layer.size,
        alpha=float(layer.alpha),
        beta=float(layer.beta),
        bias=float(layer.k),
    )


def _clip(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, (Clip, Ramp, ReLU6))
    low, high = (writing.tensor(np.float32(bound)) for bound in layer.bounds)
    return writing.node("Clip", [*writing.inputs(node), low, high])


def _silu(writing: Writing, node: Node) -> str:
    value = writing.inputs(node)[0]
    return writing.node("Mul", [value, writing.node("Sigmoid", [value])])


def _gelu(writing: Writing, node: Node) -> str:
    layer, value = node.layer, writing.inputs(node)[0]
    assert isinstance(layer, GELU)
    if layer.approximate:  # x / (1 + e^-2u)
        cube = writing.node("Mul", [writing.node("Mul", [value, value]), value])
        cube = writing.node("Mul", [cube, writing.tensor(0.044715)])
        inner = writing.node(
            "Mul", [writing.node("Add", [value, cube]), writing.tensor(2 * math.sqrt(2 / math.pi))]
        )
        return writing.node("Mul", [value, writing.node("Sigmoid", [inner])])
    share = writing.node("Erf", [writing.node("Mul", [value, writing.tensor(math.sqrt(0.5))])])
    share = writing.node("Mul", [writing.node("Add", [share, writing.tensor(1.0)]), writing.tensor(0.5)])
    return writing.node("Mul", [value, share])


def _multiply(writing: Writing, node: Node) -> str:
    values, shapes = writing.inputs(node), writing.graph.input_shapes(node)
    if len(shapes[0]) == 3 and len(shapes[1]) == 1:
        values[1] = writing.node("Unsqueeze", [values[1], writing.tensor(np.array((2, 3)))])
    return writing.node("Mul", values)


def _subsample(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, Subsample)
    ends = np.full(2, np.iinfo(np.int32).max)
    limits = [writing.tensor(np.array(each)) for each in ((0, 0), ends, (2, 3), (layer.stride, layer.stride))]
    value = writing.node("Slice", [*writing.inputs(node), *limits])
    more = layer.channels - writing.graph.input_shapes(node)[0][2]
    if not more:
        return value
    return writing.node(
        "Pad", [value, writing.tensor(np.array((0, more // 2, 0, 0, 0, more - more // 2, 0, 0)))]
    )


def _upsample(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, Upsample)
    smooth = layer.interpolation == "bilinear"
    return writing.node(
        "Resize",
        [*writing.inputs(node), "", writing.tensor(np.array((1, 1, layer.scale, layer.scale), np.float32))],
        mode="linear" if smooth else "nearest",
        coordinate_transformation_mode="half_pixel" if smooth else "asymmetric",
        nearest_mode="floor",
    )


def _transposed(writing: Writing, node: Node) -> str:
    layer = node.layer
    assert isinstance(layer, TransposedConvolution)
    weights = writing.read(node, "weights").transpose(3, 2, 0, 1)
    inputs = [*writing.inputs(node), writing.parameter(node, "weight", weights)]
    if layer.bias:
        inputs.append(writing.parameter(node, "bias", writing.read(node, "bias")))
    top, bottom, left, right = padding_of(layer.padding)
    return writing.node(
        "ConvTranspose", inputs, kernel_shape=pair("kernel", layer.kernel), strides=pair("stride", layer.stride),
        dilations=pair("dilation", layer.dilation), group=layer.groups, pads=(top, left, bottom, right),
        output_padding=pair("extra", layer.extra),
    )  # fmt: skip


def _plain(operator: str, **attributes: Any) -> Callable[[Writing, Node], str]:
    return lambda writing, node: writing.node(operator, writing.inputs(node), **attributes)


_WRITERS: dict[type, Callable[[Writing, Node], str]] = {
    Add: _plain("Sum"),
    AveragePool: _sum_pool,
    BatchNorm: _batch_norm,
    Clip: _clip,
    Concatenate: _plain("Concat", axis=1),
    Convolution: _convolution,
    Dense: _dense,
    Dropout: lambda writing, node: writing.inputs(node)[0],
    ELU: lambda writing, node: writing.node(
        "Elu", writing.inputs(node), alpha=float(node.layer.config().get("alpha", 1.0))
    ),
    Factor: _factor,
    Flatten: _plain("Flatten", axis=1),
    GELU: _gelu,
    GlobalAveragePool: _plain("GlobalAveragePool"),
    LeakyReLU: lambda writing, node: writing.node(
        "LeakyRelu", writing.inputs(node), alpha=float(node.layer.config().get("slope", 0.01))
    ),
    LocalResponseNorm: _response,
    MaxPool: _max_pool,
    Multiply: _multiply,
    PReLU: _prelu,
    Pixels: _pixels,
    Ramp: _clip,
    ReLU: _plain("Relu"),
    ReLU6: _clip,
    Scale: _scale,
    SiLU: _silu,
    Sigmoid: _plain("Sigmoid"),
    Softmax: _plain("Softmax", axis=1),
    Subsample: _subsample,
    SumPool: _sum_pool,
    Tanh: _plain("Tanh"),
    TransposedConvolution: _transposed,
    Upsample: _upsample,
}
"""Maps a class of layer to the function that writes it and returns the name of its output."""


def _writer_of(node: Node) -> Callable[[Writing, Node], str] | None:
    """Returns the writer of a layer's class or of the class that it derives from; None if there is none."""
    return next((_WRITERS[each] for each in type(node.layer).__mro__ if each in _WRITERS), None)

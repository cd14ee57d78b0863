"""Translates ONNX's operators: one function for each type, which adds its counterpart to the description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ModelError
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
    GlobalAveragePool,
    Layer,
    LeakyReLU,
    LocalResponseNorm,
    MaxPool,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    Softmax,
    Tanh,
)
from . import onnx_channels, onnx_enlarging, onnx_gelu, onnx_shapes
from .description import Array, as_float32
from .onnx_constants import axes
from .onnx_files import Operator
from .onnx_reading import Reading
from .padding import same


def _window(reading: Reading, operator: Operator, source: str, kernel: tuple[int, int]) -> dict[str, Any]:
    """Returns stride, padding and dilation of a window that slides over a map, as our layers take them."""
    strides, dilations = operator.wholes("strides", [1, 1]), operator.wholes("dilations", [1, 1])
    pads = operator.wholes("pads", [0, 0, 0, 0])
    if not len(kernel) == len(strides) == len(dilations) == 2 or len(pads) != 4 or min(strides) < 1:
        raise ModelError("windows over height and width are read, and no others")
    automatic = operator.text("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        top, bottom, left, right = same(
            reading.shape(source)[:2], kernel, strides, dilations, more_after=automatic == "SAME_UPPER"
        )
        pads = [top, left, bottom, right]
    elif automatic == "VALID":
        pads = [0, 0, 0, 0]
    top, left, bottom, right = pads
    return {
        "stride": tuple(strides),
        "padding": top if top == left == bottom == right else (top, bottom, left, right),
        "rounding": "floor",
    }


def _convolution(reading: Reading, operator: Operator) -> None:
    source, filters = reading.source(operator), reading.constant(operator, 1)
    bias = reading.constant(operator, 2)
    if filters is None or filters.ndim != 4:
        raise ModelError("filters (K,C,R,S) are expected")
    kernel = (int(filters.shape[2]), int(filters.shape[3]))
    dilations = operator.wholes("dilations", [1, 1])
    layer = Convolution(
        int(filters.shape[0]),
        kernel,
        dilation=(dilations[0], dilations[-1]),
        groups=operator.whole("group", 1),
        bias=bias is not None,
        **_window(reading, operator, source, kernel),
    )
    arrays = {"weights": filters} | ({} if bias is None else {"bias": bias})
    reading.add(operator, layer, (source,), **{key: as_float32(each) for key, each in arrays.items()})


def _pool(reading: Reading, operator: Operator) -> None:
    source = reading.source(operator)
    lengths = operator.wholes("kernel_shape", [])
    if len(lengths) != 2:
        raise ModelError("windows over height and width are read, and no others")
    kernel = (lengths[0], lengths[1])
    options = _window(reading, operator, source, kernel)
    if any(each != 1 for each in operator.wholes("dilations", [1, 1])):
        reading.unsupported.note(f"{operator.type} with dilation", operator.name)
    if operator.whole("ceil_mode", 0):
        options["rounding"] = "ceil"
    if operator.type == "MaxPool":
        reading.add(operator, MaxPool(kernel, **options), (source,))
        return
    if kernel == reading.shape(source)[:2] and not any(np.ravel(options["padding"])):
        reading.add(operator, GlobalAveragePool(), (source,))
        return
    counted = bool(operator.whole("count_include_pad", 0)) or not any(np.ravel(options["padding"]))
    reading.add(operator, AveragePool(kernel, count_padding=counted, **options), (source,))


def _global_pool(reading: Reading, operator: Operator) -> None:
    source = reading.source(operator)
    if operator.type == "GlobalMaxPool":
        height, width, _ = reading.shape(source)
        reading.add(operator, MaxPool((height, width)), (source,))
        return
    reading.add(operator, GlobalAveragePool(), (source,))


def _mean(reading: Reading, operator: Operator) -> None:
    """Translates ReduceMean over height and width."""
    source = reading.source(operator)
    inputs = [np.empty(0), *([reading.known(operator.inputs[1])] if len(operator.inputs) > 1 else [])]
    along = sorted(axis % 4 for axis in axes(operator, inputs) or ())
    if along != [2, 3] or len(reading.shape(source)) != 3:
        reading.unsupported.note("ReduceMean other than over height and width", operator.name)
    reading.add(operator, GlobalAveragePool(), (source,))
    if not operator.whole("keepdims", 1):
        reading.nodes[operator.outputs[0]] = reading.description.flat(reading.nodes[operator.outputs[0]])


def _gemm(reading: Reading, operator: Operator) -> None:
    weights, bias = reading.constant(operator, 1), reading.constant(operator, 2)
    if weights is None or weights.ndim != 2 or operator.whole("transA", 0):
        raise ModelError("a product with a constant matrix is expected")
    if operator.number("alpha", 1) != 1 or operator.number("beta", 1) != 1:
        reading.unsupported.note("Gemm with factors", operator.name)
    _dense(reading, operator, weights if operator.whole("transB", 0) else weights.T, bias)


def _matmul(reading: Reading, operator: Operator) -> None:
    """Translates a product with a constant matrix, and the addition of a bias after it."""
    weights = reading.constant(operator, 1)
    if weights is None or weights.ndim != 2:
        raise ModelError("a product with a constant matrix is expected")
    bias, added = None, reading.only_reader(operator.outputs[0], "Add")
    if added is not None:
        other = next(name for name in added.inputs if name != operator.outputs[0])
        if other in reading.constants and reading.constants[other].size == weights.shape[1]:
            bias = reading.constants[other]
            reading.done.add(added.name)
    _dense(reading, operator, weights.T, bias)
    if bias is not None and added is not None:
        reading.nodes[added.outputs[0]] = reading.nodes[operator.outputs[0]]


def _dense(reading: Reading, operator: Operator, weights: Array, bias: Array | None) -> None:
    source = reading.description.flat(reading.source(operator))
    arrays = {"weights": as_float32(weights)}
    if bias is not None:
        arrays["bias"] = as_float32(np.broadcast_to(bias.reshape(-1), weights.shape[:1]))
    reading.add(operator, Dense(int(weights.shape[0]), bias=bias is not None), (source,), **arrays)


def _batch_norm(reading: Reading, operator: Operator) -> None:
    if operator.whole("training_mode", 0):
        reading.unsupported.note("BatchNormalization in training", operator.name)
    names = ("scale", "shift", "running_mean", "running_variance")
    arrays = {}
    for place, name in enumerate(names, 1):
        array = reading.constant(operator, place)
        if array is None:
            raise ModelError(f"its {name} is missing")
        arrays[name] = as_float32(array)
    reading.add(
        operator, BatchNorm(eps=operator.number("epsilon", 1e-5)), (reading.source(operator),), **arrays
    )


def _prelu(reading: Reading, operator: Operator) -> None:
    source, slopes = reading.source(operator), reading.constant(operator, 1)
    assert slopes is not None
    channels = reading.shape(source)[-1]
    if slopes.size not in (1, channels):
        raise ModelError(f"{slopes.size} slopes for {channels} channels")
    reading.add(
        operator, PReLU(), (source,), slopes=as_float32(np.broadcast_to(slopes.reshape(-1), channels))
    )


def _clip(reading: Reading, operator: Operator) -> None:
    bounds = []
    for place, (name, default) in enumerate((("min", -3e38), ("max", 3e38)), 1):
        given = reading.constant(operator, place)
        bounds.append(operator.number(name, default) if given is None else float(given.reshape(-1)[0]))
    low, high = bounds
    if (low, high) == (0, 6):
        layer: Layer = ReLU6()
    else:
        layer = ReLU() if low == 0 and high > 1e38 else Clip(low, high)
    reading.add(operator, layer, (reading.source(operator),))


def _concat(reading: Reading, operator: Operator) -> None:
    sources = [reading.source(operator, place) for place in range(len(operator.inputs))]
    if operator.whole("axis", 1) not in (1, 1 - 1 - len(reading.shape(sources[0]))):
        reading.unsupported.note("Concat along another axis than the channels", operator.name)
    if len(sources) == 1:
        reading.pass_on(operator)
        return
    reading.add(operator, Concatenate(), sources)


def _sum(reading: Reading, operator: Operator) -> None:
    sources = [reading.source(operator, place) for place in range(len(operator.inputs))]
    if len(sources) == 1:
        reading.pass_on(operator)
        return
    reading.add(operator, Add(), sources)


def _softmax(reading: Reading, operator: Operator) -> None:
    source = reading.source(operator)
    default = 1 if reading.model.opset < 13 else -1
    axis = operator.whole("axis", default) % (len(reading.shape(source)) + 1)
    if axis != 1 or int(np.prod(reading.shape(source)[:-1])) != 1:
        reading.unsupported.note("Softmax other than over the classes", operator.name)
        reading.pass_on(operator)
        return
    reading.add(operator, Softmax(), (reading.description.flat(source),))


def _plain(make: Callable[[Operator], Layer]) -> Callable[[Reading, Operator], None]:
    return lambda reading, operator: reading.add(operator, make(operator), (reading.source(operator),))


def _dropout(reading: Reading, operator: Operator) -> None:
    given = reading.constant(operator, 1)
    ratio = operator.number("ratio", 0.5) if given is None or not given.size else float(given.reshape(-1)[0])
    reading.add(operator, Dropout(ratio), (reading.source(operator),))


def _hard_sigmoid(reading: Reading, operator: Operator) -> None:
    slope, offset = operator.number("alpha", 0.2), operator.number("beta", 0.5)
    source = reading.source(operator)
    reading.nodes[operator.outputs[0]] = reading.description.hard_sigmoid(
        operator.name, source, slope, offset
    )


def _hard_swish(reading: Reading, operator: Operator) -> None:
    source = reading.source(operator)
    reading.nodes[operator.outputs[0]] = reading.description.hard_swish(operator.name, source)


def _response(operator: Operator) -> Layer:
    return LocalResponseNorm(
        operator.whole("size", 5),
        operator.number("alpha", 1e-4),
        operator.number("beta", 0.75),
        operator.number("bias", 1.0),
    )


TRANSLATIONS: dict[str, Callable[[Reading, Operator], None]] = {
    "Add": onnx_shapes.arithmetic,
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": _convolution,
    "ConvTranspose": onnx_enlarging.transposed,
    "Div": onnx_shapes.arithmetic,
    "Dropout": _dropout,
    "Elu": _plain(lambda operator: ELU(operator.number("alpha", 1.0))),
    "Erf": onnx_gelu.error_function,
    "Flatten": onnx_shapes.flatten,
    "Gather": onnx_shapes.gather,
    "Gelu": _plain(lambda operator: GELU(operator.text("approximate", "none") == "tanh")),
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Identity": Reading.pass_on,
    "LRN": _plain(_response),
    "LeakyRelu": _plain(lambda operator: LeakyReLU(operator.number("alpha", 0.01))),
    "LogSoftmax": _softmax,
    "MatMul": _matmul,
    "MaxPool": _pool,
    "Mul": onnx_shapes.arithmetic,
    "PRelu": _prelu,
    "Pad": onnx_shapes.pad,
    "ReduceMean": _mean,
    "Relu": _plain(lambda _: ReLU()),
    "Reshape": onnx_shapes.reshape,
    "Resize": onnx_enlarging.resize,
    "Shape": onnx_shapes.shape,
    "Sigmoid": _plain(lambda _: Sigmoid()),
    "Slice": onnx_shapes.slice,
    "Softmax": _softmax,
    "Split": onnx_channels.split,
    "Squeeze": onnx_shapes.squeeze,
    "Sub": onnx_shapes.arithmetic,
    "Sum": _sum,
    "Tanh": _plain(lambda _: Tanh()),
    "Transpose": onnx_channels.transpose,
    "Unsqueeze": onnx_shapes.squeeze,
    "Upsample": onnx_enlarging.resize,
}
"""Maps a type of operator to the function that adds its counterpart to the description."""

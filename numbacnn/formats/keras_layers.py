"""Translates Keras's layers: one function for each class, which adds its counterpart to the description and returns the
node of its output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ModelError, cut
from ..layers import (
    ELU,
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
    MaxPool,
    Multiply,
    PReLU,
    ReLU,
    ReLU6,
    Scale,
    TransposedConvolution,
    Upsample,
)
from .description import Array
from .keras_reading import KerasLayer, Reading
from .padding import same

Sources = Sequence[str]


def _window(reading: Reading, layer: KerasLayer, source: str, kernel: tuple[int, int]) -> dict[str, Any]:
    """Returns stride, padding and dilation of a window that slides over a map, as our layers take them."""
    pools = "pool_size" in layer.config
    stride = (
        layer.pair("strides", None if not pools else kernel[0]) if layer.config.get("strides") else kernel
    )
    dilation = (1, 1) if pools else layer.pair("dilation_rate", 1)
    padding: Any = 0
    if layer.config.get("padding") == "same":
        pads = same(reading.shape(source)[:2], kernel, stride, dilation)
        padding = pads[0] if len(set(pads)) == 1 else pads
    elif layer.config.get("padding", "valid") != "valid":
        reading.note(f"padding = {cut(repr(layer.config['padding']))}", layer)
    return {
        "stride": stride,
        "padding": padding,
        "rounding": "floor",
        **({} if pools else {"dilation": dilation}),
    }


def _convolution(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    kernel, filters, groups = layer.pair("kernel_size"), layer.whole("filters"), layer.whole("groups", 1)
    weights, *bias = layer.arrays("kernel", *_bias(layer))
    if weights.ndim != 4:
        raise ModelError(f"{layer.where}: its kernel has {weights.ndim} axes; 4 are expected")
    return _convolved(
        reading, layer, sources[0], weights.transpose(3, 2, 0, 1), bias, kernel, filters, groups
    )


def _depthwise(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    weights, *bias = layer.arrays("depthwise_kernel", *_bias(layer))
    return _spread(reading, layer, sources[0], weights, bias, activated=True)


def _separable(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    """Translates a depthwise convolution followed by a 1x1 convolution."""
    depthwise, pointwise, *bias = layer.arrays("depthwise_kernel", "pointwise_kernel", *_bias(layer))
    node = _spread(reading, layer, sources[0], depthwise, [], activated=False)
    filters = layer.whole("filters")
    ours = Convolution(filters, 1, bias=bool(bias), rounding="floor")
    return reading.add(layer, ours, (node,), weights=pointwise.transpose(3, 2, 0, 1), **_named(bias))


def _spread(
    reading: Reading, layer: KerasLayer, source: str, weights: Array, bias: list[Array], *, activated: bool
) -> str:
    """Adds a depthwise convolution, with one filter or several for each channel, as a convolution with as many groups
    as channels.
    """
    kernel, times = layer.pair("kernel_size"), layer.whole("depth_multiplier", 1)
    channels = reading.shape(source)[-1]
    if weights.shape != (*kernel, channels, times):
        raise ModelError(
            f"{layer.where}: its kernel in the file is {weights.shape}; {(*kernel, channels, times)} is expected"
        )
    turned = weights.transpose(2, 3, 0, 1).reshape(channels * times, 1, *kernel)
    if activated:
        return _convolved(reading, layer, source, turned, bias, kernel, channels * times, channels)
    ours = Convolution(
        channels * times, kernel, groups=channels, bias=False, **_window(reading, layer, source, kernel)
    )
    return reading.description.add(f"{layer.name}/depthwise", ours, (source,), weights=turned)


def _convolved(
    reading: Reading,
    layer: KerasLayer,
    source: str,
    weights: Array,
    bias: list[Array],
    kernel: tuple[int, int],
    filters: int,
    groups: int,
) -> str:
    if len(reading.shape(source)) == 1:  # of what was averaged over all places: a dense layer
        if kernel != (1, 1) or groups != 1:
            raise ModelError(f"{layer.where}: it reads a row of numbers; only a kernel of 1x1 can")
        ours: Layer = Dense(filters, bias=bool(bias))
        return reading.add(layer, ours, (source,), weights=weights.reshape(filters, -1), **_named(bias))
    ours = Convolution(
        filters, kernel, groups=groups, bias=bool(bias), **_window(reading, layer, source, kernel)
    )
    return reading.add(layer, ours, (source,), weights=weights, **_named(bias))


def _transposed(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    kernel, stride = layer.pair("kernel_size"), layer.pair("strides", 1)
    if layer.config.get("output_padding") is not None or layer.pair("dilation_rate", 1) != (1, 1):
        reading.note("Conv2DTranspose with output_padding or dilation", layer)
    weights, *bias = layer.arrays("kernel", *_bias(layer))
    more = [length - step for length, step in zip(kernel, stride, strict=True)]
    pads = [(max(0, each) // 2, max(0, each) - max(0, each) // 2) for each in more]
    crops = layer.config.get("padding") == "same" and any(map(any, pads))
    ours = TransposedConvolution(
        layer.whole("filters"),
        kernel,
        stride=stride,
        padding=(*pads[0], *pads[1]) if crops else 0,
        extra=(max(0, -more[0]), max(0, -more[1])),
        bias=bool(bias),
    )
    return reading.add(layer, ours, sources, weights=weights.transpose(3, 2, 0, 1), **_named(bias))


def _dense(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    """Translates a dense layer, which Keras applies to the last axis: over a map it becomes a 1x1 convolution."""
    units = layer.whole("units")
    weights, *bias = layer.arrays("kernel", *_bias(layer))
    if len(reading.shape(sources[0])) == 1:
        return reading.add(layer, Dense(units, bias=bool(bias)), sources, weights=weights.T, **_named(bias))
    ours = Convolution(units, 1, bias=bool(bias), rounding="floor")
    return reading.add(layer, ours, sources, weights=weights.T[:, :, None, None], **_named(bias))


def _batch_norm(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    axis = layer.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
    if axis not in (-1, len(reading.shape(sources[0]))):
        reading.note("BatchNormalization along another axis than the channels", layer)
    scaled, centred = layer.flag("scale", True), layer.flag("center", True)
    names = ["gamma"] * scaled + ["beta"] * centred + ["moving_mean", "moving_variance"]
    ours = {
        "gamma": "scale",
        "beta": "shift",
        "moving_mean": "running_mean",
        "moving_variance": "running_variance",
    }
    arrays = dict(zip((ours[name] for name in names), layer.arrays(*names), strict=True))
    made = BatchNorm(eps=layer.number("epsilon", 1e-3), learn_scale=scaled, learn_shift=centred)
    return reading.add(layer, made, sources, **arrays)


def _pool(kind: Callable[..., Layer]) -> Callable[[Reading, KerasLayer, Sources], str]:
    def translate(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
        kernel = layer.pair("pool_size", 2)
        options = _window(reading, layer, sources[0], kernel)
        if kind is AveragePool and np.any(options["padding"]):
            options["count_padding"] = False
        return reading.add(layer, kind(kernel, **options), sources)

    return translate


def _global_average(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    return reading.add(layer, GlobalAveragePool(), sources)


def _global_max(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    height, width = reading.shape(sources[0])[:2]
    return reading.description.flat(reading.add(layer, MaxPool((height, width)), sources))


def _relu(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    most, slope = layer.config.get("max_value"), layer.config.get("negative_slope") or 0.0
    if layer.config.get("threshold") or (most is not None and slope):
        reading.note("ReLU with a threshold, or with a slope and a maximum", layer)
    if most is not None:
        bound = layer.number("max_value", 6.0)
        ours: Layer = ReLU6() if bound == 6 else Clip(0.0, bound)
    else:
        ours = LeakyReLU(layer.number("negative_slope", 0.0)) if slope else ReLU()
    return reading.add(layer, ours, sources)


def _leaky_relu(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    name = "negative_slope" if "negative_slope" in layer.config else "alpha"
    return reading.add(layer, LeakyReLU(layer.number(name, 0.3)), sources)


def _elu(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    return reading.add(layer, ELU(layer.number("alpha", 1.0)), sources)


def _prelu(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    (slopes,) = layer.arrays("alpha")
    channels = reading.shape(sources[0])[-1]
    if slopes.size not in (1, channels):
        reading.note("PReLU with a slope for every place", layer)
        return sources[0]
    return reading.add(layer, PReLU(), sources, slopes=np.broadcast_to(slopes.reshape(-1), channels))


def _softmax(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    return reading.softmax(layer.name, sources[0])


def _rescaling(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    factor, offset = (_row(layer, name, default) for name, default in (("scale", 1.0), ("offset", 0.0)))
    return _line(reading, layer, sources, factor, offset)


def _normalization(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    """Translates (x - mean) / deviation, whose numbers are weights or options."""
    if layer.config.get("mean") is not None:
        mean, variance = _row(layer, "mean", 0.0), _row(layer, "variance", 1.0)
    else:
        mean, variance = layer.arrays("mean", "variance")
    deviation = np.maximum(np.sqrt(np.ravel(variance).astype(np.float64)), 1e-7)
    if layer.flag("invert", False):
        return _line(reading, layer, sources, deviation, np.ravel(mean))
    return _line(reading, layer, sources, 1 / deviation, -np.ravel(mean) / deviation)


def _line(reading: Reading, layer: KerasLayer, sources: Sources, factor: Array, offset: Array) -> str:
    """Adds a factor and an offset for each channel; where it reads the pixels themselves, it becomes part of the
    preprocessing.
    """
    channels = reading.shape(sources[0])[-1]
    if factor.size not in (1, channels) or offset.size not in (1, channels):
        reading.note(f"{layer.type} other than by one number, or by one a channel", layer)
        return sources[0]
    if sources[0] == "pixels":
        reading.prepared(factor, offset)
        return sources[0]
    arrays = {
        name: np.broadcast_to(each, channels).astype(np.float32)
        for name, each in (("scale", factor), ("shift", offset))
    }
    return reading.add(layer, Scale(), sources, **arrays)


def _zeros_around(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    given = layer.config.get("padding", 1)
    match given:
        case int(every) if every >= 0:
            pads = (every,) * 4
        case [int(rows), int(columns)]:
            pads = (rows, rows, columns, columns)
        case [[int(top), int(bottom)], [int(left), int(right)]]:
            pads = (top, bottom, left, right)
        case _:
            raise ModelError(f"{layer.where}: padding = {cut(repr(given))}; whole numbers are expected")
    return reading.description.padded(layer.name, sources[0], pads)


def _flatten(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    return reading.description.flat(sources[0])


def _reshape(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    """Translates a reshape to a flat row, or to the shape that its input has; a row that becomes a map of 1x1 stays a
    row.
    """
    shape, wanted = reading.shape(sources[0]), list(layer.config.get("target_shape") or ())
    size = int(np.prod(shape))
    whole = [size // max(1, -int(np.prod(wanted))) if each == -1 else each for each in wanted]
    if whole == list(shape) or (int(np.prod(shape[:-1])) == 1 and whole in ([1, 1, size], [size])):
        return reading.description.flat(sources[0]) if len(whole) == 1 else sources[0]
    if whole == [size]:
        return reading.description.flat(sources[0])
    reading.note("Reshape other than to a row", layer)
    return sources[0]


def _upsampling(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    rows, columns = layer.pair("size", 2)
    manner = layer.config.get("interpolation", "nearest")
    if rows != columns or manner not in ("nearest", "bilinear"):
        reading.note("UpSampling2D other than by one factor, nearest or bilinear", layer)
        return sources[0]
    return reading.add(layer, Upsample(rows, manner), sources)


def _concatenate(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    if layer.config.get("axis", -1) not in (-1, len(reading.shape(sources[0]))):
        reading.note("Concatenate along another axis than the channels", layer)
    return sources[0] if len(sources) == 1 else reading.add(layer, Concatenate(), sources)


def _add(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    return reading.add(layer, Add(), sources)


def _multiply(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    node, *rest = sorted(sources, key=lambda each: -int(np.prod(reading.shape(each))))
    for other in rest:
        node = reading.add(layer, Multiply(), (node, other))
    return node


def _dropout(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    return reading.add(layer, Dropout(layer.number("rate", 0.5)), sources)


def _activation(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    return reading.activated(layer, sources[0])


def _nothing(reading: Reading, layer: KerasLayer, sources: Sources) -> str:
    """Translates a layer that only acts in training: its input is passed on."""
    return sources[0]


TRANSLATIONS: dict[str, Callable[[Reading, KerasLayer, Sources], str]] = {
    "Activation": _activation,
    "ActivityRegularization": _nothing,
    "Add": _add,
    "AveragePooling2D": _pool(AveragePool),
    "BatchNormalization": _batch_norm,
    "Concatenate": _concatenate,
    "Conv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _dropout,
    "ELU": _elu,
    "Flatten": _flatten,
    "GaussianDropout": _nothing,
    "GaussianNoise": _nothing,
    "GlobalAveragePooling2D": _global_average,
    "GlobalMaxPooling2D": _global_max,
    "InputLayer": _nothing,
    "LeakyReLU": _leaky_relu,
    "MaxPooling2D": _pool(MaxPool),
    "Multiply": _multiply,
    "Normalization": _normalization,
    "PReLU": _prelu,
    "RandomBrightness": _nothing,
    "RandomContrast": _nothing,
    "RandomCrop": _nothing,
    "RandomFlip": _nothing,
    "RandomRotation": _nothing,
    "RandomTranslation": _nothing,
    "RandomZoom": _nothing,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv2D": _separable,
    "Softmax": _softmax,
    "SpatialDropout2D": _nothing,
    "UpSampling2D": _upsampling,
    "ZeroPadding2D": _zeros_around,
}
"""Maps a class of layer to the function that adds its counterpart to the description and returns the node of its
output.
"""


def _bias(layer: KerasLayer) -> list[str]:
    return ["bias"] if layer.flag("use_bias", True) else []


def _named(bias: list[Array]) -> dict[str, Array]:
    return {"bias": bias[0]} if bias else {}


def _row(layer: KerasLayer, name: str, default: float) -> Array:
    """Returns an option that is a number or a list of numbers as an array. Raises ModelError."""
    value = layer.config.get(name, default)
    try:
        row = np.asarray(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        row = np.empty(0)
    if not row.size or not np.isfinite(row).all():
        raise ModelError(f"{layer.where}: {name} = {cut(repr(value))}; numbers are expected")
    return row

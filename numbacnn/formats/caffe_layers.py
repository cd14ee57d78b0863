"""Translates Caffe's layers: one function for each type, which adds its counterpart to the description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ModelError, NumbacnnError, cut
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
    LocalResponseNorm,
    MaxPool,
    Multiply,
    PReLU,
    ReLU,
    ReLU6,
    Scale,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)
from .caffe_files import CaffeLayer
from .description import Array, Description, Unsupported, as_float32
from .messages import Message


@dataclass
class Reading:
    """The state of reading a network: the description so far, and the node that wrote each blob last."""

    description: Description
    unsupported: Unsupported
    blobs: dict[str, str] = field(default_factory=dict)
    following: Sequence[CaffeLayer] = ()
    """The layers after the current one."""
    done: set[int] = field(default_factory=set)
    """The ids of layers that were translated together with an earlier layer."""

    def source(self, layer: CaffeLayer, place: int) -> str:
        """Returns the node whose output the layer reads as bottom number `place`. Raises ModelError if no earlier layer
        writes that blob.
        """
        name = layer.bottoms[place]
        if name not in self.blobs:
            raise ModelError(f"{layer.where}: it reads '{cut(name)}', which no layer above writes")
        return self.blobs[name]

    def sources(self, layer: CaffeLayer) -> list[str]:
        """Returns the nodes of all blobs that the layer reads."""
        return [self.source(layer, place) for place in range(len(layer.bottoms))]

    def add(self, layer: CaffeLayer, ours: Layer, sources: Sequence[str], **arrays: Array) -> None:
        """Adds our layer for the current one; its node becomes the writer of the blob that the current layer writes."""
        self.blobs[layer.tops[0]] = self.description.add(layer.name, ours, sources, **arrays)

    def same(self, layer: CaffeLayer) -> None:
        """Translates a layer that changes nothing: its tops stand for the node that it reads."""
        self.blobs |= dict.fromkeys(layer.tops, self.source(layer, 0))


def _convolution(reading: Reading, layer: CaffeLayer) -> None:
    options = layer.options("convolution_param")
    if options.whole("axis", 1) != 1:
        reading.unsupported.note("Convolution along another axis than 1", layer.name)
    bias = options.flag("bias_term", True)
    ours = _made(
        layer,
        lambda: Convolution(
            options.whole("num_output"),
            _pair(options, "kernel_size", "kernel", layer),
            stride=_pair(options, "stride", "stride", layer, 1),
            padding=_pair(options, "pad", "pad", layer, 0),
            dilation=_pair(options, "dilation", "dilation", layer, 1),
            groups=options.whole("group", 1),
            rounding="floor",
            bias=bias,
        ),
    )
    reading.add(layer, ours, reading.sources(layer)[:1], **_weights(layer, bias))


def _inner_product(reading: Reading, layer: CaffeLayer) -> None:
    options = layer.options("inner_product_param")
    if options.whole("axis", 1) != 1:
        reading.unsupported.note("InnerProduct along another axis than 1", layer.name)
    bias = options.flag("bias_term", True)
    arrays = _weights(layer, bias)
    if options.flag("transpose") and "weights" in arrays:
        arrays["weights"] = arrays["weights"].reshape(arrays["weights"].shape[-2:]).T
    source = reading.description.flat(reading.source(layer, 0))
    ours = _made(layer, lambda: Dense(options.whole("num_output"), bias=bias))
    reading.add(layer, ours, (source,), **arrays)


def _pooling(reading: Reading, layer: CaffeLayer) -> None:
    options, source = layer.options("pooling_param"), reading.source(layer, 0)
    method = options.choice("pool", ("MAX", "AVE", "STOCHASTIC"))
    if method == "STOCHASTIC":
        reading.unsupported.note("stochastic pooling", layer.name)
        method = "AVE"
    whole = options.flag("global_pooling")
    if whole and method == "AVE":
        reading.add(layer, GlobalAveragePool(), (source,))
        return
    shape = reading.description.shape(source)
    kind = MaxPool if method == "MAX" else AveragePool
    rounding = "ceil" if options.choice("round_mode", ("CEIL", "FLOOR")) == "CEIL" else "floor"
    ours = _made(
        layer,
        lambda: kind(
            (shape[0], shape[1]) if whole else _pair(options, "kernel_size", "kernel", layer),
            stride=1 if whole else _pair(options, "stride", "stride", layer, 1),
            padding=0 if whole else _pair(options, "pad", "pad", layer, 0),
            rounding=rounding,  # type: ignore[arg-type]
        ),
    )
    reading.add(layer, ours, (source,))


def _relu(reading: Reading, layer: CaffeLayer) -> None:
    slope = layer.options("relu_param").number("negative_slope")
    ours = _made(layer, lambda: LeakyReLU(slope) if slope else ReLU())
    reading.add(layer, ours, (reading.source(layer, 0),))


def _elu(reading: Reading, layer: CaffeLayer) -> None:
    ours = _made(layer, lambda: ELU(layer.options("elu_param").number("alpha", 1.0)))
    reading.add(layer, ours, (reading.source(layer, 0),))


def _prelu(reading: Reading, layer: CaffeLayer) -> None:
    source = reading.source(layer, 0)
    slopes = _blobs(layer, 1)[0].reshape(-1)
    channels = reading.description.shape(source)[-1]
    if slopes.size == 1:
        slopes = np.repeat(slopes, channels)
    reading.add(layer, PReLU(), (source,), slopes=slopes)


def _batch_norm(reading: Reading, layer: CaffeLayer) -> None:
    """Translates a BatchNorm, whose file has sums of means and of variances and the factor to divide both by; the scale
    and the shift are in a Scale layer of their own.
    """
    mean, variance, *rest = _blobs(layer, 2)
    factor = float(rest[0].reshape(-1)[0]) if rest and rest[0].size else 1.0
    divisor = np.float32(factor) if factor else np.float32(1)
    arrays = {"running_mean": as_float32(mean) / divisor, "running_variance": as_float32(variance) / divisor}
    scale = _scale_after(reading, layer)
    eps = layer.options("batch_norm_param").number("eps", 1e-5)
    tops = layer.tops
    if scale is not None:
        reading.done.add(id(scale))
        arrays["scale"], arrays["shift"] = _scale_and_shift(scale)
        tops = scale.tops
    ours = _made(
        layer, lambda: BatchNorm(eps=eps, learn_scale=scale is not None, learn_shift=scale is not None)
    )
    source = reading.source(layer, 0)
    arrays = {key: array.reshape(-1) for key, array in arrays.items()}
    node = reading.description.add(layer.name, ours, (source,), **arrays)
    reading.blobs |= dict.fromkeys((layer.tops[0], tops[0]), node)


def _scale_after(reading: Reading, layer: CaffeLayer) -> CaffeLayer | None:
    """Returns the Scale layer that belongs to a BatchNorm, None if there is none: the next layer that reads its blob,
    if no other layer reads it first.
    """
    top = layer.tops[0]
    readers = [each for each in reading.following if top in each.bottoms]
    first = next(iter(readers), None)
    if first is None or first.type != "Scale" or len(first.bottoms) != 1:
        return None
    alone = first.tops[0] == top or len(readers) == 1
    return first if alone and first.options("scale_param").whole("axis", 1) == 1 else None


def _scale_and_shift(layer: CaffeLayer) -> tuple[Array, Array]:
    scale, *rest = _blobs(layer, 1)
    has_shift = layer.options("scale_param").flag("bias_term")
    if has_shift and not rest:
        raise ModelError(f"{layer.where}: its file has no bias")
    return as_float32(scale), as_float32(rest[0]) if has_shift else np.zeros_like(as_float32(scale))


def _scale(reading: Reading, layer: CaffeLayer) -> None:
    """Translates a Scale: a factor and an offset for each channel, or the product of two blobs."""
    options = layer.options("scale_param")
    if id(layer) in reading.done:
        return
    if options.whole("axis", 1) not in (1, 0) or len(layer.bottoms) > 2:
        reading.unsupported.note("Scale along another axis than the channels", layer.name)
    if len(layer.bottoms) == 2:
        reading.add(layer, Multiply(), reading.sources(layer))
        return
    scale, shift = _scale_and_shift(layer)
    arrays = {"scale": scale.reshape(-1), "shift": shift.reshape(-1)}
    reading.add(layer, Scale(), reading.sources(layer), **arrays)


def _eltwise(reading: Reading, layer: CaffeLayer) -> None:
    options = layer.options("eltwise_param")
    operation = options.choice("operation", ("PROD", "SUM", "MAX"), default=1)
    if operation == "MAX" or any(factor != 1 for factor in options.numbers("coeff")):
        reading.unsupported.note(
            "Eltwise MAX" if operation == "MAX" else "Eltwise with coefficients", layer.name
        )
    reading.add(layer, Multiply() if operation == "PROD" else Add(), reading.sources(layer))


def _response(reading: Reading, layer: CaffeLayer) -> None:
    options = layer.options("lrn_param")
    if options.choice("norm_region", ("ACROSS_CHANNELS", "WITHIN_CHANNEL")) != "ACROSS_CHANNELS":
        source, size = reading.source(layer, 0), options.whole("local_size", 5)
        norm = options.number("alpha", 1.0), options.number("beta", 0.75)
        reading.blobs[layer.tops[0]] = reading.description.normalised_within(layer.name, source, size, *norm)
        return
    ours = _made(
        layer,
        lambda: LocalResponseNorm(
            options.whole("local_size", 5),
            options.number("alpha", 1.0),
            options.number("beta", 0.75),
            options.number("k", 1.0),
        ),
    )
    reading.add(layer, ours, (reading.source(layer, 0),))


def _swish(reading: Reading, layer: CaffeLayer) -> None:
    if layer.options("swish_param").number("beta", 1.0) != 1:
        reading.unsupported.note("Swish with another beta than 1", layer.name)
    reading.add(layer, SiLU(), (reading.source(layer, 0),))


def _clip(reading: Reading, layer: CaffeLayer) -> None:
    options = layer.options("clip_param")
    low, high = options.number("min"), options.number("max")
    ours = _made(layer, lambda: ReLU6() if (low, high) == (0, 6) else Clip(low, high))
    reading.add(layer, ours, (reading.source(layer, 0),))


def _concat(reading: Reading, layer: CaffeLayer) -> None:
    options = layer.options("concat_param")
    if options.whole("axis", options.whole("concat_dim", 1)) not in (1, -3):
        reading.unsupported.note("Concat along another axis than the channels", layer.name)
    if len(layer.bottoms) == 1:
        reading.same(layer)
        return
    reading.add(layer, Concatenate(), reading.sources(layer))


def _dropout(reading: Reading, layer: CaffeLayer) -> None:
    ours = _made(layer, lambda: Dropout(layer.options("dropout_param").number("dropout_ratio", 0.5)))
    reading.add(layer, ours, (reading.source(layer, 0),))


def _softmax(reading: Reading, layer: CaffeLayer) -> None:
    source = reading.source(layer, 0)
    if len(reading.description.shape(source)) == 3:
        height, width, _ = reading.description.shape(source)
        if height * width > 1:
            raise ModelError(
                f"{layer.where}: it reads a map of {height}x{width} places; a classifier has one score a class, "
                "and other networks are not read"
            )
        source = reading.description.flat(source)
    reading.add(layer, Softmax(), (source,))


def _flatten(reading: Reading, layer: CaffeLayer) -> None:
    options = layer.options("flatten_param")
    if options.whole("axis", 1) != 1 or options.whole("end_axis", -1) not in (-1, 3):
        reading.unsupported.note("Flatten of some axes", layer.name)
    reading.blobs[layer.tops[0]] = reading.description.flat(reading.source(layer, 0))


def _reshape(reading: Reading, layer: CaffeLayer) -> None:
    dims = layer.options("reshape_param").message("shape").wholes("dim")
    if [each for each in dims[1:] if each != 1] != [-1] and len(dims) != 2:
        reading.unsupported.note("Reshape other than to a row", layer.name)
    reading.blobs[layer.tops[0]] = reading.description.flat(reading.source(layer, 0))


def _power(reading: Reading, layer: CaffeLayer) -> None:
    options = layer.options("power_param")
    if (options.number("power", 1), options.number("scale", 1), options.number("shift")) != (1, 1, 0):
        reading.unsupported.note("Power", layer.name)
    reading.same(layer)


def _plain(ours: Callable[[], Layer]) -> Callable[[Reading, CaffeLayer], None]:
    def translate(reading: Reading, layer: CaffeLayer) -> None:
        reading.add(layer, ours(), (reading.source(layer, 0),))

    return translate


TRANSLATIONS: dict[str, Callable[[Reading, CaffeLayer], None]] = {
    "BatchNorm": _batch_norm,
    "Clip": _clip,
    "Concat": _concat,
    "Convolution": _convolution,
    "ConvolutionDepthwise": _convolution,
    "DepthwiseConvolution": _convolution,
    "Dropout": _dropout,
    "ELU": _elu,
    "Eltwise": _eltwise,
    "Flatten": _flatten,
    "InnerProduct": _inner_product,
    "LRN": _response,
    "PReLU": _prelu,
    "Pooling": _pooling,
    "Power": _power,
    "ReLU": _relu,
    "Reshape": _reshape,
    "Scale": _scale,
    "Sigmoid": _plain(Sigmoid),
    "Softmax": _softmax,
    "Split": Reading.same,
    "Swish": _swish,
    "TanH": _plain(Tanh),
}
"""Maps a type of layer to the function that adds its counterpart to the description."""


def _made(layer: CaffeLayer, make: Callable[[], Layer]) -> Layer:
    """Calls `make` for one of our layers; an error about its options names the file's layer."""
    try:
        return make()
    except ModelError:
        raise
    except NumbacnnError as error:
        raise ModelError(f"{layer.where}: {error}") from None


def _pair(
    options: Message, name: str, short: str, layer: CaffeLayer, default: int | None = None
) -> tuple[int, int]:
    """Returns (height, width) of an option that is written as one number, one number for each axis, or NAME_h and
    NAME_w.
    """
    if f"{short}_h" in options or f"{short}_w" in options:
        return options.whole(f"{short}_h", default or 0), options.whole(f"{short}_w", default or 0)
    given = options.wholes(name)
    if not given and default is not None:
        return default, default
    if len(given) not in (1, 2):
        raise ModelError(
            f"{layer.where}: {name} has {len(given)} numbers; one, or height and width, are expected"
        )
    return given[0], given[-1]


def _weights(layer: CaffeLayer, bias: bool) -> dict[str, Any]:
    blobs = _blobs(layer, 2 if bias else 1)
    return {"weights": blobs[0], "bias": blobs[1]} if bias else {"weights": blobs[0]}


def _blobs(layer: CaffeLayer, least: int) -> list[Array]:
    if len(layer.blobs) < least:
        raise ModelError(
            f"{layer.where}: {len(layer.blobs)} arrays of weights for it in the file, and {least} are expected; do the layers "
            "and the weights belong together?"
        )
    return layer.blobs

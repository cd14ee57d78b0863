"""Translates ONNX's operators that enlarge maps: Resize and Upsample by whole factors, and ConvTranspose."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ModelError
from ..layers import TransposedConvolution, Upsample
from .description import as_float32
from .onnx_files import Operator
from .onnx_reading import Reading


def resize(reading: Reading, operator: Operator) -> None:
    """Translates Resize and Upsample by one whole factor for height and width, nearest or bilinear between the centres
    of cells.
    """
    source = reading.source(operator)
    factors = _factors(reading, operator, source)
    mode = operator.text("mode", "nearest")
    whole = len(factors) == 4 and factors[:2] == [1, 1] and factors[2] == factors[3] == round(factors[2]) >= 1
    if whole and factors[2] == 1:
        reading.pass_on(operator)
        return
    scale = round(factors[2]) if whole else 1
    if whole and mode == "nearest" and _repeats(operator, reading.model.opset, scale):
        reading.add(operator, Upsample(scale, "nearest"), (source,))
    elif (
        whole
        and mode in ("linear", "bilinear")
        and _coordinates(operator, reading.model.opset)
        in (
            "half_pixel",
            "pytorch_half_pixel",
        )
    ):
        reading.add(operator, Upsample(scale, "bilinear"), (source,))
    else:
        reading.unsupported.note(
            f"{operator.type} other than by one whole factor, by repetition or bilinear between centres",
            operator.name,
        )
        reading.pass_on(operator)


def _factors(reading: Reading, operator: Operator, source: str) -> list[float]:
    """Returns the factor by which each axis grows. Raises ModelError if the file does not give it."""
    given = operator.attributes.get("scales")
    if given is None:
        place = 2 if reading.model.opset >= 11 and operator.type == "Resize" else 1
        given = reading.constant(operator, place)
        if given is None or not np.asarray(given).size:
            sizes = reading.constant(operator, 3)
            if sizes is None or sizes.size != 4:
                raise ModelError("neither scales nor sizes of four axes are given")
            height, width, channels = reading.shape(source)
            rows, columns = (float(each) for each in sizes.reshape(-1)[2:])
            depth = float(sizes.reshape(-1)[1])
            given = np.array([1, depth / channels, rows / height, columns / width])
    return [float(each) for each in np.asarray(given).reshape(-1)]


def _coordinates(operator: Operator, opset: int) -> str:
    default = "half_pixel" if opset >= 11 and operator.type == "Resize" else "asymmetric"
    return operator.text("coordinate_transformation_mode", default)


def _repeats(operator: Operator, opset: int, scale: int) -> bool:
    """Returns whether the operator's options repeat every cell `scale` times, by the formula of the ONNX specification."""
    at = np.arange(scale * 4, dtype=np.float64)
    coordinates = _coordinates(operator, opset)
    if coordinates in ("half_pixel", "pytorch_half_pixel"):
        at = (at + 0.5) / scale - 0.5
    elif coordinates == "asymmetric":
        at = at / scale
    else:
        return False
    default = "round_prefer_floor" if opset >= 11 and operator.type == "Resize" else "floor"
    roundings: dict[str, Any] = {
        "round_prefer_floor": lambda x: np.ceil(x - 0.5),
        "round_prefer_ceil": lambda x: np.floor(x + 0.5),
        "floor": np.floor,
        "ceil": np.ceil,
    }
    rounding = roundings.get(operator.text("nearest_mode", default))
    if rounding is None:
        return False
    return bool((np.clip(rounding(at), 0, 3) == np.arange(scale * 4) // scale).all())


def transposed(reading: Reading, operator: Operator) -> None:
    """Translates ConvTranspose, which is the backward pass of a convolution with respect to its input."""
    source, filters = reading.source(operator), reading.constant(operator, 1)
    bias = reading.constant(operator, 2)
    if filters is None or filters.ndim != 4:
        raise ModelError("filters (C,K,R,S) are expected")
    groups = operator.whole("group", 1)
    pads = operator.wholes("pads", [0, 0, 0, 0])
    extra = operator.wholes("output_padding", [0, 0])
    strides, dilations = operator.wholes("strides", [1, 1]), operator.wholes("dilations", [1, 1])
    automatic = operator.text("auto_pad", "NOTSET")
    if automatic not in ("NOTSET", "VALID") or operator.attributes.get("output_shape") is not None:
        reading.unsupported.note("ConvTranspose whose padding follows from its output's size", operator.name)
    if len(pads) != 4 or not len(strides) == len(dilations) == len(extra) == 2:
        raise ModelError("windows over height and width are read, and no others")
    top, left, bottom, right = pads
    layer = TransposedConvolution(
        int(filters.shape[1]) * groups,
        (int(filters.shape[2]), int(filters.shape[3])),
        stride=(strides[0], strides[1]),
        padding=(top, bottom, left, right) if any(pads) else 0,
        dilation=(dilations[0], dilations[1]),
        groups=groups,
        extra=(extra[0], extra[1]),
        bias=bias is not None,
    )
    arrays = {"weights": filters} | ({} if bias is None else {"bias": bias})
    reading.add(operator, layer, (source,), **{key: as_float32(each) for key, each in arrays.items()})

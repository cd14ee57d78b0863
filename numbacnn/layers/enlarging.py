"""Layers whose maps are larger than their input's: for pictures out of features, and for a class at every pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from ..device import Array
from ..errors import NetworkError, ShapeError
from ..ops import convolution, dense, normalization, upsampling
from ..ops.geometry import Window
from .base import LARGEST, Call, Layer, ParameterSpec, Prepared, Shape, need_range, need_volume, pair
from .convolution import bias_spec, padding_of

Interpolation = Literal["nearest", "bilinear"]


@dataclass
class Upsample(Layer):
    """(H,W,C) -> (scale H, scale W, C): every cell repeated ("nearest"), or "bilinear" between the centres of the cells."""

    kind: ClassVar[str] = "upsample"
    scale: int = 2
    interpolation: Interpolation = "nearest"

    def __post_init__(self) -> None:
        need_range(self.kind, "scale", self.scale, 1, 1 << 16)
        if self.interpolation not in ("nearest", "bilinear"):
            raise NetworkError(
                f'interpolation = \'{self.interpolation}\' of {self.kind}: "nearest" or "bilinear" is expected'
            )

    def output_shape(self, *inputs: Shape) -> Shape:
        need_volume(self.kind, inputs[0])
        height, width, channels = inputs[0]
        return self.scale * height, self.scale * width, channels

    def sees(self, axis: int, places: Any, shape: Shape) -> Any:
        if self.interpolation == "nearest":
            return np.unique(places // self.scale)
        at = np.clip((places + 0.5) / self.scale - 0.5, 0, shape[axis] - 1)
        return np.union1d(np.floor(at), np.ceil(at)).astype(int)

    def forward(self, call: Call) -> None:
        upsampling.forward(call.output, call.input, self.scale, self._is_smooth)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        upsampling.backward(d_inputs[0], d_output, self.scale, self._is_smooth)

    @property
    def _is_smooth(self) -> bool:
        return self.interpolation == "bilinear"


@dataclass
class TransposedConvolution(Layer):
    """(H,W,C) -> (P,Q,K), the backward pass of a convolution of K channels and C filters: every input writes a window.

    P = (H - 1) stride - padding above and below + D (R - 1) + 1 + `extra` rows. Weights (R,S,K/groups,C), bias (K).
    """

    kind: ClassVar[str] = "transposed-convolution"
    filters: int
    kernel: int | tuple[int, int]
    stride: int | tuple[int, int] = 1
    padding: int | tuple[int, ...] = 0
    dilation: int | tuple[int, int] = 1
    groups: int = 1
    extra: int | tuple[int, int] = 0
    bias: bool = True

    def __post_init__(self) -> None:
        need_range(self.kind, "filters", self.filters, 1, LARGEST)
        need_range(self.kind, "groups", self.groups, 1, LARGEST)
        if self.filters % self.groups:
            raise NetworkError(
                f"{self.filters} filters cannot be shared out among {self.groups} groups evenly"
            )
        self._window = Window(
            kernel=pair("kernel", self.kernel),
            stride=pair("stride", self.stride),
            padding=padding_of(self.padding),
            dilation=pair("dilation", self.dilation),
            rounding="floor",
        )
        for rows, stride in zip(pair("extra", self.extra), self._window.stride, strict=True):
            need_range(self.kind, "extra", rows, 0, stride)

    def output_shape(self, *inputs: Shape) -> Shape:
        need_volume(self.kind, inputs[0])
        height, width, channels = inputs[0]
        if channels % self.groups:
            raise ShapeError(
                f"{channels} input channels cannot be shared out among {self.groups} groups evenly"
            )
        window, extra = self._window, pair("extra", self.extra)
        pads = window.padding.top + window.padding.bottom, window.padding.left + window.padding.right
        rows, columns = (
            (size - 1) * window.stride[axis] - pads[axis] + window.extent[axis] + extra[axis]
            for axis, size in enumerate((height, width))
        )
        if rows < 1 or columns < 1 or window.output_size(rows, columns) != (height, width):
            raise ShapeError(
                f"{self.kind} with padding {self.padding} makes {rows}x{columns} of {height}x{width}: less padding is expected"
            )
        return rows, columns, self.filters

    def parameter_specs(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        cells, channels = math.prod(self._window.kernel), inputs[0][2]
        weights = ParameterSpec(
            (*self._window.kernel, self.filters // self.groups, channels),
            fan_in=max(1, cells * channels // self.groups // math.prod(self._window.stride)),
            fan_out=cells * self.filters // self.groups,
        )
        return {"weights": weights, **bias_spec(self.bias, self.filters)}

    def tables(self, dtype: Any, *inputs: Shape) -> dict[str, Any]:
        return {
            "ones": np.ones(self.filters, dtype),
            "zeros": np.zeros(self.filters, dtype),
            "none": np.zeros(inputs[0][2], dtype),
        }

    def prepare(
        self, count: int, output: Shape, *inputs: Shape, device: str = "cpu", limit: float = math.inf
    ) -> Prepared:
        height, width, channels = inputs[0]
        manner = self.filters, channels, self._window, self.groups
        algorithm = convolution.choose(device, *manner, "auto")
        size = count, height, width
        products = convolution.workspace_size(device, size, *manner, algorithm, (output[0], output[1]), limit)
        sums = dense.workspace_size(device, self.filters, count * output[0] * output[1], 0, limit)
        return Prepared(max(products, sums), algorithm)

    def forward(self, call: Call) -> None:
        convolution.backward_input(call.output, call.input, call.parameters["weights"], *self._options(call))
        if self.bias:
            ones, zeros = call.tables["ones"], call.tables["zeros"]
            y = call.output.reshape(-1, self.filters)
            normalization.forward(y, y, zeros, ones, ones, call.parameters["bias"], 1.0)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        weights, none = call.parameters["weights"], call.tables["none"]
        convolution.forward(d_inputs[0], d_output, weights, none, 1.0, *self._options(call))

    def backward_parameters(self, call: Call, d_output: Array, gradients: dict[str, Array]) -> None:
        if "weights" in gradients:
            convolution.backward_weights(gradients["weights"], d_output, call.input, *self._options(call))
        if "bias" in gradients:
            dense.bias_gradient(gradients["bias"], d_output.reshape(-1, self.filters), call.workspace)

    def _options(self, call: Call) -> tuple[Window, int, str, Array]:
        return self._window, self.groups, call.algorithm, call.workspace

    def sees(self, axis: int, places: Any, shape: Shape) -> Any:
        window = self._window
        before = (window.padding.top, window.padding.left)[axis]
        taps = window.dilation[axis] * np.arange(window.kernel[axis])
        starts = places[:, None] + before - taps
        return np.unique(starts[starts % window.stride[axis] == 0] // window.stride[axis])

    def multiply_adds(self, output: Shape, *inputs: Shape) -> int:
        return math.prod(inputs[0]) * math.prod(self._window.kernel) * (self.filters // self.groups)

    @property
    def is_neuronal(self) -> bool:
        return True

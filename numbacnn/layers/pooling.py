"""Pooling layers: smaller maps, each on its own (lecture: spatial pooling)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..device import Array
from ..errors import NetworkError
from ..ops import pooling
from ..ops.geometry import Rounding, Window
from .base import Call, Layer, Shape, need_volume, pair
from .convolution import padding_of


@dataclass
class _Pool(Layer):
    kernel: int | tuple[int, int]
    stride: int | tuple[int, int] = 0
    padding: int | tuple[int, ...] = 0
    rounding: Rounding = "exact"

    def __post_init__(self) -> None:
        kernel = pair("kernel", self.kernel)
        self._window = Window(
            kernel=kernel,
            stride=kernel if self.stride == 0 else pair("stride", self.stride),
            padding=padding_of(self.padding),
            rounding=self.rounding,
            noun=f"{self.kind} window",
        )
        pads = self._window.padding
        if max(pads.top, pads.bottom) >= kernel[0] or max(pads.left, pads.right) >= kernel[1]:
            raise NetworkError(
                f"padding {self.padding} of {self.kind} would let a {kernel[0]}x{kernel[1]} window see nothing "
                "but padding; less than the kernel is expected"
            )

    def output_shape(self, *inputs: Shape) -> Shape:
        need_volume(self.kind, inputs[0])
        height, width, channels = inputs[0]
        return (*self._window.output_size(height, width), channels)

    def window(self, *inputs: Shape) -> Window | None:
        return self._window


@dataclass
class MaxPool(_Pool):
    """(H,W,C) -> (P,Q,C), the largest value under the window; a stride of 0, the default, is the kernel's size.

    Windows overlap where the stride is smaller than the kernel. The winners' places are kept (switches).
    """

    kind: ClassVar[str] = "max-pool"

    def scratch(self, count: int, output: Shape) -> dict[str, tuple[Shape, type | None]]:
        height, width = self._window.kernel
        return {"switches": ((count, *output), np.uint16 if height * width <= 1 << 16 else np.uint32)}

    def forward(self, call: Call) -> None:
        window = self._window
        pooling.max_forward(
            call.output,
            call.scratch["switches"],
            call.input,
            1.0,
            window.kernel,
            window.stride,
            tuple(window.padding),
        )

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        window, switches = self._window, call.scratch["switches"]
        pooling.max_backward(
            d_inputs[0], d_output, switches, window.kernel, window.stride, tuple(window.padding)
        )

    def kinks(self, call: Call) -> list[Array]:
        return [call.scratch["switches"]]


@dataclass
class SumPool(_Pool):
    """(H,W,C) -> (P,Q,C), the sum under the window."""

    kind: ClassVar[str] = "sum-pool"

    @property
    def _divisor(self) -> int:
        return pooling.SUM

    def forward(self, call: Call) -> None:
        window = self._window
        pooling.sum_forward(
            call.output,
            call.input,
            1.0,
            window.kernel,
            window.stride,
            tuple(window.padding),
            self._divisor,
        )

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        window = self._window
        pooling.sum_backward(
            d_inputs[0], d_output, window.kernel, window.stride, tuple(window.padding), self._divisor
        )


@dataclass
class AveragePool(SumPool):
    """(H,W,C) -> (P,Q,C), the sum divided by the cells of the window: with `count_padding` those on the padded input, else
    those on the picture alone.
    """

    kind: ClassVar[str] = "average-pool"
    count_padding: bool = True

    @property
    def _divisor(self) -> int:
        return pooling.PADDED if self.count_padding else pooling.INSIDE


@dataclass
class GlobalAveragePool(Layer):
    """(H,W,C) -> (1,1,C), the average of each map (Lin et al., 2014)."""

    kind: ClassVar[str] = "global-average-pool"

    def output_shape(self, *inputs: Shape) -> Shape:
        need_volume(self.kind, inputs[0])
        return (1, 1, inputs[0][2])

    def window(self, *inputs: Shape) -> Window | None:
        return Window(kernel=(inputs[0][0], inputs[0][1]))

    def forward(self, call: Call) -> None:
        kernel = call.input.shape[1:3]
        pooling.sum_forward(call.output, call.input, 1.0, kernel, kernel, (0, 0, 0, 0), pooling.PADDED)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        kernel = call.input.shape[1:3]
        pooling.sum_backward(d_inputs[0], d_output, kernel, kernel, (0, 0, 0, 0), pooling.PADDED)

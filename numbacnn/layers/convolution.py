"""The convolutional layer: K filters of RxS over C channels (lecture: convolutional layer)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..device import Array
from ..errors import NetworkError, ShapeError, cut, nearest
from ..ops import convolution, dense
from ..ops.convolution.choice import ALGORITHMS, Algorithm, suits
from ..ops.geometry import Padding, Rounding, Window
from .base import LARGEST, Call, Layer, ParameterSpec, Prepared, Shape, need_range, need_volume, pair

_FOR = {"direct": "as many groups and filters as channels, with dilation 1"}
_FOR_WINOGRAD = (
    "3x3 or 5x5 filters of stride 1, dilation 1, padding below the kernel and one group, channels and "
    "filters both multiples of 16; winograd-4 also for 5x5 filters of 3 or 4 channels, 32 filters or more"
)


@dataclass
class Convolution(Layer):
    """(H,W,C) -> (P,Q,K).

    `padding` is one number, [height, width], or [top, bottom, left, right]. Weights (R,S,C/groups,K), bias (K) unless
    `bias` is false, as where batch normalisation follows.
    `algorithm`: "im2col" multiplies as the definition says, and "lanes" too, but with a picture in each lane of a vector
    where the whole network can be run so (program.chain; there "auto" trains in Winograd's way along the rows where that is
    faster); "winograd-2" and "winograd-4" need 2.25 and 4 times fewer
    multiplications in 3x3 filters of stride 1, 2.8 and 6.25 times fewer in 5x5 filters, and round a little more;
    "direct" is for as many groups and filters as channels (depthwise); "auto" takes the fastest for the layer's geometry, whatever batch and workspace there are;
    on a GPU, for each pass by itself, also for the number of pictures, and without Winograd's tiles where there is no room for
    them. Tensor cores (tf32, bf16) multiply as the definition says, whatever is asked for.
    """

    kind: ClassVar[str] = "convolution"
    filters: int
    kernel: int | tuple[int, int]
    stride: int | tuple[int, int] = 1
    padding: int | tuple[int, ...] = 0
    dilation: int | tuple[int, int] = 1
    groups: int = 1
    rounding: Rounding = "exact"
    algorithm: Algorithm = "auto"
    bias: bool = True

    def __post_init__(self) -> None:
        need_range(self.kind, "filters", self.filters, 1, LARGEST)
        need_range(self.kind, "groups", self.groups, 1, LARGEST)
        if self.filters % self.groups:
            raise NetworkError(
                f"{self.filters} filters cannot be shared out among {self.groups} groups evenly"
            )
        if self.algorithm not in ALGORITHMS:
            hint = nearest(self.algorithm, ALGORITHMS)
            raise NetworkError(f"algorithm = '{self.algorithm}': {', '.join(ALGORITHMS)} are known{hint}")
        self._window = Window(
            kernel=pair("kernel", self.kernel),
            stride=pair("stride", self.stride),
            padding=padding_of(self.padding),
            dilation=pair("dilation", self.dilation),
            rounding=self.rounding,
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        need_volume(self.kind, inputs[0])
        height, width, channels = inputs[0]
        if channels % self.groups:
            raise ShapeError(
                f"{channels} input channels cannot be shared out among {self.groups} groups evenly"
            )
        if not suits(self.algorithm, channels, self.filters, self._window, self.groups):
            tall, wide = self._window.kernel
            raise NetworkError(
                f"algorithm = '{self.algorithm}' does not fit {self.filters} filters of {tall}x{wide}x{channels}: it is "
                f"for {_FOR.get(self.algorithm, _FOR_WINOGRAD)}; 'auto' fits every convolution"
            )
        return (*self._window.output_size(height, width), self.filters)

    def parameter_specs(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        cells = math.prod(self._window.kernel)
        depth = inputs[0][2] // self.groups
        weights = ParameterSpec(
            (*self._window.kernel, depth, self.filters),
            fan_in=cells * depth,
            fan_out=cells * self.filters // self.groups,
        )
        return {"weights": weights, **bias_spec(self.bias, self.filters)}

    def tables(self, dtype: Any, *inputs: Shape) -> dict[str, Any]:
        return no_bias(self.bias, self.filters, dtype)

    def prepare(
        self, count: int, output: Shape, *inputs: Shape, device: str = "cpu", limit: float = math.inf
    ) -> Prepared:
        height, width, channels = inputs[0]
        manner = channels, self.filters, self._window, self.groups
        algorithm = convolution.choose(device, *manner, self.algorithm)
        output_size = count, output[0], output[1]
        products = convolution.workspace_size(device, output_size, *manner, algorithm, (height, width), limit)
        sums = dense.workspace_size(device, self.filters, count * output[0] * output[1], 0, limit)
        return Prepared(max(products, sums), algorithm)

    def forward(self, call: Call) -> None:
        weights, bias = call.parameters["weights"], bias_of(call)
        convolution.forward(call.output, call.input, weights, bias, 1.0, *self._options(call))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        convolution.backward_input(d_inputs[0], d_output, call.parameters["weights"], *self._options(call))

    def backward_parameters(self, call: Call, d_output: Array, gradients: dict[str, Array]) -> None:
        if {"weights", "bias"} <= gradients.keys():
            both = gradients["weights"], gradients["bias"]
            convolution.backward_parameters(*both, call.input, d_output, *self._options(call))
        elif "weights" in gradients:
            convolution.backward_weights(gradients["weights"], call.input, d_output, *self._options(call))
        elif "bias" in gradients:
            dense.bias_gradient(gradients["bias"], d_output.reshape(-1, self.filters), call.workspace)

    def _options(self, call: Call) -> tuple[Window, int, str, Array]:
        return self._window, self.groups, call.algorithm or self.algorithm, call.workspace

    def window(self, *inputs: Shape) -> Window | None:
        return self._window

    def multiply_adds(self, output: Shape, *inputs: Shape) -> int:
        return math.prod(output) * math.prod(self._window.kernel) * (inputs[0][2] // self.groups)

    @property
    def is_neuronal(self) -> bool:
        return True


def bias_spec(wanted: bool, outputs: int) -> dict[str, ParameterSpec]:
    """What a layer of sums declares of its bias."""
    return {"bias": ParameterSpec((outputs,), initial=0.0)} if wanted else {}


def no_bias(wanted: bool, outputs: int, dtype: Any) -> dict[str, Any]:
    """The zeros that stand for a bias which is not wanted, as a table."""
    return {} if wanted else {"bias": np.zeros(outputs, dtype)}


def bias_of(call: Call) -> Array:
    """The bias that is learned, or those zeros."""
    return call.parameters["bias"] if "bias" in call.parameters else call.tables["bias"]


def padding_of(value: int | tuple[int, ...]) -> Padding:
    """One number, [height, width], or [top, bottom, left, right] as a Padding."""
    if isinstance(value, (tuple, list)) and len(value) == 4 and all(type(v) is int for v in value):
        return Padding(*value)
    try:
        rows, columns = pair("padding", value)
    except NetworkError:
        raise NetworkError(
            f"padding = {cut(repr(value))}: a whole number, [height, width] or [top, bottom, left, right] is expected"
        ) from None
    return Padding(rows, rows, columns, columns)

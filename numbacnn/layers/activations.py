"""Non-linear activations, applied to every element (lecture: activation functions)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ..device import Array
from ..errors import NetworkError, cut
from ..ops import activations, gates
from .base import Call, Layer, ParameterSpec, Shape, flat, need_range


@dataclass
class LeakyReLU(Layer):
    """max(slope x, x) (Maas et al., 2013); at 0 the subgradient `slope`."""

    kind: ClassVar[str] = "leaky-relu"
    slope: float = 0.01

    def __post_init__(self) -> None:
        need_range(self.kind, "slope", self.slope, 0, 1)

    def forward(self, call: Call) -> None:
        activations.leaky_relu_forward(flat(call.output), flat(call.input), self.slope)

    @property
    def rectifies(self) -> float | None:
        return self.slope

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        activations.leaky_relu_backward(
            flat(d_inputs[0]), flat(d_output), flat(call.input), self.slope, call.mode.rule
        )

    def kinks(self, call: Call) -> list[Array]:
        return [call.input > 0]


@dataclass
class ReLU(Layer):
    """max(0, x); at 0, where there is no derivative, the subgradient 0."""

    kind: ClassVar[str] = "relu"

    def forward(self, call: Call) -> None:
        activations.leaky_relu_forward(flat(call.output), flat(call.input), 0.0)

    @property
    def rectifies(self) -> float | None:
        return 0.0

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        activations.leaky_relu_backward(
            flat(d_inputs[0]), flat(d_output), flat(call.input), 0.0, call.mode.rule
        )

    def kinks(self, call: Call) -> list[Array]:
        return [call.input > 0]


@dataclass
class PReLU(Layer):
    """max(alpha x, x) with a learned slope alpha a channel, 0.25 at first (He et al., 2015)."""

    kind: ClassVar[str] = "prelu"

    def parameter_specs(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        return {"slopes": ParameterSpec((inputs[0][-1],), initial=0.25)}

    def forward(self, call: Call) -> None:
        slopes = call.parameters["slopes"]
        activations.prelu_forward(_by_channel(call.output), _by_channel(call.input), slopes)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        activations.prelu_backward(
            _by_channel(d_inputs[0]),
            _by_channel(d_output),
            _by_channel(call.input),
            call.parameters["slopes"],
            call.mode.rule,
        )

    def backward_parameters(self, call: Call, d_output: Array, gradients: dict[str, Array]) -> None:
        activations.prelu_backward_slopes(gradients["slopes"], _by_channel(d_output), _by_channel(call.input))

    def kinks(self, call: Call) -> list[Array]:
        return [call.input > 0]


@dataclass
class ELU(Layer):
    """x where x > 0, else alpha (e^x - 1) (Clevert et al., 2015)."""

    kind: ClassVar[str] = "elu"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        need_range(self.kind, "alpha", self.alpha, 0)

    def forward(self, call: Call) -> None:
        activations.elu_forward(flat(call.output), flat(call.input), self.alpha)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        activations.elu_backward(
            flat(d_inputs[0]), flat(d_output), flat(call.input), self.alpha, call.mode.rule
        )

    def kinks(self, call: Call) -> list[Array]:
        return [call.input > 0]


@dataclass
class Sigmoid(Layer):
    """1 / (1 + e^-x)."""

    kind: ClassVar[str] = "sigmoid"

    def forward(self, call: Call) -> None:
        activations.sigmoid_forward(flat(call.output), flat(call.input))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        activations.sigmoid_backward(flat(d_inputs[0]), flat(d_output), flat(call.output), flat(call.input))


@dataclass
class Tanh(Layer):
    """tanh x."""

    kind: ClassVar[str] = "tanh"

    def forward(self, call: Call) -> None:
        activations.tanh_forward(flat(call.output), flat(call.input))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        activations.tanh_backward(flat(d_inputs[0]), flat(d_output), flat(call.output), flat(call.input))


@dataclass
class _Clipped(Layer):
    """max(low, min(high, x)); at both, where there is no derivative, the subgradient 0. With a `low` of at least 0 it is a
    rectifier, whose backward rules saliency and the deconvnet choose.
    """

    @property
    def bounds(self) -> tuple[float, float]:
        """(low, high)."""
        raise NotImplementedError

    def forward(self, call: Call) -> None:
        activations.clip_forward(flat(call.output), flat(call.input), *self.bounds)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        rule = call.mode.rule if self.bounds[0] >= 0 else activations.STANDARD
        activations.clip_backward(flat(d_inputs[0]), flat(d_output), flat(call.input), *self.bounds, rule)

    def kinks(self, call: Call) -> list[Array]:
        low, high = self.bounds
        return [call.input > low, call.input < high]


@dataclass
class Ramp(_Clipped):
    """A clip to [-1, 1]."""

    kind: ClassVar[str] = "ramp"

    @property
    def bounds(self) -> tuple[float, float]:
        return -1.0, 1.0


@dataclass
class ReLU6(_Clipped):
    """max(0, min(6, x)), as the MobileNets have it (Howard et al., 2017)."""

    kind: ClassVar[str] = "relu6"

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, 6.0


@dataclass
class Clip(_Clipped):
    """A clip to [low, high]."""

    kind: ClassVar[str] = "clip"
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise NetworkError(
                f"low = {cut(self.low)} and high = {cut(self.high)} of clip: a low below the high is expected"
            )

    @property
    def bounds(self) -> tuple[float, float]:
        return float(self.low), float(self.high)


@dataclass
class SiLU(Layer):
    """x / (1 + e^-x), also called swish (Elfwing et al., 2017)."""

    kind: ClassVar[str] = "silu"

    def forward(self, call: Call) -> None:
        gates.forward(flat(call.output), flat(call.input), 1.0, 0.0)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        gates.backward(flat(d_inputs[0]), flat(d_output), flat(call.input), 1.0, 0.0)


@dataclass
class GELU(Layer):
    """x Phi(x), Phi the chance that a normally distributed number is below x (Hendrycks and Gimpel, 2016); with
    `approximate` their x / (1 + e^-2u), u = sqrt(2/pi) (x + 0.044715 x^3), which others write with a tanh.
    """

    kind: ClassVar[str] = "gelu"
    approximate: bool = False

    def forward(self, call: Call) -> None:
        if self.approximate:
            gates.forward(flat(call.output), flat(call.input), *_BY_TANH)
        else:
            gates.normal_forward(flat(call.output), flat(call.input))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        arrays = flat(d_inputs[0]), flat(d_output), flat(call.input)
        if self.approximate:
            gates.backward(*arrays, *_BY_TANH)
        else:
            gates.normal_backward(*arrays)


_BY_TANH = 2 * math.sqrt(2 / math.pi), 2 * math.sqrt(2 / math.pi) * 0.044715
"""What GELU's approximation multiplies x and its cube by."""


def _by_channel(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])

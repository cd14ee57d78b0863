"""Non-linear activations, applied to every element (lecture: activation functions)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..device import Array
from ..ops import activations
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
class Ramp(Layer):
    """A clip to [-1, 1]."""

    kind: ClassVar[str] = "ramp"

    def forward(self, call: Call) -> None:
        activations.ramp_forward(flat(call.output), flat(call.input))

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        activations.ramp_backward(flat(d_inputs[0]), flat(d_output), flat(call.input))

    def kinks(self, call: Call) -> list[Array]:
        return [call.input > -1, call.input < 1]


def _by_channel(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1])

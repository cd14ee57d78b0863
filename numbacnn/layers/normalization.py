"""Batch normalisation (Ioffe and Szegedy, 2015; lecture: the revolution of depth), local response normalisation, and factors
and offsets that are learned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..device import Array
from ..errors import NetworkError
from ..ops import joins, normalization, response
from .base import BufferSpec, Call, Layer, ParameterSpec, Prepared, Shape, need_range


@dataclass
class BatchNorm(Layer):
    """(…, C) -> (…, C): each channel brought to mean 0 and variance 1 over the batch, then times `scale` plus `shift`.

    Outside training the running mean and variance take the batch's place; training moves them by `momentum` of the way
    to each batch's. `eps` is added to the variance. Without `learn_scale` or `learn_shift` these stay 1 and 0. `fixed`: the
    running ones stay as they are, and are used in training too, as in the layers of a network that no longer learn.
    """

    kind: ClassVar[str] = "batch-norm"

    momentum: float = 0.1
    eps: float = 1e-5
    learn_scale: bool = True
    learn_shift: bool = True
    fixed: bool = False

    def __post_init__(self) -> None:
        need_range(self.kind, "momentum", self.momentum, 0, 1.0000001)
        need_range(self.kind, "eps", self.eps, 0)

    def parameter_specs(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        own = (inputs[0][-1],)
        specs = {}
        if self.learn_scale:
            specs["scale"] = ParameterSpec(own, initial=1.0)
        if self.learn_shift:
            specs["shift"] = ParameterSpec(own, initial=0.0)
        return specs

    def buffer_specs(self, *inputs: Shape) -> dict[str, BufferSpec]:
        own = (inputs[0][-1],)
        return {"running_mean": BufferSpec(own, 0.0), "running_variance": BufferSpec(own, 1.0)}

    def scratch(self, count: int, output: Shape) -> dict[str, tuple[Shape, type | None]]:
        own = (output[-1],)
        return dict.fromkeys(("mean", "inverse", "d_scale", "d_shift"), (own, None))

    def tables(self, dtype: Any, *inputs: Shape) -> dict[str, Any]:
        return _ones_and_zeros(dtype, inputs[0][-1])

    def prepare(
        self, count: int, output: Shape, *inputs: Shape, device: str = "cpu", limit: float = math.inf
    ) -> Prepared:
        rows = count * math.prod(output[:-1])
        return Prepared(normalization.workspace_size(device, rows, output[-1]))

    def forward(self, call: Call) -> None:
        mean, inverse = call.scratch["mean"], call.scratch["inverse"]
        running = call.buffers["running_mean"], call.buffers["running_variance"]
        x = _by_channel(call.input)
        if self._by_batch(call):
            normalization.statistics(mean, inverse, *running, x, self.momentum, self.eps, call.workspace)
        else:
            normalization.from_running(mean, inverse, *running, self.eps)
        shift = call.parameters.get("shift", call.tables["zeros"])
        normalization.forward(_by_channel(call.output), x, mean, inverse, self._scale(call), shift, 1.0)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        mean, inverse = call.scratch["mean"], call.scratch["inverse"]
        d_x, d_y, scale = _by_channel(d_inputs[0]), _by_channel(d_output), self._scale(call)
        if not self._by_batch(call):
            zeros = call.tables["zeros"]
            normalization.forward(d_x, d_y, zeros, inverse, scale, zeros, 1.0)
            return
        self._sums(call, d_output)
        sums = call.scratch["d_scale"], call.scratch["d_shift"]
        normalization.backward_input(d_x, d_y, _by_channel(call.input), mean, inverse, scale, *sums)

    def backward_parameters(self, call: Call, d_output: Array, gradients: dict[str, Array]) -> None:
        self._sums(call, d_output)
        for name, gradient in gradients.items():
            joins.copy(gradient, call.scratch[f"d_{name}"])

    def _sums(self, call: Call, d_output: Array) -> None:
        """The sums that both gradients need; a program that lists them twice takes them once."""
        normalization.sums(
            call.scratch["d_scale"],
            call.scratch["d_shift"],
            _by_channel(d_output),
            _by_channel(call.input),
            call.scratch["mean"],
            call.scratch["inverse"],
            call.workspace,
        )

    def _by_batch(self, call: Call) -> bool:
        """Whether the batch's own mean and variance are taken."""
        return call.mode.training and not self.fixed

    def _scale(self, call: Call) -> Array:
        return call.parameters.get("scale", call.tables["ones"])


@dataclass
class Scale(Layer):
    """(…, C) -> (…, C): each channel times a factor `scale`, 1 at first, plus a `shift`, 0 at first and left out without
    `bias`: Caffe's Scale, which follows its BatchNorm.
    """

    kind: ClassVar[str] = "scale"

    bias: bool = True

    def parameter_specs(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        own = (inputs[0][-1],)
        shift = {"shift": ParameterSpec(own, initial=0.0)} if self.bias else {}
        return {"scale": ParameterSpec(own, initial=1.0), **shift}

    def scratch(self, count: int, output: Shape) -> dict[str, tuple[Shape, type | None]]:
        return dict.fromkeys(("d_scale", "d_shift"), ((output[-1],), None))

    def tables(self, dtype: Any, *inputs: Shape) -> dict[str, Any]:
        return _ones_and_zeros(dtype, inputs[0][-1])

    def prepare(
        self, count: int, output: Shape, *inputs: Shape, device: str = "cpu", limit: float = math.inf
    ) -> Prepared:
        rows = count * math.prod(output[:-1])
        return Prepared(normalization.workspace_size(device, rows, output[-1]))

    # As a normalisation of numbers whose mean is 0 and whose variance is 1.

    def forward(self, call: Call) -> None:
        zeros, ones = call.tables["zeros"], call.tables["ones"]
        factors = call.parameters["scale"], call.parameters.get("shift", zeros)
        normalization.forward(_by_channel(call.output), _by_channel(call.input), zeros, ones, *factors, 1.0)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        zeros, ones = call.tables["zeros"], call.tables["ones"]
        d_x, d_y = _by_channel(d_inputs[0]), _by_channel(d_output)
        normalization.forward(d_x, d_y, zeros, ones, call.parameters["scale"], zeros, 1.0)

    def backward_parameters(self, call: Call, d_output: Array, gradients: dict[str, Array]) -> None:
        sums = call.scratch["d_scale"], call.scratch["d_shift"]
        arrays = _by_channel(d_output), _by_channel(call.input), call.tables["zeros"], call.tables["ones"]
        normalization.sums(*sums, *arrays, call.workspace)
        for name, gradient in gradients.items():
            joins.copy(gradient, call.scratch[f"d_{name}"])


@dataclass
class LocalResponseNorm(Layer):
    """(H,W,C) -> (H,W,C): x (k + alpha / size times the sum of x^2 over `size` neighbouring channels)^-beta.

    Krizhevsky et al. (2012), section 3.3, with alpha divided by the size as Caffe, ONNX and PyTorch have it: the paper's
    constants are k = 2 and alpha = 5e-4 here, Caffe's are the defaults.
    """

    kind: ClassVar[str] = "local-response-norm"

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def __post_init__(self) -> None:
        need_range(self.kind, "size", self.size, 1, 1 << 16)
        for name in ("alpha", "beta", "k"):
            need_range(self.kind, name, getattr(self, name), 0)
        if self.size % 2 == 0:
            raise NetworkError(
                f"size of {self.kind} is {self.size}: an odd number is expected, of channels around the one in the middle"
            )

    def scratch(self, count: int, output: Shape) -> dict[str, tuple[Shape, type | None]]:
        return {"sums": ((count, *output), None)}

    def forward(self, call: Call) -> None:
        arrays = map(_by_channel, (call.output, call.scratch["sums"], call.input))
        response.forward(*arrays, self.size, self.alpha, self.beta, self.k)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        arrays = d_inputs[0], d_output, call.input, call.output, call.scratch["sums"]
        response.backward(*map(_by_channel, arrays), self.size, self.alpha, self.beta)


def _ones_and_zeros(dtype: Any, size: int) -> dict[str, Any]:
    return {"ones": np.ones(size, dtype), "zeros": np.zeros(size, dtype)}


def _by_channel(array: Array | None) -> Array:
    assert array is not None
    return array.reshape(-1, array.shape[-1])

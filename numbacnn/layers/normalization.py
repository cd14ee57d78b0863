"""Batch normalisation (Ioffe and Szegedy, 2015; lecture: the revolution of depth)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..device import Array
from ..ops import joins, normalization
from .base import BufferSpec, Call, Layer, ParameterSpec, Prepared, Shape, need_range


@dataclass
class BatchNorm(Layer):
    """(…, C) -> (…, C): each channel brought to mean 0 and variance 1 over the batch, then times `scale` plus `shift`.

    Outside training the running mean and variance take the batch's place; training moves them by `momentum` of the way
    to each batch's. `eps` is added to the variance. Without `learn_scale` or `learn_shift` these stay 1 and 0.
    """

    kind: ClassVar[str] = "batch-norm"

    momentum: float = 0.1
    eps: float = 1e-5
    learn_scale: bool = True
    learn_shift: bool = True

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
        own = inputs[0][-1]
        return {"ones": np.ones(own, dtype), "zeros": np.zeros(own, dtype)}

    def prepare(
        self, count: int, output: Shape, *inputs: Shape, device: str = "cpu", limit: float = math.inf
    ) -> Prepared:
        rows = count * math.prod(output[:-1])
        return Prepared(normalization.workspace_size(device, rows, output[-1]))

    def forward(self, call: Call) -> None:
        mean, inverse = call.scratch["mean"], call.scratch["inverse"]
        running = call.buffers["running_mean"], call.buffers["running_variance"]
        x = _by_channel(call.input)
        if call.mode.training:
            normalization.statistics(mean, inverse, *running, x, self.momentum, self.eps, call.workspace)
        else:
            normalization.from_running(mean, inverse, *running, self.eps)
        shift = call.parameters.get("shift", call.tables["zeros"])
        normalization.forward(_by_channel(call.output), x, mean, inverse, self._scale(call), shift, 1.0)

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        mean, inverse = call.scratch["mean"], call.scratch["inverse"]
        d_x, d_y, scale = _by_channel(d_inputs[0]), _by_channel(d_output), self._scale(call)
        if not call.mode.training:
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

    def _scale(self, call: Call) -> Array:
        return call.parameters.get("scale", call.tables["ones"])


def _by_channel(array: Array | None) -> Array:
    assert array is not None
    return array.reshape(-1, array.shape[-1])

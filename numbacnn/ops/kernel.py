"""Ops and their variants. A call runs the variant of the device that the output is on."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from .launches import launch, single_thread
from .operands import Operand, write_down

_SMALL = 32768
"""Ops on fewer elements run on one thread: they are done before other threads have woken up."""


class Kernel:
    """An op: one function for each device, all with the same parameters, the outputs first.

    A variant is a compiled function, or a Python function that launches several. A variant for a device whose toolchain
    is optional is imported when it is first needed: for "pooling.max_forward" the function `max_forward` of
    `ops.cuda.pooling`. `work` takes the op's arguments and returns the number of additions that take as long; without
    it, the number of the output's elements is taken. The op writes its first `outputs` parameters. Programs of other
    devices do without a `cpu_only` op. Called with Operands, an op computes nothing: the call becomes a step of the
    program that is being compiled.

    Raises TypeError where two variants differ in a parameter's name or place.
    """

    registry: ClassVar[dict[str, Kernel]] = {}

    def __init__(
        self,
        name: str,
        *,
        work: Callable[..., int] | None = None,
        outputs: int = 1,
        cpu_only: bool = False,
        **variants: Callable[..., None],
    ) -> None:
        self.name = name
        self.outputs = outputs
        self.cpu_only = cpu_only
        self.variants: dict[str, Callable[..., None]] = {}
        """As they were given."""
        self.calls: dict[str, Callable[..., None]] = {}
        """How they are called: so that launches may be recorded. A Python function sees to that itself, of what it launches."""
        self.parameters: tuple[str, ...] = ()
        for device, variant in variants.items():
            self._take(device, variant)
        self._work = work or (lambda output, *_: output.size)
        self.__doc__ = next(iter(variants.values())).__doc__
        Kernel.registry[name] = self

    def __call__(self, output: Any, *arguments: Any) -> None:
        if isinstance(output, Operand):
            write_down(self, (output, *arguments))
        elif not isinstance(output, np.ndarray):
            self.variant("cuda")
            self.calls["cuda"](output, *arguments)
        elif self._work(output, *arguments) < _SMALL:
            with single_thread():
                self.calls["cpu"](output, *arguments)
        else:
            self.calls["cpu"](output, *arguments)

    def variant(self, device: str) -> Callable[..., None]:
        """Returns the op's function for a device."""
        if device not in self.variants:
            self._take(device, of_device(self.name, device))
        return self.variants[device]

    def _take(self, device: str, variant: Callable[..., None]) -> None:
        parameters = _parameters(variant)
        if self.parameters not in ((), parameters):
            known = dict.fromkeys(self.variants, self.parameters) | {device: parameters}
            raise TypeError(f"the variants of {self.name} differ in their parameters: {known}")
        self.parameters = parameters
        self.variants[device] = variant
        self.calls[device] = partial(launch, variant) if hasattr(variant, "py_func") else variant


def of_device(name: str, device: str) -> Callable[..., Any]:
    """Returns the function that "pooling.max_forward" names for a device: `max_forward` of `ops.cuda.pooling`."""
    module, function = name.rsplit(".", 1)
    found: Callable[..., Any] = getattr(importlib.import_module(f"{__package__}.{device}.{module}"), function)
    return found


def by_device(name: str, cpu: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of (device, ...) that calls the device's own variant of `cpu`:
    `by_device("dense.workspace_size", ...)` takes the device's name first, then the parameters of `cpu`.
    """

    def ask(device: str, *arguments: Any) -> Any:
        function = cpu if device == "cpu" else of_device(name, device)
        return function(*arguments)

    return ask


def _parameters(function: Callable[..., None]) -> tuple[str, ...]:
    plain = getattr(function, "py_func", function)
    return tuple(inspect.signature(plain).parameters)

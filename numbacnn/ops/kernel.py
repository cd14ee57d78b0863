"""One op, its variants, launched by where its output lives."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from .tape import launch, single_thread

_SMALL = 32768
"""Elements: an op on fewer is done before other threads have woken."""


class Kernel:
    """An op: one function a device, all with the same parameters, the output first.

    A variant is a compiled function, or a Python function that launches some. Another device is one
    more keyword where the kernel is made, and nothing elsewhere. `work` takes the op's arguments and tells how many
    elements' additions it takes; without it, as many as the output has.

    Raises TypeError where two variants differ in a parameter's name or place.
    """

    registry: ClassVar[dict[str, Kernel]] = {}

    def __init__(
        self, name: str, *, work: Callable[..., int] | None = None, **variants: Callable[..., None]
    ) -> None:
        parameters = {device: _parameters(variant) for device, variant in variants.items()}
        if len(set(parameters.values())) != 1:
            raise TypeError(f"the variants of {name} differ in their parameters: {parameters}")
        self.name = name
        self._work = work or (lambda output, *_: output.size)
        self.variants = variants
        """As they were given; a compiled one is called so that a tape may record it."""
        self._calls = {
            device: partial(launch, variant) if hasattr(variant, "py_func") else variant
            for device, variant in variants.items()
        }
        self.parameters = next(iter(parameters.values()))
        self.__doc__ = next(iter(variants.values())).__doc__
        Kernel.registry[name] = self

    def __call__(self, output: Any, *arguments: Any) -> None:
        if not isinstance(output, np.ndarray):
            launch(self.variants["cuda"], output, *arguments)
        elif self._work(output, *arguments) < _SMALL:
            with single_thread():
                self._calls["cpu"](output, *arguments)
        else:
            self._calls["cpu"](output, *arguments)


def _parameters(function: Callable[..., None]) -> tuple[str, ...]:
    plain = getattr(function, "py_func", function)
    return tuple(inspect.signature(plain).parameters)

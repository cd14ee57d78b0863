"""One op, its variants, launched by where its output lives."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np


class Kernel:
    """An op: one function a device, all with the same parameters, the output first.

    A variant is a compiled function, or a Python function that launches some. Another device is one
    more keyword where the kernel is made, and nothing elsewhere.

    Raises TypeError where two variants differ in a parameter's name or place.
    """

    registry: ClassVar[dict[str, Kernel]] = {}

    def __init__(self, name: str, **variants: Callable[..., None]) -> None:
        parameters = {device: _parameters(variant) for device, variant in variants.items()}
        if len(set(parameters.values())) != 1:
            raise TypeError(f"the variants of {name} differ in their parameters: {parameters}")
        self.name = name
        self.variants = variants
        self.parameters = next(iter(parameters.values()))
        self.__doc__ = next(iter(variants.values())).__doc__
        Kernel.registry[name] = self

    def __call__(self, output: Any, *arguments: Any) -> None:
        self.variants["cpu" if isinstance(output, np.ndarray) else "cuda"](output, *arguments)


def _parameters(function: Callable[..., None]) -> tuple[str, ...]:
    plain = getattr(function, "py_func", function)
    return tuple(inspect.signature(plain).parameters)

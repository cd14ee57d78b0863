"""First values of the weights (lecture: initialization)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .base import ParameterSpec

Generator = np.random.Generator


def uniform(generator: Generator, wanted: ParameterSpec, *, bound: float = 0.05) -> Any:
    """U[-b, b]."""
    return generator.uniform(-bound, bound, wanted.shape)


def normal(generator: Generator, wanted: ParameterSpec, *, deviation: float = 0.01) -> Any:
    """N(0, deviation^2)."""
    return generator.normal(0, deviation, wanted.shape)


def glorot(generator: Generator, wanted: ParameterSpec) -> Any:
    """U[-b, b] with b = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010, eq. 16)."""
    bound = math.sqrt(6 / (wanted.fan_in + wanted.fan_out))
    return generator.uniform(-bound, bound, wanted.shape)


def he(generator: Generator, wanted: ParameterSpec) -> Any:
    """N(0, 2 / fan_in): keeps the variance through layers of rectifiers (He et al., 2015, eq. 10)."""
    return generator.normal(0, math.sqrt(2 / wanted.fan_in), wanted.shape)


def dirac(generator: Generator, wanted: ParameterSpec) -> Any:
    """U[-b, b] with b = 1 / sqrt(fan_in), but the first filters of a convolution pass its channels on, one each
    (Zagoruyko and Komodakis, 2017).
    """
    values = uniform(generator, wanted, bound=1 / math.sqrt(wanted.fan_in))
    if len(wanted.shape) == 4:
        height, width, channels, filters = wanted.shape
        passed = np.arange(min(channels, filters))
        values[..., passed] = 0
        values[height // 2, width // 2, passed, passed] = 1
    return values


def zero(generator: Generator, wanted: ParameterSpec) -> Any:
    """All zero: nothing can be learned but the last biases (see SYMMETRIC)."""
    return np.zeros(wanted.shape)


def constant(generator: Generator, wanted: ParameterSpec, *, value: float = 0.05) -> Any:
    """All alike: every filter of a layer stays the same filter (see SYMMETRIC)."""
    return np.full(wanted.shape, value)


def first_values(
    scheme: str, spec: ParameterSpec, seed: int, place: tuple[int, int], **options: float
) -> Any:
    """A parameter's first values. `place` has a stream of random numbers of its own: adding a layer does not shift the
    others'.
    """
    if spec.initial is not None:
        return np.full(spec.shape, spec.initial)
    generator = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, *place]))
    return INITIALIZERS[scheme](generator, spec, **options)


INITIALIZERS: dict[str, Callable[..., Any]] = {
    "uniform": uniform,
    "normal": normal,
    "glorot": glorot,
    "he": he,
    "dirac": dirac,
    "zero": zero,
    "constant": constant,
}

SYMMETRIC = {
    "zero": "every weight starts at 0, so no gradient reaches the layers below and every neuron of a layer "
    "stays like every other; draw the weights at random (he, glorot, normal, uniform)",
    "constant": "every weight starts with the same value, so all neurons of a layer get the same gradient "
    "and stay alike for ever; draw the weights at random (he, glorot, normal, uniform)",
}
"""Initialisations that cannot break the symmetry between neurons, and why (lecture: "don't initialize with
zero, don't initialize with the same value")."""

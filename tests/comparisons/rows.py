"""What a row of the table is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from comparisons import arrays


@dataclass(frozen=True)
class Comparison:
    """A row. `make(generator, dtype, shape)` gives the kernel's arguments, the `outputs` it writes first; an output
    that the op must fill whole holds NaN. `naive` takes the same arguments and returns what the outputs should hold.
    """

    make: Callable[[np.random.Generator, Any, Any], list[Any]]
    naive: Callable[..., tuple[Any, ...]]
    shapes: dict[str, Any]
    layers: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1


def masked(row: Comparison, *names: str) -> Comparison:
    """The row of an op that masks what another op writes, for some of that one's shapes (ops.masking)."""

    def make(generator: np.random.Generator, dtype: Any, shape: Any) -> list[Any]:
        arguments = row.make(generator, dtype, shape)
        return [*arguments, arrays.numbers(generator, dtype, arguments[0].size), 0.25]

    def naive(*arguments: Any) -> tuple[Any, ...]:
        *own, signs, slope = arguments
        (written,) = row.naive(*own)
        return (np.where(signs.reshape(written.shape) > 0, written, slope * written),)

    return Comparison(make, naive, {name: row.shapes[name] for name in names}, row.layers)

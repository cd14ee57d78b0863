"""What a row of the table is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


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

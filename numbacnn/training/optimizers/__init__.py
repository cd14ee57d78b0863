"""How a step follows from a gradient. A new optimizer is a file here, its ops, and its line in OPTIMIZERS."""

from __future__ import annotations

from typing import Any

from ...graph import Graph
from .adam import Adam, AdamW
from .base import Arrays, Optimizer, read_rows, write_rows
from .sgd import SGD

OPTIMIZERS: dict[str, type[Optimizer]] = {each.name: each for each in (SGD, Adam, AdamW)}
"""Name -> class."""


def optimizer_for(graph: Graph, settings: Any) -> Optimizer:
    """The optimizer that a training's settings name, with its options from them. Raises NotEnoughMemory."""
    kind = OPTIMIZERS[settings.optimizer]
    return kind(graph, **{name: getattr(settings, name) for name in kind.options})


__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adam",
    "AdamW",
    "Arrays",
    "Optimizer",
    "optimizer_for",
    "read_rows",
    "write_rows",
]

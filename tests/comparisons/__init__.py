"""One table: how each op's arguments are made, what it should write, and the shapes to try it on.

`tests/test_ops.py` compares every kernel with its naive reference on the odd shapes; `benches/` times it on the
layers of real networks. An op without a row fails a test. Each module has the rows of some ops in its ROWS: a new op's row
goes into one of them, or into a new module that is named here.
"""

from __future__ import annotations

from comparisons import (
    activations,
    convolution,
    dense,
    dropout,
    embedding,
    joins,
    losses,
    normalization,
    pictures,
    pooled,
    pooling,
    resizing,
    update,
)
from comparisons.rows import Comparison
from numbacnn.ops.kernel import Kernel

MODULES = (
    activations,
    convolution,
    dense,
    dropout,
    embedding,
    joins,
    losses,
    normalization,
    pictures,
    pooled,
    pooling,
    resizing,
    update,
)
COMPARISONS: dict[str, Comparison] = {name: row for module in MODULES for name, row in module.ROWS.items()}
"""Kernel -> its row."""
EVERYWHERE = {
    name: row
    for name, row in COMPARISONS.items()
    if name not in Kernel.registry or not Kernel.registry[name].cpu_only
}
"""Those of ops that other devices than the CPU have too."""

"""Runs an op's CUDA variant without a GPU, from the PTX that its kernels are compiled to."""

from __future__ import annotations

from typing import Any

import numpy as np
from comparisons import EVERYWHERE as COMPARISONS
from kernels.executed import launches_executed

from numbacnn.ops.kernel import Kernel


def run(kernel: str, arguments: list[Any]) -> list[Any]:
    """What the variant writes into copies of its outputs; of what it reads it may change the workspace only."""
    op, outputs = Kernel.registry[kernel], COMPARISONS[kernel].outputs
    own = [argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments]
    for name, argument in list(zip(op.parameters, own, strict=True))[outputs:]:
        if isinstance(argument, np.ndarray) and name != "workspace":
            argument.flags.writeable = False
    with launches_executed():
        op.variant("cuda")(*own)
    return own[:outputs]

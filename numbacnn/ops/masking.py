"""Ops that write the gradient of a rectifier's output, and multiply it by the rectifier's derivative as they store it.

On a GPU that is one pass over the gradient less; on the CPU it is the two ops after one another.
"""

from __future__ import annotations

import inspect
from typing import Any

from .activations import STANDARD, leaky_relu_backward
from .kernel import Kernel


def masked(kernel: Kernel) -> Kernel:
    """Returns the op NAME_masked of an op NAME, which takes two arguments more: where `signs`, a flat array, is not above 0, what
    NAME would write is multiplied by `slope`.
    """

    def write_and_mask(output: Any, *arguments: Any) -> None:
        *own, signs, slope = arguments
        kernel(output, *own)
        flat = output.reshape(-1)
        leaky_relu_backward.variant("cpu")(flat, flat, signs, slope, STANDARD)

    kind = inspect.Parameter.POSITIONAL_ONLY
    names = (*kernel.parameters, "signs", "slope")
    write_and_mask.__dict__["__signature__"] = inspect.Signature(
        [inspect.Parameter(name, kind) for name in names]
    )
    write_and_mask.__doc__ = f"{kernel.name}, then times slope where signs is not above 0."
    return Kernel(f"{kernel.name}_masked", cpu=write_and_mask)

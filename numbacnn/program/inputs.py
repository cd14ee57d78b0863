"""Checks of a batch for a network that has inputs beside pictures: planes of numbers, tokens."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..device import Array
from ..errors import ShapeError, UsageError
from ..graph import PIXELS, Graph


def check_given(graph: Graph, images: Array | None, others: Mapping[str, Array], most: int = 0) -> int:
    """How many examples are given: pictures that fit the graph (None: none are given), and arrays of other inputs.

    Raises UsageError unless each input is given something, ShapeError or DataError if it is not what its layer takes, or
    if they are not as many as each other, from 1 to `most` (0: any number).
    """
    inputs = {node.name: node for node in graph.other_inputs}
    wanted = [*([PIXELS] if graph.takes_pictures else []), *inputs]
    given = [*([] if images is None else [PIXELS]), *others]
    if sorted(wanted) != sorted(given):
        raise UsageError(
            f"inputs {', '.join(given) or 'none'} are given, and {', '.join(wanted)} are expected"
        )
    first = next(iter(others.values())) if images is None else images
    count = max(len(first) if np.ndim(first) else 0, 1)
    for name, values in others.items():
        node, array = inputs[name], np.asarray(values)
        tokens = node.layer.input_type is not None
        shape = (count, *graph.input_shapes(node)[0])
        if array.shape != shape or 0 < most < count or array.dtype.kind not in ("iu" if tokens else "iuf"):
            limit = f", and {most} at most at a time" if most else ""
            raise ShapeError(
                f"input '{name}' is given {array.dtype} {array.shape}: {'whole numbers' if tokens else 'numbers'} of the "
                f"shape {shape} are expected{limit}"
            )
        node.layer.check_input(array)
    return count

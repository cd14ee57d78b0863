"""The last layers of a graph by themselves, which are given what the layers before them put out."""

from __future__ import annotations

import copy
import math

from .errors import NetworkError
from .graph import Graph, LayerLine
from .layers import Flatten, Planes


def tail(graph: Graph, node: str) -> tuple[Graph, str]:
    """What comes after a node, and the name of its input, which takes the node's output as a volume (H,W,C), (1,1,D) if it
    is flat.

    It looks at the arrays of `graph`: who trains one trains both. Freezing, moving or converting `graph` gives that other
    arrays. Raises NetworkError where a layer after the node reads one before it, or something before it learns.
    """
    before = graph.ancestors(graph[node].name)
    shape = graph.shapes[node]
    lines: list[LayerLine]
    if len(shape) == 3:
        given, lines = node, [(node, Planes(shape))]
    else:
        given = f"{node}.given"
        lines = [(given, Planes((1, 1, math.prod(shape)))), (node, Flatten())]
    for each in graph.nodes:
        if each.name in before:
            if any(one.trainable for one in graph.parameters_of(each).values()):
                raise NetworkError(f"'{each.name}' learns, and stands before '{node}'")
            continue
        skipped = [source for source in each.inputs if source in before and source != node]
        if skipped:
            raise NetworkError(f"'{each.name}' reads '{skipped[0]}', which stands before '{node}'")
        lines.append((each.name, copy.copy(each.layer), each.inputs))
    other = Graph(lines, dtype=graph.dtype)
    still = [name for name in other.parameters if not graph.parameters[name].trainable]
    if still:
        raise NetworkError(f"{still[0]} does not learn, and stands after '{node}'")
    other.look_at(graph)
    return other, given

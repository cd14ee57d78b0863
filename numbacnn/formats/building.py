"""Builds a network from a `Description`: layers that do not lead to the output are left out, and arrays are transposed
to numbacnn's order of axes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ModelError, NumbacnnError
from ..graph import PIXELS, Graph, LayerLine
from ..layers import Concatenate, Convolution, Dense, Flatten, Layer, Softmax, TransposedConvolution
from ..limits import need_described
from ..network import Network
from ..program import Program
from .description import Array, Description, as_float32

Order = Any
"""int64, one entry for each number of a flat output: entry i is the place, in the other program's order, of number i in
ours. None where both orders are the same.
"""


def network_of(description: Description) -> Network:
    """Returns the network that a description describes, with its weights. Raises ModelError, which names the file."""
    path = description.path
    _end_in_softmax(description)
    pixels = (PIXELS, description.preparation.pixels(description.input_shape))
    try:
        graph = Graph([pixels, *_leading_to(description.output, description.lines)], description.input_shape)
        classes = graph.shapes[graph.output.name][0]
        if description.class_names and len(description.class_names) != classes:
            raise ModelError(f"{len(description.class_names)} class names for {classes} classes")
        numbers = sum(each.size for each in graph.parameters.values())
        needed = numbers * graph.dtype.itemsize + Program(graph, 1, keep=()).bytes
        need_described(needed, path, "its network takes for a single picture", ModelError)
        network = Network(graph, description.class_names)
    except NumbacnnError as error:
        message = str(error)
        raise ModelError(message if message.startswith(str(path)) else f"{path}: {message}") from None
    orders = flat_orders(graph)
    if orders[graph.output.name] is not None:
        raise ModelError(
            f"{path}: '{description.output}' has scores for every place of a picture; a classifier has one score a class"
        )
    for name in (*graph.parameters, *graph.buffers):
        node, key = name.rsplit("/", 1)
        order = None if description.channels_last else orders[_source(graph, node)]
        values = turned(description.arrays[name], graph[node].layer, key, order)
        if not np.isfinite(values).all():
            raise ModelError(f"{path}: {key} of layer '{node}' are not all finite numbers")
        graph.write(name, values)
    return network


def turned(array: Array, layer: Layer, key: str, order: Order) -> Array:
    """Returns another program's array in numbacnn's order of axes: filters (K,C,R,S) become (R,S,C,K), weights (K,D)
    become (D,K). `order` is that of the layer's flat input.
    """
    values = as_float32(array)
    if isinstance(layer, (Convolution, TransposedConvolution)) and key == "weights":
        return values.transpose(2, 3, 1, 0)
    if isinstance(layer, Dense) and key == "weights":
        return values.T if order is None else values.T[order]
    if isinstance(layer, (Dense, Convolution, TransposedConvolution)) or order is None or not values.ndim:
        return values
    return values[order]


def flat_orders(graph: Graph) -> dict[str, Order]:
    """Returns the `Order` of every node's output. numbacnn flattens a volume as (H,W,C), other programs as (C,H,W)."""
    orders: dict[str, Order] = {}
    for node in graph.nodes:
        shapes, own = graph.input_shapes(node), [orders[source] for source in node.inputs]
        if len(graph.shapes[node.name]) != 1 or isinstance(node.layer, Dense):
            orders[node.name] = None
        elif isinstance(node.layer, Flatten) and len(shapes[0]) == 3:
            height, width, channels = shapes[0]
            places = np.arange(math.prod(shapes[0])).reshape(channels, height, width).transpose(1, 2, 0)
            orders[node.name] = None if height * width == 1 else places.reshape(-1)
        elif isinstance(node.layer, Concatenate) and any(order is not None for order in own):
            starts = np.cumsum([0, *(shape[0] for shape in shapes)])
            parts = [
                np.arange(shape[0]) if order is None else order
                for order, shape in zip(own, shapes, strict=True)
            ]
            orders[node.name] = np.concatenate(
                [part + start for part, start in zip(parts, starts[:-1], strict=True)]
            )
        else:
            orders[node.name] = own[0]
    return orders


def _source(graph: Graph, node: str) -> str:
    return (graph[node].inputs or (node,))[0]


def _end_in_softmax(description: Description) -> None:
    if not description.lines:
        raise ModelError(f"{description.path}: there is no layer in it")
    scores = description.output
    if isinstance(description.layer(scores), Softmax):
        return
    description.add("softmax", Softmax(), (description.flat(scores),))


def _leading_to(output: str, lines: list[LayerLine]) -> list[LayerLine]:
    """Returns the lines of those layers that the output depends on, in their order."""
    wanted, kept = {output}, []
    for line in reversed(lines):
        name, _, inputs = (*line, ())[:3]
        if name in wanted:
            wanted |= set(inputs)
            kept.append(line)
    return kept[::-1]

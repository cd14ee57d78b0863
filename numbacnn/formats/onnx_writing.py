"""The state of writing an ONNX graph: its operators and tensors so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Graph, Node
from ..layers import Shape
from ..network import Network
from .building import Order, flat_orders
from .onnx_schema import FLOAT, INT64
from .protobuf import Writer

INPUT, SCORES, PROBABILITIES = "pixels", "scores", "probabilities"
"""The names of the graph's input and outputs."""


class Writing:
    """A graph that is being written: the name of each node's output, and the operators and tensors so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.values: dict[str, str] = {}
        self.orders: dict[str, Order] = flat_orders(graph)
        self._nodes: list[Writer] = []
        self._tensors: list[Writer] = []
        self._count = 0

    def node(self, operator: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Adds an operator, and returns the name of its output."""
        self._count += 1
        output = output or f"{operator.lower()}_{self._count}"
        message = Writer()
        for each in inputs:
            message.data(1, each)
        message.data(2, output).data(3, output).data(4, operator)
        for name, value in attributes.items():
            message.data(5, _attribute(name, value))
        self._nodes.append(message)
        return output

    def tensor(self, values: Any, name: str = "") -> str:
        """Adds a constant of float32 or int64 numbers, and returns its name."""
        array = np.asarray(values)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        self._count += 1
        name = name or f"constant_{self._count}"
        message = Writer()
        for length in array.shape:
            message.integer(1, length)
        message.integer(2, FLOAT if array.dtype.kind == "f" else INT64).data(8, name)
        self._tensors.append(message.array(9, array))
        return name

    def parameter(self, node: Node, key: str, values: Any) -> str:
        """Adds a parameter or a buffer under the name NODE.KEY, and returns that name."""
        return self.tensor(values, f"{node.name}.{key}")

    def read(self, node: Node, key: str, default: float = 0.0) -> Any:
        """Returns the numbers of a node's parameter or buffer in ONNX's order, or `default` for every channel if the
        node has none.
        """
        own: dict[str, Any] = {**self.graph.parameters_of(node), **self.graph.buffers_of(node)}
        if key not in own:
            return np.full(self.graph.input_shapes(node)[0][-1], default, np.float32)
        return self.graph.read(own[key].name)

    def channels(self, node: Node, key: str, default: float = 0.0, axes: bool = True) -> Any:
        """Returns the numbers of a parameter or a buffer with one number a channel, in ONNX's order: (C,1,1) for maps,
        (D) for a row.
        """
        values = self.read(node, key, default)
        order = self.orders[node.inputs[0]]
        if order is not None:
            values = values[np.argsort(order)]
        return values.reshape(-1, 1, 1) if axes and len(self.graph.input_shapes(node)[0]) == 3 else values

    def inputs(self, node: Node) -> list[str]:
        """Returns the names of the values that a node reads."""
        return [self.values[source] for source in node.inputs]

    def finished(self, network: Network, name: str) -> Writer:
        """Returns the message of the whole model."""
        graph = self.graph
        ends = {SCORES: self.values[graph.scores], PROBABILITIES: self.values[graph.output.name]}
        order = self.orders[graph.scores]
        for output, value in ends.items():
            if order is None:
                self.node("Identity", [value], output)
            else:
                self.node("Gather", [value, self.tensor(order)], output, axis=1)
        message = Writer()
        for node in self._nodes:
            message.data(1, node)
        message.data(2, name)
        for tensor in self._tensors:
            message.data(5, tensor)
        height, width, channels = graph.input_shape
        message.data(11, _value(INPUT, (channels, height, width)))
        message.data(12, _value(PROBABILITIES, (network.classes,)))
        return message.data(12, _value(SCORES, (network.classes,)))


def _attribute(name: str, value: Any) -> Writer:
    message = Writer().data(1, name)
    if isinstance(value, float):
        return message.real(2, value).integer(20, 1)
    if isinstance(value, int):
        return message.integer(3, value).integer(20, 2)
    if isinstance(value, str):
        return message.data(4, value).integer(20, 3)
    for each in value:
        message.integer(8, each)
    return message.integer(20, 7)


def _value(name: str, shape: Shape) -> Writer:
    dimensions = Writer().data(1, Writer().data(2, "N"))
    for length in shape:
        dimensions.data(1, Writer().integer(1, length))
    return Writer().data(1, name).data(2, Writer().data(1, Writer().integer(1, FLOAT).data(2, dimensions)))

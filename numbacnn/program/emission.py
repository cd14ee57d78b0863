"""The list of steps: every layer is asked, with Operands, which ops go forward and back through it.

A step's `time` is its node's place: node i of L goes forward at i and back at 2 L - i; what is done between the two passes
(the loss) at L.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..device import Array, Device
from ..errors import NetworkError
from ..graph import Graph, Node
from ..layers import Call, Mode, Pixels, Prepared, Shape
from ..ops import joins
from ..ops.operands import Key, NotThereYet, Operand, Step, Storage, written
from ..parameters import Buffer, Parameter
from .loss import Head

OUTPUT, GRADIENT, INPUT, D_INPUT = "output", "d_output", ("", "input"), ("", "d_input")
WORKSPACE, RANDOM, PARAMETER_GRADIENT = ("", "workspace"), ("", "random"), ("", "gradient")
LABELS = ("", "labels")
SCRATCH = "scratch "
"""How the purpose of what a layer asked for with `scratch` begins."""


class Table:
    """An array of the host that a layer's ops read in every pass, brought to the device when a pass first needs it."""

    def __init__(self, host: Any, device: Device) -> None:
        self.host, self._device = host, device
        self._there: Array | None = None

    def array(self) -> Array:
        if self._there is None:
            self._there = self._device.to_device(self.host)
        return self._there


@dataclass(frozen=True)
class Wanted:
    """The gradients that are asked for: of the parameters (`learns`), of the pixels (`reaches_input`), both or none."""

    learns: bool
    reaches_input: bool

    @property
    def nothing(self) -> bool:
        return not (self.learns or self.reaches_input)

    def flows(self, graph: Graph) -> set[str]:
        """The nodes whose output needs a gradient: those through which what is asked for depends on the output."""
        flows: set[str] = set()
        for node in graph.nodes:
            learns = self.learns and any(each.trainable for each in graph.parameters_of(node).values())
            reached = self.reaches_input and node.layer.is_input and node.layer.input_type is None
            if reached or learns or any(source in flows for source in node.inputs):
                flows.add(node.name)
        return flows


class Emission:
    """The steps of passes over `count` pictures. The Storages, which are as many as for a full batch, are `storages`."""

    def __init__(
        self,
        graph: Graph,
        count: int,
        wanted: Wanted,
        prepared: Mapping[str, Prepared],
        tables: Mapping[str, Mapping[str, Table]],
        *,
        training: bool = False,
        rule: int = 0,
    ) -> None:
        self.graph, self.count, self.wanted = graph, count, wanted
        self.flows = wanted.flows(graph)
        self.storages: dict[Key, Storage] = {}
        self._prepared, self._tables = prepared, tables
        self._readers = graph.readers()
        self._order = {node.name: index for index, node in enumerate(graph.nodes)}
        elements = max((each.workspace for each in prepared.values()), default=0)
        self.workspace = self.operand(WORKSPACE, (max(elements, 1),))
        self._mode = Mode(self.operand(RANDOM, (2,), np.uint64), training, rule)
        self._calls: dict[str, Call] = {}

    def operand(
        self, key: Key, shape: Shape, dtype: Any = None, array: Callable[[], Array] | None = None
    ) -> Operand:
        """An Operand of a Storage, which is made at the first call."""
        storage = self.storages.get(key)
        if storage is None:
            kind = np.dtype(self.graph.dtype if dtype is None else dtype)
            self.storages[key] = storage = Storage(key, math.prod(shape), kind, array)
        return Operand(storage, shape)

    def output(self, name: str) -> Operand:
        """A node's output (count, …); a view's lies in its input's Storage."""
        node, shape = self.graph[name], (self.count, *self.graph.shapes[name])
        if node.layer.is_view:
            return self.output(node.inputs[0]).reshape(shape)
        return self.operand((name, OUTPUT), shape)

    def d_output(self, name: str) -> Operand:
        """The gradient of a node's output; a view's is its input's, unless other layers add to that."""
        node, shape = self.graph[name], (self.count, *self.graph.shapes[name])
        if node.layer.is_view and len(self._readers[node.inputs[0]]) == 1 and node.inputs[0] in self.flows:
            return self.d_output(node.inputs[0]).reshape(shape)
        return self.operand((name, GRADIENT), shape)

    def given(self, node: Node) -> Operand:
        """The Operand of the batch that an input layer reads."""
        return self._of_input(node, INPUT, node.layer.input_type)

    def d_given(self, node: Node) -> Operand:
        """The Operand of the gradient with respect to an input layer's batch."""
        return self._of_input(node, D_INPUT)

    def _of_input(self, node: Node, key: Key, dtype: Any = None) -> Operand:
        """The Storage's name: the key alone for pictures, with the node's name for another input."""
        own = key if isinstance(node.layer, Pixels) else (key[0], f"{key[1]} {node.name}")
        return self.operand(own, (self.count, *self.graph.input_shapes(node)[0]), dtype)

    # Losses

    def targets(self, key: str, head: Head) -> Operand:
        """The Operand of a head's targets, (count, …)."""
        shape = (self.count, *head.loss.target_shape(self.graph.shapes[head.node]))
        if head.shares_labels:
            return self.operand(LABELS, shape, np.int64)
        return self.operand(
            ("", f"targets {key}"), shape, None if head.loss.targets == "numbers" else np.int64
        )

    def losses(self, key: str) -> Operand:
        """Each picture's loss at a head (count,)."""
        return self.operand(("", f"losses {key}"), (self.count,))

    def d_scores(self, head: Head) -> Operand:
        """The gradient of what a head's loss looks at: it is written beside the loss, wanted or not."""
        if head.node in self.flows:
            return self.d_output(head.node)
        return self.operand(("", f"d_output {head.node}"), (self.count, *self.graph.shapes[head.node]))

    def loss(self, key: str, head: Head, scale: float, *, direction: bool = False) -> Step:
        """A head's losses and the gradient of `scale` times their sum, or its direction, in one pass."""
        kernel, options = head.loss.op(direction=direction)
        targets, shape = self.targets(key, head), (self.count, *self.graph.shapes[head.node])
        if head.loss.targets == "pixels":
            shape = (self.count, math.prod(shape[1:-1]), shape[-1])
            targets = targets.reshape(shape[:2])
        elif head.loss.targets == "numbers":
            shape = (self.count, math.prod(shape[1:]))
            targets = targets.reshape(shape)
        d_scores, scores = self.d_scores(head).reshape(shape), self.output(head.node).reshape(shape)
        arguments = (self.losses(key), d_scores, scores, targets, *options, scale)
        return Step(kernel, arguments, None, "", len(self.graph.nodes))

    def call(self, node: Node) -> Call:
        """The Call that the node's layer is given, with Operands in it."""
        known = self._calls.get(node.name)
        if known is not None:
            return known
        graph, name = self.graph, node.name
        sources = [self.output(source) for source in node.inputs]
        scratch = node.layer.scratch(self.count, graph.shapes[name])
        self._calls[name] = made = Call(
            inputs=tuple(sources or [self.given(node)]),
            output=self.output(name),
            scratch={
                key: self.operand((name, f"{SCRATCH}{key}"), shape, dtype)
                for key, (shape, dtype) in scratch.items()
            },
            workspace=self.workspace,
            index=self._order[name],
            mode=self._mode,
            tables={
                key: self.operand((name, f"table {key}"), table.host.shape, table.host.dtype, table.array)
                for key, table in self._tables[name].items()
            },
            parameters={
                key: self.operand((each.node, f"parameter {each.key}"), each.shape, array=_value_of(each))
                for key, each in graph.parameters_of(node).items()
            },
            buffers={
                key: self.operand((each.node, f"buffer {each.key}"), each.spec.shape, array=_value_of(each))
                for key, each in graph.buffers_of(node).items()
            },
            algorithm=self._prepared[name].algorithm,
        )
        return made

    # Forward

    def forward(self) -> list[Step]:
        """Every node's steps, in order."""
        steps: list[Step] = []
        for index, node in enumerate(self.graph.nodes):
            call = self.call(node)
            own = self._steps(node, index, node.layer.forward, (call,))
            written_to = {operand.storage.key for step in own for operand in step.writes()}
            if not node.layer.is_view and (node.name, OUTPUT) not in written_to:
                raise NetworkError(
                    f"layer '{node.name}' ({node.layer.kind}): its forward pass does not write call.output"
                )
            steps += own
        return steps

    def _steps(
        self, node: Node, time: int, method: Callable[..., None], arguments: tuple[Any, ...]
    ) -> list[Step]:
        """The ops that a layer's method calls; or, where it computes in Python by itself, the method."""
        try:
            with written() as calls:
                method(*arguments)
        except NotThereYet:
            if self.graph.device.name != "cpu":
                raise NetworkError(
                    f"layer '{node.name}' ({node.layer.kind}) computes in Python, which only the CPU can do: --device cpu"
                ) from None
            return [Step(None, arguments, method, node.name, time)]
        return [Step(kernel, given, None, node.name, time) for kernel, given in calls]

    # Back

    def backward(self, *starts: str, until: str | None = None) -> list[Step]:
        """The steps back from the outputs of nodes, whose gradients are there already, as far as gradients are wanted; with
        `until` those alone that its output's gradient needs.
        """
        graph, steps = self.graph, list[Step]()
        reached, written_to = set[str]().union(*map(graph.ancestors, starts)), set(starts)
        if until is not None:
            reached = {name for name in reached - {until} if until in graph.ancestors(name)}
        learned: set[str] = set()
        for node in reversed(graph.nodes):
            if node.name in reached and node.name in self.flows:
                steps += self._back_through(node, written_to, learned)
        return steps

    def _back_through(self, node: Node, written_to: set[str], learned: set[str]) -> list[Step]:
        call, d_output = self.call(node), self.d_output(node.name)
        time = 2 * len(self.graph.nodes) - self._order[node.name]
        steps: list[Step] = []
        if self.wanted.learns:
            steps += self._parameters(node, time, call, d_output, learned)
        if not node.inputs:
            if self.wanted.reaches_input and node.layer.input_type is None:
                d_input = self.d_given(node)
                steps += self._steps(node, time, node.layer.backward_input, (call, d_output, d_input))
        elif not self._shares_gradient(node):
            steps += self._inputs(node, time, call, d_output, written_to)
        written_to.update(node.inputs)
        return steps

    def _shares_gradient(self, node: Node) -> bool:
        return node.layer.is_view and self.d_output(node.name).storage.key != (node.name, GRADIENT)

    def gradient_row(self) -> Operand:
        """The row of gradients of all trainable parameters."""
        return self.operand(PARAMETER_GRADIENT, (max(self.graph.layout.trained, 1),))

    def gradients(self, node: Node) -> dict[str, Operand]:
        """The places in the row of gradients of a node's trainable parameters."""
        row = self.gradient_row()
        return {
            key: Operand(row.storage, each.shape, each.first)
            for key, each in self.graph.parameters_of(node).items()
            if each.trainable
        }

    def _parameters(
        self, node: Node, time: int, call: Call, d_output: Operand, learned: set[str]
    ) -> list[Step]:
        """A parameter's first gradient is written in place; those of other nodes that share it are added."""
        places = self.gradients(node)
        if not places:
            return []
        owned = self.graph.parameters_of(node)
        later = {key for key in places if owned[key].name in learned}
        learned |= {owned[key].name for key in places}
        targets = {
            key: self.operand((node.name, f"gradient {key}"), place.shape) if key in later else place
            for key, place in places.items()
        }
        steps = self._steps(node, time, node.layer.backward_parameters, (call, d_output, targets))
        return steps + [self._add(node, time, places[key], targets[key]) for key in later]

    def _inputs(
        self, node: Node, time: int, call: Call, d_output: Operand, written_to: set[str]
    ) -> list[Step]:
        """The first gradient of a node is written in place; where others read it too, theirs are added."""
        steps: list[Step] = []
        for place, source in enumerate(node.inputs):
            if source not in self.flows:
                continue
            target = self.d_output(source)
            first = source not in written_to and source not in node.inputs[:place]
            into = target if first else self.operand((source, f"joined {node.name} {place}"), target.shape)
            wanted: list[Operand | None] = [None] * len(node.inputs)
            wanted[place] = into
            steps += self._steps(node, time, node.layer.backward_input, (call, d_output, *wanted))
            if not first:
                steps.append(self._add(node, time, target, into))
        return steps

    def _add(self, node: Node, time: int, target: Operand, source: Operand) -> Step:
        return Step(joins.accumulate, (target.reshape(-1), source.reshape(-1)), None, node.name, time)


def _value_of(owned: Parameter | Buffer) -> Callable[[], Array]:
    return lambda: owned.array

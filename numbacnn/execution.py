"""One network, one batch size, one device: the buffers, and the walks forward and back through them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .device import Array, Device, get_device
from .errors import DataError, ShapeError, UsageError, nearest
from .graph import Graph, Node
from .layers import Call, Shape, Step
from .ops import joins, losses
from .ops.activations import RULES

GRADIENTS = ("none", "parameters", "input", "all")


@dataclass(frozen=True)
class Loss:
    """One of the lecture's loss bricks, applied to the scores before the softmax (ops.losses).

    Raises UsageError for an unknown name.
    """

    name: str = "log-softmax"
    margin: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in losses.FORWARD:
            raise UsageError(f"unknown loss '{self.name}'{nearest(self.name, losses.FORWARD)}")


@dataclass(frozen=True)
class _Wish:
    """An array the Plan will allocate."""

    shape: Shape
    dtype: Any

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * int(np.dtype(self.dtype).itemsize)


class Plan:
    """Every buffer that a pass of `batch_size` pictures needs, allocated once; a pass allocates nothing more.

    `gradients` says which backward walks will be asked for: "none", "parameters" (training), "input"
    (analysis and attacks: gradients reach the pixels, parameters get none) or "all".
    A pass may hold fewer pictures than `batch_size`; every array returned is a view of the
    `count` in hand, good until the next pass.
    """

    def __init__(
        self,
        graph: Graph,
        batch_size: int,
        *,
        gradients: str = "none",
        device: str = "cpu",
    ) -> None:
        if batch_size < 1:
            raise UsageError(f"batch size {batch_size}: at least 1 is expected")
        if gradients not in GRADIENTS:
            raise UsageError(f"unknown gradients '{gradients}'{nearest(gradients, GRADIENTS)}")
        self.graph = graph
        self.batch_size = batch_size
        self.count = batch_size
        self.device: Device = get_device(device)
        self._readers = graph.readers()
        self._learns = gradients in ("parameters", "all")
        self._reaches_input = gradients in ("input", "all")
        self._flows = self._gradient_flow() if gradients != "none" else set()
        self._order = {node.name: index for index, node in enumerate(graph.nodes)}
        self._wished = self._wishes()
        self._step = Step()
        self._calls: dict[tuple[str, int], Call] = {}

    @property
    def bytes(self) -> int:
        """What the buffers take; known before they are taken, at the first use."""
        return sum(wish.bytes for wish in self._wished.values())

    @property
    def scores(self) -> str:
        """The node whose output the losses look at: the last softmax's input, or the last node."""
        last = self.graph.output
        return last.inputs[0] if last.layer.kind == "softmax" else last.name

    # What is allocated

    def _gradient_flow(self) -> set[str]:
        """The nodes whose output needs a gradient."""
        flows: set[str] = set()
        for node in self.graph.nodes:
            learns = self._learns and bool(self.graph.wanted(node))
            if self._reaches_input or learns or any(source in flows for source in node.inputs):
                flows.add(node.name)
        return flows

    def _wishes(self) -> dict[tuple[str, str], _Wish]:
        graph, count, dtype = self.graph, self.batch_size, self.graph.dtype
        wishes = {
            ("", "input"): _Wish((count, *graph.input_shape), dtype),
            ("", "losses"): _Wish((count,), dtype),
            ("", "d_losses"): _Wish((count,), dtype),
        }
        if self._reaches_input:
            wishes["", "d_input"] = _Wish((count, *graph.input_shape), dtype)
        workspace, joined = 0, 0
        for node in graph.nodes:
            shape = graph.shapes[node.name]
            if not node.layer.is_view:
                wishes[node.name, "output"] = _Wish((count, *shape), dtype)
            if node.name in self._flows and not self._shares_gradient(node):
                wishes[node.name, "d_output"] = _Wish((count, *shape), dtype)
            for key, (extent, kind) in node.layer.scratch(count, shape).items():
                wishes[node.name, f"scratch {key}"] = _Wish(extent, kind)
            if self._learns:
                for key, wanted in graph.wanted(node).items():
                    wishes[node.name, f"gradient {key}"] = _Wish(wanted.shape, dtype)
            workspace = max(workspace, node.layer.workspace(count, shape, *graph.input_shapes(node)))
            if node.name in self._flows and len(self._readers[node.name]) > 1:
                joined = max(joined, count * math.prod(shape))
        wishes["", "workspace"] = _Wish((workspace,), dtype)
        wishes["", "joined"] = _Wish((joined,), dtype)
        return wishes

    def _shares_gradient(self, node: Node) -> bool:
        """A view's gradient is its input's under another shape, unless other layers add to that."""
        return node.layer.is_view and len(self._readers[node.inputs[0]]) == 1

    @cached_property
    def _buffers(self) -> dict[tuple[str, str], Array]:
        buffers = {key: self.device.zeros(wish.shape, wish.dtype) for key, wish in self._wished.items()}
        for node in self.graph.nodes:
            shape = (self.batch_size, *self.graph.shapes[node.name])
            if node.layer.is_view:
                buffers[node.name, "output"] = buffers[node.inputs[0], "output"].reshape(shape)
            if node.name in self._flows and self._shares_gradient(node):
                buffers[node.name, "d_output"] = buffers[node.inputs[0], "d_output"].reshape(shape)
        return buffers

    # Views for the pictures in hand

    def _view(self, node: str, key: str) -> Array:
        return self._buffers[node, key][: self.count]

    @property
    def input(self) -> Array:
        """(count, H, W, C), pixels in [0, 255]: where a batch is written."""
        return self._view("", "input")

    def output(self, node: str | None = None) -> Array:
        """Activations of a node, by default the network's output: (count, …)."""
        return self._view(self.graph.output.name if node is None else self.graph[node].name, "output")

    @cached_property
    def gradients(self) -> dict[str, dict[str, Array]]:
        """Node -> parameter -> gradient, filled by every backward walk that reaches the node."""
        return {
            node.name: {key: self._buffers[node.name, f"gradient {key}"] for key in self.graph.wanted(node)}
            for node in self.graph.nodes
            if self._learns
        }

    def call(self, node: Node) -> Call:
        """What this node sees of the present pass."""
        known = self._calls.get((node.name, self.count))
        if known is None:
            sources = [self._view(source, "output") for source in node.inputs] or [self.input]
            kept = node.layer.scratch(self.count, self.graph.shapes[node.name])
            self._calls[node.name, self.count] = known = Call(
                inputs=tuple(sources),
                output=self._view(node.name, "output"),
                scratch={key: self._view(node.name, f"scratch {key}") for key in kept},
                workspace=self._buffers["", "workspace"],
                index=self._order[node.name],
                step=self._step,
            )
        return known

    # The walks

    def load(self, images: Array) -> None:
        """Takes a batch in: uint8 (n,H,W,C), or floats in [0, 1].

        Raises ShapeError if the pictures do not fit the network or are more than the batch size.
        """
        if images.shape[1:] != self.graph.input_shape or not 1 <= len(images) <= self.batch_size:
            raise ShapeError(
                f"pictures {tuple(images.shape)} do not fit: 1 to {self.batch_size} of {self.graph.input_shape} are expected"
            )
        self.count = len(images)
        self.input[...] = images
        if images.dtype != np.uint8:
            self.input[...] *= 255

    def forward(
        self, images: Array | None = None, *, training: bool = False, key: int = 0, step: int = 0
    ) -> Array:
        """From the pixels to the output, (count, …). `images` None: what `input` holds.

        In training, dropout draws from `key` and `step`.
        """
        if images is not None:
            self.load(images)
        self._step.training, self._step.key, self._step.number = training, key, step
        for node in self.graph.nodes:
            node.layer.forward(self.call(node))
        return self.output()

    def losses(self, labels: Array, loss: Loss) -> Array:
        """Each picture's loss (count,), after a forward pass; labels (count,).

        Raises ShapeError or DataError if the labels are not one class a picture.
        """
        self._check(labels)
        values = self._view("", "losses")
        losses.FORWARD[loss.name](values, self.output(self.scores), labels, loss.margin)
        return values

    def _check(self, labels: Array) -> None:
        """Kernels look labels up without asking."""
        classes = self.graph.shapes[self.scores][-1]
        if labels.shape != (self.count,):
            raise ShapeError(f"labels {labels.shape}: one for each of {self.count} pictures is expected")
        if labels.min() < 0 or labels.max() >= classes:
            wrong = labels[(labels < 0) | (labels >= classes)][0]
            raise DataError(f"label {wrong}: a class from 0 to {classes - 1} is expected")

    def backward_loss(self, labels: Array, loss: Loss, *, reduction: str = "mean") -> Array | None:
        """The gradient of the mean loss, or of the sum, walked back as far as this Plan's gradients go."""
        self._check(labels)
        weights = self._view("", "d_losses")
        weights[...] = 1 / self.count if reduction == "mean" else 1
        start = self._view(self.scores, "d_output")
        losses.BACKWARD[loss.name](start, weights, self.output(self.scores), labels, loss.margin)
        self._step.rule = RULES["standard"]
        return self._walk_back(self.scores)

    def backward(self, start: str, d_output: Array, *, rule: str = "standard") -> Array | None:
        """Walks a gradient of a node's output back; returns the gradient of the pixels (count,H,W,C), if it gets there.

        `rule` is the rectifiers': "standard" (saliency), "deconvnet" or "guided". The pools' rule is
        their switches. Raises UsageError for an unknown rule.
        """
        if rule not in RULES:
            raise UsageError(f"unknown backward rule '{rule}'{nearest(rule, RULES)}")
        self._view(self.graph[start].name, "d_output")[...] = d_output
        self._step.rule = RULES[rule]
        return self._walk_back(start)

    def _walk_back(self, start: str) -> Array | None:
        reached = self.graph.ancestors(start)
        written = {start}
        for node in reversed(self.graph.nodes):
            if node.name not in reached or node.name not in self._flows:
                continue
            call, d_output = self.call(node), self._view(node.name, "d_output")
            if self._learns and node.layer.parameters:
                node.layer.backward_parameters(call, d_output, self.gradients[node.name])
            if not node.inputs:
                if self._reaches_input:
                    node.layer.backward_input(call, d_output, self._view("", "d_input"))
            elif not self._shares_gradient(node):
                self._backward_inputs(node, call, d_output, written)
            written.update(node.inputs)
        return self._view("", "d_input") if self._reaches_input else None

    def _backward_inputs(self, node: Node, call: Call, d_output: Array, written: set[str]) -> None:
        """The first gradient of a node is written in place; where others read it too, theirs are added."""
        for place, source in enumerate(node.inputs):
            if source not in self._flows:
                continue
            target = self._view(source, "d_output")
            first = source not in written and source not in node.inputs[:place]
            into = target if first else self._buffers["", "joined"][: target.size].reshape(target.shape)
            wanted: list[Array | None] = [None] * len(node.inputs)
            wanted[place] = into
            node.layer.backward_input(call, d_output, *wanted)
            if not first:
                joins.accumulate(target.reshape(-1), into.reshape(-1))

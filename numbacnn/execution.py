"""One network, one batch size, one device: the buffers, and the walks forward and back through them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from operator import is_

import numpy as np

from .device import Array
from .errors import DataError, NotEnoughMemory, ShapeError, UsageError, nearest, need_whole
from .graph import Graph, Node
from .layers import Call, Step
from .memory import Memory
from .ops import joins, losses, tally
from .ops.activations import RULES
from .ops.tape import Tape

GRADIENTS = ("none", "parameters", "input", "all")


@dataclass(frozen=True)
class Loss:
    """One of the lecture's loss bricks, applied to the scores before the softmax (ops.losses).

    Raises UsageError for an unknown name or a margin below 0.
    """

    name: str = "log-softmax"
    margin: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in losses.LOSSES:
            raise UsageError(f"unknown loss '{self.name}'{nearest(self.name, losses.LOSSES)}")
        if not 0 <= self.margin < math.inf:
            raise UsageError(f"margin {self.margin:g}: a number of at least 0 is expected")


class Plan:
    """Every buffer that a pass of `batch_size` pictures needs, allocated once; a pass allocates nothing more.

    Buffers lie on the graph's device; what a method returns lies on the host, read back where that is another place.

    `gradients` says which backward walks will be asked for: "none", "parameters" (training), "input"
    (analysis and attacks: gradients reach the pixels, parameters get none) or "all".
    `keep` names the nodes whose output can be asked for after a pass, beside the scores and the last; None: every
    node's. The others' memory is used again as soon as the pass no longer needs it, and a rectifier works in place.
    A pass may hold fewer pictures than `batch_size`; every array returned holds the `count` in hand and is good
    until the next pass. `workspace_bytes` bounds what the layers' kernels share beside all this;
    a convolution then takes an algorithm that does with less.
    Raises UsageError for a batch size that is no whole number above 0, unknown gradients, an unknown node or a workspace that is too small.
    """

    def __init__(
        self,
        graph: Graph,
        batch_size: int,
        *,
        gradients: str = "none",
        keep: Iterable[str] | None = None,
        workspace_bytes: int | None = None,
    ) -> None:
        need_whole("batch size", batch_size)
        if gradients not in GRADIENTS:
            raise UsageError(f"unknown gradients '{gradients}'{nearest(gradients, GRADIENTS)}")
        self.graph = graph
        self.batch_size = batch_size
        self.count = batch_size
        self.device = graph.device
        self._learns = gradients in ("parameters", "all")
        self._reaches_input = gradients in ("input", "all")
        self._order = {node.name: index for index, node in enumerate(graph.nodes)}
        self._kept = (
            {node.name for node in graph.nodes} if keep is None else {graph[name].name for name in keep}
        )
        self._kept |= {self.scores, graph.output.name}
        self._reuse = keep is not None
        self._room = math.inf if workspace_bytes is None else workspace_bytes // graph.dtype.itemsize
        self._memory = self._memory_of(batch_size)
        self._flows = self._memory.flows
        self._has_walked = False
        self._calls: dict[tuple[str, int], Call] = {}
        self._holders = [node.layer for node in graph.nodes if graph.wanted(node)]
        self._beside: Plan | None = None
        self._tape = Tape()
        self._tapes: dict[tuple[str, str, int, int, bool], tuple[list[Array], Tape]] = {}

    @property
    def bytes(self) -> int:
        """What the buffers take; known before they are taken, at the first use."""
        return self._memory.size

    @property
    def scores(self) -> str:
        """The node whose output the losses look at (`Graph.scores`)."""
        return self.graph.scores

    def _memory_of(self, count: int) -> Memory:
        return Memory(
            self.graph,
            count,
            self._kept,
            self._learns,
            self._reaches_input,
            reuse=self._reuse,
            workspace=self._room,
        )

    @cached_property
    def _buffers(self) -> dict[tuple[str, str], Array]:
        free = self.device.free_bytes()
        if free is not None and self._bytes_of(self.batch_size) > free:
            raise NotEnoughMemory(self._too_large(free), by_pictures=True)
        return self._memory.take(self.device)

    def take(self, beside: Plan | None = None) -> None:
        """Allocates the buffers now, not at their first use, and those of another Plan for as many pictures or fewer.

        Raises NotEnoughMemory that names a batch size for which there is room.
        """
        self._beside = beside
        _ = self._buffers
        if beside is not None:
            beside.take()

    def _bytes_of(self, count: int) -> int:
        """For so many pictures, with the Plan beside."""
        beside = self._beside
        other = 0 if beside is None else beside._memory_of(min(count, beside.batch_size)).size
        return self._memory_of(count).size + other

    def _too_large(self, free: int) -> str:
        fits, too_many = 0, self.batch_size
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            if self._bytes_of(middle) <= free:
                fits = middle
            else:
                too_many = middle
        remedy = f"a batch size of {fits} fits" if fits else "not even a batch size of 1 fits"
        needed = self._bytes_of(self.batch_size)
        return (
            f"{self.batch_size} pictures need {needed / 2**20:,.0f} MiB of buffers, and {free / 2**20:,.0f} MiB of the "
            f"memory of device {self.device.name} are free; {remedy}"
        )

    # Views for the pictures in hand

    def _view(self, node: str, key: str) -> Array:
        return self._buffers[node, key][: self.count]

    @property
    def input(self) -> Array:
        """(count, H, W, C), pixels in [0, 255], on the device: where a batch is written."""
        return self._view("", "input")

    @property
    def labels(self) -> Array:
        """(count,) int64, on the device: the classes that `backward_loss` takes where it is given none."""
        return self._view("", "labels")

    def output(self, node: str | None = None) -> Array:
        """Activations of a node, by default the network's output: (count, …).

        Raises NetworkError if there is no such node, UsageError if this Plan does not keep its output.
        """
        name = self.graph.output.name if node is None else self.graph[node].name
        if name not in self._kept:
            raise UsageError(
                f"the output of '{name}' is not kept after a pass: Plan(…, keep=['{name}']) keeps it"
            )
        return self.device.read(self._view(name, "output"))

    @property
    def gradient(self) -> Array:
        """The gradient of all parameters as one row on the device, in `Graph.parameter_places`; `gradients` are views of it."""
        return self._buffers["", "gradient"]

    @cached_property
    def gradients(self) -> dict[str, dict[str, Array]]:
        """Node -> parameter -> gradient on the device, filled by every backward walk that reaches the node."""
        if not self._learns:
            return {}
        views = self.graph.parameter_places().views(self.gradient, self.graph)
        return {
            node.name: {key: views[node.name, key] for key in self.graph.wanted(node)}
            for node in self.graph.nodes
        }

    @cached_property
    def _step(self) -> Step:
        return Step(self._buffers["", "step"])

    @cached_property
    def _tables(self) -> dict[str, dict[str, Array]]:
        graph = self.graph
        return {
            node.name: {
                key: self.device.to_device(array)
                for key, array in node.layer.tables(graph.dtype, *graph.input_shapes(node)).items()
            }
            for node in graph.nodes
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
                tables=self._tables[node.name],
                slope=self._memory.slopes.get(node.name, 1.0),
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
        self.device.write(
            self.input, images if images.dtype == np.uint8 else images * self.graph.dtype.type(255)
        )

    def forward(
        self,
        images: Array | None = None,
        *,
        until: str | None = None,
        training: bool = False,
        key: int = 0,
        step: int = 0,
    ) -> Array:
        """From the pixels to a node's output, by default the last's: (count, …). `images` None: what `input` holds.

        A step of training needs no more than the `scores`: the loss does the softmax's work. In training, dropout draws
        from `key` and `step`. Raises as `output` does.
        """
        if images is not None:
            self.load(images)
        self.number(key, step)
        self.walk(until, training=training)
        return self.output(until)

    def number(self, key: int, step: int) -> None:
        """What the randomness of the next pass is drawn from."""
        self.device.write(self._step.numbers, np.array([key, step], np.uint64))

    def walk(self, until: str | None = None, *, training: bool = False) -> None:
        """What `forward` launches; nothing is brought in or read back."""
        last = self.graph.output if until is None else self.graph[until]
        self._step.training = training
        self._has_walked = False
        self._walk("forward", last, self._forward_to)

    def _walk(self, way: str, end: Node, walk: Callable[[Node], None]) -> None:
        """Walks, or does again what the last such walk launched. What parameters hold is looked at in every walk;
        with other arrays, or another number of pictures, it is a walk for the first time.
        """
        arrays = [array for layer in self._holders for array in layer.parameters.values()]
        place = way, end.name, self.count, self._step.rule, self._step.training
        known, tape = self._tapes.get(place, ([], None))
        if tape is not None and len(known) == len(arrays) and all(map(is_, known, arrays)):
            tape.play()
            return
        self._tape = tape = Tape()
        with tape.record():
            walk(end)
        self._tapes[place] = arrays, tape

    def _forward_to(self, last: Node) -> None:
        for node in self.graph.nodes:
            if node.name not in self._memory.rectified:
                with self._launching(node, "forward"):
                    node.layer.forward(self.call(node))
            if node is last:
                break

    def _launching(self, node: Node, method: str) -> AbstractContextManager[None]:
        """For a method of a layer: NetworkError if it launches nothing, as it would then work once and never again."""
        if node.layer.is_view:
            return nullcontext()
        return self._tape.growing(f"layer '{node.name}': {method} of {type(node.layer).__name__}")

    def losses(self, labels: Array, loss: Loss) -> Array:
        """Each picture's loss (count,), after a forward pass; labels (count,).

        Raises ShapeError or DataError if the labels are not one class a picture.
        """
        self._take(labels)
        self._measure(loss, 1.0)
        return self.loss_values

    @property
    def loss_values(self) -> Array:
        """Each picture's loss (count,), as `losses` or `backward_loss` left them."""
        return self.device.read(self._view("", "losses"))

    def _measure(self, loss: Loss, scale: float, direction: bool = False) -> None:
        """The losses, and the gradient of scale times their sum with respect to the scores, or its direction, in one pass."""
        scores = self._view(self.scores, "output")
        (losses.DIRECTIONS if direction else losses.LOSSES)[loss.name](
            self._view("", "losses"), self._d_scores, scores, self.labels, loss.margin, scale
        )

    def tally(self, rows: Array) -> None:
        """Writes this step's row of `rows` (M,2), on the device: the sum of its losses and its wrong answers (ops.tally)."""
        scores = self._view(self.scores, "output")
        tally.write(rows, self._view("", "losses"), scores, self.labels, self._step.numbers)

    @property
    def _d_scores(self) -> Array:
        node = self.scores if self.scores in self._flows else ""
        return self._view(node, "d_output")

    def _take(self, labels: Array) -> None:
        """Checked, as kernels look labels up without asking."""
        classes = self.graph.shapes[self.scores][-1]
        if labels.shape != (self.count,):
            raise ShapeError(f"labels {labels.shape}: one for each of {self.count} pictures is expected")
        if np.minimum.reduce(labels) < 0 or np.maximum.reduce(labels) >= classes:
            wrong = labels[(labels < 0) | (labels >= classes)][0]
            raise DataError(f"label {wrong}: a class from 0 to {classes - 1} is expected")
        self.device.write(self.labels, labels)

    def backward_loss(self, labels: Array | None, loss: Loss, *, reduction: str = "mean") -> Array | None:
        """The gradient of the mean loss, or of the sum, walked back as far as this Plan's gradients go; `loss_values` holds
        the losses. `labels` None: what `labels` holds, unchecked. `reduction` "direction": each picture's gradient of the
        sum times a positive number of the picture's own, so that it has a sign where it is itself too small for the
        arrays' type (ops.losses); for what is asked of each picture apart.
        """
        if labels is not None:
            self._take(labels)
        self._measure(loss, 1 / self.count if reduction == "mean" else 1.0, reduction == "direction")
        self._step.rule = RULES["standard"]
        return self._walk_back(self.scores)

    def backward(self, start: str, d_output: Array, *, rule: str = "standard") -> Array | None:
        """Walks a gradient of a node's output back; returns the gradient of the pixels (count,H,W,C), if it gets there.

        `rule` is the rectifiers': "standard" (saliency), "deconvnet" or "guided". The pools' rule is
        their switches. Raises UsageError for an unknown rule.
        """
        if rule not in RULES:
            raise UsageError(f"unknown backward rule '{rule}'{nearest(rule, RULES)}")
        self.device.write(self._view(self.graph[start].name, "d_output"), d_output)
        self._step.rule = RULES[rule]
        return self._walk_back(start)

    def _walk_back(self, start: str) -> Array | None:
        if self._has_walked and self._memory.walks_once:
            raise UsageError(
                "a second walk back after one pass forward: this Plan keeps nothing for it; Plan(…, keep=None) does"
            )
        self._has_walked = True
        self._walk("back", self.graph[start], self._back_from)
        return self.device.read(self._view("", "d_input")) if self._reaches_input else None

    def _back_from(self, start: Node) -> None:
        reached = self.graph.ancestors(start.name)
        written = {start.name}
        for node in reversed(self.graph.nodes):
            if node.name in reached and node.name in self._flows:
                self._back_through(node, written)

    def rehearse(self) -> None:
        """Calls what a walk back calls, the first layers first, on whatever the buffers hold: to compile it all, in the
        order in which a pass needs it last (`training.beside`).
        """
        with self._tape.record():
            for node in self.graph.nodes:
                if node.name in self._flows:
                    self._back_through(node, set())

    def _back_through(self, node: Node, written: set[str]) -> None:
        call, d_output = self.call(node), self._view(node.name, "d_output")
        if self._learns and node.layer.parameters:
            with self._launching(node, "backward_parameters"):
                node.layer.backward_parameters(call, d_output, self.gradients[node.name])
        if not node.inputs:
            if self._reaches_input:
                with self._launching(node, "backward_input"):
                    node.layer.backward_input(call, d_output, self._view("", "d_input"))
        elif not (node.layer.is_view and self._memory.shares_gradient(node)):
            self._backward_inputs(node, call, d_output, written)
        written.update(node.inputs)

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
            with self._launching(node, "backward_input"):
                node.layer.backward_input(call, d_output, *wanted)
            if not first:
                joins.accumulate(target.reshape(-1), into.reshape(-1))

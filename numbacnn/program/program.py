"""One graph, one batch size, one device: the arrays, and the passes forward and back over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np

from ..device import Array
from ..errors import NetworkError, NotEnoughMemory, ShapeError, UsageError, nearest, need_whole
from ..graph import Graph, Node
from ..layers import Call
from ..ops import losses, tally
from ..ops.activations import RULES
from ..ops.launches import Launches, launch
from ..ops.operands import Key, Operand, Step
from .binding import bound
from .compiled import Compiled, tables_of, too_large
from .emission import (
    D_INPUT,
    GRADIENT,
    INPUT,
    OUTPUT,
    PARAMETER_GRADIENT,
    RANDOM,
    Emission,
    Wanted,
)
from .lifetimes import LABELS, LOSSES
from .loss import Loss, check_labels
from .rewrites import without_repeats

GRADIENTS = ("none", "parameters", "input", "all")


class Program:
    """A graph compiled for `batch_size` pictures: every array that a pass needs, allocated once; a pass allocates nothing more.

    Arrays lie on the graph's device; what a method returns lies on the host, read back where that is another place.

    `gradients` says which backward passes will be asked for: "none", "parameters" (training), "input" (analysis and
    attacks: gradients reach the pixels, parameters get none) or "all". `keep` names the nodes whose output can be asked
    for after a pass, beside the scores and the last; None: every node's. `keep_gradients` names the nodes the gradient of
    whose output can be (with `keep` None every node's). The others' memory is used again as soon as the pass no longer
    needs it, and a rectifier works in place.

    A pass may hold fewer pictures than `batch_size`; every array returned holds the `count` in hand and is good until the
    next pass. `workspace_bytes` bounds what the layers' kernels share beside all this: in less room they do less at a
    time, slower, and on the CPU to the same bits. An `eager` Program asks every op again in every pass, for who watches what ops are given.

    Raises UsageError for a batch size that is no whole number above 0, unknown gradients, an unknown node or a workspace that is too small.
    """

    def __init__(
        self,
        graph: Graph,
        batch_size: int,
        *,
        gradients: str = "none",
        keep: Iterable[str] | None = None,
        keep_gradients: Iterable[str] = (),
        workspace_bytes: int | None = None,
        eager: bool = False,
    ) -> None:
        need_whole("batch size", batch_size)
        if gradients not in GRADIENTS:
            raise UsageError(f"unknown gradients '{gradients}'{nearest(gradients, GRADIENTS)}")
        self.graph = graph
        self.batch_size = batch_size
        self.count = batch_size
        self.device = graph.device
        self._wanted = Wanted(gradients in ("parameters", "all"), gradients in ("input", "all"))
        self._reuse, self._eager = keep is not None, eager
        names = [node.name for node in graph.nodes] if keep is None else [graph[name].name for name in keep]
        self._kept = {*names, self.scores, graph.output.name}
        self._kept_gradients = {graph[name].name for name in keep_gradients}
        if self._kept_gradients - self._wanted.flows(graph):
            raise UsageError(
                f"Program(…, keep_gradients=…) with gradients='{gradients}': no gradient gets there"
            )
        self._room = math.inf if workspace_bytes is None else workspace_bytes // graph.dtype.itemsize
        self._tables = tables_of(graph)
        self._compiled = self._compile(batch_size)
        self._training = False
        """Whether the present pass is one of training."""
        self._backward_ran = False
        self._beside: Program | None = None
        self._launches: dict[tuple[Any, ...], Launches] = {}
        self._emissions: dict[tuple[int, bool, int], Emission] = {}
        self._arrays: dict[tuple[int, Key], Array] = {}

    @property
    def bytes(self) -> int:
        """What the arrays take; known before they are taken, at the first use."""
        return self._compiled.size

    @property
    def scores(self) -> str:
        """The node whose output the losses look at (`Graph.scores`)."""
        return self.graph.scores

    def _compile(self, count: int) -> Compiled:
        return Compiled(
            self.graph,
            count,
            self._wanted,
            self._tables,
            self._kept,
            self._kept_gradients,
            reuse=self._reuse,
            room=self._room,
        )

    # Memory

    @cached_property
    def _memory(self) -> dict[Key, Array]:
        """Every Storage as a flat array."""
        free = self.device.free_bytes()
        if free is not None and self._bytes_of(self.batch_size) > free:
            message = too_large(self._bytes_of, self.batch_size, free, self.device.name)
            raise NotEnoughMemory(message, by_pictures=True)
        memory = self.device.zeros((self._compiled.size,), np.uint8)
        arrays: dict[Key, Array] = {}
        for key, block in self._compiled.blocks.items():
            first = self._compiled.offsets[key]
            arrays[key] = memory[first : first + block.size].view(self._compiled.storages[key].dtype)
        return arrays

    def take(self, beside: Program | None = None) -> None:
        """Allocates the arrays now, not at their first use, and those of another Program for as many pictures or fewer.

        Raises NotEnoughMemory that names a batch size for which there is room.
        """
        self._beside = beside
        _ = self._memory
        if beside is not None:
            beside.take()

    def _bytes_of(self, count: int) -> int:
        """For so many pictures, with the Program beside."""
        beside = self._beside
        other = 0 if beside is None else beside._compile(min(count, beside.batch_size)).size
        return self._compile(count).size + other

    # Steps with their arrays

    def _emission(self, training: bool, rule: int = RULES["standard"]) -> Emission:
        """What the layers say to passes over the pictures in hand."""
        place = self.count, training, rule
        known = self._emissions.get(place)
        if known is None:
            compiled = self._compiled
            self._emissions[place] = known = Emission(
                self.graph,
                self.count,
                self._wanted,
                compiled.prepared,
                self._tables,
                training=training,
                rule=rule,
            )
        return known

    def _bind(self, value: Any) -> Any:
        """Arrays in place of Operands, whatever they stand in."""
        return bound(value, lambda key: self._memory[self._compiled.rewrites.root(key)])

    def _perform(self, place: tuple[Any, ...], steps: Callable[[], Iterable[Step]]) -> None:
        """Carries steps out, whose compiled functions and arguments are written down at the first time."""
        if self._eager:
            for step in steps():
                self._run(step)
            return
        known = self._launches.get(place)
        if known is None:
            if not self.graph.has_values:
                raise NetworkError(
                    "the network has no weights yet: Graph.initialise gives every parameter its first values"
                )
            self._launches[place] = known = Launches()
            with known.recorded():
                for step in steps():
                    self._run(step)
        known.run()

    def _run(self, step: Step) -> None:
        arguments = self._bind(step.arguments)
        if step.kernel is not None:
            step.kernel(*arguments)
        else:
            assert step.function is not None
            launch(step.function, *arguments)

    def call(self, node: Node) -> Call:
        """What this node's layer sees of the present pass, as arrays."""
        call: Call = self._bind(self._emission(self._training).call(node))
        return call

    # Arrays for the pictures in hand

    def _array(self, key: Key, operand: Callable[[Emission], Operand]) -> Array:
        """What an Operand stands for, made at the first call for as many pictures: a pass asks for some every time."""
        place = self.count, key
        known = self._arrays.get(place)
        if known is None:
            self._arrays[place] = known = self._bind(operand(self._emission(self._training)))
        return known

    @property
    def input(self) -> Array:
        """(count, H, W, C), pixels in [0, 255], on the device: where a batch is written."""
        return self._array(
            INPUT, lambda emission: emission.operand(INPUT, (self.count, *self.graph.input_shape))
        )

    @property
    def labels(self) -> Array:
        """(count,) int64, on the device: the classes that `backward_loss` takes where it is given none."""
        return self._array(LABELS, lambda emission: emission.operand(LABELS, (self.count,), np.int64))

    @property
    def _losses(self) -> Array:
        return self._array(LOSSES, lambda emission: emission.operand(LOSSES, (self.count,)))

    def _output(self, name: str) -> Array:
        return self._array((name, OUTPUT), lambda emission: emission.output(name))

    def output(self, node: str | None = None) -> Array:
        """Activations of a node, by default the network's output: (count, …).

        Raises NetworkError if there is no such node, UsageError if this Program does not keep its output.
        """
        name = self.graph.output.name if node is None else self.graph[node].name
        if name not in self._kept:
            raise UsageError(
                f"the output of '{name}' is not kept after a pass: Program(…, keep=['{name}']) keeps it"
            )
        return self.device.read(self._output(name))

    def gradient_at(self, node: str) -> Array:
        """The gradient of a node's output, as the last backward pass left it: (count, …).

        Raises NetworkError if there is no such node, UsageError if this Program does not keep its gradient.
        """
        name = self.graph[node].name
        if name not in self._kept_gradients and (self._reuse or name not in self._compiled.flows):
            raise UsageError(
                f"the gradient at '{name}' is not kept after a pass: Program(…, keep_gradients=['{name}']) keeps it"
            )
        return self.device.read(self._array((name, GRADIENT), lambda emission: emission.d_output(name)))

    @property
    def gradient(self) -> Array:
        """The gradient of all trainable parameters as one row on the device, in `Graph.layout`; `gradients` are views of it."""
        return self._memory[PARAMETER_GRADIENT]

    @cached_property
    def gradients(self) -> dict[str, dict[str, Array]]:
        """Node -> parameter -> gradient on the device, filled by every backward pass that reaches the node."""
        if not self._wanted.learns:
            return {}
        return {
            node.name: {
                key: each.view(self.gradient)
                for key, each in self.graph.parameters_of(node).items()
                if each.trainable
            }
            for node in self.graph.nodes
        }

    # Passes

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
        self.set_random(key, step)
        self.run_forward(until, training=training)
        return self.output(until)

    def set_random(self, key: int, step: int) -> None:
        """What the randomness of the next pass is drawn from."""
        self.device.write(self._memory[RANDOM], np.array([key, step], np.uint64))

    def run_forward(self, until: str | None = None, *, training: bool = False) -> None:
        """What `forward` launches; nothing is brought in or read back."""
        last = (self.graph.output if until is None else self.graph[until]).name
        self._training = training
        self._backward_ran = False
        self._perform(("forward", last, self.count, training), lambda: self._forward_steps(last))

    def _forward_steps(self, last: str) -> list[Step]:
        steps = self._compiled.rewrites.forward(self._emission(self._training).forward())
        end = [node.name for node in self.graph.nodes].index(last)
        return [step for step in steps if step.time <= end]

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
        return self.device.read(self._losses)

    def _measure(self, loss: Loss, scale: float, direction: bool = False) -> None:
        """The losses, and the gradient of scale times their sum with respect to the scores, or its direction, in one pass."""

        def steps() -> list[Step]:
            emission = self._emission(self._training)
            values, labels = (
                emission.operand(LOSSES, (self.count,)),
                emission.operand(LABELS, (self.count,), np.int64),
            )
            arguments = values, emission.scores_gradient(), emission.output(self.scores), labels
            kernels = losses.DIRECTIONS if direction else losses.LOSSES
            return [Step(kernels[loss.name], (*arguments, loss.margin, scale))]

        self._perform(("loss", loss, self.count, scale, direction), steps)

    def tally(self, rows: Array) -> None:
        """Writes this step's row of `rows` (M,2), on the device: the sum of its losses and its wrong answers (ops.tally)."""
        tally.write(rows, self._losses, self._output(self.scores), self.labels, self._memory[RANDOM])

    def _take(self, labels: Array) -> None:
        check_labels(labels, self.count, self.graph.shapes[self.scores][-1])
        self.device.write(self.labels, labels)

    def backward_loss(
        self, labels: Array | None, loss: Loss, *, reduction: str = "mean", weight: float = 1.0
    ) -> Array | None:
        """The gradient of `weight` times the mean loss, or the sum, taken back as far as this Program's gradients go; `loss_values` holds
        the losses. `labels` None: what `labels` holds, unchecked. `reduction` "direction": each picture's gradient of the
        sum times a positive number of the picture's own, so that it has a sign where it is itself too small for the
        arrays' type (ops.losses); for what is asked of each picture apart.
        """
        if labels is not None:
            self._take(labels)
        self._measure(loss, weight / self.count if reduction == "mean" else weight, reduction == "direction")
        return self._run_backward(self.scores, RULES["standard"])

    def backward(self, start: str, d_output: Array, *, rule: str = "standard") -> Array | None:
        """Takes a gradient of a node's output back; returns the gradient of the pixels (count,H,W,C), if it gets there.

        `rule` is the rectifiers': "standard" (saliency), "deconvnet" or "guided". The pools' rule is
        their switches. Raises UsageError for an unknown rule, or for a node that no gradient gets to.
        """
        if rule not in RULES:
            raise UsageError(f"unknown backward rule '{rule}'{nearest(rule, RULES)}")
        name = self.graph[start].name
        if name not in self._compiled.flows:
            raise UsageError(
                f"a backward pass from '{name}': this Program wants no gradient that depends on it"
            )
        self.device.write(self._array((name, GRADIENT), lambda emission: emission.d_output(name)), d_output)
        return self._run_backward(start, RULES[rule])

    def _run_backward(self, start: str, rule: int) -> Array | None:
        if self._backward_ran and self._compiled.once:
            raise UsageError(
                "a second backward pass after one pass forward: this Program keeps nothing for it; "
                "Program(…, keep=None) does"
            )
        self._backward_ran = True
        place = "backward", start, self.count, self._training, rule
        self._perform(place, lambda: without_repeats(self._emission(self._training, rule).backward(start)))
        if not self._wanted.reaches_input:
            return None
        shape = (self.count, *self.graph.input_shape)
        return self.device.read(self._array(D_INPUT, lambda emission: emission.operand(D_INPUT, shape)))

    def rehearse(self) -> None:
        """Runs what a backward pass runs, the first layers first, on whatever the arrays hold: to compile it all, in the
        order in which a pass needs it last (`training.beside`).
        """
        emission = self._emission(self._wanted.learns)
        for node in self.graph.nodes:
            if node.name in self._compiled.flows:
                for step in emission.back_through(node):
                    self._run(step)

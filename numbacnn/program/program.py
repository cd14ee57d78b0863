"""Program: the arrays of one graph for one batch size on one device, and its forward and backward passes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from ..device import Array
from ..errors import ShapeError, UsageError, nearest, need_whole
from ..graph import Graph
from ..ops import tally
from ..ops.activations import RULES
from ..ops.operands import Step
from .arrays import Arrays
from .compiled import Asked
from .emission import (
    D_INPUT,
    GRADIENT,
    RANDOM,
    Wanted,
)
from .inputs import check_given
from .learning import Learner
from .loss import MAIN, Head, Loss, checked, named

GRADIENTS = ("none", "parameters", "input", "all")


class Program(Arrays):
    """A graph compiled for `batch_size` pictures: every array that a pass needs, allocated once; a pass allocates nothing more.

    Arrays lie on the graph's device; what a method returns lies on the host, read back where that is another place.

    `gradients` says which backward passes will be asked for: "none", "parameters" (training), "input" (analysis and
    attacks: gradients reach the pixels, parameters get none) or "all". `keep` names the nodes whose output can be asked
    for after a pass, beside the scores and the last; None: every node's. `keep_gradients` names the nodes the gradient of
    whose output can be (with `keep` None every node's). The others' memory is used again as soon as the pass no longer
    needs it, and a rectifier works in place.

    A pass may hold fewer pictures than `batch_size`; every array returned holds the `count` in hand and is good until the
    next pass. `workspace_bytes` bounds what the layers' kernels share beside all this: in less room they do less at a
    time, slower, and on the CPU to the same bits. `heads` are the losses that `backward_heads` takes back together, by
    names of their own; without any there is one, at the scores, whose loss `backward_loss` is told. An `eager` Program asks
    every op again in every pass, for who watches what ops are given. A `learner` (an optimizer) changes large weights of dense layers
    in the pass back, on the CPU, as soon as their gradient is there, which is then there nowhere else: `learned` says which.

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
        heads: Mapping[str, Head] | None = None,
        workspace_bytes: int | None = None,
        eager: bool = False,
        learner: Learner | None = None,
    ) -> None:
        need_whole("batch size", batch_size)
        if gradients not in GRADIENTS:
            raise UsageError(f"unknown gradients '{gradients}'{nearest(gradients, GRADIENTS)}")
        wanted = Wanted(gradients in ("parameters", "all"), gradients in ("input", "all"))
        names = [node.name for node in graph.nodes] if keep is None else [graph[name].name for name in keep]
        self.heads = checked(heads or {}, graph)
        has_classes = len(graph.shapes[graph.scores]) == 1
        self._losses = self.heads or ({MAIN: Head(graph.scores)} if has_classes else {})
        """All heads by name; a network without named heads has one, MAIN."""
        self._main = next((key for key, head in self._losses.items() if head.node == graph.scores), MAIN)
        kept = {*names, graph.scores, graph.output.name, *(head.node for head in self._losses.values())}
        kept_gradients = {graph[name].name for name in keep_gradients}
        if kept_gradients - wanted.flows(graph):
            raise UsageError(
                f"Program(…, keep_gradients=…) with gradients='{gradients}': no gradient gets there"
            )
        room = math.inf if workspace_bytes is None else workspace_bytes // graph.dtype.itemsize
        asked = Asked(wanted, kept, kept_gradients, self._losses, keep is not None, room, learner)
        super().__init__(graph, batch_size, asked, eager=eager)
        self._backward_ran = False

    @cached_property
    def scores(self) -> str:
        """The node whose output the losses look at (`Graph.scores`)."""
        return self.graph.scores

    # Passes

    def load(self, images: Array | None = None, others: Mapping[str, Array] | None = None) -> None:
        """Takes a batch in: pictures, uint8 (n,H,W,C) or floats in [0, 1], and what other inputs are given, by their names.

        Raises ShapeError if something does not fit the network, is more than the batch size, or not as many as the
        pictures; UsageError if an input is given nothing, or what is given has no input; DataError for unknown tokens.
        """
        others = others or {}
        if others or self._others or images is None:
            check_given(self.graph, images, others, self.batch_size)
        if images is not None:
            self._load_images(images)
        for name, values in others.items():
            self.count = len(values)
            self.device.write(self.given(name), np.asarray(values))

    def _load_images(self, images: Array) -> None:
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
        others: Mapping[str, Array] | None = None,
        until: str | None = None,
        training: bool = False,
        key: int = 0,
        step: int = 0,
    ) -> Array:
        """From the inputs to a node's output, by default the last's: (count, …); `load` says what `images` and `others` are.
        Neither: what `input` and `given` hold.

        A step of training needs no more than the `scores`: the loss does the softmax's work. In training, dropout draws
        from `key` and `step`. Raises as `output` does.
        """
        if images is not None or others:
            self.load(images, others)
        self.set_random(key, step)
        self.run_forward(until, training=training)
        return self.output(until)

    def run_forward(self, until: str | None = None, *, training: bool = False) -> None:
        """Runs a forward pass over the batch that is loaded already, and copies nothing between host and device."""
        last = (self.graph.output if until is None else self.graph[until]).name
        self._training = training
        self._backward_ran = False
        self._perform(
            ("forward", last, self.count, training),
            lambda: self._chained_forward(self._forward_steps(last), last),
        )

    def _forward_steps(self, last: str) -> list[Step]:
        graph = self.graph
        emitted = self._emission(self._training).forward()
        steps = self._compiled.rewrites.forward(emitted, packed=not self._training)
        heads = {head.node for head in self.heads.values()}
        order = [node.name for node in graph.nodes]
        end = order.index(last)
        wanted = {name for name in self._asked.kept if order.index(name) <= end} | {last} | heads
        needed = set[str]().union(*map(graph.ancestors, wanted))
        return [step for step in steps if step.node in needed]

    # Losses

    def losses(self, labels: Array, loss: Loss, scores: Array | None = None) -> Array:
        """Each picture's loss (count,), after a forward pass; labels (count,). `scores` (count, classes) take the place of the
        pass's own.

        Raises ShapeError or DataError if the labels are not one class a picture.
        """
        head = self._with(loss)
        self._take(labels, head)
        if scores is not None:
            self.device.write(self._output(self.scores), scores)
        self._measure(self._main, head, 1.0)
        return self.loss_values

    @property
    def loss_values(self) -> Array:
        """Each picture's loss (count,), as `losses` or a backward pass left them; of several heads, that at the scores."""
        return self.losses_of(self._main)

    def losses_of(self, head: str) -> Array:
        """Each picture's loss (count,) at a head, without its weight. Raises UsageError for an unknown head."""
        named(head, self._losses, self.scores)
        return self.device.read(self._losses_array(head))

    def _losses_array(self, head: str) -> Array:
        return self._array(("", f"losses {head}"), lambda emission: emission.losses(head))

    def targets(self, head: str) -> Array:
        """The array of a head's targets on the device, (count, …), which has to be written before `backward_heads`. A head of one class a
        picture looks at `labels`. Raises UsageError for an unknown head.
        """
        chosen = named(head, self._losses, self.scores)
        if chosen.shares_labels:
            return self.labels
        return self._array(("", f"targets {head}"), lambda emission: emission.targets(head, chosen))

    def _with(self, loss: Loss) -> Head:
        """The one head of a Program without named ones, with a loss."""
        if loss.targets != "classes":
            raise UsageError(
                f"loss '{loss.name}' has other targets than one class a picture: Program(…, heads=…) makes room for them"
            )
        return Head(self.scores, loss)

    def _measure(self, key: str, head: Head, scale: float, direction: bool = False) -> None:
        """Computes the losses and, in the same pass, the gradient of scale times their sum at the scores, or its direction."""
        self._perform(
            ("loss", key, head.loss, self.count, scale, direction),
            lambda: [self._emission(self._training).loss(key, head, scale, direction=direction)],
        )

    def write_metrics(self, rows: Array) -> None:
        """Writes the step's metrics into its row of `rows` (M,2) on the device: sum of losses, number of wrong answers (ops.tally)."""
        losses = self._losses_array(self._main)
        tally.write(rows, losses, self._output(self.scores), self.labels, self._memory[RANDOM])

    def _take(self, labels: Array, head: Head) -> None:
        head.loss.check(labels, self.count, self.graph.shapes[head.node])
        self.device.write(self.labels, labels)

    def backward_loss(
        self, labels: Array | None, loss: Loss, *, reduction: str = "mean", weight: float = 1.0
    ) -> Array | None:
        """The gradient of `weight` times the mean loss, or the sum, taken back as far as this Program's gradients go; `loss_values` holds
        the losses. `labels` None: what `labels` holds, unchecked. `reduction` "direction": each picture's gradient of the
        sum times a positive number of the picture's own, so that it has a sign where it is itself too small for the
        arrays' type (ops.losses); for what is asked of each picture apart.
        """
        head = self._with(loss)
        if labels is not None:
            self._take(labels, head)
        scale = weight / self.count if reduction == "mean" else weight
        self._measure(self._main, head, scale, reduction == "direction")
        return self._run_backward((head.node,), RULES["standard"])

    def training_steps(self, loss: Loss) -> list[Step]:
        """The steps of a training step before the update, in order: forward pass, loss, backward pass."""
        head, self._training = self._with(loss), True
        measured = self._emission(True).loss(self._main, head, 1 / self.count)
        back = self._backward_steps((head.node,), RULES["standard"])
        return [*self._forward_steps(self.scores), measured, *back]

    def learn(self, loss: Loss, *, weight: float = 1.0) -> None:
        """Forward in training and back from `weight` times the mean loss, or from that of all `heads`, for what `input`,
        `labels` and `targets` hold: as `run_forward` and then a backward pass, at once where pictures are lanes
        (program.chain).
        """
        if self.heads or self.chain is None:
            self.run_forward(self.scores, training=True)
            if self.heads:
                self.backward_heads(weight=weight)
            else:
                self.backward_loss(None, loss, weight=weight)
            return
        chain, head, scale = self.chain, self._with(loss), weight / self.count
        self._training = self._backward_ran = True
        self._perform(
            ("learn", loss, self.count, scale),
            lambda: [chain.learn(self._emission(True), head, self._main, loss, scale)],
        )

    def backward_heads(
        self,
        labels: Array | None = None,
        targets: Mapping[str, Array] | None = None,
        *,
        reduction: str = "mean",
        weight: float = 1.0,
    ) -> Array | None:
        """As `backward_loss`, of the sum of all `heads`, each with its weight: their gradients go back together.

        `labels` (count,) are for the heads of one class a picture, `targets` for the others, by the heads' names; what is
        left out is what `labels` and `targets` hold, unchecked. `losses_of` has each head's losses.
        Raises UsageError without heads, ShapeError or DataError for targets that do not fit.
        """
        if not self.heads:
            raise UsageError("this Program has no heads: Program(…, heads=…) names them")
        for key, given in (targets or {}).items():
            named(key, self.heads, self.scores).loss.check(
                given, self.count, self.graph.shapes[self.heads[key].node]
            )
            self.device.write(self.targets(key), given)
        sharing = [head for head in self.heads.values() if head.shares_labels]
        if labels is not None and sharing:
            for head in sharing:
                head.loss.check(labels, self.count, self.graph.shapes[head.node])
            self.device.write(self.labels, labels)
        scale = weight / self.count if reduction == "mean" else weight
        for key, head in self.heads.items():
            self._measure(key, head, scale * head.weight)
        starts = tuple(head.node for head in self.heads.values() if head.node in self._compiled.flows)
        return self._run_backward(starts, RULES["standard"])

    def backward(
        self, start: str, d_output: Array, *, rule: str = "standard", until: str | None = None
    ) -> Array | None:
        """Takes a gradient of a node's output back; returns the gradient of the pixels (count,H,W,C), if it gets there. That
        of other inputs is `gradient_given`.

        `rule` is the rectifiers': "standard" (saliency), "deconvnet" or "guided". The pools' rule is
        their switches. `until` names a node before `start`: the pass ends at its output, for `gradient_at`, and returns None.
        Raises UsageError for an unknown rule, for a node that no gradient gets to, or where a Program that learns has no place of its
        own for the node's gradient.
        """
        if rule not in RULES:
            raise UsageError(f"unknown backward rule '{rule}'{nearest(rule, RULES)}")
        name = self.graph[start].name
        if name not in self._compiled.flows:
            raise UsageError(
                f"a backward pass from '{name}': this Program wants no gradient that depends on it"
            )
        if self._compiled.once and name in self._compiled.sharing:
            raise UsageError(
                f"a backward pass from '{name}': in this Program its gradient lies in one place with that of a sum; "
                f"Program(…, keep_gradients=['{name}']) gives it a place of its own"
            )
        self.device.write(self._array((name, GRADIENT), lambda emission: emission.d_output(name)), d_output)
        end = None if until is None else self.graph[until].name
        if end == name or not (end is None or end in self.graph.ancestors(name)):
            raise UsageError(f"a backward pass from '{name}' until '{end}': a node before it is expected")
        return self._run_backward((name,), RULES[rule], end)

    def _run_backward(self, starts: tuple[str, ...], rule: int, until: str | None = None) -> Array | None:
        if self._backward_ran and self._compiled.once:
            raise UsageError(
                "a second backward pass after one pass forward: this Program keeps nothing for it; "
                "Program(…, keep=None) does"
            )
        self._backward_ran = True
        place = "backward", starts, self.count, self._training, rule, until
        self._perform(place, lambda: self._backward_steps(starts, rule, until))
        if until is not None or not self._asked.wanted.reaches_input or not self.graph.takes_pictures:
            return None
        shape = (self.count, *self.graph.input_shape)
        return self.device.read(self._array(D_INPUT, lambda emission: emission.operand(D_INPUT, shape)))

    def _backward_steps(self, starts: tuple[str, ...], rule: int, until: str | None = None) -> list[Step]:
        emission = self._emission(self._training, rule)
        return self._compiled.rewrites.backward(emission.backward(*starts, until=until))

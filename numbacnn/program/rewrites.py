"""Rewrites of a program's list of steps, decided before it has any memory.

A rectifier that follows a layer, max(x, slope x), may work in that layer's own output if nobody else looks at what was
there before: its derivative can be told from its output. Where the step that writes the output takes a `slope` (the
products, the pools and the sums do), that step rectifies each number as it stores it, and the rectifier's own step goes. Its
gradient is then worked on in place too, on a GPU by the step that writes it (`masking`).

What a sum adds up has the sum's gradient, which is not copied where it need not be (`sharing`).

Where nothing is learned, batch normalisations are folded into the convolutions before them (`folding`), and filters packed
by steps of their own (`packing`); where no pass back follows either, convolutions write straight into concatenations
(`joining`), pools take what convolutions compute as they do (`pooling`), and convolutions add what residual sums add (`summing`).
Where something is learned, normalisations go with the rectifiers and sums around them (`merging`), and large weights may learn in
the pass back itself (`learning`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..ops.operands import Key, Operand, Step
from .emission import GRADIENT, OUTPUT, Emission
from .folding import folded_backward, folded_forward
from .joining import joined_forward
from .learning import Learning
from .masking import masked_backward
from .merging import Merges, merges
from .packing import packed_forward
from .pooling import pooled_forward
from .sharing import left_out, written_in_place
from .steps import with_arguments
from .summing import summed_forward


@dataclass
class Rewrites:
    """Decided once from the full list, applied to every list of the program: a pass that ends early or starts late."""

    aliases: dict[Key, Key] = field(default_factory=dict)
    """Storages that lie in another one's memory."""
    slopes: dict[str, float] = field(default_factory=dict)
    """Node -> the slope that its last step forward rectifies with."""
    dropped: set[str] = field(default_factory=set)
    """Nodes without a step forward of their own."""
    folds: dict[str, str] = field(default_factory=dict)
    """Normalisation -> the convolution that does its work outside training."""

    packs: int = 0
    """The pictures of a full batch, where weights are packed by steps of their own; 0 where they are not."""

    pools: set[Key] = field(default_factory=set)
    """Storages that convolutions do not write: the pool behind them takes their numbers as they are computed."""

    masks: bool = False
    """Whether steps back mask what they write for the rectifier before them (`masking`), and normalisations go with sums
    forward alone.
    """

    shares: set[Key] = field(default_factory=set)
    """Storages that convolutions do not write: they write their share of a concatenation."""

    sums: set[Key] = field(default_factory=set)
    """Storages that convolutions do not write: they write the sum of which these are a term."""

    merges: Merges | None = None
    """Normalisations that go with what is around them; None where every step is by itself."""

    learning: Learning | None = None
    """Weights that learn in the pass back; None where none may."""

    def root(self, key: Key) -> Key:
        """The Storage whose memory this one lies in."""
        while key in self.aliases:
            key = self.aliases[key]
        return key

    def forward(self, steps: Iterable[Step], *, packed: bool) -> list[Step]:
        """The steps forward as they will be run; `packed`: where filters may be packed, which a pass of training leaves to the
        convolutions.
        """
        left = folded_forward((step for step in steps if step.node not in self.dropped), self.folds)
        last = {step.node: place for place, step in enumerate(left)}
        for node, slope in self.slopes.items():
            if node in last:
                left[last[node]] = with_arguments(left[last[node]], slope=slope)
        if self.merges is not None:
            left = self.merges.forward(left)
        if not packed or not self.packs:
            return left
        left = pooled_forward(packed_forward(left, self.packs), self.pools, self.root)
        return summed_forward(joined_forward(left, self.shares, self.root), self.sums)

    def backward(self, steps: Iterable[Step]) -> list[Step]:
        """The steps back as they will be run."""
        steps = (step for step in steps if not left_out(step, self.root))
        left = written_in_place(folded_backward(without_repeats(steps), self.folds))
        if self.masks:
            left = masked_backward(left, self.root)
        elif self.merges is not None:
            left = self.merges.backward(left, self.root)
        return left if self.learning is None else self.learning.backward(left)


def without_repeats(steps: Iterable[Step]) -> list[Step]:
    """The list without ops that an earlier one of the same node and time has done already, on the same arrays.

    Both gradients of a batch normalisation need the same two sums, and each asks for them.
    """
    left: list[Step] = []
    done: list[Step] = []
    for step in steps:
        if done and (done[0].node, done[0].time) != (step.node, step.time):
            done = []
        if step.kernel is not None and any(_is_same(step, other) for other in done):
            continue
        written_to = {operand.storage.key for operand in step.writes()}
        done = [other for other in done if not written_to & {each.storage.key for each in other.accesses()}]
        done.append(step)
        left.append(step)
    return left


def _is_same(one: Step, other: Step) -> bool:
    return one.kernel is other.kernel and all(map(_same_argument, one.arguments, other.arguments))


def _same_argument(one: Any, other: Any) -> bool:
    if isinstance(one, Operand) and isinstance(other, Operand):
        return (one.storage.key, one.first, one.shape) == (other.storage.key, other.first, other.shape)
    return type(one) is type(other) and bool(one == other)


def decide(
    emission: Emission,
    forward: Sequence[Step],
    backward: Sequence[Step],
    kept: set[str],
    kept_gradients: set[str],
    *,
    merge: bool,
) -> Rewrites:
    """The rewrites that leave the outputs of `kept` and the gradients of `kept_gradients` to be read; `merge`: whether
    normalisations may go with what is around them.
    """
    found, graph, readers = Rewrites(), emission.graph, emission.graph.readers()
    last = {step.node: step for step in forward}
    lookers: dict[Key, set[str]] = {}
    """Memory -> the nodes that look at it on the way back."""
    for step in backward:
        for operand in step.accesses():
            lookers.setdefault(operand.storage.key, set()).add(step.node)
    for node in graph.nodes:
        if node.layer.rectifies is None or not node.inputs:
            continue
        source = graph[node.inputs[0]]
        alone = readers[source.name] == [node.name] and not source.layer.is_view and source.name not in kept
        place, own = found.root((source.name, OUTPUT)), (node.name, OUTPUT)
        if not alone or lookers.get(place, set()) - {node.name}:
            continue
        found.aliases[own] = place
        lookers[place] = lookers.get(place, set()) | lookers.get(own, set())
        if node.name in emission.flows and source.name in emission.flows and node.name not in kept_gradients:
            found.aliases[node.name, GRADIENT] = found.root((source.name, GRADIENT))
        if source.name not in found.dropped and _takes_slope(last[source.name]):
            found.slopes[source.name] = node.layer.rectifies
            found.dropped.add(node.name)
    if merge:
        found.merges = merges(
            emission,
            last,
            {key for key, nodes in lookers.items() if nodes},
            kept,
            kept_gradients,
            found.slopes,
        )
        for total, term in found.merges.sums.items():  # nothing is written there
            found.aliases[term, OUTPUT] = found.root((total, OUTPUT))
    return found


def _takes_slope(step: Step) -> bool:
    """Whether a step stores what it computes as it is and could rectify it."""
    if step.kernel is None or "slope" not in step.kernel.parameters:
        return False
    return bool(step.arguments[step.kernel.parameters.index("slope")] == 1)

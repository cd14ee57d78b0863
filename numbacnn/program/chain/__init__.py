"""A second way to run a small network on the CPU: pictures as lanes.

A group of as many pictures as a vector has lanes goes through the whole network, and back, as one task whose numbers stay
in the second cache: forward, loss and backward, compiled once and told by tables what the network is (ops.chain). It does
no packing and fills every vector, however few channels there are. Sums are taken in the order of the other way's products,
so that scores have the same bits either way; but where a network learns, convolutions that are faster so go by Winograd's
F(4, r) along the rows, which rounds a little differently.

links.py      what a chain consists of, told from a program's steps
memory.py     where a group's numbers lie
tiling.py     convolutions in Winograd's way: which, and their steps
tables.py     the steps as tables of numbers
choice.py     which networks run so

What it takes: one row of layers from pixels to scores, of convolutions (one group, no dilation, "im2col" by their geometry),
dense layers, pools, rectifiers, tanh, sigmoid, clips and dropout, with a loss of one class a picture; the rest, and whoever
asks for layers' outputs or for gradients of pixels, is left to the other way.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...device import Array
from ...graph import Graph
from ...ops.chain import groups
from ...ops.chain.calling import address_of_loss
from ...ops.chain.vectors import lanes_of
from ...ops.operands import Operand, Step
from ..emission import INPUT, LABELS, OUTPUT, RANDOM, Emission
from ..loss import Head, Loss
from .choice import fits
from .links import links_of
from .tables import Tables

if TYPE_CHECKING:
    from ..compiled import Asked, Compiled

_SHARES = 8
"""Of a batch, at most: the gradients of each are added up by themselves, and then those of all."""
_SHARE = 16
"""Pictures of a share at least."""
_SLOTS = 32
"""Groups that are under way at a time, where nothing is learned."""


class Chain:
    """The tables and the memory of a program's chain, for at most `batch_size` pictures."""

    def __init__(self, graph: Graph, tables: Tables, batch_size: int, *, learns: bool) -> None:
        self._graph, self._tables, self._learns = graph, tables, learns
        self._slots = _slots(graph, batch_size, learns)

    @property
    def bytes(self) -> int:
        """What a chain's arrays take."""
        return self._bytes(self._slots)

    def bytes_of(self, count: int) -> int:
        """For so many pictures."""
        return self._bytes(_slots(self._graph, count, self._learns))

    def _bytes(self, slots: int) -> int:
        return slots * (self._tables.size + self._tables.partial) * self._graph.dtype.itemsize

    @cached_property
    def _arenas(self) -> Array:
        arenas = self._graph.device.zeros((self._slots, self._tables.size), self._graph.dtype)
        arenas[:, self._tables.ones] = 1
        return arenas

    @cached_property
    def _partials(self) -> Array:
        return self._graph.device.zeros((self._slots, max(self._tables.partial, 1)), self._graph.dtype)

    def take(self) -> None:
        """Allocates the arrays."""
        _ = self._arenas, self._partials

    def forward(self, emission: Emission) -> Step:
        """From the pictures to the scores."""
        return self._plain(emission, self._tables.forward)

    def without_steps(self, emission: Emission) -> Step:
        """What `forward` does beside the steps: the pictures go in, and something comes out. To compile that by itself."""
        return self._plain(emission, self._tables.none)

    def compile_back(self) -> None:
        """Compiles the functions of the steps back, the last first."""
        self._tables.compile_back()

    def _plain(self, emission: Emission, forward: Any) -> Step:
        dtype = self._graph.dtype
        nothing = np.zeros(1, dtype), np.zeros(1, dtype), np.zeros((1, 1), dtype)
        return self._step(emission, False, forward, nothing, np.zeros(1, np.int64), 0, 0.0, 0.0)

    def learn(self, emission: Emission, head: Head, key: str, loss: Loss, scale: float) -> Step:
        """Forward, the loss's values and `scale` times its gradient, and back to all parameters."""
        kernel, (option,) = loss.op()
        written = emission.gradient_row(), emission.losses(key), emission.d_scores(head)
        labels = emission.operand(LABELS, (emission.count,), np.int64)
        address = address_of_loss(kernel.variants["cpu"].share, self._graph.dtype)  # type: ignore[attr-defined]
        return self._step(
            emission, True, self._tables.forward, written, labels, address, float(option), float(scale)
        )

    def _step(
        self,
        emission: Emission,
        learns: bool,
        forward: Any,
        written: tuple[Any, ...],
        labels: Any,
        loss: int,
        option: float,
        scale: float,
    ) -> Step:
        graph, tables = self._graph, self._tables
        images = emission.operand(INPUT, (emission.count, *graph.input_shape))
        pixels = graph.pixels.tables(graph.dtype, *graph.input_shapes(graph.nodes[0]))
        once, back, sums = tables.once, tables.back if learns else tables.none, tables.sums
        arguments = (
            _slots(graph, emission.count, learns), learns, *written, emission.output(graph.scores), images, labels, graph.row_to_read, *once, *forward, *back,
            emission.operand(RANDOM, (2,), np.uint64), pixels["mean"], pixels["scale"], pixels["order"], tables.places, loss,
            option, scale, sums, self._arenas, self._partials,
        )  # fmt: skip
        return Step(None, arguments, groups.run, graph.scores, 0)


def _slots(graph: Graph, count: int, learns: bool) -> int:
    """Groups that are under way at a time, at most; where something is learned, the shares of a batch."""
    if learns:
        return min(math.ceil(count / _SHARE), _SHARES)
    return min(math.ceil(count / lanes_of(graph.dtype.itemsize)), _SLOTS)


def chain_of(
    graph: Graph, compiled: Compiled, emission: Emission, asked: Asked, batch_size: int
) -> Chain | None:
    """The chain that does what a program is asked for; None where that is left to the other way."""
    scores, learns = graph.scores, asked.wanted.learns
    plain = asked.reuse and not asked.wanted.reaches_input and not asked.kept_gradients
    if (
        not plain
        or asked.kept - {scores, graph.output.name}
        or graph.device.name != "cpu"
        or not graph.takes_pictures
    ):
        return None
    if len(asked.heads) != 1 or len(graph.shapes[scores]) != 1 or graph.other_inputs:
        return None
    order = {node.name: place for place, node in enumerate(graph.nodes)}
    whole = compiled.rewrites.forward(emission.forward(), packed=False)
    steps = [step for step in whole if order[step.node] <= order[scores]]
    links = links_of(graph, steps, compiled.rewrites)
    if links is None or not links or not _ends_at(steps, compiled, emission.output(scores)):
        return None
    names = [each.name for link in links for each in graph.parameters_of(graph[link.node]).values()]
    if len(set(names)) < len(names) or set(names) != set(graph.parameters):
        return None
    lanes = lanes_of(graph.dtype.itemsize)
    tables = Tables(graph, links, lanes, learns=learns)
    if not fits(graph, links, tables, asked.room):
        return None
    return Chain(graph, tables, batch_size, learns=learns)


def _ends_at(steps: list[Step], compiled: Compiled, scores: Operand) -> bool:
    root = compiled.rewrites.root
    last = next(steps[-1].writes())
    return root(last.storage.key) == root(scores.storage.key)


__all__ = ["OUTPUT", "Chain", "chain_of"]

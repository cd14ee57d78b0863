"""A compiled graph before it has memory: the arrays of a full batch, their places, and the rewrites of the list of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np

from ..errors import UsageError
from ..graph import Graph
from ..layers import Prepared
from ..ops.operands import Key, Step, Storage
from .arena import layout
from .emission import LABELS, OUTPUT, Emission, Table, Wanted
from .folding import foldable
from .joining import joinable
from .learning import Learner, learning
from .lifetimes import blocks
from .loss import Head
from .pooling import poolable
from .rewrites import Rewrites, decide
from .settled import divided, settled
from .sharing import share_gradients
from .summing import summable


class Asked(NamedTuple):
    """The options of a Program that decide about its steps and arrays."""

    wanted: Wanted
    kept: set[str]
    """Nodes whose output stays to be read after a pass; `kept_gradients` those whose gradient does."""
    kept_gradients: set[str]
    heads: Mapping[str, Head]
    reuse: bool
    """Whether the memory of all others may be used again within a pass."""
    room: float
    """Elements of workspace at most."""
    learner: Learner | None = None
    """Who changes large weights in the pass back."""


class Compiled:
    """A graph's passes over at most `count` pictures, as sizes alone. Raises UsageError where a layer needs more workspace
    than the `room` elements there are.
    """

    def __init__(self, graph: Graph, count: int, tables: dict[str, dict[str, Table]], asked: Asked) -> None:
        wanted, kept, kept_gradients, heads, reuse, room, learner = asked
        with graph.device.computing():  # how much workspace ops need may depend on the precision
            self.prepared = _prepared(graph, count, room)
        # Passes of training and others (dropout) have lists of their own over the same Storages.
        lists = [Emission(graph, count, wanted, self.prepared, tables, training=way) for way in (False, True)]
        forward = [emission.forward() for emission in lists]
        backward = [
            [*emission.backward(graph.output.name), *_from_heads(emission, heads)]
            for emission in lists
            if not wanted.nothing
        ]
        for emission in lists:
            for key, head in heads.items():
                emission.loss(key, head, 1.0)
            for name in kept:
                emission.output(name)
            if not reuse:
                for name in emission.flows:
                    emission.d_output(name)
            for name in kept_gradients:
                emission.d_output(name)
            emission.operand(LABELS, (count,), np.int64)
        self.once = reuse and wanted.learns and not wanted.reaches_input
        """One backward pass follows each forward pass."""
        self.flows = lists[0].flows
        self.rewrites: Rewrites = decide(
            lists[1],
            [*chain(*forward)],
            [*chain(*backward)],
            kept,
            kept_gradients,
            merge=reuse and wanted.learns,
        )
        # On the CPU a step that masks is two.
        self.rewrites.masks = graph.device.name != "cpu"
        self.sharing = set[str]()
        """Nodes whose gradient lies in one place with that of a sum, or of another term of it."""
        if reuse and len(heads) < 2:  # with several heads gradients come from several starts
            self.sharing = share_gradients(
                self.rewrites.aliases,
                self.rewrites.root,
                backward,
                kept_gradients,
                one_each=not self.once,  # other passes back may begin anywhere
            )
        # On a GPU steps that change nothing cost less than asking.
        is_steady = not wanted.learns and not graph.device.own_memory
        if not wanted.learns:
            self.rewrites.folds = foldable(graph, forward[0], kept | kept_gradients, once=is_steady)
            # Packed filters take room that whoever bounds the workspace would rather save.
            self.rewrites.packs = count if graph.device.name == "cpu" and room == math.inf else 0
        if wanted.nothing:  # no pass back will look at what a normalisation began with
            for name, source in self.rewrites.folds.items():
                self.rewrites.aliases[name, OUTPUT] = self.rewrites.root((source, OUTPUT))
            looked_at = {self.rewrites.root(lists[0].output(name).storage.key) for name in kept}
            plain = self.rewrites.forward(forward[0], packed=True)
            if self.rewrites.packs:
                self.rewrites.pools = poolable(plain, looked_at, self.rewrites.root)
            self.rewrites.shares = joinable(plain, looked_at, self.rewrites.root)
            sums = summable(plain, looked_at, self.rewrites.root) if self.rewrites.packs else {}
            self.rewrites.sums = set(sums)
            for term, total in sums.items():  # nothing is written there
                self.rewrites.aliases[self.rewrites.root(term)] = self.rewrites.root(total)
        run = [
            self.rewrites.forward(steps, packed=not way)
            for steps, way in zip(forward, (False, True), strict=True)
        ]
        if learner is not None and self.once and graph.device.name == "cpu":
            self.rewrites.learning = learning(graph, [*chain(*backward)], learner)
        run_back = [step for steps in backward for step in self.rewrites.backward(steps)]
        self.settled: set[Key] = settled([*run, run_back]) if is_steady else set()
        """The Storages that hold the same until a parameter or buffer changes."""
        run_forward = [step for steps in run for step in chain(*divided(steps, self.settled))]
        made = (operand.storage for step in chain(run_forward, run_back) for operand in step.accesses())
        self.storages: dict[Key, Storage] = {
            **{storage.key: storage for storage in made},
            **lists[0].storages,
            **lists[1].storages,
        }
        stays = {lists[0].output(name).storage.key for name in kept}
        stays |= {lists[0].d_output(name).storage.key for name in kept_gradients}
        self.blocks = blocks(
            self.storages,
            run_forward,
            run_back,
            self.rewrites,
            settled=self.settled,
            kept=stays,
            reuse=reuse,
            once=self.once,
        )
        self.offsets, self.size = layout(self.blocks)
        itemsize = graph.dtype.itemsize
        self.used = self.size - itemsize * sum(last - first for first, last in self.learned)
        """Bytes that passes touch: not the gradients that are never there as a whole."""

    @property
    def learned(self) -> list[tuple[int, int]]:
        """The elements of the row of parameters that learn in the pass back, from … to."""
        return [] if self.rewrites.learning is None else self.rewrites.learning.learned


def _from_heads(emission: Emission, heads: Mapping[str, Head]) -> list[Step]:
    """The losses of all heads, and the steps back from all of them at a time."""
    if len(heads) < 2:
        return []
    nodes = [head.node for head in heads.values() if head.node in emission.flows]
    return [*(emission.loss(key, head, 1.0) for key, head in heads.items()), *emission.backward(*nodes)]


def tables_of(graph: Graph) -> dict[str, dict[str, Table]]:
    return {
        node.name: {
            key: Table(array, graph.device)
            for key, array in node.layer.tables(graph.dtype, *graph.input_shapes(node)).items()
        }
        for node in graph.nodes
    }


def _prepared(graph: Graph, count: int, room: float) -> dict[str, Prepared]:
    """Node -> its algorithm and workspace. Raises UsageError where a layer cannot do with the room there is."""
    found = {
        node.name: node.layer.prepare(
            count,
            graph.shapes[node.name],
            *graph.input_shapes(node),
            device=graph.device.name,
            limit=room,
        )
        for node in graph.nodes
    }
    name, most = max(found.items(), key=lambda item: item[1].workspace)
    if most.workspace > room:
        size = graph.dtype.itemsize / 2**20
        raise UsageError(
            f"a workspace of {room * size:g} MiB is too small: layer '{name}' needs at least "
            f"{most.workspace * size:.2f} MiB for {count} pictures"
        )
    return found


def too_large(bytes_of: Callable[[int], int], count: int, free: int, device: str) -> str:
    """The message for `count` pictures that take more bytes than are free: it says how many would fit."""
    fits, too_many = 0, count
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if bytes_of(middle) <= free:
            fits = middle
        else:
            too_many = middle
    remedy = f"a batch size of {fits} fits" if fits else "not even a batch size of 1 fits"
    return (
        f"{count} pictures need {bytes_of(count) / 2**20:,.0f} MiB of buffers, and {free / 2**20:,.0f} MiB of the "
        f"memory of device {device} are free; {remedy}"
    )

"""What a Plan allocates: which nodes share a buffer, how long each is in use, and where it lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arena import Block, layout
from .device import Array, Device
from .errors import UsageError
from .graph import Graph, Node
from .layers import Shape

Key = tuple[str, str]
"""(node, what of it); of what belongs to no node ("", what)."""


@dataclass(frozen=True)
class _Wish:
    """An array the Plan will allocate, and when it is in use: node i of L runs forward at i and back at 2 L - i."""

    shape: Shape
    dtype: Any
    born: float = 0
    dies: float = math.inf

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * int(np.dtype(self.dtype).itemsize)


class Memory:
    """The buffers of a Plan over `graph` for `count` pictures, before and after they are taken.

    `kept` nodes' outputs stay readable after a pass. `learns`: parameters get gradients; `reaches_input`: pixels do.
    With `reuse` memory is used again as soon as the pass no longer needs what is in it, and a rectifier works in place.
    `workspace` bounds the elements of the workspace that the layers share.

    Raises UsageError where a layer cannot do with that.
    """

    def __init__(
        self,
        graph: Graph,
        count: int,
        kept: set[str],
        learns: bool,
        reaches_input: bool,
        *,
        reuse: bool,
        workspace: float = math.inf,
    ) -> None:
        self._room = workspace
        self._graph, self._count, self._kept = graph, count, kept
        self._learns, self._reaches_input = learns, reaches_input
        self._readers = graph.readers()
        self._order = {node.name: index for index, node in enumerate(graph.nodes)}
        self.flows = self._gradient_flow() if learns or reaches_input else set()
        """The nodes whose output needs a gradient."""
        self.walks_once = reuse and learns and not reaches_input
        """One walk back follows one pass forward; what it has passed is not kept for another."""
        self._owner = self._owners()
        self._members: dict[str, list[str]] = {}
        """Node -> the nodes whose output lies in its memory."""
        for name, owner in self._owner.items():
            self._members.setdefault(owner, []).append(name)
        self.slopes: dict[str, float] = {}
        """Product -> the slope of the rectifier after it, which it applies in its last pass."""
        self.rectified: set[str] = set()
        """Those rectifiers."""
        for node in graph.nodes:
            slope = node.layer.rectifies
            if slope is None or self._owner[node.name] == node.name:
                continue
            if graph[node.inputs[0]].layer.can_rectify:
                self.slopes[node.inputs[0]] = slope
                self.rectified.add(node.name)
        self._wished = self._wishes()
        self._offsets, self.size = layout(
            {key: Block(wish.bytes, wish.born, wish.dies) for key, wish in self._wished.items()}
        )

    def take(self, device: Device) -> dict[Key, Array]:
        """Allocates `size` bytes, and gives every buffer's view of them."""
        memory = device.zeros((self.size,), np.uint8)
        buffers: dict[Key, Array] = {}
        for key, wish in self._wished.items():
            first = self._offsets[key]
            buffers[key] = memory[first : first + wish.bytes].view(wish.dtype).reshape(wish.shape)
        for node in self._graph.nodes:
            shape = (self._count, *self._graph.shapes[node.name])
            if self._owner[node.name] != node.name:
                buffers[node.name, "output"] = buffers[node.inputs[0], "output"].reshape(shape)
            if node.name in self.flows and self.shares_gradient(node):
                buffers[node.name, "d_output"] = buffers[node.inputs[0], "d_output"].reshape(shape)
        return buffers

    def _gradient_flow(self) -> set[str]:
        flows: set[str] = set()
        for node in self._graph.nodes:
            learns = self._learns and bool(self._graph.wanted(node))
            if self._reaches_input or learns or any(source in flows for source in node.inputs):
                flows.add(node.name)
        return flows

    def _owners(self) -> dict[str, str]:
        """Node -> the node whose memory its output lies in: its own, or, of a view and of a rectifier that may work in
        place, its input's.
        """
        owners: dict[str, str] = {}
        for node in self._graph.nodes:
            shares = node.layer.is_view or self._overwrites(node)
            owners[node.name] = owners[node.inputs[0]] if shares else node.name
        return owners

    def _overwrites(self, node: Node) -> bool:
        if node.layer.rectifies is None or not node.inputs:
            return False
        source = self._graph[node.inputs[0]]
        free = source.layer.may_be_overwritten or not self.flows
        alone = self._readers[source.name] == [node.name] and not source.layer.is_view
        return free and alone and source.name not in self._kept

    def _wishes(self) -> dict[tuple[str, str], _Wish]:
        graph, count, dtype = self._graph, self._count, self._graph.dtype
        wishes = {
            ("", "input"): _Wish((count, *graph.input_shape), dtype),
            ("", "losses"): _Wish((count,), dtype),
            ("", "labels"): _Wish((count,), np.int64),
            ("", "step"): _Wish((2,), np.uint64),
        }
        if self._learns:
            wishes["", "gradient"] = _Wish((graph.parameter_places().size,), dtype)
        if graph.scores not in self.flows:
            # What a loss writes beside itself.
            wishes["", "d_output"] = _Wish((count, *graph.shapes[graph.scores]), dtype)
        if self._reaches_input:
            wishes["", "d_input"] = _Wish((count, *graph.input_shape), dtype)
        joined = 0
        for node in graph.nodes:
            shape = graph.shapes[node.name]
            if self._owner[node.name] == node.name:
                life = self._life_of_output(node)
                wishes[node.name, "output"] = _Wish((count, *shape), dtype, *life)
            if node.name in self.flows and not self.shares_gradient(node):
                wishes[node.name, "d_output"] = _Wish((count, *shape), dtype, *self._life_of_gradient(node))
            for key, (extent, kind) in node.layer.scratch(count, shape).items():
                wishes[node.name, f"scratch {key}"] = _Wish(extent, kind, *self._life_of_scratch(node))
            if node.name in self.flows and len(self._readers[node.name]) > 1:
                joined = max(joined, count * math.prod(shape))
        wishes["", "workspace"] = _Wish((max(self._workspace(), 1),), dtype)
        wishes["", "joined"] = _Wish((max(joined, 1),), dtype)
        return wishes

    def _workspace(self) -> int:
        graph = self._graph
        needed, name = max(
            (
                node.layer.workspace(
                    self._count,
                    graph.shapes[node.name],
                    *graph.input_shapes(node),
                    device=graph.device.name,
                    limit=self._room,
                ),
                node.name,
            )
            for node in graph.nodes
        )
        if needed > self._room:
            size = graph.dtype.itemsize / 2**20
            raise UsageError(
                f"a workspace of {self._room * size:g} MiB is too small: layer '{name}' needs at least "
                f"{needed * size:.2f} MiB for {self._count} pictures"
            )
        return needed

    def _back(self, name: str) -> int:
        """The moment of a node's walk back."""
        return 2 * len(self._graph.nodes) - self._order[name]

    def _life_of_output(self, node: Node) -> tuple[float, float]:
        born, members = self._order[node.name], self._members.get(node.name, [])
        if self._kept.intersection(members) or (self.flows and not self.walks_once):
            return born, math.inf
        if self.walks_once:
            return born, self._back(node.name)
        return born, max(self._order[reader] for member in members for reader in self._readers[member])

    def _life_of_scratch(self, node: Node) -> tuple[float, float]:
        """From the node's forward to its walk back; where every output is kept, to look at after a pass, always."""
        born = self._order[node.name]
        if self.flows and not self.walks_once:
            return born, math.inf
        return born, self._back(node.name) if self.flows else born

    def _life_of_gradient(self, node: Node) -> tuple[float, float]:
        """From the first reader's walk back to the node's own; a walk may also start here."""
        if not self.walks_once:
            return 0, math.inf
        readers = [reader for member in self._members.get(node.name, []) for reader in self._readers[member]]
        last = max((self._order[reader] for reader in readers), default=len(self._graph.nodes))
        return 2 * len(self._graph.nodes) - last, self._back(node.name)

    def shares_gradient(self, node: Node) -> bool:
        """A view's gradient is its input's under another shape, unless other layers add to that; the gradient of a
        rectifier that works in place is worked on in place too.
        """
        if not node.layer.is_view:
            return self._owner[node.name] != node.name
        return len(self._readers[node.inputs[0]]) == 1

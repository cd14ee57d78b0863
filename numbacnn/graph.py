"""Named layers joined into a directed graph: shapes, parameters, and how they start."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from .device import CPU_DEVICE, Device
from .errors import DeviceError, NetworkError, NumbacnnError, ShapeError, UsageError, cut, nearest, need_whole
from .layers import Layer, Parameter, Pixels, Shape
from .layers.initialization import INITIALIZERS
from .limits import need_memory

PIXELS = "pixels"
_ALIGNMENT = 16
"""Elements: every parameter begins with a cache line."""

MAX_SEED = 2**64 - 1
MAX_LAYERS = 4000
MAX_INPUTS = 1000
"""Of one layer."""
MAX_NAME = 200
"""Characters of a layer's name."""
MAX_NUMBERS = 1 << 40
"""In one layer's output for a picture, and in one parameter: more than any machine can hold."""


@dataclass(frozen=True)
class Node:
    """One layer under its name, and the names of the nodes it reads."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]


class ParameterPlaces(NamedTuple):
    """Where a network's parameters lie in one row of numbers: those that weight decay pulls at first."""

    first: dict[tuple[str, str], int]
    """(node, parameter) -> its first element."""
    decayed: int
    """Elements of those that decay."""
    size: int

    def views(self, row: Any, graph: Graph) -> dict[tuple[str, str], Any]:
        """(node, parameter) -> its share of a row of `size` numbers, in its own shape."""
        wanted = {(node.name, key): each for node in graph.nodes for key, each in graph.wanted(node).items()}
        return {
            place: row[first : first + math.prod(wanted[place].shape)].reshape(wanted[place].shape)
            for place, first in self.first.items()
        }


LayerLine = tuple[str, Layer] | tuple[str, Layer, tuple[str, ...]]
"""("conv1", Convolution(...)) reads the layer above; a third item names what it reads instead."""


class Graph:
    """Layers in an order in which each reads only what stands above it, so there can be no cycle.

    The first is always `pixels`, the network's own preprocessing; without one, pixels pass unchanged.
    The last layer is the output; every other one is read by some layer. A layer with parameters has one place.

    Raises NetworkError or ShapeError, naming the layer.
    """

    def __init__(
        self, layers: Sequence[LayerLine], input_shape: Shape, *, dtype: DTypeLike = np.float32
    ) -> None:
        self.input_shape = tuple(input_shape)
        self.dtype = np.dtype(dtype)
        self.device: Device = CPU_DEVICE
        self.nodes: tuple[Node, ...] = ()
        self.shapes: dict[str, Shape] = {}
        self._places: dict[str, int] = {}
        self._wanted: dict[str, dict[str, Parameter]] = {}
        if not layers or not isinstance(layers[0][1], Pixels):
            layers = [(PIXELS, Pixels()), *layers]
        for name, layer, *inputs in layers:
            self._append(name, layer, inputs[0] if inputs else None)
        self._check_ends()

    def _append(self, name: str, layer: Layer, inputs: tuple[str, ...] | None) -> None:
        if name in self.shapes:
            raise NetworkError(f"two layers are named '{name}'")
        if not 1 <= len(name) <= MAX_NAME:
            raise NetworkError(f"a layer is named '{cut(name)}': 1 to {MAX_NAME} characters are expected")
        if len(self.nodes) >= MAX_LAYERS:
            raise NetworkError(f"more than {MAX_LAYERS:,} layers; that is too many")
        try:
            inputs = self._resolve(layer, inputs)
            shapes = tuple(self.shapes[source] for source in inputs) or (self.input_shape,)
            self.shapes[name] = layer.output_shape(*shapes)
            _need_size("its output", self.shapes[name])
            for key, wanted in layer.parameter_shapes(*shapes).items():
                _need_size(f"its {key}", wanted.shape)
        except NumbacnnError as error:
            raise type(error)(f"layer '{name}': {error}") from None
        self._wanted[name] = layer.parameter_shapes(*shapes)
        twin = next((node.name for node in self.nodes if node.layer is layer), None)
        if twin is not None and self._wanted[name]:
            raise NetworkError(
                f"layer '{name}' is the same object as layer '{twin}', and its parameters would get the gradient of only one "
                f"of the two places: make a {layer.kind} layer for each"
            )
        self._places[name] = len(self.nodes)
        self.nodes = (*self.nodes, Node(name, layer, inputs))

    def _resolve(self, layer: Layer, inputs: tuple[str, ...] | None) -> tuple[str, ...]:
        if isinstance(layer, Pixels):
            if self.nodes:
                raise NetworkError("pixels can only be the first layer")
            return ()
        if inputs is None:
            inputs = (self.nodes[-1].name,)
        if len(inputs) > MAX_INPUTS:
            raise NetworkError(f"it reads {len(inputs):,} layers: at most {MAX_INPUTS} are expected")
        for source in inputs:
            if source not in self.shapes:
                raise NetworkError(
                    f"it reads '{cut(source)}', and no layer above has that name{nearest(source, self.shapes)}"
                )
        if layer.inputs_expected is None and len(inputs) < 2:
            raise NetworkError(f'{layer.kind} joins two layers or more: inputs = ["…", "…"]')
        if layer.inputs_expected is not None and len(inputs) != layer.inputs_expected:
            raise NetworkError(
                f"{layer.kind} reads {layer.inputs_expected} layer, and {len(inputs)} are given"
            )
        return tuple(inputs)

    def _check_ends(self) -> None:
        read = {source for node in self.nodes for source in node.inputs}
        unread = [node.name for node in self.nodes[:-1] if node.name not in read]
        if unread:
            raise NetworkError(f"nothing reads layer '{unread[0]}': only the last layer may be an end")

    def __getitem__(self, name: str) -> Node:
        """The node of that name. Raises UsageError if there is none."""
        place = self._places.get(name)
        if place is None:
            raise UsageError(f"no layer is named '{name}'{nearest(name, self.shapes)}")
        return self.nodes[place]

    @property
    def output(self) -> Node:
        return self.nodes[-1]

    @property
    def scores(self) -> str:
        """The node whose output the losses look at: the last softmax's input, or the last node."""
        last = self.output
        return last.inputs[0] if last.layer.kind == "softmax" else last.name

    @property
    def pixels(self) -> Pixels:
        layer = self.nodes[0].layer
        assert isinstance(layer, Pixels)
        return layer

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """Shapes of what a node reads; of the first node, the picture's."""
        return tuple(self.shapes[source] for source in node.inputs) or (self.input_shape,)

    def wanted(self, node: Node) -> dict[str, Parameter]:
        """The parameters that a node's layer learns: name -> what it wants."""
        return self._wanted[node.name]

    def ancestors(self, name: str) -> set[str]:
        """The node and every node whose output reaches it."""
        reached: set[str] = set()
        for node in reversed(self.nodes):
            if node.name == name or node.name in reached:
                reached |= {node.name, *node.inputs}
        return reached

    def readers(self) -> dict[str, list[str]]:
        """Node -> the nodes that read it."""
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inputs:
                found[source].append(node.name)
        return found

    def parameter_places(self) -> ParameterPlaces:
        """One row for all parameters, so that one pass updates them."""
        wanted = {(node.name, key): each for node in self.nodes for key, each in self.wanted(node).items()}
        first: dict[tuple[str, str], int] = {}
        size = decayed = 0
        for place, each in sorted(wanted.items(), key=lambda item: item[1].start is not None):
            first[place] = size
            size += -(-math.prod(each.shape) // _ALIGNMENT) * _ALIGNMENT
            if each.start is None:
                decayed = size
        return ParameterPlaces(first, decayed, size)

    def parameters(self) -> Iterator[tuple[str, str, Any]]:
        """(node, parameter, array) of every learned array, in order."""
        for node in self.nodes:
            for name, array in node.layer.parameters.items():
                yield node.name, name, array

    def initialise(self, scheme: str = "he", seed: int = 0, **options: float) -> None:
        """Gives every parameter its first values (layers.initialization), the same for the same seed.

        Raises UsageError for an unknown scheme or a seed outside 0 to 2**64 - 1, NotEnoughMemory.
        """
        if scheme not in INITIALIZERS:
            raise UsageError(f"unknown initialisation '{scheme}'{nearest(scheme, INITIALIZERS)}")
        need_whole("seed", seed, 0, MAX_SEED)
        sizes = [math.prod(each.shape) for node in self.nodes for each in self.wanted(node).values()]
        # The numbers, and the largest of them in float64 as they are drawn.
        needed = sum(sizes) * self.dtype.itemsize + 8 * max(sizes, default=0)
        need_memory(needed, f"{sum(sizes):,} parameters take")
        for index, node in enumerate(self.nodes):
            for place, (name, wanted) in enumerate(self.wanted(node).items()):
                # A stream of its own for every parameter: adding a layer does not shift the others.
                generator = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, index, place]))
                if wanted.start is None:
                    values = INITIALIZERS[scheme](generator, wanted, **options)
                else:
                    values = np.full(wanted.shape, wanted.start)
                node.layer.parameters[name] = self.device.to_device(np.ascontiguousarray(values, self.dtype))

    def move(self, device: Device) -> None:
        """Brings the parameters to a device. Plans and optimizers made before keep to the old ones."""
        if device.name == self.device.name:
            return
        if self.dtype != np.float32 and device.name != CPU_DEVICE.name:
            raise DeviceError(
                f"a network of {self.dtype} computes on the CPU only; float32 computes on {device.name}"
            )
        for node in self.nodes:
            for name, array in node.layer.parameters.items():
                node.layer.parameters[name] = device.to_device(self.device.read(array))
        self.device = device

    def astype(self, dtype: DTypeLike) -> Graph:
        """The same graph on the CPU with parameters of another precision (copies)."""
        other = copy.copy(self)
        other.dtype, other.device = np.dtype(dtype), CPU_DEVICE
        other.nodes = tuple(Node(node.name, copy.copy(node.layer), node.inputs) for node in self.nodes)
        for node in other.nodes:
            arrays = node.layer.parameters.items()
            node.layer.parameters = {name: np.array(self.device.read(array), dtype) for name, array in arrays}
        return other


def _need_size(what: str, shape: Shape) -> None:
    """Raises ShapeError for more numbers than there can be."""
    if math.prod(shape) > MAX_NUMBERS:
        raise ShapeError(f"{what} has more than {MAX_NUMBERS:,} numbers")

"""Named layers joined into a directed graph: shapes, parameters, and how they start."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import DTypeLike

from .device import CPU_DEVICE, Device
from .errors import DeviceError, NetworkError, NumbacnnError, ShapeError, UsageError, cut, nearest, need_whole
from .layers import Layer, Pixels, Shape
from .layers.initialization import INITIALIZERS, first_values
from .limits import need_memory
from .loans import Lendable
from .parameters import Buffer, Parameter, check_learning
from .store import Store

PIXELS = "pixels"

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


LayerLine = tuple[str, Layer] | tuple[str, Layer, tuple[str, ...]]
"""("conv1", Convolution(...)) reads the layer above; a third item names what it reads instead."""


class Graph(Store):
    """Layers in an order in which each reads only what stands above it, so there can be no cycle.

    The first is `pixels`, the network's own preprocessing of pictures of `input_shape`; without one, pixels pass unchanged. A
    graph whose first layer is another input (`Planes`, `Embedding`) takes no pictures, and has no `input_shape`. More such
    inputs may follow anywhere: each is given to a pass under its layer's name.
    The last layer is the output. Every other one is read by some layer, or an auxiliary head: `heads` names those, as GoogLeNet's
    auxiliary classifiers, each with its share in the loss that a training minimises.

    The graph owns the arrays of its layers: `parameters` and `buffers`, by name (NODE/KEY). One layer object on several
    nodes is one set of parameters, named after the first of them; the gradients of its uses are added.

    `need` is called with the bytes of all buffers before more are made, and raises where those are too many; left out, it
    compares them with the memory that is free.

    Raises NetworkError or ShapeError, naming the layer, NotEnoughMemory.
    """

    def __init__(
        self,
        layers: Sequence[LayerLine],
        input_shape: Shape = (),
        *,
        heads: Mapping[str, float] | None = None,
        dtype: DTypeLike = np.float32,
        need: Callable[[int], None] | None = None,
    ) -> None:
        self.input_shape = tuple(input_shape)
        self.heads = dict(heads or {})
        super().__init__(dtype)
        self.nodes: tuple[Node, ...] = ()
        self.shapes: dict[str, Shape] = {}
        self._places: dict[str, int] = {}
        self._first: dict[int, str] = {}
        """Identity of a layer -> the first node that has it."""
        if not layers or not layers[0][1].is_input:
            layers = [(PIXELS, Pixels()), *layers]
        for name, layer, *inputs in layers:
            self._append(name, layer, inputs[0] if inputs else None, need)
        self._check_ends()
        self._replace(self.parameters)

    def _append(
        self, name: str, layer: Layer, inputs: tuple[str, ...] | None, need: Callable[[int], None] | None
    ) -> None:
        if name in self.shapes:
            raise NetworkError(f"two layers are named '{name}'")
        if not 1 <= len(name) <= MAX_NAME:
            raise NetworkError(f"a layer is named '{cut(name)}': 1 to {MAX_NAME} characters are expected")
        if len(self.nodes) >= MAX_LAYERS:
            raise NetworkError(f"more than {MAX_LAYERS:,} layers; that is too many")
        try:
            inputs = self._resolve(layer, inputs)
            shapes = tuple(self.shapes[source] for source in inputs) or (self._given_to(layer),)
            self.shapes[name] = layer.output_shape(*shapes)
            _need_size("its output", self.shapes[name])
            for key, wanted in layer.parameter_specs(*shapes).items():
                _need_size(f"its {key}", wanted.shape)
        except NumbacnnError as error:
            raise type(error)(f"layer '{name}': {error}") from None
        self._declare(name, layer, shapes, need or _need_free)
        self._places[name] = len(self.nodes)
        self.nodes = (*self.nodes, Node(name, layer, inputs))

    def _declare(
        self, name: str, layer: Layer, shapes: tuple[Shape, ...], need: Callable[[int], None]
    ) -> None:
        """Takes in the parameters and buffers of a new node; a layer that another node has already shares that node's."""
        twin = self._first.setdefault(id(layer), name)
        specs = layer.parameter_specs(*shapes)
        if twin != name:
            self._parameters_of[name] = shared = self._parameters_of[twin]
            self._buffers_of[name] = self._buffers_of[twin]
            for key, spec in specs.items():
                if spec.shape != shared[key].shape:
                    raise ShapeError(
                        f"layer '{name}': it shares the {key} of '{twin}', whose shape is {shared[key].shape}, and "
                        f"its input would need {spec.shape}"
                    )
            return
        own = {key: Parameter(name, key, spec, decay=spec.decay) for key, spec in specs.items()}
        wanted = layer.buffer_specs(*shapes)
        if wanted:
            taken = sum(each.array.nbytes for each in self.buffers.values())
            need(taken + self.dtype.itemsize * sum(math.prod(spec.shape) for spec in wanted.values()))
        buffers = {
            key: Buffer(name, key, spec, Lendable(np.full(spec.shape, spec.initial, self.dtype), self.loans))
            for key, spec in wanted.items()
        }
        self._parameters_of[name], self._buffers_of[name] = own, buffers
        layer.owned_by(self, name)
        self.parameters |= {each.name: each for each in own.values()}
        self.buffers |= {each.name: each for each in buffers.values()}

    def _resolve(self, layer: Layer, inputs: tuple[str, ...] | None) -> tuple[str, ...]:
        if isinstance(layer, Pixels) and self.nodes:
            raise NetworkError("pixels can only be the first layer")
        if layer.is_input:
            if inputs:
                raise NetworkError(f"{layer.kind} is an input and reads no layer")
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
        for name, weight in self.heads.items():
            wrong = None
            if name not in self.shapes:
                wrong = "no layer has that name"
            elif name == self.output.name:
                wrong = "it is the output"
            elif name in read:
                wrong = "it is read by another"
            if wrong is not None:
                raise NetworkError(f"head '{cut(name)}': {wrong}; a layer that nothing reads is expected")
            if not 0 <= weight < math.inf:
                raise NetworkError(
                    f"head '{name}' has the weight {weight:g}: a number of at least 0 is expected"
                )
        unread = [node.name for node in self.nodes[:-1] if node.name not in read | self.heads.keys()]
        if unread:
            raise NetworkError(
                f"nothing reads layer '{unread[0]}': only the last layer and the heads may be ends"
            )

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
        return self.scores_of(self.output.name)

    def scores_of(self, name: str) -> str:
        """The node whose output a loss looks at: the input of a softmax, or another node itself."""
        node = self[name]
        return node.inputs[0] if node.layer.kind == "softmax" else name

    @property
    def takes_pictures(self) -> bool:
        """Whether the first layer is `pixels`."""
        return isinstance(self.nodes[0].layer, Pixels)

    @property
    def pixels(self) -> Pixels:
        """The preprocessing of pictures. Raises NetworkError if the graph takes none."""
        layer = self.nodes[0].layer
        if not isinstance(layer, Pixels):
            raise NetworkError(f"this graph takes no pictures: its first layer is {layer.kind}")
        return layer

    @property
    def other_inputs(self) -> tuple[Node, ...]:
        """The nodes that are given something beside pictures."""
        return tuple(
            node for node in self.nodes if node.layer.is_input and not isinstance(node.layer, Pixels)
        )

    @property
    def inputs(self) -> dict[str, str]:
        """The input nodes, each with a description of what it is given for one example."""
        return {
            node.name: node.layer.describe_input(self._given_to(node.layer))
            for node in self.nodes
            if node.layer.is_input
        }

    def _given_to(self, layer: Layer) -> Shape:
        return self.input_shape if isinstance(layer, Pixels) else layer.given_shape

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """Shapes of what a node reads; of an input, of what it is given."""
        return tuple(self.shapes[source] for source in node.inputs) or (self._given_to(node.layer),)

    def parameters_of(self, node: Node) -> dict[str, Parameter]:
        """The parameters of a node, by the layer's own names; a shared parameter belongs to several nodes."""
        return self._parameters_of[node.name]

    def buffers_of(self, node: Node) -> dict[str, Buffer]:
        """A node's buffers, by the layer's own names."""
        return self._buffers_of[node.name]

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

    def initialise(self, scheme: str = "he", seed: int = 0, **options: float) -> None:
        """Gives every parameter and buffer its first values (layers.initialization), the same for the same seed.

        Raises UsageError for an unknown scheme or a seed outside 0 to 2**64 - 1, NotEnoughMemory.
        """
        if scheme not in INITIALIZERS:
            raise UsageError(f"unknown initialisation '{scheme}'{nearest(scheme, INITIALIZERS)}")
        need_whole("seed", seed, 0, MAX_SEED)
        sizes = [each.size for each in self.parameters.values()]
        # The numbers, and the largest of them in float64 as they are drawn.
        needed = sum(sizes) * self.dtype.itemsize + 8 * max(sizes, default=0)
        need_memory(needed, f"{sum(sizes):,} parameters take")
        for index, node in enumerate(self.nodes):
            for place, parameter in enumerate(self.parameters_of(node).values()):
                if parameter.node != node.name:
                    continue
                values = first_values(scheme, parameter.spec, seed, (index, place), **options)
                self.write(parameter.name, values)
        for buffer in self.buffers.values():
            self.write(buffer.name, np.full(buffer.spec.shape, buffer.spec.initial))

    def set_trainable(self, trainable: bool, *, nodes: Iterable[str] | None = None) -> None:
        """Freezes parameters of some nodes (None: of all), or lets them learn again.

        Programs and optimizers that were made before keep to the parameters as they were. Raises NetworkError for an
        unknown node.
        """
        self._change(nodes, lambda parameter: replace(parameter, trainable=trainable))

    def set_rate(self, rate: float, *, nodes: Iterable[str] | None = None) -> None:
        """Multiplies the learning rate of some nodes' parameters (None: of all) by a factor; otherwise as `set_trainable`."""
        self._change(nodes, lambda parameter: replace(parameter, rate=rate))

    def stop_learning(self, after: float, name: str) -> None:
        """Lets a parameter (NODE/KEY) learn in the first `after` epochs of a training alone; otherwise as `set_trainable`.

        Raises NetworkError for an unknown parameter.
        """
        check_learning((name,), {}, self.parameters)
        self._change(None, lambda each: replace(each, until=after) if each.name == name else replace(each))

    def set_learning(self, *, frozen: Iterable[str], rates: Mapping[str, float]) -> None:
        """Freezes parameters and multiplies the learning rates of others, by their names (NODE/KEY); otherwise as
        `set_trainable`. Raises NetworkError for an unknown parameter, or a factor that is no number of at least 0.
        """
        stay = set(frozen)
        check_learning(stay, rates, self.parameters)
        if stay or rates:
            self._change(
                None,
                lambda each: replace(
                    each, trainable=each.name not in stay, rate=float(rates.get(each.name, 1.0))
                ),
            )

    def _change(self, nodes: Iterable[str] | None, change: Callable[[Parameter], Parameter]) -> None:
        chosen = {node.name for node in self.nodes} if nodes is None else {self[name].name for name in nodes}
        values = {name: self.read(name).copy() for name in self.parameters} if self.has_values else {}
        new = {
            name: change(each) if each.node in chosen else replace(each)
            for name, each in self.parameters.items()
        }
        self._replace(new)
        for name, array in values.items():
            self.write(name, array)

    def move(self, device: Device) -> None:
        """Brings parameters and buffers to a device. Programs and optimizers made before keep to the old ones, and Programs to
        the precision that they were made in.
        """
        if device.name == self.device.name:
            self.device = device
            return
        if self.dtype != np.float32 and device.name != CPU_DEVICE.name:
            raise DeviceError(
                f"a network of {self.dtype} computes on the CPU only; float32 computes on {device.name}"
            )
        self._take_values_of(self, device)

    def astype(self, dtype: DTypeLike) -> Graph:
        """The same graph on the CPU with parameters of another precision (copies)."""
        other = copy.copy(self)
        other.dtype = np.dtype(dtype)
        other._take_values_of(self, CPU_DEVICE)
        return other

    def at(self, height: int, width: int) -> Graph:
        """The same parameters on pictures of another size; see `sizes.at`."""
        from .sizes import at

        return at(self, height, width)

    def bare(self) -> Graph:
        """The same graph on the CPU without any numbers, which is small to send to another process."""
        other = copy.copy(self)
        other.device = CPU_DEVICE
        other._replace({name: replace(each) for name, each in self.parameters.items()})
        return other


class OpenGraph(Graph):
    """A graph that is still being built, layer after layer: any layer may be an end."""

    def __init__(
        self, layers: Sequence[LayerLine], input_shape: Shape, *, need: Callable[[int], None] | None = None
    ) -> None:
        self._need = need
        super().__init__(layers, input_shape, need=need)

    def add(self, line: LayerLine) -> None:
        """One layer more. Raises NetworkError or ShapeError, naming the layer."""
        name, layer, *inputs = line
        self._append(name, layer, inputs[0] if inputs else None, self._need)

    def _check_ends(self) -> None:
        """All of them are open."""


def _need_free(needed: int) -> None:
    need_memory(needed, "running statistics take")


def _need_size(what: str, shape: Shape) -> None:
    """Raises ShapeError for more numbers than there can be."""
    if math.prod(shape) > MAX_NUMBERS:
        raise ShapeError(f"{what} has more than {MAX_NUMBERS:,} numbers")

"""Layer, the base class of all layers: options, declared parameters, and the ops of its forward and backward pass."""

from __future__ import annotations

import dataclasses
import math
import weakref
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..device import Array
from ..errors import NetworkError, ShapeError, cut
from ..ops.geometry import Window

Shape = tuple[int, ...]
"""Shape of one picture's activations, without N: (H, W, C), or (D,) once flat."""


@dataclass(frozen=True)
class ParameterSpec:
    """Declares one parameter of a layer: its shape, and what initialisation needs to know of it.

    `fan_in` and `fan_out` count the connections into and out of one neuron. A parameter with a fixed `initial` value
    begins there (biases at 0, slopes of PReLU at 0.25) and is left out of weight decay.
    """

    shape: Shape
    fan_in: int = 1
    fan_out: int = 1
    initial: float | None = None

    @property
    def decay(self) -> bool:
        """Whether weight decay applies to the parameter."""
        return self.initial is None


@dataclass(frozen=True)
class BufferSpec:
    """Declares one buffer of a layer, an array that is not learned, such as running statistics: its shape and first value."""

    shape: Shape
    initial: float = 0.0


@dataclass(frozen=True)
class Mode:
    """The options of one pass, shared by all nodes: whether it is one of training, the rectifiers' rule of a backward pass
    (ops.activations), and what dropout draws from, `random`: a key and the step's own number, two uint64 on the device.
    """

    random: Array
    training: bool = False
    rule: int = 0


@dataclass(frozen=True)
class Call:
    """The arrays of one node in one pass, for the pictures in hand; while a program is being compiled, Operands take
    their place.

    `scratch` holds what the layer asked for with `scratch()` and keeps it from forward to backward;
    `workspace` is shared by all layers and keeps nothing. `index` is the node's place in the graph, `algorithm` what
    `prepare` chose.
    """

    inputs: tuple[Array, ...]
    output: Array
    scratch: dict[str, Array]
    workspace: Array
    index: int
    mode: Mode
    tables: dict[str, Array]
    """The arrays that the layer declared with `tables()`."""
    parameters: dict[str, Array]
    """The graph's arrays of what `parameter_specs()` declares; `buffers` those of `buffer_specs()`."""
    buffers: dict[str, Array]
    algorithm: str = ""

    @property
    def input(self) -> Array:
        return self.inputs[0]

    def operands(self) -> tuple[Any, ...]:
        """All arrays that a layer may read or write through it."""
        return (
            self.inputs, self.output, self.scratch, self.workspace, self.mode.random, self.tables, self.parameters,
            self.buffers,
        )  # fmt: skip


class Prepared(NamedTuple):
    """The elements of shared workspace that a layer needs, and the algorithm that it was chosen for."""

    workspace: int = 0
    algorithm: str = ""


@dataclass
class Layer:
    """One brick of a network. Its dataclass fields are its options; it holds no parameters and no caches.

    It declares the parameters and buffers that it wants, the graph owns them, and every call hands them over.
    `constants` belong to the model, are stored with it and not learned.
    A subclass says its output's shape, writes `call.output`, and gives the two gradients apart:
    analysis and attacks need only the first. A method that only calls ops (numbacnn.ops) is asked once, when a program is
    compiled, and its ops are repeated in every pass. One that computes in Python, with NumPy say, is called in every
    pass; only the CPU can do that.
    """

    kind: ClassVar[str]
    inputs_expected: ClassVar[int | None] = 1
    is_view: ClassVar[bool] = False
    """The output is the input's memory under another shape."""

    is_input: ClassVar[bool] = False
    """The layer reads no other layer but a batch given to the pass, `given_shape` for each picture."""
    input_type: ClassVar[type | None] = None
    """The dtype of the batch that an input layer reads; None: the graph's."""

    constants: dict[str, Array] = field(init=False, repr=False, compare=False, default_factory=dict)

    def owned_by(self, graph: Any, node: str) -> None:
        """Remembers, weakly, which graph's arrays `parameters` are."""
        self.__dict__["_owner"] = weakref.ref(graph), node

    @property
    def parameters(self) -> dict[str, Array]:
        """The arrays that the graph which was made last with this layer keeps for it, on the graph's device; {} before it
        has any.
        """
        graph, node = self.__dict__.get("_owner", (lambda: None, ""))
        owned = None if graph() is None else graph().parameters_of(graph()[node])
        return {key: each.value for key, each in (owned or {}).items() if each.row is not None}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_owner"}

    def output_shape(self, *inputs: Shape) -> Shape:
        """The output's shape; of a layer that works on each element, its input's.

        Raises ShapeError where the layer does not fit its input.
        """
        return inputs[0]

    @property
    def given_shape(self) -> Shape:
        """The shape that an input layer reads for one picture; () where the graph knows it (pixels)."""
        return ()

    def describe_input(self, shape: Shape) -> str:
        """A description, in words, of the input that an input layer reads for one example; `shape` is its shape."""
        return f"numbers of the shape {'x'.join(map(str, shape))}"

    def check_input(self, values: Any) -> None:
        """Raises DataError for a batch whose values this input layer cannot take."""

    def parameter_specs(self, *inputs: Shape) -> dict[str, ParameterSpec]:
        """The parameters that the layer learns, by its own names."""
        return {}

    def buffer_specs(self, *inputs: Shape) -> dict[str, BufferSpec]:
        """The buffers of the layer, by its own names."""
        return {}

    def scratch(self, count: int, output: Shape) -> dict[str, tuple[Shape, type | None]]:
        """Arrays to keep from forward to backward: name -> (whole shape, dtype; None: the graph's)."""
        return {}

    def tables(self, dtype: Any, *inputs: Shape) -> dict[str, Any]:
        """Arrays of the host that its ops read beside parameters, the same in every pass; a Program brings them to its device."""
        return {}

    def prepare(
        self, count: int, output: Shape, *inputs: Shape, device: str = "cpu", limit: float = math.inf
    ) -> Prepared:
        """The algorithm for passes over at most `count` pictures on a device, and the workspace that its ops are given: at
        most `limit` elements, unless the least that they can do with is more.
        """
        return Prepared()

    def forward(self, call: Call) -> None:
        """Writes `call.output`."""
        raise NetworkError(f"{self.kind} has no forward pass")

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        """Writes the gradient with respect to every input that is not None."""
        raise NetworkError(f"{self.kind} has no backward pass")

    def backward_parameters(self, call: Call, d_output: Array, gradients: dict[str, Array]) -> None:
        """Writes the gradient with respect to every parameter."""

    def window(self, *inputs: Shape) -> Window | None:
        """The window that slides over the input, if this layer has one (receptive fields, summaries)."""
        return None

    def sees(self, axis: int, places: Any, shape: Shape) -> Any:
        """The rows (`axis` 0) or columns of an input that those of the output in `places` look at, sorted; those in the
        padding too.
        """
        window = self.window(shape)
        if window is None:
            return places
        before = (window.padding.top, window.padding.left)[axis]
        taps = window.dilation[axis] * np.arange(window.kernel[axis])
        return np.unique(places[:, None] * window.stride[axis] - before + taps)

    def multiply_adds(self, output: Shape, *inputs: Shape) -> int:
        """The number of multiply-adds in one forward pass of one picture."""
        return 0

    @property
    def rectifies(self) -> float | None:
        """The slope of a rectifier max(x, slope x), at least 0. Such a layer may work in place, its derivative can be told from its
        output. None: this is no such layer.
        """
        return None

    @property
    def is_neuronal(self) -> bool:
        """Whether the lecture counts the outputs as neurons: layers with weights do."""
        return False

    def kinks(self, call: Call) -> list[Array]:
        """The discrete choices this layer made in `call`: if one changes, a difference crossed a kink."""
        return []

    def config(self) -> dict[str, Any]:
        """The options that differ from their defaults, as plain numbers, strings, lists and dicts."""
        options: dict[str, Any] = {}
        for option in dataclasses.fields(self):
            value = getattr(self, option.name)
            if option.init and value != option.default:
                options[option.name] = _plain(value)
        return options


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(part) for name, part in vars(value).items()}
    return list(value) if isinstance(value, tuple) else value


def flat(array: Array) -> Array:
    """The same memory as one row of numbers."""
    return array.reshape(-1)


LARGEST = 1 << 31
"""No layer has so many filters or outputs."""


def need_volume(kind: str, shape: Shape) -> None:
    """Raises ShapeError unless the input is a volume (H, W, C)."""
    if len(shape) != 3:
        given = f"its input is flat: {shape[0]} numbers" if shape else "no size is given"
        raise ShapeError(f"{kind} takes a volume HxWxC, and {given}")


def pair(name: str, value: Any) -> tuple[int, int]:
    """3 -> (3, 3); (3, 5) stays. Raises NetworkError for anything else."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value), int(value)
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(type(v) is int for v in value):
        return value[0], value[1]
    raise NetworkError(
        f"{name} = {cut(repr(value))}: a whole number or two of them, [height, width], are expected"
    )


def need_range(kind: str, name: str, value: float, least: float, below: float = float("inf")) -> None:
    """Raises NetworkError unless least <= value < below."""
    if not least <= value < below:
        end = "" if below >= LARGEST and value < least else f" and below {below:,}"
        raise NetworkError(f"{name} of {kind} is {cut(value)}: at least {least:g}{end} is expected")

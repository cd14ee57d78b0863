"""What a layer is: options, parameters, and which ops go forward and back."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ..device import Array
from ..errors import NetworkError, ShapeError, cut
from ..ops.geometry import Window

Shape = tuple[int, ...]
"""Shape of one picture's activations, without N: (H, W, C), or (D,) once flat."""


@dataclass(frozen=True)
class Parameter:
    """What a layer wants to learn: its shape, and what initialisation needs to know of it.

    `fan_in` and `fan_out` count the connections into and out of one neuron. A parameter with a `start`
    begins there (biases at 0, slopes of PReLU at 0.25) and is left out of weight decay.
    """

    shape: Shape
    fan_in: int = 1
    fan_out: int = 1
    start: float | None = None


@dataclass
class Step:
    """What all nodes share in one pass: dropout draws from `numbers`, a key and the step's own number, two uint64 on the
    device; `rule` is the rectifiers' rule of a backward pass (ops.activations).
    """

    numbers: Array
    training: bool = False
    rule: int = 0


@dataclass(frozen=True)
class Call:
    """What a node sees of a pass: views of the Plan's buffers, for the images in hand.

    `scratch` holds what the layer asked for with `scratch()` and keeps it from forward to backward;
    `workspace` is shared by all layers and keeps nothing. `index` is the node's place in the graph.
    """

    inputs: tuple[Array, ...]
    output: Array
    scratch: dict[str, Array]
    workspace: Array
    index: int
    step: Step
    tables: dict[str, Array]
    """What the layer asked for with `tables()`."""
    slope: float = 1.0
    """A layer that `can_rectify` multiplies what is below 0 in its output by this, for the rectifier that follows."""

    @property
    def input(self) -> Array:
        return self.inputs[0]


@dataclass
class Layer:
    """One brick of a network. Its dataclass fields are its options; it holds parameters, never caches.

    `parameters` are learned; `constants` belong to the model, are stored with it and not learned.
    A subclass says its output's shape, writes `call.output`, and gives the two gradients apart:
    analysis and attacks need only the first.

    `forward` and the two backward methods compute with ops alone (`numbacnn.ops`, or a `Kernel` of one's own), and hand them
    what the next pass will hand them again: arrays of `call`, parameters, and numbers that do not change. A pass is written
    down the first time and later repeated without calling the layer; what a method computes with NumPy, it computes once.
    A method that launches no op is refused (NetworkError), unless the layer `is_view`.
    """

    kind: ClassVar[str]
    inputs_expected: ClassVar[int | None] = 1
    is_view: ClassVar[bool] = False
    """The output is the input's memory under another shape."""
    can_rectify: ClassVar[bool] = False
    """`forward` applies `call.slope`."""
    may_be_overwritten: ClassVar[bool] = False
    """No backward pass looks at `call.output`: a rectifier that follows may work in place."""

    parameters: dict[str, Array] = field(init=False, repr=False, compare=False, default_factory=dict)
    constants: dict[str, Array] = field(init=False, repr=False, compare=False, default_factory=dict)

    def output_shape(self, *inputs: Shape) -> Shape:
        """The output's shape; of a layer that works on each element, its input's.

        Raises ShapeError where the layer does not fit its input.
        """
        return inputs[0]

    def parameter_shapes(self, *inputs: Shape) -> dict[str, Parameter]:
        return {}

    def scratch(self, count: int, output: Shape) -> dict[str, tuple[Shape, type]]:
        """Arrays to keep from forward to backward: name -> (shape with N, dtype)."""
        return {}

    def tables(self, dtype: Any, *inputs: Shape) -> dict[str, Any]:
        """Arrays of the host that its ops read beside parameters, the same in every pass; a Plan brings them to its device."""
        return {}

    def workspace(
        self, count: int, output: Shape, *inputs: Shape, device: str = "cpu", limit: float = math.inf
    ) -> int:
        """Elements of shared workspace that a pass over `count` pictures needs on a device; a layer that can choose chooses what takes
        at most `limit` of them.
        """
        return 0

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

    def connections(self, output: Shape, *inputs: Shape) -> int:
        """Multiply-adds of one picture."""
        return 0

    @property
    def rectifies(self) -> float | None:
        """Of max(x, slope x) the slope, at least 0; such a layer may work in place, its derivative can be told from its
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
        raise ShapeError(f"{kind} takes a volume HxWxC, and its input is flat: {shape[0]} numbers")


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

"""What a file of another program says of a network, in one form whatever the file: what the readers of this room yield."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, NumbacnnError, cut
from ..graph import MAX_NAME, LayerLine, OpenGraph
from ..layers import (
    Clip,
    Convolution,
    Dense,
    Layer,
    LocalResponseNorm,
    Multiply,
    Pixels,
    Scale,
    Shape,
    TransposedConvolution,
)
from ..limits import need_described
from .preparation import Preparation

Array = NDArray[Any]


class Description:
    """Layers in order, with their arrays as other programs have them, and what else is known.

    Arrays are named as our parameters and buffers, and have their numbers channels first: filters (K,C,R,S), weights of a
    dense layer (K,D) over the flattened (C,H,W). `ready()` turns that round. Every array is compared with what its layer
    needs before the next layer is added.
    """

    def __init__(self, path: Any, name: str, input_shape: Shape) -> None:
        self.path, self.name, self.input_shape = path, name, input_shape
        self.preparation = Preparation()
        self.class_names: tuple[str, ...] = ()
        self.warnings: list[str] = []
        self.arrays: dict[str, Array] = {}
        self.lines: list[LayerLine] = []
        self.channels_last = False
        """Whether a flattened volume has its numbers in the order (H,W,C), as ours have, and not (C,H,W)."""
        self.output = "pixels"
        """The node whose scores the classes have: the one that was added last, unless a reader says another."""
        self._graph = OpenGraph(
            [("pixels", Pixels())],
            input_shape,
            need=lambda needed: need_described(needed, path, "its running statistics take", ModelError),
        )

    def shape(self, node: str) -> Shape:
        """The shape of a node's output."""
        return self._graph.shapes[node]

    def layer(self, node: str) -> Layer:
        """The layer of a node."""
        return self._graph[node].layer

    def sources(self, node: str) -> tuple[str, ...]:
        """The nodes that a node reads."""
        return self._graph[node].inputs

    def add(self, name: str, layer: Layer, inputs: Sequence[str], **arrays: Array) -> str:
        """One layer more, with its arrays; the name that it has now (another where that is taken).

        Raises ModelError that names file and layer.
        """
        name = self._free(name)
        line = (name, layer, tuple(inputs))
        try:
            self._graph.add(line)
        except NumbacnnError as error:
            raise ModelError(f"{self.path}: {error}") from None
        self.lines.append(line)
        self.output = name
        shapes = [self.shape(source) for source in inputs]
        wanted = {key: spec.shape for key, spec in layer.parameter_specs(*shapes).items()}
        wanted |= {key: spec.shape for key, spec in layer.buffer_specs(*shapes).items()}
        for key, shape in wanted.items():
            if key not in arrays:
                raise ModelError(f"{self.path}: layer '{name}' has no {key.replace('_', ' ')} in the file")
            self.arrays[f"{name}/{key}"] = self._checked(name, key, arrays[key], _foreign(layer, key, shape))
        return name

    def flat(self, node: str) -> str:
        """The node, or one more that flattens it."""
        from ..layers import Flatten

        return node if len(self.shape(node)) == 1 else self.add(f"{node}/flat", Flatten(), (node,))

    def hard_sigmoid(self, name: str, source: str, slope: float, offset: float) -> str:
        """slope x + offset, between 0 and 1: a factor and an offset, then bounds."""
        channels = self.shape(source)[-1]
        line = {"scale": np.full(channels, slope, np.float32), "shift": np.full(channels, offset, np.float32)}
        return self.add(name, Clip(0.0, 1.0), (self.add(f"{name}/line", Scale(), (source,), **line),))

    def hard_swish(self, name: str, source: str) -> str:
        """x times its hard sigmoid of slope 1/6 and offset 1/2 (Howard et al., 2019)."""
        gate = self.hard_sigmoid(f"{name}/gate", source, 1 / 6, 0.5)
        return self.add(name, Multiply(), (source, gate))

    def padded(self, name: str, source: str, pads: tuple[int, int, int, int]) -> str:
        """Zeros around a map, top, bottom, left and right: a convolution of every channel with 1 that has this padding."""
        channels = self.shape(source)[-1]
        layer = Convolution(channels, 1, padding=pads, groups=channels, rounding="floor", bias=False)
        return self.add(name, layer, (source,), weights=np.ones((channels, 1, 1, 1), np.float32))

    def normalised_within(self, name: str, source: str, size: int, alpha: float, beta: float) -> str:
        """x (1 + alpha / size^2 times the sum of x^2 over size x size places of its channel)^-beta.

        Those places become neighbouring channels, over which a response normalisation goes; the middle one is kept.
        """
        channels, places = self.shape(source)[-1], size * size
        spread = np.tile(np.eye(places, dtype=np.float32).reshape(places, 1, size, size), (channels, 1, 1, 1))
        middle = np.tile(
            np.eye(places, dtype=np.float32)[places // 2].reshape(1, places, 1, 1), (channels, 1, 1, 1)
        )
        window = Convolution(
            channels * places, size, padding=size // 2, groups=channels, rounding="floor", bias=False
        )
        around = self.add(f"{name}/around", window, (source,), weights=spread)
        norm = self.add(f"{name}/norm", LocalResponseNorm(places, alpha, beta, 1.0), (around,))
        kept = Convolution(channels, 1, groups=channels, rounding="floor", bias=False)
        return self.add(name, kept, (norm,), weights=middle)

    def _checked(self, name: str, key: str, array: Array, shape: Shape) -> Array:
        ones = [length for length in array.shape if length != 1]
        if array.size != math.prod(shape) or ones != [length for length in shape if length != 1]:
            given, expected = (" x ".join(map(str, each)) or "one number" for each in (array.shape, shape))
            raise ModelError(
                f"{self.path}: layer '{name}': its {key.replace('_', ' ')} in the file are {given}, and {expected} are expected"
            )
        if array.dtype.kind != "f":
            raise ModelError(
                f"{self.path}: layer '{name}': its {key} are {array.dtype}; fractions are expected"
            )
        return array.reshape(shape)

    def _free(self, name: str) -> str:
        name = cut(name, MAX_NAME - 20) or "layer"
        taken, number = name, 1
        while taken in self._graph.shapes:
            number += 1
            taken = f"{name}-{number}"
        return taken


def _foreign(layer: Layer, key: str, shape: Shape) -> Shape:
    """Our shape of an array as other programs have it."""
    if key != "weights":
        return shape
    if isinstance(layer, (Convolution, TransposedConvolution)):
        rows, columns, channels, filters = shape
        return (filters, channels, rows, columns)
    return shape[::-1] if isinstance(layer, Dense) else shape


class Unsupported:
    """What a reader finds that has no counterpart here, by kind: all of it is told at once."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def note(self, kind: str, used_by: str) -> None:
        """A kind of layer, or an option of one, and the layer that it is needed for."""
        self._found.setdefault(kind, []).append(used_by)

    def __bool__(self) -> bool:
        return bool(self._found)

    def check(self, path: Any, noun: str) -> None:
        """Raises ModelError that lists them, if there are any."""
        if self._found:
            listed = "; ".join(f"{cut(kind)} ({_some(used)})" for kind, used in sorted(self._found.items()))
            count = len(self._found)
            if count > 1:
                first, *rest = noun.split(" ", 1)
                noun = " ".join((f"{first}s", *rest))
            raise ModelError(f"{path}: numbacnn has no counterpart for {count} {noun}: {listed}")


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return "needed by " + ", ".join(cut(name) for name in names[:3]) + more


def as_float32(array: Array) -> Array:
    """The numbers as float32; the same array where they are."""
    return np.asarray(array, np.float32)

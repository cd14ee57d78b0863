"""The form in which every reader of this room describes a network, whatever the file's format."""

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
    """A network as a reader found it: its layers in order, their arrays in the other program's order of axes, and its
    preprocessing, class names and warnings.

    Arrays have the names of numbacnn's parameters and buffers but keep the order channels first: filters (K,C,R,S),
    weights of a dense layer (K,D) over the flattened (C,H,W); `building.network_of` transposes them. The shapes of a
    layer's arrays are checked before the next layer is added.
    """

    def __init__(self, path: Any, name: str, input_shape: Shape) -> None:
        self.path, self.name, self.input_shape = path, name, input_shape
        self.preparation = Preparation()
        self.class_names: tuple[str, ...] = ()
        self.warnings: list[str] = []
        self.arrays: dict[str, Array] = {}
        self.lines: list[LayerLine] = []
        self.channels_last = False
        """Whether a volume was flattened in the order (H,W,C), as numbacnn does it, and not (C,H,W)."""
        self.output = "pixels"
        """The node that holds the scores of the classes: the one that was added last, unless a reader sets another."""
        self._graph = OpenGraph(
            [("pixels", Pixels())],
            input_shape,
            need=lambda needed: need_described(needed, path, "its running statistics take", ModelError),
        )

    def shape(self, node: str) -> Shape:
        """Returns the shape of a node's output, without the batch's axis."""
        return self._graph.shapes[node]

    def layer(self, node: str) -> Layer:
        """Returns the layer of a node."""
        return self._graph[node].layer

    def sources(self, node: str) -> tuple[str, ...]:
        """Returns the nodes that a node reads."""
        return self._graph[node].inputs

    def add(self, name: str, layer: Layer, inputs: Sequence[str], **arrays: Array) -> str:
        """Adds a layer with its arrays and returns its name, which differs from `name` where that is taken.

        Raises ModelError that names file and layer if the layer or an array does not fit.
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
        """Returns the node if its output is flat, else a new node that flattens it."""
        from ..layers import Flatten

        return node if len(self.shape(node)) == 1 else self.add(f"{node}/flat", Flatten(), (node,))

    def hard_sigmoid(self, name: str, source: str, slope: float, offset: float) -> str:
        """Adds y = min(1, max(0, slope x + offset)) as a Scale and a Clip, and returns the node."""
        channels = self.shape(source)[-1]
        line = {"scale": np.full(channels, slope, np.float32), "shift": np.full(channels, offset, np.float32)}
        return self.add(name, Clip(0.0, 1.0), (self.add(f"{name}/line", Scale(), (source,), **line),))

    def hard_swish(self, name: str, source: str) -> str:
        """Adds y = x hard_sigmoid(x), with slope 1/6 and offset 1/2 (Howard et al., 2019), and returns the node."""
        gate = self.hard_sigmoid(f"{name}/gate", source, 1 / 6, 0.5)
        return self.add(name, Multiply(), (source, gate))

    def padded(self, name: str, source: str, pads: tuple[int, int, int, int]) -> str:
        """Adds zeros around a map, `pads` being (top, bottom, left, right), and returns the node. It is a depthwise 1x1
        convolution with weights 1 and this padding.
        """
        channels = self.shape(source)[-1]
        layer = Convolution(channels, 1, padding=pads, groups=channels, rounding="floor", bias=False)
        return self.add(name, layer, (source,), weights=np.ones((channels, 1, 1, 1), np.float32))

    def normalised_within(self, name: str, source: str, size: int, alpha: float, beta: float) -> str:
        """Adds local response normalisation within each channel, and returns the node:

            y = x (1 + alpha / size^2 sum)^-beta

        The sum adds x^2 over the size x size places around x.

        Raises ModelError for a size that is not odd. A depthwise convolution copies those places into neighbouring
        channels, LocalResponseNorm normalises across them, and a second convolution keeps the middle one.
        """
        if size < 1 or size % 2 == 0:
            raise ModelError(
                f"{self.path}: layer '{cut(name)}' normalises {size} x {size} places; an odd number is expected"
            )
        channels, places = self.shape(source)[-1], size * size
        need_described(
            8 * channels * places * places, self.path, f"the places of '{cut(name)}' take", ModelError
        )
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

    def chosen(self, name: str, source: str, channels: Sequence[int]) -> str:
        """Adds the channels of these indices, in this order, and returns the node: a 1x1 convolution (of a row: a dense
        layer) with weights 0 and 1. Raises ModelError for more memory than the file may take.
        """
        depth = self.shape(source)[-1]
        need_described(
            4 * depth * len(channels), self.path, f"the channels of '{cut(name)}' take", ModelError
        )
        weights = np.zeros((len(channels), depth), np.float32)
        weights[np.arange(len(channels)), list(channels)] = 1
        if len(self.shape(source)) == 1:
            return self.add(name, Dense(len(channels), bias=False), (source,), weights=weights)
        layer = Convolution(len(channels), 1, rounding="floor", bias=False)
        return self.add(name, layer, (source,), weights=weights[:, :, None, None])

    def shuffled(self, name: str, source: str, groups: int) -> str:
        """Adds a channel shuffle (Zhang et al., 2018), and returns the node: channel k of its output is channel (k mod
        groups) C / groups + floor(k / groups) of its input.
        """
        channels = np.arange(self.shape(source)[-1]).reshape(groups, -1).T
        return self.chosen(name, source, channels.reshape(-1).tolist())

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
    """Returns the shape that other programs give the array that has `shape` here."""
    if key != "weights":
        return shape
    if isinstance(layer, (Convolution, TransposedConvolution)):
        rows, columns, channels, filters = shape
        return (filters, channels, rows, columns)
    return shape[::-1] if isinstance(layer, Dense) else shape


class Unsupported:
    """Collects what a reader finds that has no counterpart here, so that one error lists all of it."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def note(self, kind: str, used_by: str) -> None:
        """Notes a kind of layer or of option, and the name of the layer that needs it."""
        self._found.setdefault(kind, []).append(used_by)

    def __bool__(self) -> bool:
        return bool(self._found)

    def check(self, path: Any, noun: str) -> None:
        """Raises ModelError that lists everything that was noted, if anything was. `noun` is what the format calls a
        layer.
        """
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
    """Returns the numbers as float32; the array itself if it is float32 already."""
    return np.asarray(array, np.float32)

"""The state of reading a Keras network: the layer in hand with its options and arrays, and the description so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ModelError, NumbacnnError, cut
from ..layers import ELU, GELU, Layer, LeakyReLU, ReLU, ReLU6, Sigmoid, SiLU, Softmax, Tanh
from .description import Array, Description, Unsupported, as_float32
from .keras_weights import Place, Weights, pair, whole
from .preparation import Preparation


@dataclass(frozen=True)
class KerasLayer:
    """A layer of the file: its class, its options, its place in the model, and the file's weights."""

    type: str
    config: Mapping[str, Any]
    place: Place
    weights: Weights
    path: Any

    @property
    def name(self) -> str:
        """The layer's name, after the names of the models that it is in."""
        return "/".join(self.place.names)

    @property
    def where(self) -> str:
        """The name by which error messages call the layer."""
        return f"{self.path}: {cut(self.type)} '{cut(self.name)}'"

    def arrays(self, *names: str) -> list[Array]:
        """Returns the arrays of these names, float32, in Keras's order of axes. Raises ModelError for one that is
        missing.
        """
        return [as_float32(each) for each in self.weights.of(self.place, names, self.where)]

    def whole(self, name: str, default: int | None = None) -> int:
        """Returns an option that is a whole number. Raises ModelError."""
        return whole(self.config, name, self.where, default)

    def pair(self, name: str, default: int | None = None) -> tuple[int, int]:
        """Returns an option that is two whole numbers, or one for both. Raises ModelError."""
        return pair(self.config, name, self.where, default)

    def number(self, name: str, default: float) -> float:
        """Returns an option that is a number. Raises ModelError."""
        value = self.config.get(name, default)
        if isinstance(value, dict):  # Keras 3 writes arrays so
            value = value.get("config", {}).get("value")
        if type(value) not in (int, float) or not np.isfinite(value):
            raise ModelError(f"{self.where}: {name} = {cut(repr(value))}; a number is expected")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """Returns whether an option is set."""
        return bool(self.config.get(name, default))


class Reading:
    """The description so far, and the preprocessing that was found before the first layer with learned weights."""

    def __init__(self, description: Description, unsupported: Unsupported) -> None:
        self.description, self.unsupported = description, unsupported
        self.factor: Array | None = None
        self.offset: Array | None = None

    def shape(self, node: str) -> tuple[int, ...]:
        """Returns the shape of a node's output."""
        return self.description.shape(node)

    def add(self, layer: KerasLayer, ours: Layer, sources: Sequence[str], **arrays: Array) -> str:
        """Adds our layer for the current one, and after it the activation that is one of the current layer's options;
        returns the last node.
        """
        node = self.description.add(layer.name, ours, sources, **arrays)
        return self.activated(layer, node)

    def note(self, what: str, layer: KerasLayer) -> None:
        """Notes something that has no counterpart here."""
        self.unsupported.note(what, layer.name)

    def activated(self, layer: KerasLayer, node: str, given: Any = None) -> str:
        """Adds a layer's activation, which is a layer of its own here, and returns its node."""
        given = layer.config.get("activation") if given is None else given
        options: Mapping[str, Any] = {}
        if isinstance(given, dict):
            inner = given.get("config", {})
            options = inner if isinstance(inner, dict) else {}
            kind = inner if isinstance(inner, str) else str(given.get("class_name", ""))
            given = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu", "Softmax": "softmax"}.get(
                kind, kind
            )
        name = f"{layer.name}/{given}"
        if given in (None, "linear"):
            return node
        if given == "softmax":
            return self.softmax(name, node)
        if given == "hard_sigmoid":  # Keras 2 had another slope
            return self.description.hard_sigmoid(name, node, 1 / 6, 0.5)
        if given in ("hard_swish", "hard_silu"):
            return self.description.hard_swish(name, node)
        made = _ACTIVATIONS.get(str(given))
        if made is None:
            self.note(f"the activation {given}", layer)
            return node
        ours = made()
        if given == "leaky_relu":
            ours = LeakyReLU(float(options.get("negative_slope", options.get("alpha", 0.2))))
        if given == "relu" and options.get("max_value") is not None:
            ours = ReLU6()
        return self.description.add(name, ours, (node,))

    def softmax(self, name: str, node: str) -> str:
        """Adds a softmax over the classes, and returns its node. Raises ModelError for a map of scores."""
        if int(np.prod(self.shape(node)[:-1])) != 1:
            raise ModelError(
                f"{self.description.path}: '{cut(name)}' is over a map of {self.shape(node)}; a classifier has one score a class, "
                "and other networks are not read"
            )
        return self.description.add(name, Softmax(), (self.description.flat(node),))

    def prepared(self, factor: Array, offset: Array) -> None:
        """Appends pixels * factor + offset to the preprocessing."""
        before, shift = (np.float64(1), np.float64(0)) if self.factor is None else (self.factor, self.offset)
        self.factor, self.offset = before * factor, shift * factor + offset

    def preparation(self) -> Preparation:
        """The preprocessing, as far as the file describes it."""
        if self.factor is None or self.offset is None:
            return Preparation(order="RGB")
        channels = self.description.input_shape[2]
        factor, offset = (np.broadcast_to(np.ravel(each), channels) for each in (self.factor, self.offset))
        if not np.isfinite(factor).all() or not factor.all():
            raise ModelError(f"{self.description.path}: pixels are multiplied by {cut(factor)}")
        return Preparation(tuple(map(float, -offset / factor)), tuple(map(float, factor)), "RGB")


_ACTIVATIONS: dict[str, Any] = {
    "elu": ELU,
    "gelu": GELU,
    "leaky_relu": LeakyReLU,
    "relu": ReLU,
    "relu6": ReLU6,
    "sigmoid": Sigmoid,
    "silu": SiLU,
    "swish": SiLU,
    "tanh": Tanh,
}


def raise_named(error: NumbacnnError, layer: KerasLayer) -> ModelError:
    """Returns a ModelError with the message of an error about one of our layers, and the name of the file's layer."""
    message = str(error)
    return ModelError(message if message.startswith(str(layer.path)) else f"{layer.where}: {message}")

"""The state of reading an ONNX network: which of its values are nodes of the description, and which are constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ModelError, cut
from ..layers import Layer
from .description import Array, Description, Unsupported
from .onnx_files import OnnxModel, Operator
from .preparation import Preparation


@dataclass
class Reading:
    """The description so far, the node that stands for each value, and the values that are constants."""

    description: Description
    unsupported: Unsupported
    model: OnnxModel
    readers: Mapping[str, int]
    """How many operators read each value."""
    nodes: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    following: Sequence[Operator] = ()
    """The operators after the current one."""
    done: set[str] = field(default_factory=set)
    """Names of operators that were translated together with an earlier one."""
    preparation: Preparation = field(default_factory=Preparation)
    halves: dict[str, Any] = field(default_factory=dict)
    """Values that are parts of a GELU (`onnx_gelu.Half`)."""
    shuffles: dict[str, Any] = field(default_factory=dict)
    """Values that are parts of a channel shuffle (`onnx_channels.Part`)."""

    def __post_init__(self) -> None:
        self.nodes[self.model.input] = "pixels"
        self.constants |= self.model.constants

    def is_known(self, name: str) -> bool:
        """Returns whether a value is a constant, or an optional input that is left out."""
        return not name or name in self.constants

    def known(self, name: str) -> Array:
        """Returns a constant; an empty array for an optional input that is left out."""
        return self.constants[name] if name else np.empty(0, np.float32)

    def constant(self, operator: Operator, place: int) -> Array | None:
        """Returns a constant that an operator reads; None if it is left out. Raises ModelError if the value depends on
        the picture.
        """
        name = operator.inputs[place] if place < len(operator.inputs) else ""
        if not name:
            return None
        if name not in self.constants:
            raise ModelError(f"its input '{cut(name)}' depends on the picture, and a constant is expected")
        return self.constants[name]

    def source(self, operator: Operator, place: int = 0) -> str:
        """Returns the node that an operator reads as input number `place`. Raises ModelError if that is no node."""
        name = operator.inputs[place] if place < len(operator.inputs) else ""
        if name in self.halves:
            self.unsupported.note("Erf other than in a GELU", operator.name)
            return str(self.halves[name].source)
        if name in self.shuffles:
            self.unsupported.note("Reshape other than to a row", operator.name)
            return str(self.shuffles[name].source)
        if name not in self.nodes:
            what = "is a constant" if name in self.constants else "is of no operator above"
            raise ModelError(f"its input '{cut(name)}' {what}")
        return self.nodes[name]

    def add(self, operator: Operator, layer: Layer, sources: Sequence[str], **arrays: Array) -> None:
        """Adds one of our layers for the operator; its node stands for the operator's output."""
        self.nodes[operator.outputs[0]] = self.description.add(operator.name, layer, sources, **arrays)

    def pass_on(self, operator: Operator) -> None:
        """Translates an operator that changes nothing: its output stands for the node that it reads."""
        self.nodes[operator.outputs[0]] = self.source(operator)

    def shape(self, node: str) -> tuple[int, ...]:
        """Returns the shape of a node's output."""
        return self.description.shape(node)

    def only_reader(self, name: str, kind: str) -> Operator | None:
        """Returns the operator of type `kind` that reads a value, if it is the value's only reader; else None."""
        if self.readers[name] != 1 or name in self.model.outputs:
            return None
        return next((each for each in self.following if name in each.inputs and each.type == kind), None)

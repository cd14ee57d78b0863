"""An ONNX network that is being read: which of its values are nodes, and which are constants."""

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
    """A network that is being read: the description so far, which node each value is, and which values are constants."""

    description: Description
    unsupported: Unsupported
    model: OnnxModel
    readers: Mapping[str, int]
    """Value -> how many operators read it."""
    nodes: dict[str, str] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    following: Sequence[Operator] = ()
    """The operators after the one in hand."""
    done: set[str] = field(default_factory=set)
    """Names of operators that were read together with one before them."""
    preparation: Preparation = field(default_factory=Preparation)
    halves: dict[str, Any] = field(default_factory=dict)
    """Values on the way to a GELU (`onnx_gelu.Half`)."""

    def __post_init__(self) -> None:
        self.nodes[self.model.input] = "pixels"
        self.constants |= self.model.constants

    def is_known(self, name: str) -> bool:
        """Whether a value is a constant. One that is left out is; of a picture's value only the shape is."""
        return not name or name in self.constants

    def known(self, name: str) -> Array:
        """A constant; an empty one for what is left out."""
        return self.constants[name] if name else np.empty(0, np.float32)

    def constant(self, operator: Operator, place: int) -> Array | None:
        """A constant that an operator reads; None where it is left out. Raises ModelError if it depends on the picture."""
        name = operator.inputs[place] if place < len(operator.inputs) else ""
        if not name:
            return None
        if name not in self.constants:
            raise ModelError(f"its input '{cut(name)}' depends on the picture, and a constant is expected")
        return self.constants[name]

    def source(self, operator: Operator, place: int = 0) -> str:
        """The node that an operator reads."""
        name = operator.inputs[place] if place < len(operator.inputs) else ""
        if name in self.halves:
            self.unsupported.note("Erf other than in a GELU", operator.name)
            return str(self.halves[name].source)
        if name not in self.nodes:
            what = "is a constant" if name in self.constants else "is of no operator above"
            raise ModelError(f"its input '{cut(name)}' {what}")
        return self.nodes[name]

    def add(self, operator: Operator, layer: Layer, sources: Sequence[str], **arrays: Array) -> None:
        """One of our layers for the operator in hand."""
        self.nodes[operator.outputs[0]] = self.description.add(operator.name, layer, sources, **arrays)

    def pass_on(self, operator: Operator) -> None:
        """The operator changes nothing."""
        self.nodes[operator.outputs[0]] = self.source(operator)

    def shape(self, node: str) -> tuple[int, ...]:
        """The shape of a node's output."""
        return self.description.shape(node)

    def only_reader(self, name: str, kind: str) -> Operator | None:
        """The operator of a type that alone reads a value, if there is one."""
        if self.readers[name] != 1 or name in self.model.outputs:
            return None
        return next((each for each in self.following if name in each.inputs and each.type == kind), None)

"""Recognises GELU where a program wrote it with other operators, x / 2 (1 + erf(x / sqrt(2))), in any order of the
products.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..layers import GELU, Scale
from .onnx_files import Operator
from .onnx_reading import Reading


class Half(NamedTuple):
    """A value that is part of a GELU: the node x that the GELU is of, and how much of it has been computed ("erf", "1 +
    erf", "2 gelu" or "gelu / x").
    """

    stage: str
    source: str


def error_function(reading: Reading, operator: Operator) -> None:
    """Translates Erf if it reads x / sqrt(2): the first part of a GELU of x."""
    given = reading.source(operator)
    found = _multiplied(reading, given)
    if found is None or not math.isclose(found[1], math.sqrt(0.5), rel_tol=1e-4):
        reading.unsupported.note("Erf other than in a GELU", operator.name)
        reading.pass_on(operator)
        return
    reading.halves[operator.outputs[0]] = Half("erf", found[0])


def continues(reading: Reading, operator: Operator) -> bool:
    """Returns whether a sum or a product is the next part of a GELU, and takes it if so."""
    first, second = operator.inputs[:2]
    if first not in reading.halves and second not in reading.halves:
        return False
    name, other = (first, second) if first in reading.halves else (second, first)
    half, output = reading.halves[name], operator.outputs[0]
    constant = reading.constants.get(other)
    value = float(np.ravel(constant)[0]) if constant is not None and constant.size == 1 else math.nan
    node = reading.nodes.get(other, "")
    if half.stage == "erf" and operator.type == "Add" and value == 1:
        reading.halves[output] = Half("1 + erf", half.source)
    elif half.stage == "1 + erf" and operator.type == "Mul" and node == half.source:
        reading.halves[output] = Half("2 gelu", half.source)
    elif half.stage == "1 + erf" and operator.type == "Mul" and value == 0.5:
        reading.halves[output] = Half("gelu / x", half.source)
    elif (
        (half.stage == "2 gelu" and _halved(operator, value))
        or (half.stage == "gelu / x" and operator.type == "Mul" and node == half.source)
        or (
            half.stage == "1 + erf"
            and operator.type == "Mul"
            and _multiplied(reading, node) == (half.source, 0.5)
        )
    ):
        reading.add(operator, GELU(), (half.source,))
    else:
        return False
    return True


def _halved(operator: Operator, value: float) -> bool:
    return (operator.type == "Mul" and value == 0.5) or (operator.type == "Div" and value == 2)


def _multiplied(reading: Reading, node: str) -> tuple[str, float] | None:
    """Returns (node, factor) if a node is a multiple of another one, else None."""
    if not node or node == "pixels" or not isinstance(reading.description.layer(node), Scale):
        return None
    arrays = reading.description.arrays
    factors = np.unique(arrays[f"{node}/scale"])
    if factors.size != 1 or f"{node}/shift" in arrays:
        return None
    return reading.description.sources(node)[0], float(factors[0])

"""Evaluates operators on constants while an ONNX file is read, such as those that exporters compute shapes with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ModelError
from .description import Array
from .onnx_files import OnnxModel, Operator
from .onnx_schema import NUMBERS

FOLDED = (
    "Cast", "Concat", "Constant", "ConstantOfShape", "Gather", "Identity", "Mul", "Add", "Sub", "Div", "Reshape", "Shape",
    "Slice", "Sqrt", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip
"""The types of operators that are evaluated where all inputs are constants."""

_LARGEST = 1 << 20
"""Numbers that may be computed with at most; weights are far larger, and are never computed with."""


def fold(operator: Operator, inputs: list[Array], model: OnnxModel) -> Array:
    """Returns the value of an operator whose inputs are constants. Raises ModelError if it cannot be computed."""
    try:
        return _value(operator, inputs, model)
    except ModelError:
        raise
    except Exception as error:  # NumPy refuses what does not fit, in whatever way
        raise ModelError(f"it cannot be computed ({error})") from None


def _value(operator: Operator, inputs: list[Array], model: OnnxModel) -> Array:
    kind = operator.type
    if kind == "Constant":
        return _constant(operator)
    if kind == "ConstantOfShape":
        shape = [int(length) for length in inputs[0].reshape(-1)]
        if len(shape) > 8 or any(length < 0 for length in shape) or math.prod(shape) > 1 << 40:
            raise ModelError(f"a shape of {shape[:8]}")
        value = operator.attributes.get("value")
        one = np.zeros(1, np.float32) if value is None else np.asarray(value).reshape(-1)
        return np.broadcast_to(one[0], shape)  # takes no memory
    if kind in ("Transpose", "Identity", "Reshape", "Unsqueeze", "Squeeze"):
        return _view(operator, inputs, model)
    if sum(each.size for each in inputs) > _LARGEST:
        raise ModelError(f"more than {_LARGEST:,} numbers are computed with")
    if kind == "Cast":
        code = NUMBERS.get(operator.whole("to", 1), "f4")
        return inputs[0].astype("f4" if code == "bf16" else code)
    if kind == "Concat":
        return np.concatenate(inputs, operator.whole("axis", 0))
    if kind == "Gather":
        return np.take(inputs[0], inputs[1].astype(np.int64), operator.whole("axis", 0))
    if kind == "Slice":
        starts, ends, axes, steps = slices(operator, inputs, model)
        index = [slice(None)] * inputs[0].ndim
        for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
            index[axis] = slice(start, end, step)
        return inputs[0][tuple(index)]
    if kind == "Sqrt":
        return np.sqrt(inputs[0])
    first, second = inputs
    if kind == "Div" and first.dtype.kind in "iu":
        return first // second
    functions: dict[str, Any] = {"Mul": np.multiply, "Add": np.add, "Sub": np.subtract, "Div": np.divide}
    result: Array = functions[kind](first, second)
    return result


def _constant(operator: Operator) -> Array:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if operator.attributes.get(name) is not None:
            value = np.asarray(operator.attributes[name])
            return value.astype(np.float32) if value.dtype == np.float64 and name != "value" else value
    raise ModelError("its value is no tensor of numbers")


def _view(operator: Operator, inputs: list[Array], model: OnnxModel) -> Array:
    array = inputs[0]
    if operator.type == "Identity":
        return array
    if operator.type == "Transpose":
        return array.transpose(operator.wholes("perm", list(range(array.ndim))[::-1]))
    if operator.type == "Reshape":
        shape = [int(length) for length in inputs[1].reshape(-1)]
        return array.reshape(
            [array.shape[place] if length == 0 else length for place, length in enumerate(shape)]
        )
    given = axes(operator, inputs)
    if operator.type == "Unsqueeze":
        return np.expand_dims(array, tuple(given or ()))
    return np.squeeze(array, None if given is None else tuple(given))


def axes(operator: Operator, inputs: list[Array]) -> list[int] | None:
    """Returns the axes of an operator, which old files have as an attribute and new ones as the second input; None if
    it has none.
    """
    if "axes" in operator.attributes:
        return operator.wholes("axes", [])
    return [int(axis) for axis in inputs[1].reshape(-1)] if len(inputs) > 1 else None


def slices(operator: Operator, inputs: list[Array], model: OnnxModel) -> tuple[list[int], ...]:
    """Returns starts, ends, axes and steps of a Slice, which are attributes before opset 10 and inputs since."""
    if model.opset < 10:
        starts, ends = operator.wholes("starts", []), operator.wholes("ends", [])
        return starts, ends, operator.wholes("axes", list(range(len(starts)))), [1] * len(starts)
    parts = [[int(each) for each in array.reshape(-1)] for array in inputs[1:]]
    starts, ends = parts[:2]
    along = parts[2] if len(parts) > 2 else list(range(len(starts)))
    return starts, ends, along, parts[3] if len(parts) > 3 else [1] * len(starts)

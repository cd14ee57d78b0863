"""From a written layer, a name and options, to a Layer; the reverse is `Layer.config`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

from ..errors import DataError, NetworkError, cut, nearest
from ..framing import Framing
from ..ops.convolution.choice import ALGORITHMS
from ..ops.geometry import Rounding
from . import LAYERS, Layer
from .enlarging import Interpolation

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "Shape": "[height, width, planes]",
    "int | tuple[int, int]": "a whole number, or [height, width]",
    "int | tuple[int, ...]": "a whole number, [height, width], or [top, bottom, left, right]",
    "float | tuple[float, ...]": "a number, or one a channel",
    "Rounding": '"exact", "floor" or "ceil"',
    "Interpolation": '"nearest" or "bilinear"',
    "Framing | None": "how drawings are framed",
    "Algorithm": '"auto", "im2col", "lanes", "winograd-2", "winograd-4" or "direct"',
}
"""What an option of each annotation may be, in words."""

_CHOICES = {
    "Rounding": get_args(Rounding),
    "Algorithm": ALGORITHMS,
    "Interpolation": get_args(Interpolation),
}
"""Of options that are one of several words, the words."""

_LARGEST_FLOAT = 3e38
"""Of float32, nearly."""


def build_layer(kind: str, options: Mapping[str, Any]) -> Layer:
    """The layer of that stored name with these options.

    Raises NetworkError for an unknown name or option, a missing one, or a value of another kind.
    """
    if kind not in LAYERS:
        raise NetworkError(f"unknown layer '{cut(kind)}'{nearest(kind, LAYERS)}")
    fields = {option.name: option for option in dataclasses.fields(LAYERS[kind]) if option.init}
    for name, value in options.items():
        if name not in fields:
            hint = nearest(name, fields) if fields else "; it has none"
            raise NetworkError(f"{kind} has no option '{cut(name)}'{hint}")
        _check(kind, name, value, str(fields[name].type))
    missing = [
        name
        for name, option in fields.items()
        if option.default is dataclasses.MISSING and name not in options
    ]
    if missing:
        raise NetworkError(f"{kind} needs '{missing[0]}': {_WORDS[str(fields[missing[0]].type)]}")
    return LAYERS[kind](**{name: _value(kind, given) for name, given in options.items()})


def _value(kind: str, given: Any) -> Any:
    """An option as the layer has it: a list is a tuple there, an object the framing of drawings."""
    if isinstance(given, dict):
        try:
            return Framing.from_dict(given)
        except DataError as error:
            raise NetworkError(f"{kind}: {error}") from None
    return tuple(given) if isinstance(given, list) else given


def _check(kind: str, name: str, value: Any, annotation: str) -> None:
    numbers = value if isinstance(value, (list, tuple)) else [value]
    allowed: tuple[type, ...] = (int, float) if "float" in annotation else (int,)
    if annotation == "str":
        fits = isinstance(value, str)
    elif annotation == "bool":
        fits = isinstance(value, bool)
    elif annotation == "Framing | None":
        fits = isinstance(value, dict)
    elif annotation in _CHOICES:
        fits = value in _CHOICES[annotation]
    else:
        fits = all(type(number) in allowed for number in numbers) and bool(numbers)
        fits = fits and isinstance(value, (list, tuple)) >= (annotation == "Shape")
        fits = fits and (
            "tuple" in annotation or annotation == "Shape" or not isinstance(value, (list, tuple))
        )
        fits = fits and all(abs(number) <= _LARGEST_FLOAT for number in numbers if "float" in annotation)
    if not fits:
        raise NetworkError(f"{name} = {cut(repr(value))} of {kind}: {_WORDS[annotation]} is expected")

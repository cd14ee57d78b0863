"""The options of attribution methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from numbacnn.analysis import Attribution

METHOD = Group("Options of methods", sort_key=25)
NAMES = (
    "saliency, gradient-times-input, integrated-gradients, smoothgrad, guided-backpropagation, deconvnet, grad-cam, "
    "guided-grad-cam, occlusion"
)


@Parameter(name="*", group=METHOD)
@dataclass(frozen=True)
class MethodOptions:
    """Options of attribution methods; left out, the method's own defaults."""

    layer: str | None = None
    """grad-cam, guided-grad-cam: the layer whose maps are weighted; left out, the last convolution."""
    baseline: str | None = None
    """integrated-gradients (left out, black), gradient-times-input (left out, mean): the picture that says nothing, black, grey, white, mean (what the network subtracts) or a value from 0 to 255."""
    steps: int | None = None
    """integrated-gradients: places on the way from the baseline; left out, 50."""
    samples: int | None = None
    """smoothgrad: noisy copies; left out, 50."""
    noise: float | None = None
    """smoothgrad: standard deviation of the noise, as a share of the picture's range; left out, 0.15."""
    seed: int | None = None
    """smoothgrad: what the noise is drawn from; left out, 0."""
    window: int | None = None
    """occlusion: side of the square that hides pixels; left out, a seventh of the picture's shorter side."""
    stride: int | None = None
    """occlusion: pixels from one square to the next; left out, half of the square."""
    value: str | None = None
    """occlusion: what the square shows, as for --baseline; left out, grey."""

    def given(self) -> dict[str, Any]:
        """The options that were given; a number in place of a colour's name is a number."""
        found = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not None
        }
        for key in {"baseline", "value"} & found.keys():
            try:
                found[key] = float(found[key])
            except ValueError:
                continue
        return found

    def method(self, name: str) -> Attribution:
        """One method with its options. Raises UsageError for an unknown one, or for options of others alone."""
        from numbacnn.analysis import METHODS
        from numbacnn.errors import UsageError, nearest

        if name not in METHODS:
            raise UsageError(f"--method '{name}'{nearest(name, METHODS)}")
        given, own = self.given(), options_of(METHODS[name])
        foreign = [option for option in given if option not in own]
        if foreign:
            others = [each.name for each in METHODS.values() if foreign[0] in options_of(each)]
            raise UsageError(
                f"--{foreign[0]} is an option of {' and '.join(others)}, not of {name}; leave it out"
            )
        return METHODS[name](**given)

    def all_methods(self, defaults: Mapping[str, Any]) -> list[Attribution]:
        """Every method, each with those options that it has; `defaults` are of what was not given."""
        from numbacnn.analysis import METHODS

        given = {**defaults, **self.given()}
        return [
            each(**{key: value for key, value in given.items() if key in options_of(each)})
            for each in METHODS.values()
        ]


DEFAULTS = MethodOptions()


def options_of(method: type[Attribution]) -> set[str]:
    return {field.name for field in dataclasses.fields(method)}


def described(method: Attribution) -> str:
    """A figure's words for a method: who proposed it, and its options."""
    options = [
        f"{field.name} {getattr(method, field.name)}"
        for field in dataclasses.fields(method)
        if getattr(method, field.name) is not None
    ]
    return f"{method.title} ({'; '.join([method.source, *options])})"

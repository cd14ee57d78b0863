"""Training's settings as options of `numbacnn train`, in groups, with the values that are used where they are left out."""

from __future__ import annotations

import dataclasses
import typing
from typing import Annotated, Any

from cyclopts import Group, Parameter

from numbacnn.training import RECIPES, Settings
from numbacnn.training.recipes import LOSS_RATES
from numbacnn.training.settings import TOPICS

from .options import amount

DATA_AND_NETWORK = Group("Data and network", sort_key=1)
GROUPS = {topic: Group(topic, sort_key=2 + place) for place, topic in enumerate(TOPICS)}
THIS_RUN = Group("This run", sort_key=2 + len(TOPICS))

NAMED = 3
"""Networks that are named beside a value of their recipes."""
_TYPES = typing.get_type_hints(Settings)


def _default(field: dataclasses.Field[Any]) -> str:
    """What is used where the option is left out: ``12; recipes: 40 for digits, 10 for lenet and lenet-1998``."""
    networks: dict[Any, list[str]] = {}
    for network, recipe in RECIPES.items():
        if recipe.get(field.name, field.default) != field.default:
            networks.setdefault(recipe[field.name], []).append(network)
    parts = [_shown(field.default)]
    if networks:
        listed = ", ".join(f"{_shown(value)} for {_listed(names)}" for value, names in networks.items())
        parts.append(f"recipes: {listed}")
    if field.name == "learning_rate":
        shares = ", ".join(f"{share:g} ({loss})" for loss, share in LOSS_RATES.items())
        parts.append(f"for some losses a share of these: {shares}")
    return "; ".join(parts)


def _listed(names: list[str]) -> str:
    """The first of them, and how many more there are: --print-config says what a network's recipe is."""
    if len(names) > NAMED:
        names = [*names[:NAMED], f"{len(names) - NAMED} more"]
    return " and ".join(names)


def _parameter(field: dataclasses.Field[Any]) -> Parameter:
    group = GROUPS[field.metadata["topic"]]
    if field.name == "epsilon":  # 8/255
        return Parameter(show_default=False, group=group, converter=amount, n_tokens=1)
    return Parameter(show_default=False, group=group)


def _shown(value: object) -> str:
    if value == 8 / 255:
        return "8/255"
    return str(value).lower() if isinstance(value, bool) else str(value)


Options: Any = dataclasses.make_dataclass(
    "Options",
    [
        (
            field.name,
            Annotated[
                _TYPES[field.name] | None,
                _parameter(field),
            ],
            dataclasses.field(
                default=None, metadata={"help": f"{field.metadata['help']} [default: {_default(field)}]"}
            ),
        )
        for field in dataclasses.fields(Settings)
    ],
    frozen=True,
    namespace={"__module__": __name__},
)
"""Training's settings as options, None where not given: a network's own recipe then decides."""

"""The options of an attack, made of its class: the template's own, and those of its `option` fields."""

from __future__ import annotations

import dataclasses
import typing
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from ..options import amount

if TYPE_CHECKING:
    from numbacnn.attacks import Attack

ATTACK = Group("The attack", sort_key=15)

DEFAULT_EPSILON = {"linf": 8 / 255, "l2": 0.5, "l1": 10.0, "l0": 10.0}
"""The epsilon of each norm where --norm is given without --epsilon."""

LOSSES = Literal["square", "log", "hinge", "log-softmax", "max-margin"]


def amount_type(help: str) -> Any:
    """Returns the type of an option that is a number or a fraction, with its help."""
    return Annotated[
        float | None,
        Parameter(converter=amount, n_tokens=1, help=help, show_default=False, group=ATTACK),
    ]


def options_of(kind: type[Attack]) -> Any:
    """Returns a frozen dataclass whose fields become the attack's options; a field is None if its option was not given."""
    from numbacnn.attacks.options import own_options

    types = typing.get_type_hints(kind)
    fields: list[Any] = [("epsilon", _epsilon(kind), dataclasses.field(default=None))]
    if len(kind.norms) > 1:
        choice: Any = Literal[kind.norms]
        help = f"What epsilon measures. [default: {_default(kind, 'norm')}]"
        fields.append(_field("norm", choice, help))
    if kind.uses_loss:
        fields.append(_field("loss", LOSSES, "What gradients are of. [default: log-softmax]"))
    if kind.is_random:
        fields.append(
            _field(
                "restarts", int, "Tries from other random starts, while the network is right. [default: 1]"
            )
        )
    fields.append(_field("seed", int, "What random numbers are drawn from. [default: 0]"))
    for each in own_options(kind):
        kind_of = types[each.name]
        shown = "" if each.default is None else f" [default: {_shown(each.default)}]"
        if kind_of in (float, float | None):
            fields.append((each.name, amount_type(each.metadata["help"] + shown), None))
        else:
            fields.append(_field(each.name, kind_of, each.metadata["help"] + shown))
    return dataclasses.make_dataclass(
        f"{kind.__name__}Options", fields, frozen=True, namespace={"__module__": __name__}
    )


def built(kind: type[Attack], options: Any) -> Attack:
    """Returns the attack that the options describe. Raises UsageError."""
    given = {name: value for name, value in vars(options).items() if value is not None}
    norm = given.get("norm", _default(kind, "norm"))
    if kind.needs_epsilon and "epsilon" not in given:
        given["epsilon"] = DEFAULT_EPSILON[norm]
    return kind(**given)


def _epsilon(kind: type[Attack]) -> Any:
    if not kind.norms:
        help = "This attack has none: it is bounded in another way."
    elif not kind.needs_epsilon:
        help = "Largest change, in the attack's norm. Left out: of any size."
    else:
        listed = ", ".join(
            f"{'8/255' if norm == 'linf' else format(DEFAULT_EPSILON[norm], 'g')}"
            f"{'' if norm == 'linf' else f' in {norm}'}"
            for norm in kind.norms
        )
        help = f"Largest change of a pixel: 8/255; with another norm, of the picture. [default: {listed}]"
    return Annotated[
        float | None,
        Parameter(
            name=["--epsilon", "-e"],
            converter=amount,
            n_tokens=1,
            help=help,
            show_default=False,
            group=ATTACK,
        ),
    ]


def _field(name: str, type_: Any, help: str) -> Any:
    annotated = Annotated[type_ | None, Parameter(help=help, show_default=False, group=ATTACK)]
    return name, annotated, dataclasses.field(default=None)


def _default(kind: type[Attack], name: str) -> Any:
    return next(each.default for each in dataclasses.fields(kind) if each.name == name)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Which settings suit which network: recipes, and where each value of a training comes from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError, nearest
from .settings import Settings

_AUGMENTED: dict[str, Any] = {"epochs": 20, "flip": True, "crop_padding": 4}
_PLAIN: dict[str, Any] = {"batch_size": 128, "schedule": "cosine"}
"""Of networks without batch normalisation."""
_NORMALISED: dict[str, Any] = {**_AUGMENTED, **_PLAIN}

RECIPES: dict[str, dict[str, Any]] = {
    # Distorted so that it also knows digits that people draw with a mouse and those of fonts (tests/test_drawings.py).
    "digits": {
        "epochs": 40,
        "learning_rate": 0.02,
        "batch_size": 32,
        "schedule": "cosine",
        "rotate": 10,
        "shear": 20,
        "zoom": 0.15,
        "elastic": 0.5,
        "thickness": 0.7,
    },
    # Fashion-MNIST, seeds 0 to 3: 9.1 to 10.3 % of the test set wrong; with 'halve', which hardly gets to fall in so few
    # epochs, 10.4 to 10.7 %.
    "lenet": {"epochs": 10, "learning_rate": 0.02, "schedule": "cosine"},
    "lenet-1998": {"epochs": 10, "learning_rate": 0.02, "initialise": "glorot"},
    # Small first weights and a strong decay: He's leave the first filters full of the noise they started with.
    "cifar-quick": {
        "epochs": 12,
        "learning_rate": 0.01,
        "schedule": "cosine",
        "flip": True,
        "initialise": "glorot",
        "weight_decay": 4e-3,
    },
    # The paper's, whose rates are for the sum of a batch's losses: here they are for their mean.
    "airbench94": {
        "epochs": 10,
        "batch_size": 1024,
        "learning_rate": 1.5,
        "momentum": 0.85,
        "nesterov": True,
        "weight_decay": 1.33e-3,
        "even_decay": True,
        "norm_rate": 64.0,
        "lookahead": 5,
        "whiten": 5e-4,
        "whiten_bias_epochs": 3,
        "schedule": "triangular",
        "validate": False,
        "label_smoothing": 0.2,
        "initialise": "dirac",
        "flip": True,
        "alternating_flip": True,
        "translate": 2,
        "border": "reflect",
        "views": "shifted",
    },
    "alexnet": {"epochs": 60, "batch_size": 128, "flip": True, "colour": 0.1},
    **{name: {"epochs": 60, "flip": True, **_PLAIN} for name in ("alexnet-2012", "caffenet", "zfnet")},
    # The paper's rate and momentum (section 4.2); at the depth of 110 the paper begins more slowly as well. Those for
    # photographs learn at half of its rate, for half of its batch.
    **{f"resnet-{depth}": {"learning_rate": 0.1, **_NORMALISED} for depth in (20, 32, 44, 56)},
    "resnet-110": {"learning_rate": 0.05, **_NORMALISED},
    **{f"resnet-{depth}": {"learning_rate": 0.05, **_NORMALISED} for depth in (18, 34, 50, 101, 152)},
    **{f"vgg-{depth}-bn": {"learning_rate": 0.01, **_NORMALISED} for depth in (11, 13, 16, 19)},
    **{f"vgg-{depth}": {"learning_rate": 0.01, **_AUGMENTED, **_PLAIN} for depth in (11, 13, 16, 19)},
    "nin": {"learning_rate": 0.01, **_AUGMENTED, **_PLAIN},
    "googlenet": {"learning_rate": 0.01, **_AUGMENTED, **_PLAIN, "weight_decay": 2e-4},
    # A quarter of the paper's rate, for a quarter of its batch.
    "squeezenet-1.0": {"learning_rate": 0.01, **_AUGMENTED, **_PLAIN, "weight_decay": 2e-4},
    "squeezenet-1.1": {"learning_rate": 0.01, **_AUGMENTED, **_PLAIN, "weight_decay": 2e-4},
    # Little decay, as the paper has it for depthwise filters.
    "mobilenet-v1": {"learning_rate": 0.05, **_NORMALISED, "weight_decay": 4e-5},
    "efficientnet-lite0": {"learning_rate": 0.05, **_NORMALISED, "weight_decay": 1e-5},
}
"""What is known to train a named network well, in place of the defaults. Those of digits, lenet and cifar-quick were measured
on the data that they were made for; the others are their papers', for pictures of 32x32 where these give none, with a rate
that falls along half a cosine."""


FINETUNING: dict[str, dict[str, Any]] = {
    "the output layer alone": {
        "epochs": 30,
        "batch_size": 32,
        "learning_rate": 0.003,
        "schedule": "cosine",
        "flip": True,
    },
    "fine-tuning": {
        "epochs": 10,
        "batch_size": 32,
        "learning_rate": 0.003,
        "schedule": "cosine",
        "flip": True,
    },
}
"""The same for a trained network that learns other classes."""

LOSS_RATES = {"square": 0.1, "hinge": 0.5, "max-margin": 0.05}
"""The share of a recipe's or the default learning rate at which a loss learns, where it is not all of it.

At all of it rectifiers die in the first epoch. Measured on the digits, seeds 0 to 3 (benches/RESULTS.md)."""

OPTIMIZER_RATES = {"adam": 0.1, "adamw": 0.1}
"""The same for an optimizer: Adam's steps are as long as its rate, whatever the gradient's length."""

GIVEN = "given"
DEFAULT = "default"


@dataclass(frozen=True)
class Choice:
    """A setting's value, and where it comes from: "given", "recipe of lenet", "default", with what was made of that."""

    value: Any
    source: str


def choices(network: str, *, recipe: str = "", **changes: Any) -> dict[str, Choice]:
    """Each setting for a named network, or for any other: as changed, else by its recipe, else the default. `recipe`: one
    of FINETUNING in place of the network's.

    Raises UsageError for an unknown setting.
    """
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    for name in changes:
        if name not in fields:
            raise UsageError(f"training has no setting '{name}'{nearest(name, fields)}")
    chosen = {name: Choice(field.default, DEFAULT) for name, field in fields.items()}
    known = FINETUNING[recipe] if recipe else RECIPES.get(network, {})
    for source, values in ((f"recipe of {recipe or network}", known), (GIVEN, changes)):
        chosen |= {name: Choice(value, source) for name, value in values.items()}
    for name, shares in (("loss", LOSS_RATES), ("optimizer", OPTIMIZER_RATES)):
        rate, value = chosen["learning_rate"], chosen[name].value
        if rate.source != GIVEN and value in shares:
            chosen["learning_rate"] = Choice(
                rate.value * shares[value], f"{rate.source}, times {shares[value]:g} for the {name} '{value}'"
            )
    return chosen


def settings_for(network: str, **changes: Any) -> Settings:
    """The settings that suit a named network (or the defaults), with changes. Raises UsageError."""
    return Settings(**{name: choice.value for name, choice in choices(network, **changes).items()})

"""Everything that decides how a network is trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError, nearest
from ..execution import Loss
from .schedules import SCHEDULES


def _option(default: Any, help: str) -> Any:
    return dataclasses.field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Settings:
    """How a network is trained. The same settings, data and number of threads give the same bits.

    Raises UsageError for a value that cannot be meant.
    """

    epochs: int = _option(12, "Passes over the training pictures.")
    batch_size: int = _option(64, "Pictures a step.")
    learning_rate: float = _option(0.01, "Size of a step, at first.")
    momentum: float = _option(0.9, "Share of the last step that is kept in the next.")
    weight_decay: float = _option(5e-4, "Pull of every weight (not of biases) towards 0.")
    schedule: str = _option(
        "halve",
        "How the learning rate falls: constant, step, cosine, or halve (hold it until the validation error stops "
        "improving, then divide by 2 and go back to the best weights).",
    )
    patience: int = _option(2, "Epochs without improvement that 'halve' waits for.")
    step_epochs: int = _option(8, "Epochs after which 'step' divides the learning rate by 10.")
    loss: str = _option("log-softmax", "square, log, hinge, log-softmax or max-margin.")
    margin: float = _option(1.0, "Margin of hinge and max-margin.")
    initialise: str = _option("he", "First weights: he, glorot, normal, uniform, constant or zero.")
    seed: int = _option(0, "Of the first weights, the order of pictures, augmentation and dropout.")
    flip: bool = _option(False, "Mirror half of the pictures from left to right.")
    crop_padding: int = _option(0, "Crop at random from pictures padded by so many pixels.")
    translate: int = _option(0, "Shift pictures by up to so many pixels.")
    colour: float = _option(0.0, "Shift RGB along the set's main colours, by so many of their deviations.")

    workspace_mb: int = _option(
        0,
        "MiB that the kernels of all layers may share beside activations and gradients; 0: as much as the fastest take.",
    )

    def __post_init__(self) -> None:
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("patience", 1),
            ("step_epochs", 1),
            ("seed", 0),
            ("weight_decay", 0),
            ("margin", 0),
            ("crop_padding", 0),
            ("translate", 0),
            ("colour", 0),
            ("workspace_mb", 0),
        ):
            if not getattr(self, name) >= least:
                raise UsageError(f"{_flag(name)} {getattr(self, name)}: at least {least} is expected")
        if not 0 < self.learning_rate < float("inf"):
            raise UsageError(f"--learning-rate {self.learning_rate}: a number above 0 is expected")
        if not 0 <= self.momentum < 1:
            raise UsageError(f"--momentum {self.momentum}: at least 0 and below 1 is expected")
        if self.schedule not in SCHEDULES:
            raise UsageError(
                f"--schedule {self.schedule}: no such schedule{nearest(self.schedule, SCHEDULES)}"
            )
        Loss(self.loss, self.margin)

    def as_dict(self) -> dict[str, Any]:
        """Plain values by name, for a file."""
        return dataclasses.asdict(self)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


RECIPES: dict[str, dict[str, Any]] = {
    "digits": {"epochs": 40, "learning_rate": 0.02, "batch_size": 32, "patience": 4, "translate": 1},
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
    "alexnet": {"epochs": 60, "batch_size": 128, "flip": True, "colour": 0.1},
}
"""What is known to train a named network well, in place of the defaults above. The first four were measured on the
data they were made for; AlexNet's are the paper's."""


def settings_for(network: str, **changes: Any) -> Settings:
    """The settings that suit a named network (or the defaults), with changes. Raises UsageError."""
    known = {field.name for field in dataclasses.fields(Settings)}
    for name in changes:
        if name not in known:
            raise UsageError(f"training has no setting '{name}'{nearest(name, known)}")
    return Settings(**{**RECIPES.get(network, {}), **changes})

"""Everything that decides how a network is trained."""

from __future__ import annotations

import dataclasses
import math
import operator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import UsageError, cut, nearest
from ..layers.initialization import INITIALIZERS
from ..program import Loss
from ..views import VIEWS
from .optimizers import OPTIMIZERS
from .schedules import SCHEDULES

MOST_WORKSPACE_MB = 2**20
"""A tebibyte."""
LARGEST_SEED = 2**64 - 1
"""Philox's key, from which everything random is drawn, has 64 bits."""

Fitting = Literal["auto", "resize", "crop"]
FITS: tuple[str, ...] = get_args(Fitting)
BORDERS = ("mean", "reflect")
ADVERSARIES = ("none", "fgsm", "pgd", "trades", "noise")


def _option(default: Any, help: str, topic: str, least: float = 0, most: float = math.inf) -> Any:
    """A setting, which of `TOPICS` it belongs to, and from where to where its numbers make sense."""
    metadata = {"help": help, "topic": topic, "least": least, "most": most}
    return dataclasses.field(default=default, metadata=metadata)


TOPICS = ("Optimisation", "Schedule", "Augmentation", "Loss", "Choice of pictures", "Adversarial training")
OPTIMISATION, SCHEDULE, AUGMENTATION, LOSS, PICTURES, ADVERSARIAL = TOPICS


@dataclass(frozen=True)
class Settings:
    """How a network is trained. The same settings, data and number of threads give the same bits.

    The names of schedules, losses and initialisations are written out, so that `--help` shows them as choices.

    Raises UsageError for a value that cannot be meant.
    """

    epochs: int = _option(12, "Passes over the training pictures.", OPTIMISATION, 1, 100_000)
    batch_size: int = _option(64, "Pictures a step.", OPTIMISATION, 1, 1_000_000)
    learning_rate: float = _option(0.01, "Size of a step, at first.", OPTIMISATION, 0, 100)
    optimizer: Literal["sgd", "adam", "adamw"] = _option(
        "sgd", "How a step follows from the gradient.", OPTIMISATION
    )
    momentum: float = _option(0.9, "Share of the last step that is kept in the next.", OPTIMISATION, 0, 1)
    weight_decay: float = _option(
        5e-4, "Pull of every weight (not of biases) towards 0.", OPTIMISATION, 0, 10
    )
    nesterov: bool = _option(False, "Nesterov's momentum, of sgd.", OPTIMISATION)
    even_decay: bool = _option(
        False,
        "Weight decay pulls at all parameters alike: at biases too, and by the same share a step where a layer has a "
        "learning rate of its own.",
        OPTIMISATION,
    )
    norm_rate: float = _option(
        1.0,
        "Learning rate of batch normalisations' scales and shifts, in times that of the rest.",
        OPTIMISATION,
        0,
        10_000,
    )
    beta1: float = _option(
        0.9, "Share of the gradient's average that adam and adamw keep.", OPTIMISATION, 0, 1
    )
    beta2: float = _option(
        0.999, "Share of the squared gradient's average that adam and adamw keep.", OPTIMISATION, 0, 1
    )
    clip_norm: float = _option(
        0.0, "Shorten a gradient that is longer than this to it; 0: never.", OPTIMISATION, 0, 1e9
    )
    accumulate: int = _option(
        1, "Batches whose gradients are averaged before the weights are changed.", OPTIMISATION, 1, 100_000
    )
    average_weights: float = _option(
        0.0,
        "Measure and keep an average of the weights along the training, of which each step keeps this share: 0.999; "
        "0: the weights themselves.",
        OPTIMISATION,
        0,
        1,
    )
    lookahead: int = _option(
        0,
        "Every so many steps the weights move on from where they last were by a share of the way that they have gone "
        "since (lookahead); 0: never.",
        OPTIMISATION,
        0,
        100_000,
    )
    lookahead_keep: float = _option(
        0.95,
        "What lookahead holds back a step at the end of the training, as a share; it grows with the third power of the "
        "part of the training that is done.",
        OPTIMISATION,
        0,
        1,
    )
    whiten: float = _option(
        0.0,
        "Make the filters of the first convolution whiten the training set's patches, and keep them: the variance that "
        "is added to each direction's, 5e-4 say; 0: they are learned.",
        OPTIMISATION,
        0,
        1000,
    )
    whiten_bias_epochs: int = _option(
        0, "Epochs in which the bias of those filters is learned; 0: all.", OPTIMISATION, 0, 100_000
    )
    schedule: Literal["constant", "step", "cosine", "halve", "triangular"] = _option(
        "halve",
        "How the learning rate falls; halve holds it until the validation error stops improving, then divides it by 2 "
        "and goes back to the best weights; triangular lets it rise first, and fall then, each along a line.",
        SCHEDULE,
    )
    rise: float = _option(0.23, "Share of the training in which 'triangular' rises.", SCHEDULE, 0, 1)
    first_share: float = _option(
        0.2, "Share of the learning rate that 'triangular' begins with.", SCHEDULE, 0, 1
    )
    last_share: float = _option(
        0.07, "Share of the learning rate that 'triangular' ends with.", SCHEDULE, 0, 1
    )
    validate: bool = _option(
        True,
        "Hold the validation pictures back, and keep the epoch that errs least on them; else they are learned from too, "
        "and the last epoch is kept.",
        PICTURES,
    )
    patience: int = _option(2, "Epochs without improvement that 'halve' waits for.", SCHEDULE, 1, 100_000)
    step_epochs: int = _option(
        8, "Epochs after which 'step' divides the learning rate by 10.", SCHEDULE, 1, 100_000
    )
    loss: Literal["square", "log", "hinge", "log-softmax", "max-margin"] = _option(
        "log-softmax", "What training makes small; log-softmax is the cross-entropy.", LOSS
    )
    margin: float = _option(1.0, "Margin of hinge and max-margin.", LOSS, 0, 1000)
    label_smoothing: float = _option(
        0.0, "Share of log-softmax's target that is spread over all classes: 0.1; 0: none.", LOSS, 0, 1
    )
    initialise: Literal["he", "glorot", "dirac", "normal", "uniform", "constant", "zero"] = _option(
        "he",
        "How the first weights are drawn; dirac: convolutions pass their input on at first.",
        OPTIMISATION,
    )
    seed: int = _option(
        0,
        "Of the first weights, the order of pictures, augmentation and dropout.",
        OPTIMISATION,
        0,
        LARGEST_SEED,
    )
    flip: bool = _option(False, "Mirror half of the pictures from left to right.", AUGMENTATION)
    alternating_flip: bool = _option(
        False,
        "With --flip: half of the pictures are mirrored in the first epoch, and from then on each every second time.",
        AUGMENTATION,
    )
    border: Literal["mean", "reflect"] = _option(
        "mean",
        "What lies beyond a picture that is shifted or cropped: the training set's mean colour (of drawings their "
        "ground), or the picture mirrored at its border.",
        AUGMENTATION,
    )
    crop_padding: int = _option(0, "Crop at random from pictures padded by so many pixels.", AUGMENTATION)
    translate: int = _option(0, "Shift pictures by up to so many pixels.", AUGMENTATION)
    colour: float = _option(
        0.0, "Shift RGB along the set's main colours, by so many of their deviations.", AUGMENTATION, 0, 10
    )
    rotate: float = _option(0.0, "Turn pictures by up to so many degrees.", AUGMENTATION, 0, 180)
    shear: float = _option(0.0, "Slant pictures by up to so many degrees.", AUGMENTATION, 0, 60)
    zoom: float = _option(
        0.0, "Make height and width larger or smaller, each by up to this share.", AUGMENTATION, 0, 0.9
    )
    elastic: float = _option(
        0.0,
        "Bend pictures: the points of a 3x3 grid over them move by about so many pixels (a normal deviation).",
        AUGMENTATION,
        0,
        1000,
    )
    thickness: float = _option(
        0.0, "Make lines thicker or thinner by up to this share of a pixel on each side.", AUGMENTATION, 0, 1
    )
    fit: Fitting = _option(  # noqa: RUF009 - an alias of a Literal is as immutable as one
        "auto",
        "Pictures of another size than the network's: resize scales them; crop trains on windows of them at random "
        "places and takes their middle everywhere else; auto crops pictures up to 1.25 times as large, and scales others.",
        AUGMENTATION,
    )

    views: Literal["one", "mirrored", "shifted"] = _option(
        "one",
        "How a test picture is seen: once; mirrored too; or also shifted by a pixel to the upper left and the lower "
        "right, each with its mirror image. Of several views the scores are averaged.",
        PICTURES,
    )
    per_class: int = _option(
        0,
        "Learn from so many pictures of each class, drawn at random; 0: from all.",
        PICTURES,
        0,
        1_000_000_000,
    )
    keep_every: int = _option(
        0,
        "Keep the model of the first, the last and every so many epochs in the run's folder, epochs/epoch-005.h5, for "
        "'viz evolution' and 'viz filters'; 0: none.",
        SCHEDULE,
        0,
        100_000,
    )
    adversarial: Literal["none", "fgsm", "pgd", "trades", "noise"] = _option(
        "none",
        "Learn from pictures that are made to fool the network: by one step from a random place (fgsm) or by several (pgd); "
        "trades learns from the pictures themselves and pulls what is said of such ones towards it; noise adds normal noise, for "
        "'attack certify'.",
        ADVERSARIAL,
    )
    epsilon: float = _option(
        8 / 255,
        "Largest change of a pixel in them, of full scale: 8/255; the noise's deviation.",
        ADVERSARIAL,
        0,
        1,
    )
    attack_steps: int = _option(7, "Steps of pgd and trades.", ADVERSARIAL, 1, 10_000)
    trades_beta: float = _option(6.0, "Weight of what trades pulls together.", ADVERSARIAL, 0, 1e6)
    workspace_mb: int = _option(
        0,
        "MiB that the kernels of all layers may share beside activations and gradients; 0: as much as the fastest take.",
        OPTIMISATION,
        0,
        MOST_WORKSPACE_MB,
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(field, getattr(self, field.name)))
        if not self.learning_rate > 0:
            raise UsageError(f"--learning-rate {self.learning_rate:g}: a number above 0 is expected")
        for name in ("momentum", "beta1", "beta2", "average_weights", "rise"):
            if not getattr(self, name) < 1:
                raise UsageError(f"{flag(name)} {getattr(self, name):g}: at least 0 and below 1 is expected")
        if self.optimizer not in OPTIMIZERS:
            raise UsageError(
                f"--optimizer {cut(self.optimizer)}: no such optimizer{nearest(self.optimizer, OPTIMIZERS)}"
            )
        if self.schedule not in SCHEDULES:
            raise UsageError(
                f"--schedule {cut(self.schedule)}: no such schedule{nearest(self.schedule, SCHEDULES)}"
            )
        if self.initialise not in INITIALIZERS:
            raise UsageError(
                f"--initialise {cut(self.initialise)}: no such initialisation{nearest(self.initialise, INITIALIZERS)}"
            )
        if self.fit not in FITS:
            raise UsageError(f"--fit {cut(self.fit)}: no such way to fit pictures{nearest(self.fit, FITS)}")
        if self.alternating_flip and not self.flip:
            raise UsageError("--alternating-flip says when --flip mirrors a picture: give --flip too")
        if self.border not in BORDERS:
            raise UsageError(f"--border {cut(self.border)}: no such border{nearest(self.border, BORDERS)}")
        if self.views not in VIEWS:
            raise UsageError(f"--views {cut(self.views)}: no such views{nearest(self.views, VIEWS)}")
        if self.adversarial not in ADVERSARIES:
            raise UsageError(
                f"--adversarial {cut(self.adversarial)}: no such way to train{nearest(self.adversarial, ADVERSARIES)}"
            )
        if self.adversarial == "trades" and self.loss != "log-softmax":
            raise UsageError(
                f"--adversarial trades is for the loss 'log-softmax', and the loss is '{self.loss}'"
            )
        if self.schedule == "halve" and not self.validate:
            raise UsageError(
                "--schedule halve goes by the validation error, and --no-validate leaves none: another schedule, cosine "
                "say, is expected"
            )
        Loss(self.loss, self.margin, self.label_smoothing)

    def check_fit(self, input_shape: tuple[int, ...]) -> None:
        """Raises UsageError if windows could lie so far beyond a network's pictures (H,W,C) that little is left of them."""
        most = min(input_shape[:2]) // 2
        size = f"{input_shape[0]}x{input_shape[1]}"
        for name in ("translate", "crop_padding"):
            if getattr(self, name) > most:
                raise UsageError(
                    f"{flag(name)} {getattr(self, name):,}: at most half of a side fits, which is {most} of the {size} "
                    "pixels that the network takes"
                )
        if self.translate + self.crop_padding > most:
            raise UsageError(
                f"--translate {self.translate} and --crop-padding {self.crop_padding} together shift by up to "
                f"{self.translate + self.crop_padding} pixels: at most half of a side fits, which is {most} of the "
                f"{size} pixels that the network takes"
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain values by name, for a file."""
        return dataclasses.asdict(self)


def flag(name: str) -> str:
    """A setting as people know it."""
    return f"--{name.replace('_', '-')}"


_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a name"}


def _checked(field: dataclasses.Field[Any], value: Any) -> Any:
    """The value as the type that the setting has. Raises UsageError for one that cannot be meant."""
    kind: Any = type(field.default)
    shown = f"{flag(field.name)} {cut(value)}"
    try:
        plain = operator.index(value) if kind is int else kind(value)
    except (TypeError, ValueError, OverflowError):
        plain = None
    if plain is None or plain != value or isinstance(value, bool) != (kind is bool):
        raise UsageError(f"{shown}: {_KINDS[kind]} is expected")
    if kind not in (int, float):
        return plain
    least, most = field.metadata["least"], field.metadata["most"]
    if least <= plain <= most:
        return plain
    if most == math.inf:
        raise UsageError(f"{shown}: at least {least:,} is expected")
    raise UsageError(f"{shown}: {least:,} to {most:,} is expected")

"""The preprocessing of a network, as a file or the user gives it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, UsageError
from ..layers import Pixels, Shape

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_DEVIATION = (58.395, 57.12, 57.375)
"""The standard deviation of red, green and blue of ImageNet's training pictures, on the scale from 0 to 255, as
torchvision's networks expect it.
"""

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Preparation:
    """The preprocessing (pixel - mean) * scale, in the network's order of channels; a field that is None has not been
    given.

    `mean` is one number, one for each channel, or an image (H,W,C), on the scale from 0 to 255; `scale` is one number
    or one for each channel. Both are in the order `order`, "RGB" or "BGR". `shorter_side` is that of `Pixels`.
    """

    mean: tuple[float, ...] | Image | None = None
    scale: tuple[float, ...] | None = None
    order: str | None = None
    shorter_side: int | None = None
    hint: str = ""
    """What the file tells of a mean that it does not hold."""

    @property
    def is_known(self) -> bool:
        """Whether a mean or a scale was given."""
        return self.mean is not None or self.scale is not None

    def overlaid(self, given: Preparation) -> Preparation:
        """Returns the preparation with the fields that `given` has replaced by them."""
        said = {
            name: value
            for name in ("mean", "scale", "order", "shorter_side")
            if (value := getattr(given, name)) is not None
        }
        return replace(self, **said)

    def hinted(self, hint: str) -> Preparation:
        """Returns the preparation with a hint for the error that asks for it."""
        return replace(self, hint=hint)

    def pixels(self, shape: Shape) -> Pixels:
        """Returns the first layer of a network with input (H,W,C) `shape`. Raises ModelError for numbers that do not
        fit its channels.
        """
        height, width, channels = shape
        turned = channels > 1 and self.order == "BGR"
        image = self.mean if isinstance(self.mean, np.ndarray) else None
        layer = Pixels(
            mean=0.0 if image is not None else self._numbers("mean", 0.0, channels, turned),
            scale=self._numbers("scale", 1.0, channels, turned),
            channel_order="BGR" if turned else "RGB",
            shorter_side=self._shorter_side(height, width),
        )
        if image is not None:
            layer.constants["mean_image"] = _cut_out(image[..., ::-1] if turned else image, shape)
        return layer

    def _numbers(self, name: str, default: float, channels: int, turned: bool) -> Any:
        values = getattr(self, name)
        if values is None:
            return default
        if len(values) not in (1, channels):
            raise ModelError(
                f"{name} has {len(values)} numbers, and the network takes pictures of {channels} channels"
            )
        ordered = tuple(map(float, values[::-1] if turned else values))
        return ordered[0] if len(set(ordered)) == 1 else ordered

    def _shorter_side(self, height: int, width: int) -> int:
        least = min(height, width)
        if self.shorter_side is not None:
            return 0 if self.shorter_side == 0 else max(least, self.shorter_side)
        if isinstance(self.mean, np.ndarray) and min(self.mean.shape[:2]) > least:
            return int(min(self.mean.shape[:2]))
        return 0


def _cut_out(image: Image, shape: Shape) -> Image:
    """Returns the middle of a mean image, in the network's size, as Caffe crops it with the picture."""
    height, width, channels = shape
    if image.shape[2] != channels or image.shape[0] < height or image.shape[1] < width:
        given, wanted = ("x".join(map(str, each)) for each in (image.shape, shape))
        raise ModelError(f"the mean image is {given}, and the network's pictures are {wanted}")
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width], np.float32)


def parse_numbers(option: str, text: str) -> tuple[float, ...]:
    """Returns `104,117,123`, `1/256` or `1/58.4,1/57.1,1/57.4` as numbers. Raises UsageError that names the option."""
    numbers = []
    for part in text.split(","):
        above, slash, below = part.partition("/")
        try:
            numbers.append(float(above) / (float(below) if slash else 1.0))
        except (ValueError, ZeroDivisionError, OverflowError):
            raise UsageError(
                f"{option} {text}: numbers are expected, one or one a channel, such as 104,117,123 or 1/256"
            ) from None
    if not np.isfinite(numbers).all() or max(map(abs, numbers)) > 1e30:
        raise UsageError(f"{option} {text}: finite numbers are expected")
    return tuple(numbers)


def read_mean(text: str) -> Preparation:
    """Returns what --mean gives: numbers, 'imagenet', or a file with a mean image (.binaryproto, .npy). Raises
    UsageError, ModelError.
    """
    if text.lower() == "imagenet":
        return Preparation(mean=IMAGENET_MEAN, scale=tuple(1 / each for each in IMAGENET_DEVIATION))
    path = Path(text)
    if path.suffix in (".binaryproto", ".npy") or path.is_file():
        from .caffe import read_mean_image

        return Preparation(mean=read_mean_image(path))
    return Preparation(mean=parse_numbers("--mean", text))

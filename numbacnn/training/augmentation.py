"""Training pictures are changed in ways that keep their label (lecture: data augmentation)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data import Dataset, Split
from ..data.margins import with_margin
from .settings import Settings

GRID = 3
"""Points of the grid over a picture that elastic distortions move, along each side."""


class Augmentation:
    """Draws each picture's changes from (seed, epoch, index) alone: in any order, any batch, any resumed run.

    Pictures larger than the input are cropped at random. What lies beyond a picture is the ground of a data set of
    drawings, and else the mean, which is 0 to the network.
    """

    def __init__(self, dataset: Dataset, input_shape: tuple[int, ...], settings: Settings) -> None:
        self._settings = settings
        self._room = tuple(
            have - need for have, need in zip(dataset.image_shape[:2], input_shape[:2], strict=True)
        )
        self.margin = settings.crop_padding + settings.translate if settings.border == "reflect" else 0
        """Pixels by which pictures are made larger on every side, mirrored at their borders, before they are changed."""
        height, width, channels = dataset.image_shape
        self.picture_shape = (height + 2 * self.margin, width + 2 * self.margin, channels)
        """The shape of the pictures before augmentation, (H,W,C)."""
        ground = None if dataset.framing is None else [dataset.framing.ground] * dataset.image_shape[2]
        self.fill = np.asarray(ground or dataset.mean_rgb, np.float32)
        """The colour (C) that fills in what lies outside a picture."""
        self._axes = colour_axes(dataset.train) if settings.colour else np.zeros((len(self.fill),) * 2)
        self._count = len(dataset.train)
        self._epoch = self._distorted_epoch = -1

    def bordered(self, split: Split) -> Split:
        """A split of the pictures that are changed: with the `margin` around them."""
        return with_margin(split, self.margin)

    def drawn(self, epoch: int, indices: Any) -> tuple[Any, ...]:
        """Top (n), left (n), flip (n) and colour (n,C) of these pictures, as `ops.augmentation.augment` takes them."""
        if epoch != self._epoch:
            self._draw(epoch)
        return tuple(drawn[indices] for drawn in self._drawn)

    @property
    def leaves_as_they_are(self) -> bool:
        """Whether every picture is seen whole and unchanged, in every epoch."""
        settings = self._settings
        changed = (
            settings.crop_padding, settings.translate, settings.flip, settings.alternating_flip, settings.colour, self.distorts
        )  # fmt: skip
        return not any(changed) and self._room == (0, 0)

    @property
    def distorts(self) -> bool:
        """Whether pictures are bent, turned or made thicker before the rest."""
        return any(
            getattr(self._settings, name) for name in ("rotate", "shear", "zoom", "elastic", "thickness")
        )

    def distortions(self, epoch: int, indices: Any) -> tuple[Any, Any]:
        """Points (n,G,G,2) and thickness (n) of these pictures, as `ops.augmentation.distort` takes them."""
        if epoch != self._distorted_epoch:
            self._distort(epoch)
        return self._points[indices], self._thickness[indices]

    def _distort(self, epoch: int) -> None:
        """A random affine map of the picture about its middle, and a random shift of each of the grid's points.

        Elastic distortions: Simard et al., 2003, here on a coarse grid in place of a smoothed field.
        """
        settings, count = self._settings, self._count
        generator = np.random.Generator(np.random.Philox(key=settings.seed, counter=[0, 0, epoch, 3]))

        def up_to(most: float) -> Any:
            return generator.uniform(-most, most, (count, 1, 1))

        turn, slant = (np.radians(up_to(most)) for most in (settings.rotate, settings.shear))
        tall, wide = (1 + up_to(settings.zoom) for _ in range(2))
        middle = [(side - 1) / 2 for side in self.picture_shape[:2]]
        y, x = np.meshgrid(*(np.linspace(-half, half, GRID) for half in middle), indexing="ij")
        rows = np.cos(turn) * y - np.sin(turn) * x
        columns = np.sin(turn) * y + np.cos(turn) * x + np.tan(slant) * rows
        places = np.stack([rows / tall + middle[0], columns / wide + middle[1]], axis=3)
        places += generator.normal(0, settings.elastic, places.shape)
        self._points = np.rint(256 * places).astype(np.int32)
        self._thickness = np.rint(256 * up_to(settings.thickness)[:, 0, 0]).astype(np.int32)
        self._distorted_epoch = epoch

    def _draw(self, epoch: int) -> None:
        settings, count = self._settings, self._count
        generator = np.random.Generator(np.random.Philox(key=settings.seed, counter=[0, 0, epoch, 2]))
        offsets = []
        for room in self._room:
            crop = generator.integers(
                -settings.crop_padding, room + settings.crop_padding, count, endpoint=True
            )
            shift = generator.integers(-settings.translate, settings.translate, count, endpoint=True)
            offsets.append(crop + shift + self.margin)
        flip = (generator.random(count) < 0.5) & settings.flip
        if settings.alternating_flip:
            first = np.random.Generator(np.random.Philox(key=settings.seed, counter=[0, 0, 0, 4]))
            flip = (first.random(count) < 0.5) ^ bool(epoch % 2)
        amounts = generator.normal(0, settings.colour, (count, len(self.fill)))
        self._drawn = (*offsets, flip, (amounts @ self._axes.T).astype(np.float32))
        self._epoch = epoch


def colour_axes(split: Split) -> Any:
    """Principal axes of a split's colours as columns, each as long as the deviation along it: (C, C).

    AlexNet's colour noise (Krizhevsky et al., 2012, section 4.1) adds multiples of them to all pixels of a picture;
    the paper weighs them by variances of its own scale, deviations are in the pixels' units.
    """
    channels = split.images.shape[3]
    total, products, pixels = np.zeros(channels), np.zeros((channels, channels)), 0
    for pictures, _ in split.batches(256):
        colours = pictures.reshape(-1, channels).astype(np.float64)
        total += colours.sum(axis=0)
        products += colours.T @ colours
        pixels += len(colours)
    mean = total / pixels
    variances, axes = np.linalg.eigh(products / pixels - np.outer(mean, mean))
    return axes * np.sqrt(np.maximum(variances, 0))

"""How a picture comes to a network's size: it is scaled, and its centre is cut out.

Every picture goes through `fit`, be it a file, a data set's or an array: the same picture, the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from .errors import DataError, ShapeError

COLOURS = (1, 3)
"""Numbers of channels between which a picture can be converted: grey, and red, green, blue."""

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""ITU-R 601: how bright the eye finds red, green and blue."""


class Window(NamedTuple):
    """What a network sees of a picture: of the picture scaled to (tall, wide), the rows from `top` and the columns from `left`."""

    tall: int
    wide: int
    top: int
    left: int


def window(rows: int, columns: int, input_shape: tuple[int, ...], shorter_side: int = 0) -> Window:
    """Where in a picture of (rows, columns) the input (H,W,…) lies.

    The picture is scaled so that its shorter side is `shorter_side`, but never to less than what fills (H,W);
    with 0 it is scaled just enough to fill (H,W). A picture of the input's size is what the network sees already.
    """
    height, width = input_shape[:2]
    if (rows, columns) == (height, width):
        return Window(rows, columns, 0, 0)
    scale = max(height / rows, width / columns, shorter_side / min(rows, columns))
    tall, wide = max(round(rows * scale), height), max(round(columns * scale), width)
    return Window(tall, wide, (tall - height) // 2, (wide - width) // 2)


def seen(
    rows: int, columns: int, input_shape: tuple[int, ...], shorter_side: int = 0
) -> tuple[float, float, float, float]:
    """The part of a picture of (rows, columns) that a network sees (`window`): top, left, bottom, right, as shares of it."""
    height, width = input_shape[:2]
    tall, wide, top, left = window(rows, columns, input_shape, shorter_side)
    return top / tall, left / wide, (top + height) / tall, (left + width) / wide


def fit(picture: Any, input_shape: tuple[int, ...], shorter_side: int = 0) -> Any:
    """The part of a picture (h,w,c) that a network sees, (H,W,C), of the same type: uint8, or floats.

    Scaling is bilinear, and averages where the picture shrinks; only what is kept is computed, however long and
    thin the picture is. Grey becomes RGB by repetition, RGB grey by ITU-R 601. See `window` for the rest.
    """
    height, width, channels = input_shape
    rows, columns = picture.shape[:2]
    tall, wide, top, left = window(rows, columns, input_shape, shorter_side)
    picture = _with_channels(picture, channels)
    if (tall, wide) == (rows, columns):
        return np.ascontiguousarray(picture[top : top + height, left : left + width])
    box = (
        left * columns / wide,
        top * rows / tall,
        (left + width) * columns / wide,
        (top + height) * rows / tall,
    )
    return _scaled(picture, (width, height), box)


def ten_crops(picture: Any, input_shape: tuple[int, ...], shorter_side: int = 0) -> Any:
    """The four corners and the middle of a picture (h,w,c), then the mirror images of all five: (10,H,W,C).

    It is scaled as for `fit`; where that leaves nothing beside the middle, to a shorter side of 8/7 of the network's, as
    Krizhevsky et al. (2012) cut 224 of 256 pixels.
    """
    height, width, channels = input_shape
    rows, columns = picture.shape[:2]
    least = min(height, width)
    side = shorter_side if shorter_side > least else round(least * 8 / 7)
    scale = max(height / rows, width / columns, side / min(rows, columns))
    tall, wide = max(round(rows * scale), height), max(round(columns * scale), width)
    below, right = tall - height, wide - width
    places = ((0, 0), (0, right), (below, 0), (below, right), (below // 2, right // 2))
    picture = _with_channels(picture, channels)
    five = [
        _scaled(
            picture,
            (width, height),
            (
                left * columns / wide,
                top * rows / tall,
                (left + width) * columns / wide,
                (top + height) * rows / tall,
            ),
        )
        for top, left in places
    ]
    return np.stack([*five, *(each[:, ::-1] for each in five)])


def fit_all(pictures: Any, input_shape: tuple[int, ...], shorter_side: int = 0) -> Any:
    """`fit` for pictures (N,h,w,c), or for a sequence of pictures (h,w,c) of any sizes: (N,H,W,C).

    Pictures that have the network's size are returned as they are, and not copied.
    """
    if isinstance(pictures, Sequence):
        return np.stack([fit(picture, input_shape, shorter_side) for picture in pictures])
    if pictures.shape[1:] == tuple(input_shape):
        return pictures
    height, width, channels = input_shape
    rows, columns = pictures.shape[1:3]
    tall, wide, top, left = window(rows, columns, input_shape, shorter_side)
    if (tall, wide, channels) == (rows, columns, pictures.shape[3]):
        return np.ascontiguousarray(pictures[:, top : top + height, left : left + width])
    return np.stack([fit(picture, input_shape, shorter_side) for picture in pictures])


def scaled(picture: Any, height: int, width: int) -> Any:
    """All of a picture or a stack of maps (h,w,c), of floats of any size, as (height, width, c): bilinear, and averaged where
    it shrinks.
    """
    return _scaled(picture, (width, height), (0, 0, picture.shape[1], picture.shape[0]))


def as_floats(images: Any, dtype: Any = np.float32) -> Any:
    """uint8, or floats in [0, 1] -> floats in [0, 1], of float32 or another type."""
    return (images / 255).astype(dtype) if images.dtype == np.uint8 else images.astype(dtype)


def _with_channels(picture: Any, channels: int) -> Any:
    if picture.shape[2] == channels:
        return picture
    if channels > 1:
        return np.repeat(picture[..., :1], channels, axis=2)
    if picture.dtype == np.uint8:
        return np.asarray(Image.fromarray(picture).convert("L"))[..., None]
    return (picture @ _LUMA.astype(picture.dtype))[..., None]


def _scaled(picture: Any, size: tuple[int, int], box: tuple[float, float, float, float]) -> Any:
    """The part (left, top, right, bottom) of a picture, scaled to `size`, (width, height)."""
    if picture.dtype == np.uint8:
        image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
        scaled = image.resize(size, Image.Resampling.BILINEAR, box=box)
        return np.array(scaled).reshape(size[1], size[0], picture.shape[2])
    planes = [
        Image.fromarray(np.ascontiguousarray(picture[..., channel], np.float32)).resize(
            size, Image.Resampling.BILINEAR, box=box
        )
        for channel in range(picture.shape[2])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2).astype(picture.dtype)


def remedy_for_range(low: float, high: float) -> str:
    """What to do about values that are no pixels."""
    if low >= 0 and 1 < high <= 255:
        return "; divide by 255, or hand over uint8"
    if -256 < low < 0 and high < 256:
        return "; normalised already? Leave that out: the network's first layer does that to pixels"
    return ""


def as_pictures(images: Any, input_shape: tuple[int, ...]) -> Any:
    """An array (N,h,w,c), or a list of pictures (h,w,c) of several sizes. Raises ShapeError, or DataError for their type."""
    if isinstance(images, (list, tuple)) and len({np.shape(image) for image in images}) > 1:
        several = [np.asarray(image) for image in images]
        for picture in several:
            _check(picture[None], input_shape)
        if len({picture.dtype for picture in several}) > 1:
            raise DataError("pictures of several types: all uint8, or all floats in [0, 1], are expected")
        return several
    images = np.asarray(images)
    is_grey = images.ndim == 3 and input_shape[2] == 1
    # An array (h,w,1) or (h,w,3) is rather one picture than h grey ones, unless the size tells.
    if is_grey and (images.shape[1:] == input_shape[:2] or images.shape[2] not in COLOURS):
        images = images[..., None]
    _check(images, input_shape)
    return images


def _check(images: Any, input_shape: tuple[int, ...]) -> None:
    fits = images.ndim == 4 and (
        images.shape[3] == input_shape[2] or {images.shape[3], input_shape[2]} <= set(COLOURS)
    )
    if not fits or 0 in images.shape:
        height, width, channels = input_shape
        raise ShapeError(
            f"pictures of shape {images.shape}: (N, {height}, {width}, {channels}) is expected, or pictures of another "
            f"size, (N, h, w, {channels}), to be scaled and cut"
        )
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise DataError(f"pictures of {images.dtype}: uint8, or floats in [0, 1], are expected")

"""How the pictures of a data set of drawings are framed, and other people's drawings framed in the same way.

`measure` looks at training pictures, `frame` brings somebody's drawing to where, how large and how thick theirs are.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import strokes
from .errors import DataError, cut

Picture = NDArray[np.uint8]
Strength = NDArray[np.float32]
"""(h,w): 0 where there is ground, 1 where there is ink."""

MAX_SIDE = 64
"""Pixels of a side of data sets whose framing is measured: larger pictures are hardly ones of single drawings."""

SIDE = 96
"""Pixels of the longer side at which strokes are looked at."""

_LEAST_CONTRAST = 24
"""Levels between ground and ink below which nothing is drawn."""

_WIDEST = 0.45
"""Share of the longer side above which what is drawn has no strokes."""

_NEAR = 2.0
"""Pixels by which a drawing in a picture of the data set may be smaller or larger than most."""

_LARGEST = 1024
"""Pixels of the longer side above which a drawing is made smaller, by whole factors, before it is looked at."""

_SAMPLE = 1000
"""Training pictures that are measured."""


@dataclass(frozen=True)
class Framing:
    """Strokes on a plain ground, as they lie in the pictures of one data set (MNIST's digits, for instance).

    `size` is that of the data set's pictures, (height, width). `ground` and `ink` are pixel values, from 0 to 255. `height` and `width` are the smallest and the largest extent
    of what is drawn, as shares of the picture's height and width. `centre` says what is brought to the place (`row`,
    `column`), in shares of the picture: the middle of its box ("box") or its centre of mass ("mass"); in none it is
    further away than `spread`. `stroke` is the
    strokes' mean width as a share of the longer side of what is drawn.
    Raises DataError for values that describe no picture.
    """

    size: tuple[int, int]
    ground: float
    ink: float
    height: tuple[float, float]
    width: tuple[float, float]
    centre: str
    row: float
    column: float
    spread: float
    stroke: float

    def __post_init__(self) -> None:
        for side in self.size:
            if type(side) is not int or not 1 <= side <= MAX_SIDE:
                raise DataError(
                    f"framing: size is {cut(list(self.size))}; two sides of 1 to {MAX_SIDE} pixels are expected"
                )
        for name in ("ground", "ink"):
            _need(name, getattr(self, name), 0, 255)
        for name in ("height", "width"):
            low, high = getattr(self, name)
            _need(name, low, 1e-3, 1)
            _need(name, high, low, 1)
        for name in ("row", "column", "spread"):
            _need(name, getattr(self, name), 0, 1)
        _need("stroke", self.stroke, 1e-3, 1)
        if self.centre not in ("box", "mass"):
            raise DataError(f"framing: centre is {cut(repr(self.centre))}; 'box' or 'mass' is expected")
        if abs(self.ink - self.ground) < 1:
            raise DataError("framing: ink and ground are alike; two values of grey are expected")

    def as_dict(self) -> dict[str, Any]:
        """Plain values by name, for a file."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_dict(values: Any) -> Framing:
        """What `as_dict` gave. Raises DataError for anything else."""
        names = {field.name for field in dataclasses.fields(Framing)}
        if not isinstance(values, dict) or set(values) != names:
            raise DataError(f"framing: an object with {', '.join(sorted(names))} is expected")
        pairs = {}
        for name in ("size", "height", "width"):
            match values[name]:
                case [low, high]:
                    pairs[name] = (low, high)
                case _:
                    raise DataError(f"framing: {name} is {cut(repr(values[name]))}; two numbers are expected")
        return Framing(**{**values, **pairs})


class Framed(NamedTuple):
    """A picture (H,W,1), or what is no drawing (h,w,C), and what was done to it."""

    picture: Picture
    done: Literal["framed", "as it was", "no drawing"]


def frame(framing: Framing, picture: Picture) -> Framed:
    """A drawing (h,w,C) as a picture (H,W,1) of the data set: its polarity, place, size and width of strokes.

    A picture that lies as the data set's do is returned as it is. So is what is no drawing, that is ink of about one
    tone on a ground of another, which the border shows.
    """
    grey = _grey(picture)
    found = _ink(grey)
    if found is None:
        return Framed(picture, "no drawing")
    if _lies_right(framing, grey):
        return Framed(grey[..., None], "as it was")
    strength, _ = found
    mask = _at_side(strength[_box(strength > 0.5)])
    if strokes.width(mask) > _WIDEST * SIDE:
        return Framed(picture, "no drawing")
    mask = strokes.with_width(mask, framing.stroke * SIDE)
    mask = mask[_box(mask)]
    height, width = framing.size
    times = max(1, -(-2 * SIDE // max(height, width)))
    large = _placed(framing, mask, height * times, width * times)
    shares = large.reshape(height, times, width, times).mean(axis=(1, 3))
    values = np.rint(framing.ground + (framing.ink - framing.ground) * shares).astype(np.uint8)
    return Framed(values[..., None], "framed")


def _lies_right(framing: Framing, grey: NDArray[np.uint8]) -> bool:
    """Whether the picture has the data set's size and polarity, and its drawing the size and the place, but for a pixel."""
    if grey.shape != framing.size:
        return False
    measured = _measured(grey)
    if measured is None or (measured.ink > measured.ground) != (framing.ink > framing.ground):
        return False
    place = measured.box if framing.centre == "box" else measured.mass
    sides = (
        (framing.size[0], framing.height, measured.height),
        (framing.size[1], framing.width, measured.width),
    )
    within = all(low - _NEAR / side <= extent <= high + _NEAR / side for side, (low, high), extent in sides)
    wanted = framing.row, framing.column
    return within and all(
        abs(one - other) * side <= framing.spread * side + 0.5
        for one, other, side in zip(place, wanted, framing.size, strict=True)
    )


def measure(images: Picture) -> Framing | None:
    """What pictures (N,H,W,C) of a training split have in common.

    None if they are no drawings of one polarity, or larger than MAX_SIDE.
    """
    if max(images.shape[1:3]) > MAX_SIDE:
        return None
    found = [_measured(_grey(picture)) for picture in images]
    known = [one for one in found if one is not None]
    if len(known) < 0.9 * len(images):
        return None
    ground, ink = (float(np.median([getattr(one, name) for one in known])) for name in ("ground", "ink"))
    alike = [one for one in known if (one.ink > one.ground) == (ink > ground)]
    stroke = float(np.median([one.stroke for one in alike]))
    if len(alike) < 0.95 * len(known) or stroke > 0.3:
        return None
    extents = np.array([(one.height, one.width) for one in alike])
    low, high = np.percentile(extents, (2, 98), axis=0).round(3).tolist()
    places = {"box": np.array([one.box for one in alike]), "mass": np.array([one.mass for one in alike])}
    centre = min(places, key=lambda name: float(places[name].std(axis=0).sum()))
    row, column = places[centre].mean(axis=0).round(3).tolist()
    spread = float(np.abs(places[centre] - (row, column)).max())
    return Framing(
        size=(images.shape[1], images.shape[2]),
        ground=round(ground),
        ink=round(ink),
        height=(low[0], high[0]),
        width=(low[1], high[1]),
        centre=centre,
        row=row,
        column=column,
        spread=round(spread, 3),
        stroke=round(stroke, 3),
    )


def sampled(count: int) -> NDArray[np.intp]:
    """Indices, at even distances, of as many of `count` pictures as are enough to measure how they are framed."""
    return np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.intp)


class _Measured(NamedTuple):
    """What is found in one picture; extents and places are shares of its height and width."""

    ground: float
    ink: float
    height: float
    width: float
    box: tuple[float, float]
    mass: tuple[float, float]
    stroke: float


def _measured(grey: NDArray[np.uint8]) -> _Measured | None:
    found = _ink(grey)
    if found is None:
        return None
    strength, (ground, ink) = found
    mask = _at_side(strength)
    if not mask.any():
        return None
    rows, columns = _box(mask)
    tall, wide = rows.stop - rows.start, columns.stop - columns.start
    height, width = mask.shape
    places = np.nonzero(mask)
    return _Measured(
        ground,
        ink,
        tall / height,
        wide / width,
        ((rows.start + rows.stop) / 2 / height, (columns.start + columns.stop) / 2 / width),
        ((float(places[0].mean()) + 0.5) / height, (float(places[1].mean()) + 0.5) / width),
        strokes.width(mask) / max(tall, wide),
    )


def _grey(picture: Picture) -> NDArray[np.uint8]:
    """Its brightness; a picture larger than a drawing needs is made smaller."""
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).convert("L")
    return np.asarray(image.reduce(max(1, max(image.size) // _LARGEST)))


def _ink(grey: NDArray[np.uint8]) -> tuple[Strength, tuple[float, float]] | None:
    """How much ink there is, and the values of ground and ink; None where there are not two tones."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ground = float(np.median(border))
    difference = grey.astype(np.float32) - ground
    # The extreme but for a few pixels, which may be specks.
    few = min(8, difference.size // 100)
    low, high = (np.partition(difference.reshape(-1), place)[place] for place in (few, -1 - few))
    ink = float(high if high >= -low else low)
    if abs(ink) < _LEAST_CONTRAST or min(-float(low), float(high)) > 0.5 * abs(ink):
        return None  # too little of it, or to both sides of the ground
    strength = np.clip(difference / ink, 0, 1)
    on_ground = np.abs(border - ground) < 0.5 * abs(ink)
    if on_ground.mean() < 0.65 or (strength > 0.5).mean() > 0.6:
        return None
    return strength, (ground, ground + ink)


def _box(mask: strokes.Mask) -> tuple[slice, slice]:
    """Rows and columns that hold the ink, but for the outermost two thousandths: specks."""
    parts = []
    for axis in (1, 0):
        share = np.cumsum(mask.sum(axis=axis))
        inside = np.flatnonzero(
            (share > 0.002 * share[-1]) & (share - mask.sum(axis=axis) < 0.998 * share[-1])
        )
        parts.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return parts[0], parts[1]


def _at_side(strength: Strength) -> strokes.Mask:
    """Where the ink is, with the longer side at SIDE pixels; lines thinner than one stay."""
    rows, columns = strength.shape
    scale = SIDE / max(rows, columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    if scale < 1:
        mask = Image.fromarray(((strength > 0.5) * 255).astype(np.uint8))
        return np.asarray(mask.resize(size, Image.Resampling.BOX)) > 0.2 * 255
    image = Image.fromarray((strength * 255).astype(np.uint8))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR)) > 0.5 * 255


def _placed(framing: Framing, mask: strokes.Mask, height: int, width: int) -> Strength:
    """The drawing on a canvas (height, width), as large as the framing says and where it says."""
    rows, columns = mask.shape
    scale = min(framing.height[1] * height / rows, framing.width[1] * width / columns)
    tall = round(np.clip(scale * rows, framing.height[0] * height, framing.height[1] * height))
    wide = round(np.clip(scale * columns, framing.width[0] * width, framing.width[1] * width))
    tall, wide = min(max(tall, 1), height), min(max(wide, 1), width)
    image = Image.fromarray((mask * 255).astype(np.uint8)).resize((wide, tall), Image.Resampling.BILINEAR)
    drawn = np.asarray(image, np.float32) / 255
    middle = [tall / 2, wide / 2]
    if framing.centre == "mass":
        shares = [drawn.sum(axis=axis) / drawn.sum() for axis in (1, 0)]
        middle = [float(share @ (np.arange(len(share)) + 0.5)) for share in shares]
    top = min(max(round(framing.row * height - middle[0]), 0), height - tall)
    left = min(max(round(framing.column * width - middle[1]), 0), width - wide)
    canvas = np.zeros((height, width), np.float32)
    canvas[top : top + tall, left : left + wide] = drawn
    return canvas


def _need(name: str, value: Any, low: float, high: float) -> None:
    if not (type(value) in (int, float) and low <= value <= high):  # which no infinity and no NaN is
        raise DataError(
            f"framing: {name} is {cut(repr(value))}; a number from {low:g} to {high:g} is expected"
        )

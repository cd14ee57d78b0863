"""Digits as people draw them with a mouse or a pen, and as fonts have them: pictures to try a trained network on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "cmr10")
"""Five fonts that come with matplotlib."""


def _arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> list[tuple[float, float]]:
    """An ellipse's points from one angle to another, in degrees; 0 is right, 90 is down."""
    angles = np.radians(np.linspace(start, stop, 24))
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


STROKES: dict[int, list[list[list[tuple[float, float]]]]] = {
    0: [[_arc(0.5, 0.5, 0.32, 0.5, -90, 270)], [_arc(0.5, 0.5, 0.4, 0.5, -70, 285)]],
    1: [[[(0.5, 0.0), (0.5, 1.0)]], [[(0.3, 0.22), (0.52, 0.0), (0.52, 1.0)]]],
    2: [
        [[*_arc(0.5, 0.28, 0.32, 0.28, -170, 20), (0.6, 0.65), (0.15, 1.0), (0.85, 1.0)]],
        [[*_arc(0.48, 0.25, 0.3, 0.25, -150, 40), (0.5, 0.62), (0.2, 0.98), (0.45, 0.93), (0.85, 0.97)]],
    ],
    3: [
        [[*_arc(0.45, 0.25, 0.32, 0.25, -150, 90), *_arc(0.45, 0.75, 0.36, 0.25, -90, 150)]],
        [[*_arc(0.42, 0.23, 0.33, 0.23, -140, 80), *_arc(0.42, 0.73, 0.4, 0.27, -80, 140)]],
    ],
    4: [
        [[(0.6, 1.0), (0.6, 0.0), (0.12, 0.68), (0.88, 0.68)]],
        [[(0.25, 0.0), (0.18, 0.55), (0.8, 0.52)], [(0.68, 0.15), (0.62, 1.0)]],
    ],
    5: [
        [[(0.8, 0.0), (0.28, 0.0), (0.22, 0.45), *_arc(0.45, 0.68, 0.35, 0.32, -120, 150)]],
        [[(0.25, 0.05), (0.22, 0.45), *_arc(0.42, 0.7, 0.36, 0.3, -110, 140)], [(0.25, 0.03), (0.78, 0.0)]],
    ],
    6: [
        [[(0.65, 0.0), (0.38, 0.25), (0.22, 0.6), *_arc(0.5, 0.7, 0.3, 0.3, 180, -180)]],
        [[(0.55, 0.0), (0.3, 0.4), *_arc(0.48, 0.72, 0.27, 0.28, 190, -170)]],
    ],
    7: [
        [[(0.15, 0.0), (0.85, 0.0), (0.4, 1.0)]],
        [[(0.15, 0.05), (0.82, 0.0), (0.55, 0.45), (0.42, 1.0)], [(0.3, 0.5), (0.75, 0.47)]],
    ],
    8: [
        [_arc(0.5, 0.24, 0.26, 0.24, -90, 270), _arc(0.5, 0.73, 0.32, 0.27, -90, 270)],
        [
            [
                *_arc(0.5, 0.24, 0.27, 0.24, -45, -270),
                *_arc(0.5, 0.74, 0.31, 0.26, -90, 270),
                *_arc(0.5, 0.24, 0.27, 0.24, 90, -45),
            ]
        ],
    ],
    9: [
        [_arc(0.48, 0.28, 0.3, 0.28, 0, 360), [(0.78, 0.28), (0.74, 0.6), (0.6, 1.0)]],
        [[*_arc(0.48, 0.27, 0.28, 0.27, -20, -340), (0.76, 0.2), (0.74, 1.0)]],
    ],
}
"""Digit -> two ways to write it, each of strokes, each of points (x, y) in a box of 1 by 1."""


def drawn(digit: int, way: int, number: int) -> Image.Image:
    """A digit drawn with an unsteady hand: thick or thin, somewhere on a canvas of any size, in either polarity.

    `number` decides all of that; the same number draws the same picture.
    """
    random = np.random.default_rng([digit, way, number])
    canvas = int(random.choice([28, 64, 200, 280, 400, 640]))
    height = canvas * random.uniform(0.45, 0.8)
    width = height * random.uniform(0.6, 0.85)
    pen = max(1.5, height * random.choice([0.04, 0.08, 0.13, 0.18]))
    left = random.uniform(pen, max(pen + 1, canvas - width - pen))
    top = random.uniform(pen, max(pen + 1, canvas - height - pen))
    slant, turn = random.uniform(-0.15, 0.15), math.radians(random.uniform(-8, 8))
    over = 4  # drawn larger, so that edges are smooth
    image = Image.new("L", (canvas * over, canvas * over), 0)
    draw = ImageDraw.Draw(image)
    for stroke in STROKES[digit][way]:
        points = np.array(stroke) - 0.5
        bends = random.normal(0, 0.02, (4, 2))
        points = points + np.array(
            [
                sum(bends[k] * math.sin((k + 1) * math.pi * t) for k in range(4))
                for t in np.linspace(0, 1, len(points))
            ]
        )
        points = points @ np.array([[1, 0], [-slant, 1]])
        points = points @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        places = [((left + (x + 0.5) * width) * over, (top + (y + 0.5) * height) * over) for x, y in points]
        radius = pen * over / 2
        draw.line(places, fill=255, width=round(2 * radius), joint="curve")
        for x, y in (places[0], places[-1]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    image = image.resize((canvas, canvas), Image.Resampling.BOX)
    if random.random() < 0.5:
        image = image.point(lambda value: 255 - value)
    return image


def printed(digit: int, font: str, size: int = 120, *, dark: bool = True) -> Image.Image:
    """A digit of one of matplotlib's fonts, black on white or white on black, with a wide margin."""
    path = Path(get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    ground, ink = (255, 0) if dark else (0, 255)
    image = Image.new("L", (2 * size, 2 * size), ground)
    ImageDraw.Draw(image).text((size, size), str(digit), ink, ImageFont.truetype(path, size), anchor="mm")
    return image


def all_drawn(numbers: int) -> Iterator[tuple[int, Image.Image]]:
    """Every digit in both ways, `numbers` times."""
    for digit in range(10):
        for way in range(2):
            for number in range(numbers):
                yield digit, drawn(digit, way, number)

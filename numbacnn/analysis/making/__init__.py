"""Pictures that are made by a network: what excites a class or a unit, a dream, what a layer knows of a picture.

`Ascent` climbs an `Objective` on a `Canvas`, for class_pictures, unit_pictures and inversions; `Dream` changes a photograph.
"""

from .ascent import Ascent, Objective, Step
from .canvas import CANVASES, Canvas, FourierCanvas, PixelCanvas
from .dream import Dream
from .makers import CLASS, INVERSION, class_pictures, inversions, unit_pictures
from .objectives import Likeness, Units, Whatever

__all__ = [
    "CANVASES",
    "CLASS",
    "INVERSION",
    "Ascent",
    "Canvas",
    "Dream",
    "FourierCanvas",
    "Likeness",
    "Objective",
    "PixelCanvas",
    "Step",
    "Units",
    "Whatever",
    "class_pictures",
    "inversions",
    "unit_pictures",
]

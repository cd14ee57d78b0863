"""A picture seen several times: as it is, mirrored, shifted. The scores are averaged (Krizhevsky et al., 2012, section 4.1)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class View(NamedTuple):
    """One way to see a picture, and its weight in the average: shifted by so many pixels down and to the right (what lies
    beyond the picture is the picture mirrored at its border), then mirrored from left to right or not.
    """

    weight: float
    shift: int
    mirrored: bool

    def of(self, pictures: Any) -> Any:
        """What is seen of pictures (n,H,W,C)."""
        seen = pictures
        if self.shift:
            room, (height, width) = abs(self.shift), pictures.shape[1:3]
            sides, start = (room, room), room + self.shift
            padded = np.pad(pictures, ((0, 0), sides, sides, (0, 0)), mode="reflect")
            seen = padded[:, start : start + height, start : start + width]
        return np.ascontiguousarray(seen[:, :, ::-1] if self.mirrored else seen)


VIEWS: dict[str, tuple[View, ...]] = {
    "one": (View(1.0, 0, False),),
    "mirrored": tuple(View(0.5, 0, mirrored) for mirrored in (False, True)),
    "shifted": tuple(
        View(weight, shift, mirrored)
        for weight, shift in ((0.25, 0), (0.125, -1), (0.125, 1))
        for mirrored in (False, True)
    ),
}
"""Name -> ways that a picture is seen."""

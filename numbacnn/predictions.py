"""Predictions: a network's probabilities for pictures, with the names of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import need_whole
from .listing import Listing

_SHOWN = 20
"""Pictures that a listing shows."""


class Answer(NamedTuple):
    """A class, and how probable it is."""

    name: str
    probability: float


class Predictions(np.ndarray[Any, np.dtype[np.float32]]):
    """Probabilities (N, classes) float32, an array like any other, whose columns have names.

    `names` has the best class of each picture, `top()` the best few with their probabilities. A row is a picture's alone.
    `images` says what the pictures are called, where they were files.
    """

    class_names: tuple[str, ...]
    images: tuple[str, ...]

    def __new__(
        cls, probabilities: NDArray[np.float32], class_names: Sequence[str], images: Sequence[str] = ()
    ) -> Predictions:
        """A view of the probabilities."""
        made = np.asarray(probabilities).view(cls)
        made.class_names, made.images = tuple(class_names), tuple(images)
        return made

    def __array_finalize__(self, other: Any) -> None:
        self.class_names = getattr(other, "class_names", ())
        self.images = ()  # a part of the rows has other files, or none

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the best class of each picture."""
        return tuple(row[0].name for row in self._rows(1))

    def top(self, count: int = 5) -> Any:
        """The `count` best classes of each picture, the best first: a list of `Answer` a picture; of a row alone, its list.

        Raises UsageError for a count below 1.
        """
        need_whole("count", count)
        rows = self._rows(count)
        return rows[0] if self.ndim == 1 else rows

    def __repr__(self) -> str:
        return self._listing().text() if self._is_named else repr(np.asarray(self))

    def __str__(self) -> str:
        return self._listing().text() if self._is_named else str(np.asarray(self))

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return self._listing().html() if self._is_named else f"<pre>{np.asarray(self)}</pre>"

    @property
    def _is_named(self) -> bool:
        return self.ndim in (1, 2) and self.size > 0 and len(self.class_names) == self.shape[-1]

    def _rows(self, count: int) -> list[list[Answer]]:
        values = np.asarray(self).reshape(-1, self.shape[-1])
        order = np.argsort(-values, axis=1, kind="stable")[:, :count]
        return [
            [Answer(self.class_names[index], float(row[index])) for index in best]
            for best, row in zip(order, values, strict=True)
        ]

    def _listing(self) -> Listing:
        """A row a picture: what it is called, and its three best classes."""
        found = self._rows(min(3, self.shape[-1]))
        images = self.images or tuple(map(str, range(len(found))))
        rows = [
            (image, ", ".join(f"{name} {share:.1%}" for name, share in best))
            for image, best in zip(images[:_SHOWN], found[:_SHOWN], strict=True)
        ]
        more = f", the first {_SHOWN} of them" if len(found) > _SHOWN else ""
        pictures = "1 picture" if len(found) == 1 else f"{len(found):,} pictures"
        heading = f"Predictions: {pictures}, {self.shape[-1]} classes{more}"
        return Listing(heading, ("picture", "best classes"), rows)

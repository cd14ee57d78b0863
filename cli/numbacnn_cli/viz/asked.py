"""The pictures that a command looks at, with the class of each that it asks about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from .. import subjects
from ..opening import OpenedModel
from ..options import Given, Out, Ranges
from ..pictures import Pictures, class_index

Class = Annotated[str | None, Parameter(name="--class")]

PICTURES_SHOWN = 4
MAX_PICTURES = 100


@dataclass(frozen=True)
class Asked:
    """N pictures; the class asked about of each, its name and probability; the true classes' names where they are known.

    `source` is what a figure says of where they come from, `asked` of who chose the classes.
    """

    pictures: Pictures
    source: str
    classes: Any
    names: list[str]
    probabilities: Any
    truths: list[str | None]
    asked: str

    @property
    def parts(self) -> list[tuple[float, float, float, float]]:
        """What the network sees of each, as shares; empty where that is all."""
        return [photograph.part for photograph in self.pictures.photographs]

    def captions(self, of: str) -> list[str]:
        """Two lines for each picture: its name, and whose `of` (score, loss) is looked at."""
        from numbacnn.data.classes import short_name
        from numbacnn.errors import without_controls

        return [
            f"{without_controls(Path(image).name)}{'' if truth is None else f' (true class: {short_name(truth)})'}\n"
            f"{of} of {short_name(name)} ({share:.0%})"
            for image, truth, name, share in zip(
                self.pictures.names, self.truths, self.names, self.probabilities, strict=True
            )
        ]

    def numbers(self) -> dict[str, tuple[Any, str]]:
        """For --save-data: what was looked at."""
        return {
            "images": (
                self.pictures.images,
                "what the network saw: pictures, rows, columns, channels; levels of 255",
            ),
            "classes": (self.names, "the class asked about, a picture"),
            "probabilities": (self.probabilities, "its probability, a picture"),
        }

    def results(self) -> list[dict[str, Any]]:
        """For --json, a dict a picture."""
        return [
            {"image": image, "index": int(index), "name": name, "probability": float(share), "label": truth}
            for image, index, name, share, truth in zip(
                self.pictures.names, self.classes, self.names, self.probabilities, self.truths, strict=True
            )
        ]


def check_asked(images: Sequence[Path], given: Given, most: int = MAX_PICTURES) -> None:
    """`subjects.check_subjects` of no more pictures than a figure holds."""
    subjects.check_subjects(images, given, most)


def find_asked(
    opened: OpenedModel,
    images: Sequence[Path],
    data: str | None,
    split: str,
    index: Ranges | None,
    class_: str | None,
    *,
    as_is: bool,
    out: Out,
    shown: int = PICTURES_SHOWN,
    most: int = MAX_PICTURES,
) -> Asked:
    """IMAGE files, else pictures of the data set, by default the first `shown` of them. Raises UsageError or DataError."""
    import numpy as np

    network = opened.network
    found = subjects.find_subjects(
        opened, images, data, split, index, subjects.the_first(shown), as_is=as_is, out=out, most=most
    )
    pictures = found.pictures
    probabilities = network.predict(pictures.images)
    if class_ is None:
        classes = probabilities.argmax(axis=1)
    else:
        classes = np.full(len(probabilities), class_index(network, class_))
    names = [network.class_names[index] for index in classes]
    labels = [None] * len(names) if pictures.labels is None else pictures.labels.tolist()
    return Asked(
        pictures,
        found.source,
        classes,
        names,
        probabilities[np.arange(len(classes)), classes],
        [None if label is None else network.class_names[label] for label in labels],
        f"class {names[0]}, as asked for" if class_ is not None else "class: what the network says of each",
    )

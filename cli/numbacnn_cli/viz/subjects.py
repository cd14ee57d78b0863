"""The pictures that a command looks at, and the class of each that it asks about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ..captions import chosen_fact, data_fact, joined
from ..opening import OpenedModel, open_data
from ..options import Given, Out, Ranges
from ..pictures import (
    Pictures,
    class_index,
    fits_a_figure,
    from_data,
    from_files,
    indices_of,
    only_data,
    only_files,
)

Class = Annotated[str | None, Parameter(name="--class")]

PICTURES_SHOWN = 4
MAX_PICTURES = 100


@dataclass(frozen=True)
class Subjects:
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


def check_subjects(images: Sequence[Path], given: Given, most: int = MAX_PICTURES) -> None:
    """Before a model is opened: options of IMAGE files and of a data set do not go together. Raises UsageError."""
    if images:
        only_files(given, "data", "split", "index")
        fits_a_figure(len(images), "pictures", most)
    else:
        only_data(given)


def find_subjects(
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
) -> Subjects:
    """IMAGE files, else pictures of the data set, by default the first `shown` of them. Raises UsageError or DataError."""
    import numpy as np

    network = opened.network
    if images:
        pictures, source = from_files(network, images, out, as_is=as_is)
        fits_a_figure(len(pictures.names), "pictures", most)
    else:
        dataset = open_data(data, opened, out)
        chosen: Sequence[int] = range(min(shown, len(dataset.split(split))))
        if index is not None:
            chosen = indices_of(index, dataset, split)
            fits_a_figure(len(chosen), "pictures", most)
        pictures = from_data(network, dataset, split, chosen)
        first = "the first picture" if len(chosen) == 1 else f"the first {len(chosen)} pictures"
        source = joined(data_fact(dataset, split), chosen_fact(chosen, asked=index is not None, how=first))
    probabilities = network.predict(pictures.images)
    if class_ is None:
        classes = probabilities.argmax(axis=1)
    else:
        classes = np.full(len(probabilities), class_index(network, class_))
    names = [network.class_names[index] for index in classes]
    labels = [None] * len(names) if pictures.labels is None else pictures.labels.tolist()
    return Subjects(
        pictures,
        source,
        classes,
        names,
        probabilities[np.arange(len(classes)), classes],
        [None if label is None else network.class_names[label] for label in labels],
        f"class {names[0]}, as asked for" if class_ is not None else "class: what the network says of each",
    )

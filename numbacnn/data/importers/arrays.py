"""The last step of importers that have all pictures in arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..checks import Range, as_class_names, as_labels, as_pixels, ranges_of
from ..contents import Contents
from ..dataset import Split
from .known import Known, recognise

Field = tuple[NDArray[Any], str]
"""An array, and its place for error messages: file and field."""


def contents_of(
    source: Path,
    parts: Mapping[str, tuple[Field, Field]],
    class_names: Sequence[str] = (),
    known: Known | None = None,
    *,
    pixel_range: Range | None = None,
    notes: Sequence[str] = (),
) -> Contents:
    """Returns the Contents of (pictures, labels) for each split; `pixel_range` as in `checks.as_pixels`.

    Raises DataError that names the field and the index.
    """
    images = [array for (array, _), _ in parts.values()]
    ranges = dict(zip(parts, [pixel_range] * len(parts) if pixel_range else ranges_of(images), strict=True))
    labels = {split: field for split, (_, field) in parts.items()}
    found = as_class_names(class_names, [array for array, _ in labels.values()], str(source))
    known = known or recognise(source, len(found))
    names = found if class_names or len(known.class_names) != len(found) else known.class_names
    splits = {}
    for split, ((pictures, images_field), (_, labels_field)) in parts.items():
        pixels = as_pixels(pictures, images_field, ranges[split])
        splits[split] = Split(pixels, as_labels(labels[split][0], len(names), len(pixels), labels_field))
    return Contents(
        known.name,
        splits,
        names,
        known.source,
        known.licence,
        notes=tuple(notes),
        pixel_range=ranges["train"],
    )

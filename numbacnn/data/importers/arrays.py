"""The common end of importers that have all pictures in arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..checks import as_class_names, as_labels, as_pixels
from ..contents import Contents
from ..dataset import Split
from .known import Known, recognise

Field = tuple[NDArray[Any], str]
"""An array, and where it stands: file and field."""


def contents_of(
    source: Path,
    parts: Mapping[str, tuple[Field, Field]],
    class_names: Sequence[str] = (),
    known: Known | None = None,
) -> Contents:
    """Contents of (pictures, labels) a split. Raises DataError that names the field and the index."""
    labels = {split: field for split, (_, field) in parts.items()}
    found = as_class_names(class_names, [array for array, _ in labels.values()], str(source))
    known = known or recognise(source, len(found))
    names = found if class_names or len(known.class_names) != len(found) else known.class_names
    splits = {}
    for split, ((images, images_field), (_, labels_field)) in parts.items():
        pixels = as_pixels(images, images_field)
        splits[split] = Split(pixels, as_labels(labels[split][0], len(names), len(pixels), labels_field))
    return Contents(known.name, splits, names, known.source, known.licence)

"""Imports other formats of data sets.

A new format is one module here, with a function that recognises its files and one that reads them, and one line in
IMPORTERS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import DataError, UsageError
from ..contents import Contents
from . import cifar, folder, idx, npz
from .reading import ReadOptions, Watch, unwatched

__all__ = ["IMPORTERS", "Importer", "ReadOptions", "read_source"]


@dataclass(frozen=True)
class Importer:
    """A format: `matches` recognises it by names of files alone; `read` reads it, with those options that apply to it."""

    description: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Contents]


IMPORTERS: tuple[Importer, ...] = (
    Importer("a folder with IDX files (train-images-idx3-ubyte, …, .gz too)", idx.matches, idx.read),
    Importer("a folder with CIFAR-10 or CIFAR-100 batches, binary or Python's", cifar.matches, cifar.read),
    Importer("an .npz file with x_train, y_train, …", npz.matches, npz.read),
    Importer("a folder with one folder of pictures a class", folder.matches, folder.read),
)


def read_source(
    source: str | Path,
    *,
    name: str = "",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    origin: str = "",
    licence: str = "",
    size: int = 256,
    pixel_range: tuple[float, float] | None = None,
    skip_broken: bool = False,
    watch: Watch = unwatched,
) -> Contents:
    """Reads a source into the Contents of a data set; pictures in files of their own are read later.

    If the source has no validation or test split, the fraction `validation` or `test` of its training pictures becomes
    one, each class in proportion, drawn with `seed`; 0 leaves the validation split out. `size` is the shorter side to
    which a folder's pictures are scaled before their centre is cut out. `name`, `origin` and `licence` replace what is
    known of the source. `pixel_range` has the values of black and white in arrays on an unusual scale. With
    `skip_broken`, pictures of a folder that cannot be read are left out, for which all are decoded once first; `watch`
    follows the progress. Raises DataError or UsageError.
    """
    source = Path(source)
    options = ReadOptions(size, pixel_range, skip_broken, watch)
    if not source.exists():
        raise DataError(f"{source}: no such file or folder")
    reader = next((importer for importer in IMPORTERS if importer.matches(source)), None)
    if reader is None:
        known = "; ".join(importer.description for importer in IMPORTERS)
        hint = " (unpack it first)" if source.suffix in (".gz", ".tgz", ".zip", ".tar") else ""
        raise DataError(f"{source}: no format that is known{hint}; known: {known}")
    contents = reader.read(source, options)
    contents = replace(
        contents,
        name=name or contents.name,
        source=origin or contents.source,
        licence=licence or contents.licence,
    )
    if pixel_range is not None and contents.pixel_range is None:
        raise UsageError(
            f"{source}: --range is for arrays of numbers; files of pictures say their scale themselves"
        )
    if "test" not in contents.splits:
        contents = contents.with_part("test", test, seed)
    if "validation" not in contents.splits and validation:
        contents = contents.with_part("validation", validation, seed)
    return contents

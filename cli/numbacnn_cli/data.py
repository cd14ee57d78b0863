"""numbacnn data: make data sets of other formats, and look at them."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, Token

from .captions import data_fact, joined
from .destination import DATA_SET, Destination
from .figure_options import FIGURE, FigureOptions
from .options import Force, Origins, Out, SplitName

if TYPE_CHECKING:
    from numbacnn.data import Dataset, Split

MAX_PICTURES = 1000
MAX_ROWS = 100
"""The most classes that the table shows; --json has all."""

Source = Annotated[Path, Parameter(name="SOURCE")]
Target = Annotated[Path, Parameter(name="OUT.h5")]


def _range(_: Any, tokens: tuple[Token, ...]) -> tuple[float, float]:
    try:
        black, white = map(float, tokens[0].value.split(","))
    except ValueError:
        raise ValueError(
            f"'{tokens[0].value}' is not two numbers, black and white; write 0,16 or -1,1"
        ) from None
    return black, white


Range = Annotated[
    tuple[float, float] | None, Parameter(name="--range", converter=_range, n_tokens=1, negative="")
]

DataFile = Annotated[
    str, Parameter(name="DATA", help="'digits', or a .h5 file made by 'numbacnn data import'.")
]


def import_data(
    source: Source,
    target: Target,
    /,
    *,
    name: str | None = None,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    origin: Annotated[str | None, Parameter(name="--source")] = None,
    licence: str | None = None,
    size: int = 256,
    pixel_range: Range = None,
    skip_broken: Annotated[bool, Parameter(negative="")] = False,
    force: Force = False,
    out: Out,
) -> dict[str, Any]:
    """Make a data set of IDX files, CIFAR batches, an .npz file, or a folder of pictures a class.

    Whatever is left out is counted and said, with the reason.

    JSON: `data`, `name`, `image_shape`, `classes`, `class_names`, `images` (a split), `images_per_class` (a split),
    `mean_rgb`, `standard_deviation`, `source`, `licence`, `bytes`, `notes` (what was left out, or looks doubtful).

    Parameters
    ----------
    source
        Folder with IDX files, with CIFAR batches, or with one folder of pictures a class (in train/, test/ and
        validation/, or in none of them); or an .npz file.
    target
        Data set to write, as .h5; a data set that is there is replaced when the new one is complete.
    name
        What the data set is called; left out, what the source is called.
    validation
        Fraction of the training pictures kept for validation if the source has none of its own; 0: no validation.
    test
        Fraction of the training pictures kept for the test if the source has none of its own.
    seed
        Which pictures those are; each class gives its share.
    origin
        Where the pictures come from, in words.
    licence
        The licence of the pictures.
    size
        Height and width of a folder's pictures: shorter side scaled to it, centre cut out.
    pixel_range
        The values that mean black and white in arrays, if they are not 0 and 255 (or 0 and 1 for fractions): 0,16 or
        0,65535 or -1,1; 255,0 turns black and white round.
    skip_broken
        Leave out a folder's pictures that cannot be read, and say which. All pictures are looked at first.
    """
    from numbacnn.data.importers import read_source
    from numbacnn.errors import UsageError
    from numbacnn.storage.datasets import open_dataset, write_dataset

    for option, fraction in (("--validation", validation), ("--test", test)):
        if not 0 <= fraction < 1:
            raise UsageError(
                f"{option} {fraction:g}: a fraction of the pictures, at least 0 and below 1, is expected"
            )
    target = Destination(out, reads=[source] if source.is_file() else (), force=force).named(target, DATA_SET)
    contents = read_source(
        source,
        name=name or "",
        validation=validation,
        test=test,
        seed=seed,
        origin=origin or "",
        licence=licence or "",
        size=size,
        pixel_range=pixel_range,
        skip_broken=skip_broken,
        watch=out.progress,
    )
    for note in contents.notes:
        out.note(f"note: {note}")
    doubts = write_dataset(target, contents, watch=out.progress)
    for doubt in doubts:
        out.note(f"note: {doubt}")
    described = describe(open_dataset(target), target, out)
    return {**described, "notes": [*contents.notes, *doubts]}


def info(data: DataFile, /, *, out: Out) -> dict[str, Any]:
    """Show what a data set holds.

    JSON: `data`, `name`, `image_shape`, `classes`, `class_names`, `images` (a split), `images_per_class` (a split),
    `mean_rgb`, `standard_deviation`, `source`, `licence`, `bytes`.
    """
    from numbacnn.storage.datasets import open_dataset

    dataset = open_dataset(data)
    return describe(dataset, dataset.path or data, out)


def show(
    data: DataFile,
    /,
    *,
    split: SplitName = "train",
    count: int = 50,
    figure: FigureOptions = FIGURE,
    origins: Origins,
    out: Out,
) -> dict[str, Any]:
    """Draw a grid of pictures, with the classes in turn.

    JSON: `figure`, `data_file`, `split`, `indices`.

    Parameters
    ----------
    count
        How many pictures.
    """
    import numpy as np

    from numbacnn.errors import UsageError
    from numbacnn.figures import image_grid
    from numbacnn.storage.datasets import open_dataset

    if not 1 <= count <= MAX_PICTURES:
        raise UsageError(f"--count {count}: 1 to {MAX_PICTURES} pictures are expected")
    target = figure.target(out)
    dataset = open_dataset(data)
    part = dataset.split(split)
    count = origins.count(count, len(part), f"the {split} split", out)
    target.name(f"{_file_name(dataset.name)}-{split}")
    indices = np.array(_in_turn(part, count))
    captions = [dataset.class_names[label] for label in part.labels[indices]]
    columns = dataset.classes if 5 <= dataset.classes <= 12 else 10
    title = f"{dataset.name}, {split}: {len(indices)} of {len(part)} pictures"
    made = joined(data_fact(dataset, split), "the first of each class in turn")
    pictures = part.read(indices)
    numbers = {
        "images": (pictures, "pictures, rows, columns, channels; levels of 255"),
        "indices": (indices, f"their places in {split}"),
        "classes": (captions, "their classes"),
    }
    drawing = image_grid(pictures, captions, columns=columns, title=title, provenance=made)
    saved = target.save(drawing, numbers, say=f"{len(indices)} of {len(part)} pictures")
    return {**saved, "split": split, "indices": indices}


def _in_turn(split: Split, count: int) -> list[int]:
    """Returns the indices of the first pictures of each class, the classes in turn, so that the columns of a grid are
    classes.
    """
    import numpy as np

    members = [np.flatnonzero(split.labels == label) for label in np.unique(split.labels)]
    turns = (int(own[turn]) for turn in range(max(map(len, members))) for own in members if turn < len(own))
    return list(islice(turns, count))


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "data"


def describe(dataset: Dataset, path: Path | str, out: Out) -> dict[str, Any]:
    """Shows the contents of a data set, and returns them for JSON."""
    import numpy as np

    from numbacnn.storage.datasets import EMBEDDED

    height, width, channels = dataset.image_shape
    colour = "RGB" if channels == 3 else "grey"
    stored = Path(EMBEDDED.get(str(path), path)).stat().st_size
    counts = {
        name: np.bincount(part.labels, minlength=dataset.classes) for name, part in dataset.splits.items()
    }
    out.say(
        f"{dataset.name}: {height}x{width} {colour}, {dataset.classes} classes ({path}, {stored / 2**20:.1f} MiB)"
    )
    rows = [
        [name, *(own[label] for own in counts.values())] for label, name in enumerate(dataset.class_names)
    ]
    if len(rows) > MAX_ROWS:
        rows[MAX_ROWS - 1 :] = [[f"… {len(rows) - MAX_ROWS + 1} more", *("" for _ in counts)]]
    out.table(["class", *counts], [*rows, ["all", *(own.sum() for own in counts.values())]])
    means = ", ".join(f"{mean:.2f}" for mean in dataset.mean_rgb)
    out.say(f"training pixels: mean {means}; standard deviation {dataset.standard_deviation:.2f}")
    out.say(f"source: {dataset.source or 'not stated'}")
    out.say(f"licence: {dataset.licence or 'not stated'}")
    return {
        "data": path,
        "name": dataset.name,
        "image_shape": dataset.image_shape,
        "classes": dataset.classes,
        "class_names": dataset.class_names,
        "images": {name: len(part) for name, part in dataset.splits.items()},
        "images_per_class": {name: own.tolist() for name, own in counts.items()},
        "mean_rgb": dataset.mean_rgb,
        "standard_deviation": dataset.standard_deviation,
        "source": dataset.source,
        "licence": dataset.licence,
        "bytes": stored,
    }

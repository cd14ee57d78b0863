"""Which pictures a command is about: files, or some of a data set's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from .options import INPUTS, Given, Ranges, as_ranges, expand

if TYPE_CHECKING:
    from numbacnn import Dataset, Network

    from .output import Output


Index = Annotated[
    Ranges | None,
    Parameter(
        name="--index",
        group=INPUTS,
        converter=as_ranges,
        n_tokens=1,
        negative="",
        help="Pictures of the split: 7, or 0-3,8.",
    ),
]


LARGEST_SHOWN = 640
"""Pixels of a photograph's longer side in a figure."""

FILES_AT_A_TIME = 64
"""Pictures of files that are in memory together where each is looked at once."""


class Photograph(NamedTuple):
    """A file's picture (h,w,C), made smaller where no figure shows so much, and what the network sees of it.

    `part` has rows and columns from, to, as shares of height and width (`fitting.seen`). Of a drawing that is framed it
    is the framed one. `size` are the file's own rows and columns.
    """

    picture: Any
    part: tuple[float, float, float, float]
    size: tuple[int, int]


@dataclass(frozen=True)
class Pictures:
    """N pictures as the network takes them, (N,H,W,C) uint8; what each is called; labels (N) if they are known."""

    images: Any
    names: list[str]
    labels: Any | None
    photographs: Sequence[Photograph] = ()
    """Of files, what people know of each."""

    def shown(self) -> list[Any]:
        """Each as people know it, (h,w,C), of whatever size."""
        return [photograph.picture for photograph in self.photographs] or list(self.images)


def expanded(paths: Sequence[Path], out: Output) -> list[Path]:
    """The files given, and in place of a folder the pictures in it, in order of their names; says what it leaves out.

    Raises DataError for a folder without pictures.
    """
    from numbacnn.data.listing import as_text, pictures_in
    from numbacnn.errors import DataError

    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        listing = pictures_in(path)
        left_out = as_text(listing.left_out) if listing.left_out else ""
        if not listing.pictures:
            raise DataError(f"{path}: no picture in this folder{left_out and f'; {left_out}'}")
        if left_out:
            out.note(f"{path}: {left_out}")
        files.extend(listing.pictures)
    return files


@dataclass
class Framings:
    """What was done to the pictures of files, counted to be told once."""

    framed: int = 0
    others: list[str] = field(default_factory=list)
    """Files that are no drawings."""
    total: int = 0
    broken: list[str] = field(default_factory=list)
    """What is wrong with files that are left out."""
    scaled: int = 0
    input_size: str = ""
    """What the network takes, in words."""
    crops: int = 1
    """How many parts of each picture it saw."""

    def seen(self) -> str:
        """What the network saw of photographs of other sizes, and of drawings; empty if it saw the files as they are."""
        if self.crops > 1:
            return (
                f"the network saw {self.crops} parts of {self.input_size} pixels of each picture: the corners and the middle, and "
                "their mirror images; probabilities are the means"
            )
        framed = "drawings are framed as the training pictures are" if self.framed else ""
        if not self.scaled:
            return framed
        of = "the picture" if self.total == 1 else "each picture"
        return f"the network saw {self.input_size} pixels of {of}: scaled, and a longer side cut to its middle{framed and f'; {framed}'}"

    def tell(self, out: Output) -> None:
        if self.crops > 1:
            out.note(self.seen())
        elif self.scaled:
            out.note(f"the network saw {self.input_size} pixels of pictures that are larger or smaller")
        if self.framed:
            those = "the picture is" if self.total == 1 else f"{self.framed} of {self.total} pictures are"
            out.note(
                f"{those} framed as the training pictures are: turned to their light and dark, strokes as wide, as large, "
                "in the same place; --as-is leaves that out"
            )
        if self.others:
            more = f" and {len(self.others) - 5} more" if len(self.others) > 5 else ""
            out.note(
                f"not framed, as no drawing on a plain ground is seen: {', '.join(self.others[:5])}{more}"
            )
        if self.broken:
            more = f"; and {len(self.broken) - 20} more" if len(self.broken) > 20 else ""
            listed = "; ".join(self.broken[:20])
            out.warn(f"{len(self.broken)} pictures cannot be read and are left out: {listed}{more}")


def batches_of_files(
    network: Network,
    paths: Sequence[Path],
    *,
    as_is: bool,
    skip_broken: bool | None = None,
    crops: int = 1,
    done: Framings,
) -> Iterator[Pictures]:
    """Picture files brought to the network's size, so many at a time; drawings are framed unless `as_is`.

    With 10 `crops` ten images a file follow one another (`fitting.ten_crops`), of pictures that are not framed. Raises DataError that lists all files that cannot be read, unless `skip_broken` leaves them out; None is for a
    command that has no such option.
    """
    import numpy as np

    from numbacnn.data.pictures import load_all, unreadable
    from numbacnn.errors import DataError
    from numbacnn.fitting import seen, ten_crops
    from numbacnn.framing import Framed, frame

    framing = None if as_is else network.graph.pixels.framing

    shorter_side = network.graph.pixels.shorter_side
    height, width, _ = network.input_shape
    done.input_size = f"{height}x{width}"

    done.crops = crops

    def fit(picture: Any) -> Any:
        rows, columns = picture.shape[:2]
        size = rows, columns
        if crops == 10:
            ten = ten_crops(picture, network.input_shape, shorter_side)
            return ten, "as it was", Photograph(_for_figures(picture), (0.0, 0.0, 1.0, 1.0), size)
        framed = frame(framing, picture) if framing else Framed(picture, "as it was")
        image = network.as_images(framed.picture[None])
        if framed.done == "framed":
            return image, framed.done, Photograph(image[0], (0.0, 0.0, 1.0, 1.0), size)
        part = seen(rows, columns, network.input_shape, shorter_side)
        return image, framed.done, Photograph(_for_figures(picture), part, size)

    images: list[Any] = []
    names: list[str] = []
    photographs: list[Photograph] = []
    for path, found in zip(paths, load_all(paths, fit), strict=True):
        if isinstance(found, DataError):
            if not skip_broken:
                has_option = skip_broken is not None and len(paths) > 1
                remedy = "--skip-broken goes on without what cannot be read" if has_option else ""
                raise unreadable(paths, found, remedy)
            done.broken.append(str(found))
            continue
        image, how, photograph = found
        done.total += 1
        done.framed += how == "framed"
        if how == "no drawing":
            done.others.append(path.name)
        done.scaled += photograph.picture.shape[:2] != (height, width)
        images.append(image)
        names.append(str(path))
        photographs.append(photograph)
        if len(images) == FILES_AT_A_TIME:
            yield Pictures(np.concatenate(images), names, None, photographs)
            images, names, photographs = [], [], []
    if images:
        yield Pictures(np.concatenate(images), names, None, photographs)


def _for_figures(picture: Any) -> Any:
    """The picture, at most so large as a figure shows it."""
    from numbacnn.fitting import fit

    rows, columns, channels = picture.shape
    scale = LARGEST_SHOWN / max(rows, columns)
    if scale >= 1:
        return picture
    return fit(picture, (max(1, round(rows * scale)), max(1, round(columns * scale)), channels))


def from_files(
    network: Network, paths: Sequence[Path], out: Output, *, as_is: bool = False
) -> tuple[Pictures, str]:
    """Picture files, and those in folders, brought to the network's size; says what was done to them.

    With them comes what a figure says of what the network saw of them (`Framings.seen`).

    Raises DataError that lists all files that cannot be read.
    """
    import numpy as np

    done = Framings()
    parts = list(batches_of_files(network, expanded(paths, out), as_is=as_is, done=done))
    done.tell(out)
    names = [name for part in parts for name in part.names]
    photographs = [photograph for part in parts for photograph in part.photographs]
    return Pictures(np.concatenate([part.images for part in parts]), names, None, photographs), done.seen()


def from_data(network: Network, dataset: Dataset, split: str, indices: Sequence[int]) -> Pictures:
    """Pictures of a data set's split, brought to the network's size."""
    import numpy as np

    part = dataset.split(split)
    chosen = np.asarray(indices)
    images = network.as_images(part.read(chosen))
    return Pictures(images, [f"{split} {index}" for index in indices], part.labels[chosen])


def indices_of(ranges: Ranges, dataset: Dataset, split: str) -> list[int]:
    """The indices of --index. Raises UsageError for one that the split lacks."""
    return expand(ranges, len(dataset.split(split)), "--index", f"the {split} split of {dataset.name}")


def only_files(given: Given, *names: str) -> None:
    """IMAGE files are of no data set. Raises UsageError if one of the options was given that say which of one is meant."""
    from numbacnn.errors import UsageError

    found = [f"--{name}" for name in names if given.place(name) != "default"]
    if found:
        raise UsageError(
            f"IMAGE and {' and '.join(found)}: a command takes files, or pictures of a data set; leave one of them out"
        )


def only_data(given: Given) -> None:
    """Pictures of a data set are never framed. Raises UsageError for --as-is without IMAGE."""
    from numbacnn.errors import UsageError

    if given.place("as_is") != "default":
        raise UsageError("--as-is is about IMAGE files, and pictures of a data set are taken; leave it out")


def fits_a_figure(count: int, what: str, most: int) -> None:
    """Raises UsageError for more than can be told apart in one figure, before any is worked on."""
    from numbacnn.errors import UsageError

    if count > most:
        raise UsageError(f"{count:,} {what}; one figure holds {most}: ask for fewer at a time")


def class_index(network: Network, given: str) -> int:
    """The class of that name, or else of that index. Raises UsageError."""
    from numbacnn.data.classes import match_classes, matched_by_index
    from numbacnn.errors import DataError, UsageError, nearest

    names = [name.casefold() for name in network.class_names]
    if given.casefold() in names:
        return names.index(given.casefold())
    if given.isdecimal():
        if int(given) < network.classes:
            return int(given)
    elif not matched_by_index((given,), network.class_names):  # a word means nothing to classes without names
        with suppress(DataError):
            return int(match_classes((given,), network.class_names, (0,))[0])
    raise UsageError(f"the model has no class '{given}'{nearest(given, network.class_names)}")

"""numbacnn features and similar: what a network's hidden layers make of pictures, and which it takes for alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .caches import cache
from .captions import data_fact, joined
from .destination import FEATURES, Destination
from .figure_options import FIGURE, FigureOptions
from .opening import OpenedModel, data_of, open_model, open_pictures
from .options import CPU, INPUTS, AsIs, Compute, Data, Force, Model, Out, SplitName
from .pictures import from_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numbacnn import Dataset
    from numbacnn.data.dataset import Split
    from numbacnn.storage.features import Features

    from .output import Output

AT_A_TIME = 256
"""The number of pictures that are read together."""
MOST = 64
"""The most neighbours in one figure."""

Layer = Annotated[
    str | None,
    Parameter(
        name="--layer",
        group=INPUTS,
        help="Whose output is compared; left out, what the last layer with weights reads.",
    ),
]


def features(
    data: Annotated[
        str,
        Parameter(
            name="DATA", help="Data set (.h5), a folder of pictures, or digits, the set in the package."
        ),
    ],
    target: Annotated[Path, Parameter(name="OUT.H5", help="What to write.")],
    /,
    *,
    model: Model = None,
    split: SplitName = "train",
    layer: Layer = None,
    force: Force = False,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Write what a layer of a network puts out for every picture of a data set.

    A row of numbers a picture; a volume's channels are averaged over its places. The file holds `features` (N,D) float32,
    `labels` (N) and `record`. JSON: `features` (the file), `layer`, `images`, `numbers` (a picture), `model`, `data`, `split`.
    """
    target = Destination(out, reads=[model, Path(data)], force=force).named(target, FEATURES)
    opened = open_model(model, out, compute)
    dataset = open_pictures(data, opened.network)
    name = _layer(opened, layer)
    size = _write(target, opened, dataset, split, name, out)
    count = len(dataset.split(split))
    out.say(f"{target}: {size:,} numbers of {name} for each of {count:,} pictures")
    return {
        "features": target,
        "layer": name,
        "images": count,
        "numbers": size,
        "model": opened.path,
        "data": str(dataset.path or dataset.name),
        "split": split,
    }


def similar(
    image: Annotated[Path, Parameter(name="IMAGE", help="The picture to find others like.")],
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "train",
    layer: Layer = None,
    metric: Literal["euclidean", "cosine"] = "euclidean",
    count: int = 6,
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Find the pictures of a data set that a network takes for the most alike.

    They are the nearest in the network's last hidden layer; a picture of the folder DATA itself is left out. What it makes of the data set's pictures is kept in the cache, so that
    the next question takes seconds. JSON: `neighbours[]` with `.image` (split and index, or a folder's file), `.distance`, `.class` (null where there is none); `figure`, `data_file`, `layer`,
    `metric`, `model`, `data`.

    Parameters
    ----------
    metric
        Distance of two rows of numbers, or of their directions alone (cosine).
    count
        How many to show.
    """
    from numbacnn.analysis import features as features_of
    from numbacnn.analysis import nearest_to
    from numbacnn.analysis.neighbours import Neighbours
    from numbacnn.data.classes import short_name
    from numbacnn.errors import need_whole
    from numbacnn.figures import neighbours

    need_whole("--count", count, 1, MOST)
    target = figure.target(out, "similar", reads=[image, model])
    opened = open_model(model, out, compute)
    dataset = open_pictures(data_of(data, opened, out), opened.network)  # its classes need not be the model's
    name = _layer(opened, layer)
    pictures, seen = from_files(opened.network, [image], out, as_is=as_is)
    query = features_of(opened.network, pictures.images[:1], name)[0]
    known = _kept(opened, dataset, split, name, out)
    part = dataset.split(split)
    itself = _places_of(image, part)
    found = nearest_to(query, known.rows, count + len(itself), metric)
    others = [place for place, index in enumerate(found.indices) if index not in itself][:count]
    found = Neighbours(found.indices[others], found.distances[others])
    names = [_called(part, split, index) for index in found.indices]
    labels = [int(known.labels[index]) for index in found.indices]
    classes = [dataset.class_names[label] if label >= 0 else None for label in labels]
    known_names = {each.split(maxsplit=1)[0]: each for each in opened.network.class_names}
    shown_as = [  # a folder n01440764 is what the network calls "n01440764 tench, Tinca tinca"
        Path(image).name if one is None else short_name(known_names.get(one, one))
        for image, one in zip(names, classes, strict=True)
    ]
    captions = [  # the name of a file may be too long for a caption, and is cut at its end
        f"{distance:.3g} · {one}" if label < 0 else f"{one} · {distance:.3g}"
        for label, one, distance in zip(labels, shown_as, found.distances, strict=True)
    ]
    made = joined(
        opened.fact,
        data_fact(dataset, split),
        f"{metric} distance in {name}, of {len(part) - len(itself):,} {'other ' if itself else ''}pictures",
        seen,
    )
    shown = [part.read(slice(index, index + 1))[0] for index in found.indices]
    drawing = neighbours(pictures.shown()[0], shown, captions, provenance=made)
    numbers = {
        "query": (query, f"what {name} puts out for the picture"),
        "images": (found.indices, f"index in {split} of the nearest, the nearest first"),
        "distances": (found.distances, f"their {metric} distances"),
        "classes": (shown_as, "their classes, or their files where they have none"),
    }
    out.table(
        ["picture", "class", "distance"],
        [
            (image, "" if label < 0 else one, f"{distance:.4g}")
            for image, one, label, distance in zip(names, shown_as, labels, found.distances, strict=True)
        ],
    )
    saved = target.save(drawing, numbers)
    return {
        "neighbours": [
            {"image": image, "distance": float(distance), "class": one}
            for image, one, distance in zip(names, classes, found.distances, strict=True)
        ],
        **saved,
        "layer": name,
        "metric": metric,
        "model": opened.path,
        "data": str(dataset.path or dataset.name),
    }


def _places_of(image: Path, part: Split) -> list[int]:
    """Returns the indices of a file in a split that is read from a folder, as a picture is no neighbour of its own."""
    from numbacnn.data.picture_files import FileImages

    if not isinstance(part.images, FileImages):
        return []
    file = image.resolve()
    return [index for index, path in enumerate(part.images.paths) if path.resolve() == file]


def _called(part: Split, split: str, index: int) -> str:
    """Returns a picture's file, or its place in the split."""
    from numbacnn.data.picture_files import FileImages

    return str(part.images.paths[index]) if isinstance(part.images, FileImages) else f"{split} {index}"


def _layer(opened: OpenedModel, given: str | None) -> str:
    from numbacnn.analysis import last_hidden

    return last_hidden(opened.network) if given is None else opened.network.graph[given].name


def _write(path: Path, opened: OpenedModel, dataset: Dataset, split: str, layer: str, out: Output) -> int:
    """Computes and writes the features of a split; returns the numbers of a picture."""
    from numbacnn.storage.features import write_features

    part = dataset.split(split)
    size: int = opened.network.graph.shapes[layer][-1]
    record = {
        "model": str(opened.path),
        "data": str(dataset.path or dataset.name),
        "split": split,
        "layer": layer,
        "class_names": list(dataset.class_names),
    }
    write_features(path, _rows(opened, part, layer, out), (len(part), size), part.labels, record)
    return size


def _rows(opened: OpenedModel, part: Split, layer: str, out: Output) -> Iterator[Any]:
    """Yields the features of a split, some pictures at a time."""
    from numbacnn.analysis import features

    rows = (features(opened.network, images, layer) for images, _ in part.batches(AT_A_TIME))
    return out.progress(rows, "looking", -(-len(part) // AT_A_TIME))


def _state(dataset: Dataset, split: str) -> str:
    """Returns a text that changes when one of a data set's files changes."""
    from numbacnn.data.picture_files import FileImages

    if dataset.path is None:
        return str(dataset.name)
    images = dataset.split(split).images
    files = images.paths if isinstance(images, FileImages) else [dataset.path]
    return " ".join(f"{file.resolve()} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)


def _kept(opened: OpenedModel, dataset: Dataset, split: str, layer: str, out: Output) -> Features:
    """Returns the features of a split from the cache; they are computed and kept there if it has none."""
    import hashlib

    import numpy as np

    from numbacnn.errors import DataError
    from numbacnn.storage.features import Features, read_features

    what = hashlib.sha256(opened.path.read_bytes())
    what.update(f"{_state(dataset, split)} {split} {layer}".encode())
    folder = cache("features")
    path = None if folder is None else folder / f"{what.hexdigest()[:32]}.h5"
    if path is not None and path.is_file():
        try:
            return read_features(path)
        except DataError as error:
            out.warn(f"{error}: computed again")
    try:
        if path is None:
            raise OSError("there is no home to keep it in")
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, opened, dataset, split, layer, out)
        return read_features(path)
    except (OSError, DataError) as error:
        if isinstance(error, DataError) and str(path) not in str(error):
            raise  # it is the data set's own
        out.warn(
            f"features cannot be kept for the next time ({error}); NUMBACNN_CACHE_DIR can name another folder"
        )
        part = dataset.split(split)
        return Features(np.concatenate(list(_rows(opened, part, layer, out))), part.labels, {})

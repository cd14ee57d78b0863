"""numbacnn viz features: what a network's last hidden layer takes for alike, in the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from ..captions import data_fact, joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_data, open_model
from ..options import CPU, Compute, Data, Model, Out, SplitName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numbacnn.analysis import Plane
    from numbacnn.figures import Neighbourhood

AT_A_TIME = 256
MOST = 10_000
"""Pictures; t-SNE of more takes very long."""
NEIGHBOURS = 6
QUERIES = 10
"""Pictures whose neighbours are drawn."""


def features(
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    layer: str | None = None,
    method: Annotated[Literal["pca", "t-sne"], Parameter(help="How the plane is found.")] = "pca",
    count: Annotated[int, Parameter(help="Pictures to look at, from the first on.")] = 1000,
    seed: Annotated[int, Parameter(help="Of t-SNE.")] = 0,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Lay pictures out in the plane by what the last hidden layer makes of them, coloured by class and as thumbnails.

    PCA takes the two directions in which the features differ most; t-SNE (pip install 'numbacnn[features]') keeps near ones near.
    A second figure, NAME-neighbours, has some of the pictures with those that are nearest to them, red where they are of another
    class. A third, NAME-confusion, counts for each class which class the five nearest pictures of its pictures have: what the
    features alone take for alike. Pictures of a folder without classes are shown without colours.

    JSON: `figure`, `data_file`, `neighbours_figure`, `confusion_figure` (null without classes), `model`, `data`, `split`, `layer`, `method`, `images`, `shares` (of the variance,
    of PCA), `points[]` (two numbers a picture), `neighbours[]` (indices of each picture's six nearest), `neighbour_error` (how often the nearest
    pictures are of another class) and `confusion` (true by nearest).

    Parameters
    ----------
    layer
        Whose output is looked at; left out, what the last layer with weights reads.
    """
    import numpy as np

    from numbacnn.analysis import features as features_of
    from numbacnn.analysis import last_hidden, nearest_to, neighbour_votes
    from numbacnn.data.classes import short_name
    from numbacnn.errors import need_whole
    from numbacnn.figures import confusion_matrix, feature_plane, neighbour_rows

    need_whole("--count", count, 5, MOST)
    target = figure.target(out, "features", reads=[model])
    opened = open_model(model, out, compute)
    network = opened.network
    name = last_hidden(network) if layer is None else network.graph[layer].name
    dataset = open_data(data, opened, out, needs_classes=False)
    part = dataset.split(split)
    part = part.subset(np.arange(min(count, len(part))))
    batches = out.progress(part.batches(AT_A_TIME), "looking", -(-len(part) // AT_A_TIME))
    rows, thumbnails = [], []
    for images, _ in batches:
        rows.append(features_of(network, images, name))
        thumbnails.append(images)
    found = np.concatenate(rows)
    plane = _plane(found, method, seed)
    labels, names = part.labels, tuple(map(short_name, dataset.class_names))
    axes = tuple(
        f"component {place + 1}, {share:.0%} of the variance" for place, share in enumerate(plane.shares)
    )
    way = "principal components" if method == "pca" else "t-SNE"
    title = f"{len(found):,} pictures by what {name} makes of them, {way}"
    made = joined(opened.fact, data_fact(dataset, split), f"the first {len(found):,} pictures")
    if method == "t-sne":
        made = joined(made, f"seed {seed}")
    images = np.concatenate(thumbnails)
    drawing = feature_plane(
        plane.points,
        images,
        labels,
        names,
        axes_names=(axes[0], axes[1]) if len(axes) == 2 else ("", ""),
        title=title,
        provenance=made,
    )
    near = [
        [int(each) for each in nearest_to(row, found, NEIGHBOURS + 1).indices if each != index][:NEIGHBOURS]
        for index, row in enumerate(found)
    ]
    numbers = {
        "points": (plane.points, "pictures, the plane's two axes"),
        "labels": (labels, "index of each picture's class, -1: not known"),
        "features": (found, f"output of {name}: pictures, numbers"),
        "neighbours": (near, "pictures, indices of the nearest others"),
    }
    saved = target.save(drawing, numbers, say=title)
    rows_drawn = _neighbourhoods(images, near, labels, names, split)
    heading = f"some pictures, and those nearest to them in {name}"
    nearest_figure = target.beside(
        neighbour_rows(rows_drawn, heading, provenance=made), "neighbours", {}, say=heading
    )
    known = labels.min() >= 0
    table, error, beside = None, None, None
    if known:
        table = neighbour_votes(found, labels, len(names))
        error = 1 - float(np.trace(table)) / len(found)
        used = np.flatnonzero(table.sum(axis=0) + table.sum(axis=1))
        kept = table[np.ix_(used, used)]
        heading = f"{name}: the class of the nearest pictures, another one for {error:.2%}"
        chart = confusion_matrix(kept, [names[each] for each in used], heading, provenance=made)
        beside = target.beside(
            chart, "confusion", {"table": (table, "true class, nearest class")}, say=heading
        )
    return {
        **saved,
        "neighbours_figure": nearest_figure,
        "confusion_figure": beside,
        "model": opened.path,
        "data": dataset.name,
        "split": split,
        "layer": name,
        "method": method,
        "images": len(found),
        "shares": list(plane.shares),
        "points": plane.points,
        "neighbours": near,
        "neighbour_error": error,
        "confusion": table,
    }


def _neighbourhoods(
    images: Any, near: list[list[int]], labels: Any, names: Sequence[str], split: str
) -> list[Neighbourhood]:
    """Some of the pictures: the first of each class, and of many classes, or of unknown ones, some at even distances."""
    import numpy as np

    from numbacnn.figures import Neighbourhood

    known, firsts = np.unique(labels, return_index=True)
    if len(known) > QUERIES or known[0] < 0:
        firsts = np.arange(min(QUERIES, len(images))) * len(images) // min(QUERIES, len(images))

    def called(index: int) -> str:
        return names[labels[index]] if labels[index] >= 0 else f"{split} {index}"

    return [
        Neighbourhood(
            images[one],
            called(one),
            [images[each] for each in near[one]],
            [called(each) for each in near[one]],
            [bool(labels[each] != labels[one]) for each in near[one]],
        )
        for one in map(int, firsts)
    ]


def _plane(rows: Any, method: str, seed: int) -> Plane:
    from numbacnn.analysis import neighbour_plane, principal_plane

    return principal_plane(rows) if method == "pca" else neighbour_plane(rows, seed)

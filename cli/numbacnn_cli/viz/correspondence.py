"""numbacnn viz correspondence: whether hiding the same part of several pictures changes a layer alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import OpenedModel, open_model
from ..options import CPU, INPUTS, AsIs, Compute, Data, Images, Model, Origins, Out, SplitName
from ..pictures import Index, fits_a_figure
from ..subjects import Subjects, check_subjects, find_subjects, the_first
from .convolutions import convolutions
from .parts import Corners, Named, as_named, read_table, seen, the_same

MOST_PICTURES = 60
MOST_PARTS = 7
MOST_LAYERS = 6
MOST_DRAWS = 200
SHOWN = 8
"""Pictures of the data set that are taken unasked."""


def correspondence(
    images: Images = (),
    /,
    *,
    parts: Annotated[
        Path | None,
        Parameter(
            group=INPUTS,
            help="Table of parts, as CSV with the columns image, part, top, left, bottom, right: a line for each part of each "
            "picture, in the file's own pixels. The pictures are those of the table.",
        ),
    ] = None,
    part: Annotated[
        tuple[Named, ...],
        Parameter(
            group=INPUTS,
            converter=as_named,
            n_tokens=1,
            accepts_keys=False,
            negative="",
            help="A part that has the same place in every picture: NAME=TOP,LEFT,BOTTOM,RIGHT, in pixels of what the network sees. "
            "Several times for several parts.",
        ),
    ] = (),
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    layer: str | None = None,
    draws: Annotated[int, Parameter(help="Places at random that the parts are compared with.")] = 10,
    value: Annotated[str, Parameter(help="What hides the part: grey, black, white or mean.")] = "grey",
    seed: Annotated[int, Parameter(help="What the places at random are drawn from.")] = 0,
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Hide the same part of several pictures (the left eye of every dog): does a layer change alike in all of them?

    For each pair of pictures the share of a layer's units is counted that move to different sides when the part is hidden
    (Zeiler and Fergus, 2013, section 4.4 and table 1). Where parts stand lower than places at random, the layer
    knows, in a way that nobody taught it, which parts of different pictures correspond.

    JSON: `figure`, `data_file`, `model`, `images[]`, `pairs` (how many), `draws`, `value`, and `layers[]` with `.layer`, `.random` (`.mean`
    and `.deviation` of all pairs and places at random) and `.parts[]`: `.part`, `.mean` and `.deviation` over the pairs, `.below_random` (the
    share of the places at random whose mean is above the part's); `boxes`, by part: top, left, bottom, right in what the network sees, a picture.

    Parameters
    ----------
    layer
        Names of layers, with commas between them; left out, the last convolution and the last hidden layer. A convolution
        stands for the activation after it.
    """
    import numpy as np

    from numbacnn.analysis import activation_of, correspondences
    from numbacnn.errors import UsageError, need_whole
    from numbacnn.figures import correspondence_chart

    need_whole("--draws", draws, 1, MOST_DRAWS)
    need_whole("--seed", seed, 0)
    target = figure.target(out, "correspondence", reads=[*images, model, parts])
    if (parts is None) == (not part):
        raise UsageError(
            "one of --parts FILE.csv (a place a picture) and --part NAME=TOP,LEFT,BOTTOM,RIGHT (the same in all) is expected"
        )
    opened = open_model(model, out, compute)
    network = opened.network
    names = [name.strip() for name in layer.split(",")] if layer else _layers(opened)
    layers = list(dict.fromkeys(activation_of(network, name) for name in names))
    fits_a_figure(len(layers), "layers", MOST_LAYERS)
    found, boxes = (
        _of_table(parts, opened, images, given, out)
        if parts is not None
        else _of_places(part, opened, images, data, split, index, given, out, as_is=as_is)
    )
    fits_a_figure(len(boxes), "parts", MOST_PARTS)
    pictures = found.pictures
    steps = correspondences(network, pictures.images, boxes, layers, random=draws, seed=seed, value=value)
    done = list(out.progress(steps, "hidden", len(boxes) + draws))
    own = [each for each in done if each.part is not None]
    drawn = [each for each in done if each.part is None]
    count = len(pictures.names)
    rows: list[dict[str, Any]] = []
    for name in layers:
        at_random = np.stack([each.differences[name] for each in drawn])
        rows.append(
            {
                "layer": name,
                "random": {"mean": float(at_random.mean()), "deviation": float(at_random.std())},
                "parts": [
                    {
                        "part": each.part,
                        "mean": float(each.differences[name].mean()),
                        "deviation": float(each.differences[name].std()),
                        "below_random": float(
                            (at_random.mean(axis=1) > each.differences[name].mean()).mean()
                        ),
                    }
                    for each in own
                ],
            }
        )
    out.table(
        ["layer", *boxes, "at random"],
        [
            [
                row["layer"],
                *(f"{entry['mean']:.3f} ± {entry['deviation']:.3f}" for entry in row["parts"]),
                f"{row['random']['mean']:.3f} ± {row['random']['deviation']:.3f}",
            ]
            for row in rows
        ],
    )
    title = f"The same part of {count} pictures hidden: how differently units move"
    made = joined(
        opened.fact,
        found.source or f"{count} pictures",
        f"hidden: {value}",
        f"{draws} places at random, seed {seed}",
        "deviations over pairs of pictures",
    )
    drawing = correspondence_chart(
        list(pictures.images),
        boxes,
        {row["layer"]: [(each["mean"], each["deviation"]) for each in row["parts"]] for row in rows},
        {name: np.array([each.differences[name].mean() for each in drawn]) for name in layers},
        title=title,
        provenance=made,
    )
    numbers: dict[str, tuple[Any, str]] = {
        "boxes": (
            np.array([boxes[name] for name in boxes]),
            "parts, pictures, (top, left, bottom, right) in pixels of what the network sees",
        ),
        "parts": (list(boxes), "the parts' names"),
    }
    for name in layers:
        numbers[f"{name}/parts"] = (
            np.stack([each.differences[name] for each in own]),
            "share of units that move to different sides: parts, pairs of pictures (0 and 1, 0 and 2, …)",
        )
        numbers[f"{name}/random"] = (
            np.stack([each.differences[name] for each in drawn]),
            "the same of places at random: draws, pairs of pictures",
        )
    return {
        **target.save(drawing, numbers, say=title),
        "model": opened.path,
        "images": pictures.names,
        "pairs": count * (count - 1) // 2,
        "draws": draws,
        "value": value,
        "layers": rows,
        "boxes": {name: [list(box) for box in own] for name, own in boxes.items()},
    }


def _layers(opened: OpenedModel) -> list[str]:
    """The last convolution, and the last layer before the scores where it is another one."""
    from numbacnn.analysis import last_hidden

    return [convolutions(opened.network)[-1], last_hidden(opened.network)]


def _of_table(
    path: Path, opened: OpenedModel, images: tuple[Path, ...], given: Origins, out: Out
) -> tuple[Subjects, dict[str, Any]]:
    from numbacnn.errors import UsageError

    about = [f"--{name}" for name in ("data", "split", "index") if given.place(name) != "default"]
    if images or about:
        raise UsageError(
            f"--parts and {'IMAGE' if images else about[0]}: the table says which pictures are meant; leave one out"
        )
    files, places = read_table(path)
    fits_a_figure(len(files), "pictures", MOST_PICTURES)
    # As it is: framing would move what the table names.
    found = find_subjects(opened, files, None, "test", None, the_first(1), as_is=True, out=out)
    pictures, shape = found.pictures, opened.network.input_shape
    return found, {
        name: seen(own, pictures.photographs, pictures.names, shape) for name, own in places.items()
    }


def _of_places(
    part: tuple[Named, ...],
    opened: OpenedModel,
    images: tuple[Path, ...],
    data: str | None,
    split: str,
    index: Any,
    given: Origins,
    out: Out,
    *,
    as_is: bool,
) -> tuple[Subjects, dict[str, Any]]:
    from numbacnn.errors import UsageError

    check_subjects(images, given, MOST_PICTURES)
    places: dict[str, Corners] = dict(part)
    if len(places) < len(part):
        raise UsageError("--part: two parts have the same name; another one is expected for each")
    found = find_subjects(
        opened, images, data, split, index, the_first(SHOWN), as_is=as_is, out=out, most=MOST_PICTURES
    )
    count, shape = len(found.pictures.names), opened.network.input_shape
    return found, {name: the_same(place, name, count, shape) for name, place in places.items()}

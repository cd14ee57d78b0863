"""numbacnn viz occlusion: what a network makes of a picture while a square slides over it."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, AsIs, Compute, Data, Images, Model, Origins, Out, SplitName
from ..pictures import Index
from .asked import Class, check_asked, find_asked
from .convolutions import convolutions


def occlusion(
    images: Images = (),
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    class_: Class = None,
    layer: str | None = None,
    window: Annotated[
        int | None, Parameter(help="Side of the square in pixels of what the network sees.")
    ] = None,
    stride: Annotated[int | None, Parameter(help="Pixels from one place to the next.")] = None,
    value: Annotated[str, Parameter(help="What the square shows: grey, black, white or mean.")] = "grey",
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Slide a grey square over a picture, and show what the network makes of it at each place.

    Five panels (Zeiler and Fergus, 2013, figure 7): the picture; what the strongest unit of a layer answers to, walked back to pixels;
    the activity of that unit's map; the probability of the class; and the class that the network names, each by where the square is.
    Where hiding a part makes both fall, the unit answers to that part and the class depends on it.

    JSON: `figure`, `data_file`, `model`, `image`, `layer`, `unit`, `index` and `name` of the class, `window`, `stride`, `whole`
    (`.activity`, `.probability`, `.likeliest`, without a square), and the maps, a row of numbers each: `activity`, `probability`,
    `likeliest` (names), with `boxes` (top, left, bottom, right in pixels).

    Parameters
    ----------
    class_
        Class to ask about, by name or index; left out, what the network says of the picture.
    layer
        Name of a convolution; left out, the last.
    """
    from numbacnn.analysis import occlusion_study
    from numbacnn.analysis.occlusion import resolved
    from numbacnn.data.classes import short_name
    from numbacnn.figures import occlusion_panel

    target = figure.target(out, "occlusion", reads=[*images, model])
    check_asked(images, given, 1)
    opened = open_model(model, out, compute)
    network = opened.network
    name = layer or convolutions(network)[-1]
    subjects = find_asked(opened, images, data, split, index, class_, as_is=as_is, out=out, shown=1, most=1)
    picture, chosen = subjects.pictures.images[0], int(subjects.classes[0])
    side, step = resolved(network.input_shape, window, stride)
    study = occlusion_study(network, picture, name, chosen, window=side, stride=step, value=value)
    names = tuple(map(short_name, network.class_names))
    title = f"{names[chosen]} ({study.whole[1]:.0%}): a square of {side}x{side} pixels over the picture"
    made = joined(
        opened.fact,
        subjects.source,
        f"square: {value}, by {step} pixels",
        f"unit {study.unit} of {study.node}, the strongest in the whole picture",
        subjects.asked,
    )
    drawing = occlusion_panel(
        picture,
        study.projection,
        study.activity,
        study.probabilities,
        study.likeliest,
        study.boxes,
        names,
        unit=f"unit {study.unit}",
        class_name=names[chosen],
        title=title,
        provenance=made,
    )
    numbers = {
        **subjects.numbers(),
        "boxes": (study.boxes, "places of the square: row after row, (top, left, bottom, right) in pixels"),
        "activity": (
            study.activity,
            f"sum of unit {study.unit}'s map at {study.node}: rows, columns of places",
        ),
        "probability": (study.probabilities, f"of {network.class_names[chosen]}: rows, columns of places"),
        "likeliest": (study.likeliest, "index of the likeliest class: rows, columns of places"),
        "projection": (
            study.projection,
            "the unit's strongest activation walked back: rows, columns, colours",
        ),
    }
    return {
        **target.save(drawing, numbers, say=title),
        "model": opened.path,
        "image": subjects.pictures.names[0],
        "layer": study.node,
        "unit": study.unit,
        "index": chosen,
        "name": network.class_names[chosen],
        "window": side,
        "stride": step,
        "whole": {
            "activity": study.whole[0],
            "probability": study.whole[1],
            "likeliest": network.class_names[study.whole[2]],
        },
        "activity": study.activity,
        "probability": study.probabilities,
        "likeliest": [[network.class_names[each] for each in row] for row in study.likeliest],
        "boxes": [list(box) for box in study.boxes],
    }

"""numbacnn viz unit: what a channel of a layer, or one unit of it, looks for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, Compute, Model, Out, Units, expand
from ..pictures import fits_a_figure
from .convolutions import convolutions
from .making import VIEWS, Views, columns_of, end, followed, used

SHOWN, MOST = 8, 64


def unit(
    *,
    model: Model = None,
    layer: str | None = None,
    units: Annotated[
        Units, Parameter(help="Units of the layer: 0-15, or 3,7,9. Left out: the first eight.")
    ] = None,
    of: Literal["channel", "unit"] = "channel",
    climbing: Views = VIEWS,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Make pictures that excite units of a layer most, from noise: what each of them looks for.

    Ctrl-C keeps what there is. JSON: `figure`, `data_file`, `model`, `layer`, `of`, `steps`, `canvas`, `options`, and `units[]` with
    `.unit` and `.value` (of the last view).

    Parameters
    ----------
    layer
        Name of a layer; left out, the last convolution. It is looked at before its activation.
    of
        The mean of a channel's whole map, or the one unit in the middle of it.
    """
    import dataclasses

    from numbacnn.analysis.making import CLASS, unit_pictures
    from numbacnn.figures import image_grid

    target = figure.target(out, reads=[model])
    ascent = climbing.ascent(CLASS, zoom=climbing.zoom)
    opened = open_model(model, out, compute)
    network = opened.network
    node = network.graph[layer or convolutions(network)[-1]]
    shape = network.graph.shapes[node.name]
    wanted = list(range(min(SHOWN, shape[-1])))
    if units is not None:
        wanted = expand(units, shape[-1], "--units", f"layer '{node.name}'")
    fits_a_figure(len(wanted), "units", MOST)
    target.name(f"unit-{node.name}")
    middle = (shape[0] // 2, shape[1] // 2) if of == "unit" and len(shape) == 3 else None
    steps = unit_pictures(
        network, node.name, wanted, ascent, place=middle, canvas=climbing.canvas, margin=climbing.jitter
    )
    last, stopped = followed(steps, ascent.steps, "pictures of units", out)
    captions = [f"{number} ({value:.3g})" for number, value in zip(wanted, last.values, strict=True)]
    what = "the mean of the channel's map" if middle is None else "the unit in the middle of the map"
    made = joined(opened.fact, f"{what}, climbed", used(ascent, climbing.canvas))
    title = f"What excites units of {node.name}"
    drawing = image_grid(last.pictures, captions, columns_of(len(wanted)), title, side=2.0, provenance=made)
    numbers = {
        "images": (last.pictures, "pictures, rows, columns, channels; 0 to 1"),
        "units": (wanted, "the unit of each"),
        "values": (last.values, "what the unit said of the last view"),
    }
    result = {
        **target.save(drawing, numbers, say=f"{len(wanted)} units after {last.number} steps"),
        "model": opened.path,
        "layer": node.name,
        "of": of,
        "steps": last.number,
        "canvas": climbing.canvas,
        "options": dataclasses.asdict(ascent),
        "units": [
            {"unit": number, "value": float(value)} for number, value in zip(wanted, last.values, strict=True)
        ],
    }
    end(stopped, last.number, ascent.steps, out)
    return result

"""numbacnn viz class: what a network thinks a class looks like."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, Compute, Model, Out
from ..pictures import class_index, fits_a_figure
from .making import VIEWS, Views, columns_of, end, followed, used

SHOWN, MOST = 8, 64

Classes = Annotated[
    tuple[str, ...],
    Parameter(
        name="CLASS",
        help="Classes by name or index; left out, the first eight.",
        negative="",
        show_default=False,
    ),
]


def class_(
    classes: Classes = (),
    /,
    *,
    model: Model = None,
    climbing: Views = VIEWS,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Make the pictures that a network is surest of: one a class, from noise, by climbing the class's score before the softmax.

    Simonyan et al. (2014) climb with a pull towards grey (--l2) on pixels (--canvas pixels); frequencies in decorrelated
    colours, and views that move and scale, make pictures that look more like something (Olah et al., 2017). Ctrl-C keeps
    what there is. JSON: `figure`, `data_file`, `model`, `steps`, `canvas`, `options`, and `classes[]` with `.index`, `.name`,
    `.score` (of the last view) and `.probability` (of the picture as it is shown).
    """
    import dataclasses

    from numbacnn.analysis.making import CLASS, class_pictures
    from numbacnn.data.classes import short_name
    from numbacnn.figures import image_grid

    target = figure.target(out, "class", reads=[model])
    ascent = climbing.ascent(CLASS, zoom=climbing.zoom)
    fits_a_figure(len(classes), "classes", MOST)
    opened = open_model(model, out, compute)
    network = opened.network
    wanted = [class_index(network, name) for name in classes] or list(range(min(SHOWN, network.classes)))
    steps = class_pictures(network, wanted, ascent, canvas=climbing.canvas, margin=climbing.jitter)
    last, stopped = followed(steps, ascent.steps, "class pictures", out)
    probabilities = network.predict(last.pictures)
    names = [network.class_names[index] for index in wanted]
    shares = [float(row[index]) for row, index in zip(probabilities, wanted, strict=True)]
    captions = [f"{short_name(name)} ({share:.0%})" for name, share in zip(names, shares, strict=True)]
    made = joined(opened.fact, "score before the softmax, climbed", used(ascent, climbing.canvas))
    drawing = image_grid(last.pictures, captions, columns_of(len(wanted)), side=2.0, provenance=made)
    for caption, value in zip(captions, last.values, strict=True):
        out.say(f"{caption}, score {value:.1f}")
    asleep = [name for name, value in zip(names, last.values, strict=True) if value == 0]
    if asleep:
        out.warn(
            f"the score of {', '.join(asleep)} stays 0, and has no gradient to climb: another --seed may wake it"
        )
    numbers = {
        "images": (last.pictures, "pictures, rows, columns, channels; 0 to 1"),
        "classes": (names, "the class of each"),
    }
    result = {
        **target.save(drawing, numbers, say=f"{len(names)} classes after {last.number} steps"),
        "model": opened.path,
        "steps": last.number,
        "canvas": climbing.canvas,
        "options": dataclasses.asdict(ascent),
        "classes": [
            {"index": index, "name": name, "score": float(value), "probability": share}
            for index, name, value, share in zip(wanted, names, last.values, shares, strict=True)
        ],
    }
    end(stopped, last.number, ascent.steps, out)
    return result

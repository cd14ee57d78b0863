"""numbacnn viz depth: the revolution of depth."""

from __future__ import annotations

from typing import Any

from ..figure_options import FIGURE, FigureOptions
from ..options import Out


def depth(*, figure: FigureOptions = FIGURE, out: Out) -> dict[str, Any]:
    """Draw the lecture's revolution of depth: what did best at ILSVRC, its top-5 error and its layers, year by year.

    JSON: `figure`, `data_file`, and `entries[]` with `.year`, `.name`, `.layers` (0: a shallow method) and `.top5_error` (percent, test pictures).
    """
    from numbacnn.figures import Entry, revolution_of_depth
    from numbacnn.published import SUBMISSIONS, SUBMISSIONS_SOURCE

    target = figure.target(out, "depth")
    entries = [Entry(f"{each.name}\n{each.year}", each.top5_error, each.layers) for each in SUBMISSIONS]
    title = "The revolution of depth: ILSVRC from 2010 to 2015"
    for each in SUBMISSIONS:
        layers = f"{each.layers} layers" if each.layers else "shallow"
        out.say(f"{each.year}  {each.name}: {each.top5_error:g} %, {layers}")
    numbers = {
        "names": ([each.name for each in SUBMISSIONS], "the method"),
        "years": ([each.year for each in SUBMISSIONS], "year of the challenge"),
        "layers": ([each.layers for each in SUBMISSIONS], "layers with weights; 0: a shallow method"),
        "top5_error": (
            [each.top5_error for each in SUBMISSIONS],
            "top-5 error on the test pictures, percent",
        ),
    }
    drawing = revolution_of_depth(entries, title, provenance=SUBMISSIONS_SOURCE)
    saved = target.save(drawing, numbers, say=f"{len(entries)} methods")
    return {**saved, "entries": [each._asdict() for each in SUBMISSIONS]}

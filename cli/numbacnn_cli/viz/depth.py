"""numbacnn viz depth: the revolution of depth."""

from __future__ import annotations

from typing import Any

from ..destination import Destination
from ..options import Force, Out, Picture


def depth(output: Picture = None, *, force: Force = False, out: Out) -> dict[str, Any]:
    """Draw the lecture's revolution of depth: what did best at ILSVRC, its top-5 error and its layers, year by year.

    JSON: `figure`, and `entries[]` with `.year`, `.name`, `.layers` (0: a shallow method) and `.top5_error` (percent, test pictures).
    """
    from numbacnn.figures import Entry, revolution_of_depth, save
    from numbacnn.published import SUBMISSIONS, SUBMISSIONS_SOURCE

    to = Destination(out, force=force)
    path = to.output(output) or to.default("depth")
    entries = [Entry(f"{each.name}\n{each.year}", each.top5_error, each.layers) for each in SUBMISSIONS]
    title = "The revolution of depth: ILSVRC from 2010 to 2015"
    save(revolution_of_depth(entries, title, provenance=SUBMISSIONS_SOURCE), path)
    for each in SUBMISSIONS:
        layers = f"{each.layers} layers" if each.layers else "shallow"
        out.say(f"{each.year}  {each.name}: {each.top5_error:g} %, {layers}")
    out.say(f"{path}: {len(entries)} methods")
    return {"figure": path, "entries": [each._asdict() for each in SUBMISSIONS]}

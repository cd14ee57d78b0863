"""numbacnn viz attribute: which pixels a class's score depends on, by a method of choice."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import (
    CPU,
    OUTPUTS,
    AsIs,
    Compute,
    Data,
    Images,
    Model,
    Origins,
    Out,
    SplitName,
)
from ..pictures import Index
from .asked import Class, check_asked, find_asked
from .methods import DEFAULTS, NAMES, MethodOptions, described


def attribute(
    images: Images = (),
    /,
    *,
    method: Annotated[str, Parameter(help=f"One of {NAMES}.")] = "grad-cam",
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    class_: Class = None,
    options: MethodOptions = DEFAULTS,
    batch_size: int = 16,
    as_is: AsIs = False,
    view: Annotated[Literal["side-by-side", "overlay"], Parameter(group=OUTPUTS)] = "side-by-side",
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Show which pixels a class's score depends on, by one of nine methods: a map, beside the picture and laid over it.

    Without IMAGE, pictures of the data set are taken. Methods whose maps have a sign (gradient-times-input,
    integrated-gradients, occlusion) are red where pixels speak for the class and blue where they speak against it.
    'numbacnn viz compare' puts all methods beside each other.

    JSON: `figure`, `data_file`, `model`, `method`, `options` (all of the method's), `signed`, and `pictures[]` with `.image`, `.index`,
    `.name` and `.probability` of the class that was looked at, `.label` (null if not known); of integrated-gradients also
    `.completeness_error` and `.score_change`: the values sum to the score's change from the baseline, up to the error.

    Parameters
    ----------
    class_
        Class to ask about, by name or index; left out, what the network predicts for each picture.
    batch_size
        Pictures, or noisy or hidden copies of one, in a pass: fewer take less memory.
    view
        The picture, its map and the map laid over it (side-by-side), or the last alone (overlay).
    """
    import dataclasses

    import numpy as np

    from numbacnn.errors import need_whole
    from numbacnn.figures import saliency_panel

    wanted = options.method(method)
    need_whole("--batch-size", batch_size)
    target = figure.target(out, method, reads=[*images, model])
    check_asked(images, given)
    opened = open_model(model, out, compute)
    network = opened.network
    chosen = wanted.settled(network)
    found = find_asked(opened, images, data, split, index, class_, as_is=as_is, out=out)
    pictures = found.pictures.images
    total = len(pictures) if chosen.one_by_one else -(-len(pictures) // batch_size)
    parts = chosen.iterate(network, pictures, found.classes, batch_size=batch_size)
    explained = list(out.progress(parts, chosen.title, total))

    maps = np.concatenate([part.maps for part in explained])
    facts = {key: np.concatenate([part.facts[key] for part in explained]) for key in explained[0].facts}
    captions = found.captions("score")
    made = joined(opened.fact, found.source, described(chosen), found.asked)
    drawing = saliency_panel(
        found.pictures.shown(),
        maps,
        captions,
        method=chosen.title,
        signed=chosen.signed,
        view=view,
        parts=found.parts,
        provenance=made,
    )
    for place, caption in enumerate(captions):
        error = ""
        if "completeness_error" in facts:
            numbers = facts["completeness_error"][place], facts["score_change"][place]
            error = "; the values sum to {1:.4g} {0:+.2g}, the score's change from the baseline".format(
                *numbers
            )
        out.say(f"{caption.replace(chr(10), ', ')}{error}")
    arrays = {
        **found.numbers(),
        "maps": (maps, f"{chosen.title}: pictures, rows, columns"),
        **{key: (values, f"{key.replace('_', ' ')}, a picture") for key, values in facts.items()},
    }
    say = f"{chosen.title} of {len(captions)} {'picture' if len(captions) == 1 else 'pictures'}"
    return {
        **target.save(drawing, arrays, say=say),
        "model": opened.path,
        "method": method,
        "options": dataclasses.asdict(chosen),
        "signed": chosen.signed,
        "pictures": [
            result | {key: float(values[place]) for key, values in facts.items()}
            for place, result in enumerate(found.results())
        ],
    }

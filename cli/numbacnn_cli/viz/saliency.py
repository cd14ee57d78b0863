"""numbacnn viz saliency: the pixels that a class depends on."""

from __future__ import annotations

from typing import Any, Literal

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, AsIs, Compute, Data, Images, Model, Origins, Out, SplitName
from ..pictures import Index
from .asked import Class, check_asked, find_asked


def saliency(
    images: Images = (),
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    class_: Class = None,
    of: Literal["score", "loss"] = "score",
    rule: Literal["standard", "guided"] = "standard",
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Show which pixels a class depends on: |dE/dx|, beside the picture and laid over it.

    Without IMAGE, pictures of the data set are taken. JSON: `figure`, `data_file`, `model`, `of`, `rule`, and `pictures[]` with
    `.image`, `.index`, `.name` and `.probability` of the class that was looked at, `.label` (null if not known).

    Parameters
    ----------
    class_
        Class to ask about, by name or index; left out, what the network predicts for each picture.
    of
        The class's score before the softmax (Simonyan et al., 2014), or the loss (the lecture's dE/dx).
    rule
        How rectifiers pass the gradient back: guided leaves out what speaks against the class.
    """
    from numbacnn.analysis import saliency as saliency_maps
    from numbacnn.figures import saliency_panel

    target = figure.target(out, "saliency", reads=[*images, model])
    check_asked(images, given)
    opened = open_model(model, out, compute)
    found = find_asked(opened, images, data, split, index, class_, as_is=as_is, out=out)
    maps = saliency_maps(opened.network, found.pictures.images, found.classes, of=of, rule=rule)
    captions = found.captions(of)
    kind = f"|d {of} / d pixel|, the largest of the colours"
    made = joined(opened.fact, found.source, kind, f"rule {rule}", found.asked)
    drawing = saliency_panel(found.pictures.shown(), maps, captions, parts=found.parts, provenance=made)
    numbers = {**found.numbers(), "maps": (maps, f"{kind}: pictures, rows, columns")}
    for caption in captions:
        out.say(caption.replace("\n", ", "))
    return {
        **target.save(drawing, numbers, say=f"{len(captions)} pictures"),
        "model": opened.path,
        "of": of,
        "rule": rule,
        "pictures": found.results(),
    }

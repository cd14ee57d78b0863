"""numbacnn viz saliency: the pixels that a class depends on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from ..captions import chosen_fact, data_fact, joined
from ..destination import Destination
from ..opening import open_data, open_model
from ..options import CPU, AsIs, Compute, Data, Force, Images, Model, Origins, Out, Picture, SplitName
from ..pictures import (
    Index,
    class_index,
    fits_a_figure,
    from_data,
    from_files,
    indices_of,
    only_data,
    only_files,
)

PICTURES_SHOWN = 4
MAX_PICTURES = 100


def saliency(
    images: Images = (),
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    class_: Annotated[str | None, Parameter(name="--class")] = None,
    of: Literal["score", "loss"] = "score",
    rule: Literal["standard", "guided"] = "standard",
    as_is: AsIs = False,
    output: Picture = None,
    force: Force = False,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Show which pixels a class depends on: |dE/dx|, beside the picture and laid over it.

    Without IMAGE, pictures of the data set are taken. JSON: `figure`, `model`, `of`, `rule`, and `pictures[]` with
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
    import numpy as np

    from numbacnn.analysis import saliency as saliency_maps
    from numbacnn.errors import without_controls
    from numbacnn.figures import saliency_panel, save

    to = Destination(out, reads=[*images, model], force=force)
    path = to.output(output) or to.default("saliency")
    if images:
        only_files(given, "data", "split", "index")
        fits_a_figure(len(images), "pictures", MAX_PICTURES)
    else:
        only_data(given)
    opened = open_model(model, out, compute)
    network = opened.network
    if images:
        pictures, source = from_files(network, images, out, as_is=as_is)
    else:
        dataset = open_data(data, opened, out)
        chosen: Sequence[int] = range(min(PICTURES_SHOWN, len(dataset.split(split))))
        if index is not None:
            chosen = indices_of(index, dataset, split)
            fits_a_figure(len(chosen), "pictures", MAX_PICTURES)
        pictures = from_data(network, dataset, split, chosen)
        which = chosen_fact(chosen, asked=index is not None, how=f"the first {len(chosen)} pictures")
        source = joined(data_fact(dataset, split), which)
    probabilities = network.predict(pictures.images)
    if class_ is None:
        classes = probabilities.argmax(axis=1)
    else:
        classes = np.full(len(probabilities), class_index(network, class_))
    maps = saliency_maps(network, pictures.images, classes, of=of, rule=rule)

    shown = probabilities[np.arange(len(classes)), classes]
    names = [network.class_names[index] for index in classes]
    labels = [None] * len(names) if pictures.labels is None else pictures.labels.tolist()
    truths = [None if label is None else network.class_names[label] for label in labels]
    captions = [
        f"{without_controls(Path(image).name)}{'' if truth is None else f' (true class: {truth})'}\n"
        f"{of} of {name} ({share:.0%})"
        for image, truth, name, share in zip(pictures.names, truths, names, shown, strict=True)
    ]
    asked = (
        f"class {names[0]}, as asked for" if class_ is not None else "class: what the network says of each"
    )
    made = joined(
        opened.fact, source, f"|d {of} / d pixel|, the largest of the colours", f"rule {rule}", asked
    )
    parts = [photograph.part for photograph in pictures.photographs]
    save(saliency_panel(pictures.shown(), maps, captions, parts=parts, provenance=made), path)
    for caption in captions:
        out.say(caption.replace("\n", ", "))
    out.say(f"{path}: {len(names)} pictures")
    return {
        "figure": path,
        "model": opened.path,
        "of": of,
        "rule": rule,
        "pictures": [
            {"image": image, "index": int(index), "name": name, "probability": float(share), "label": truth}
            for image, index, name, share, truth in zip(
                pictures.names, classes, names, shown, truths, strict=True
            )
        ],
    }

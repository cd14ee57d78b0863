"""numbacnn viz activations: the volumes that a picture becomes, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, AsIs, Compute, Data, Images, Model, Origins, Out, SplitName
from ..pictures import Index, fits_a_figure
from .asked import check_asked, find_asked

if TYPE_CHECKING:
    from numbacnn import Network

MAX_LAYERS = 160


def activations(
    images: Images = (),
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    layer: str | None = None,
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Show what a picture becomes, layer by layer: the maps of each volume, one behind the other.

    Without IMAGE, the first picture of the data set is taken. Of each layer the eight maps with the largest activations are drawn, the
    strongest in front; flat layers are columns of numbers. --save-data has all of them.

    JSON: `figure`, `data_file`, `model`, `image`, `top[]` (`.name`, `.probability`: what the network says of the picture), and `layers[]` with `.layer`,
    `.shape`, `.active` (share of the numbers above 0), `.largest`, `.mean`, and `.dark` (maps of which no number is above 0).

    Parameters
    ----------
    layer
        Names of layers (conv1,pool1), each for the activation after it; left out, all that change the picture's way.
    """
    import numpy as np

    from numbacnn.analysis import volumes
    from numbacnn.data.classes import short_name
    from numbacnn.errors import without_controls
    from numbacnn.figures import Volume, activation_volumes

    target = figure.target(out, "activations", reads=[*images, model])
    check_asked(images, given, 1)
    opened = open_model(model, out, compute)
    network = opened.network
    names = _layers(network, layer)
    subjects = find_asked(opened, images, data, split, index, None, as_is=as_is, out=out, shown=1, most=1)
    picture = subjects.pictures.images[0]
    found = volumes(network, picture, names)
    probabilities = network.predict(picture[None])[0]
    best = np.argsort(-probabilities, kind="stable")[: min(5, network.classes)]
    top = [{"name": network.class_names[each], "probability": float(probabilities[each])} for each in best]
    said = ", ".join(f"{short_name(entry['name'])} {entry['probability']:.1%}" for entry in top)
    image = subjects.pictures.names[0]
    title = f"What {without_controls(Path(image).name)} becomes in {len(found)} layers"
    made = joined(opened.fact, subjects.source)
    drawing = activation_volumes(
        picture,
        [Volume(name, values) for name, values in found.items()],
        [f"The network says: {said}"],
        title,
        provenance=made,
    )
    numbers = {
        f"layers/{place:03d} {name.replace('/', ' ')}": (
            values,
            f"output of {name}: rows, columns, channels, or numbers",
        )
        for place, (name, values) in enumerate(found.items())
    }
    return {
        **target.save(drawing, {"image": (picture, "what the network saw"), **numbers}, say=title),
        "model": opened.path,
        "image": image,
        "top": top,
        "layers": [
            {
                "layer": name,
                "shape": list(values.shape),
                "active": float((values > 0).mean()),
                "largest": float(values.max()),
                "mean": float(values.mean()),
                "dark": int((values.reshape(-1, values.shape[-1]) <= 0).all(axis=0).sum()),
            }
            for name, values in found.items()
        ],
    }


def _layers(network: Network, given: str | None) -> list[str]:
    """The layers of --layer, or those that tell the picture's way. Raises UsageError for one that is not there."""
    from numbacnn.analysis import activation_of, layers_of_volumes

    if given is None:
        names = layers_of_volumes(network)
    elif given in network.graph.shapes:
        names = [activation_of(network, given)]
    else:
        names = list(dict.fromkeys(activation_of(network, part.strip()) for part in given.split(",")))
    fits_a_figure(len(names), "layers", MAX_LAYERS)
    return names

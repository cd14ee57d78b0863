"""numbacnn viz invert: what layers still know of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, AsIs, Compute, Data, Images, Model, Origins, Out, SplitName
from ..pictures import Index, fits_a_figure
from .asked import check_asked, find_asked
from .making import CLIMBING, Climbing, end, followed, used

if TYPE_CHECKING:
    from numbacnn import Network

SHOWN, MOST = 5, 24


def invert(
    image: Images = (),
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    layer: str | None = None,
    climbing: Climbing = CLIMBING,
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Make pictures from what layers put out for a picture, from noise: what each layer still knows of it.

    The squared distance from the layer's output falls, and total variation (--variation) keeps the picture smooth (Mahendran
    and Vedaldi, 2015). Without IMAGE, the first picture of the data set is taken. Ctrl-C keeps what there is. JSON: `figure`,
    `data_file`, `model`, `image`, `canvas`, `options`, and `layers[]` with `.layer`, `.steps` and `.error` (the distance over the length of
    the layer's output, 0 to 1 and above).

    Parameters
    ----------
    layer
        Name of a layer, or of several (conv1,conv3); left out, up to five convolutions from the first to the last. A
        convolution stands for the activation after it.
    """
    import dataclasses

    import numpy as np

    from numbacnn.analysis.making import INVERSION, inversions
    from numbacnn.figures import image_grid

    target = figure.target(out, "invert", reads=[*image, model])
    ascent = climbing.ascent(INVERSION)
    check_asked(image, given, 1)
    opened = open_model(model, out, compute)
    network = opened.network
    layers = _layers(network, layer)
    found = find_asked(opened, image, data, split, index, None, as_is=as_is, out=out, shown=1, most=1)
    original, pictures = found.pictures.images, []
    results: list[dict[str, Any]] = []
    done, stopped = 0, None
    for name in layers:
        steps = inversions(network, original, name, ascent, canvas=climbing.canvas)
        last, stopped = followed(steps, ascent.steps, f"from {name}", out)
        done += last.number
        pictures.append(last.pictures[0])
        error = float(np.sqrt(max(-last.values[0], 0)))
        results.append({"layer": name, "steps": last.number, "error": error})
        out.say(f"{name}: {error:.1%} of the length of its output away, after {last.number} steps")
        if stopped is not None:
            break
    captions = ["what the network saw", *(f"{each['layer']} ({each['error']:.0%})" for each in results)]
    made = joined(
        opened.fact,
        found.source,
        "in brackets: distance of the layer's output, of its length",
        used(ascent, climbing.canvas),
    )
    shown = [(original[0] / 255).astype(np.float32) if original.dtype == np.uint8 else original[0], *pictures]
    title = "What layers still know of a picture"
    columns = len(shown) if len(shown) <= 4 else -(-len(shown) // 2) if len(shown) <= 8 else 4
    drawing = image_grid(shown, captions, columns, title, side=2.0, provenance=made)
    numbers = {
        **found.numbers(),
        "inversions": (np.stack(pictures), "a layer, rows, columns, channels; 0 to 1"),
        "layers": ([each["layer"] for each in results], "the layer of each"),
    }
    result = {
        **target.save(drawing, numbers, say=f"{len(results)} layers"),
        "model": opened.path,
        "image": found.pictures.names[0],
        "canvas": climbing.canvas,
        "options": dataclasses.asdict(ascent),
        "layers": results,
    }
    end(stopped, done, ascent.steps * len(layers), out)
    return result


def _layers(network: Network, given: str | None) -> list[str]:
    """The activations of the layers of --layer, each once. Raises UsageError."""
    import numpy as np

    from numbacnn.analysis import activation_of
    from numbacnn.errors import UsageError

    graph = network.graph
    if given is not None:
        names = [part.strip() for part in given.split(",")]
    else:
        every = [node.name for node in graph.nodes if node.layer.kind == "convolution"]
        if not every:
            raise UsageError("the network has no convolution; name a layer with --layer")
        places = np.linspace(0, len(every) - 1, min(SHOWN, len(every)))
        names = [every[round(place)] for place in places]
    found = list(dict.fromkeys(activation_of(network, graph[name].name) for name in names))
    fits_a_figure(len(found), "layers", MOST)
    return found

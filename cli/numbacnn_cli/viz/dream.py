"""numbacnn viz dream: a photograph in which a layer sees more of what it sees already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, Compute, Model, Out, Units, expand
from .making import ASCENT, end, followed

Photograph = Annotated[Path, Parameter(name="IMAGE", help="A photograph of any size: PNG, JPEG, ….")]


def dream(
    image: Photograph,
    /,
    *,
    model: Model = None,
    layer: str | None = None,
    units: Annotated[Units, Parameter(help="Channels that dream: 0-15, or 3,7,9. Left out: all.")] = None,
    octaves: Annotated[int, Parameter(group=ASCENT)] = 4,
    scale: Annotated[float, Parameter(group=ASCENT)] = 1.4,
    steps: Annotated[int, Parameter(group=ASCENT)] = 10,
    rate: Annotated[float, Parameter(group=ASCENT)] = 0.015,
    jitter: Annotated[int, Parameter(group=ASCENT)] = 16,
    seed: Annotated[int, Parameter(group=ASCENT)] = 0,
    longest: int = 800,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Let a network dream on a photograph: what a layer sees in it is made stronger, at several sizes (DeepDream).

    The network slides over the photograph at the photograph's own size. Ctrl-C keeps what there is. The dream is written as a
    picture of its own too, IMAGE-dream.png, pixel for pixel. JSON: `figure`, `data_file`, `picture`, `model`, `layer`, `units` (null: all), `size` (height and
    width), `octaves[]` (height and width of each), `steps`, and `strength` (half the mean square of the layer's output at the end).

    Parameters
    ----------
    layer
        Name of a layer whose output is a volume; left out, one about two thirds of the way through the network's.
    octaves
        Sizes at which the network dreams, the last the photograph's own.
    scale
        Each of them is so many times the one before.
    steps
        Steps at each size.
    rate
        How much a step changes a pixel on average, of its full scale.
    jitter
        Pixels by which the photograph is moved at most before each step.
    seed
        What the moves are drawn from.
    longest
        Pixels of the longer side; a larger photograph is scaled down first. 0: as it is.
    """
    import numpy as np

    from numbacnn.analysis.making import Dream
    from numbacnn.data.pictures import load, save
    from numbacnn.errors import need_whole
    from numbacnn.figures import image_grid
    from numbacnn.provenance import CHANGED_PICTURE

    need_whole("--longest", longest, 0)
    target = figure.target(out, "dream", reads=[image, model])
    file = target.to.picture(Path(), f"{image.stem}-dream")
    opened = open_model(model, out, compute)
    network = opened.network
    name = layer or _default_layer(network)
    chosen = None
    if units is not None:
        size = network.graph.shapes[network.graph[name].name][-1]
        chosen = expand(units, size, "--units", f"layer '{name}'")
    dreaming = Dream(name, chosen, octaves, scale, steps, rate, jitter, seed)
    photograph = _photograph(network, load(image), longest, out)
    total = octaves * steps
    last, stopped = followed(dreaming(network, photograph), total, "dreaming", out)
    height, width = photograph.shape[:2]
    picture = _at_full_size(photograph, last.pictures[0])
    save(file, np.rint(255 * picture).astype(np.uint8), software=CHANGED_PICTURE)
    made = joined(
        opened.fact,
        f"DeepDream of {name}{'' if chosen is None else f', units {chosen}'}",
        f"{octaves} octaves of {steps} steps, scale {scale:g}, rate {rate:g}, jitter {jitter}, seed {seed}",
    )
    captions = [image.name, f"dreamt by {name}"]
    drawing = image_grid([photograph, picture], captions, 2, side=4.0, provenance=made)
    numbers = {
        "photograph": (photograph, "rows, columns, channels; levels of 255"),
        "dream": (picture, "rows, columns, channels; 0 to 1"),
    }
    out.say(f"{file}: the dream, {height}x{width} pixels")
    result = {
        **target.save(drawing, numbers, say=f"after {last.number} steps"),
        "picture": file,
        "model": opened.path,
        "layer": name,
        "units": chosen,
        "size": [height, width],
        "octaves": [list(each) for each in dreaming.sizes((height, width))],
        "steps": last.number,
        "strength": float(last.values[0]),
    }
    end(stopped, last.number, total, out)
    return result


def _default_layer(network: Any) -> str:
    """Of the layers whose output is a volume of at least 2x2, the one two thirds of the way."""
    from numbacnn.errors import UsageError

    graph = network.graph
    volumes = [
        node.name
        for node in graph.nodes[1:]
        if len(graph.shapes[node.name]) == 3 and min(graph.shapes[node.name][:2]) > 1
    ]
    if not volumes:
        raise UsageError("no layer's output is a volume: name a layer with --layer")
    joins = [name for name in volumes if graph[name].layer.kind in ("concatenate", "add")]
    found: list[str] = joins or volumes
    return found[2 * len(found) // 3]


def _photograph(network: Any, picture: Any, longest: int, out: Any) -> Any:
    """(h,w,C) uint8 of the network's channels, scaled where its longer side is too long."""
    from numbacnn.fitting import fit

    height, width = picture.shape[:2]
    scale = min(1.0, longest / max(height, width)) if longest else 1.0
    size = max(1, round(height * scale)), max(1, round(width * scale))
    if scale < 1:
        out.note(
            f"the photograph is scaled from {height}x{width} to {size[0]}x{size[1]} pixels; --longest changes that"
        )
    return fit(picture, (*size, network.input_shape[2]))


def _at_full_size(photograph: Any, dreamt: Any) -> Any:
    """The dream; where it was stopped at a smaller size, what it has changed so far, enlarged, on the photograph."""
    import numpy as np

    from numbacnn.fitting import as_floats, scaled

    height, width = photograph.shape[:2]
    if dreamt.shape[:2] == (height, width):
        return dreamt
    whole = as_floats(photograph)
    change = dreamt - scaled(whole, *dreamt.shape[:2])
    return np.clip(whole + scaled(change, height, width), 0, 1)

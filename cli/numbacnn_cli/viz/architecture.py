"""numbacnn viz architecture: a network as the lecture's volumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..figure_options import FIGURE, FigureOptions
from ..options import Network_, Out
from ..summary import Classes, InputShape, find_network


def architecture(
    network: Network_,
    /,
    *,
    input_shape: InputShape = None,
    classes: Classes = None,
    figure: FigureOptions = FIGURE,
    out: Out,
) -> dict[str, Any]:
    """Draw a network as the lecture does: the volumes that pictures become on their way to the classes.

    Layers that change no size (rectifiers, normalisation, dropout) are not drawn. Layers beside each other (inception,
    shortcuts) are one block, and stages of one size and kind one after the other are one volume, with their number.

    JSON: `figure`, `data_file`, `network`, `volumes[]` with `.node` (the last layer), `.shape` ([H, W, C] or [D]), `.kind` (input,
    convolution, pool, dense, block, other), `.says`, `.times`, `.layers` (those with weights).
    """
    from numbacnn import summarise
    from numbacnn.analysis import outline
    from numbacnn.figures import architecture as drawn

    path = Path(network)
    is_file = path.exists()
    target = figure.target(out, reads=[path] if is_file else [])
    found = find_network(network, input_shape, classes, initialise="zero")
    found.need_pictures()
    name = (path.parent.name if path.name == "model.h5" else path.stem) if path.is_file() else path.name
    target.name(f"architecture-{name}")
    shown = outline(found.graph)
    summary = summarise(found)
    weighted = sum(each.layers for each in shown)
    title = f"{name}: {weighted} layers with weights, {summary.parameters:,} parameters"
    for each in shown:
        times = f"{each.times} x " if each.times > 1 else ""
        out.say(f"{'x'.join(map(str, each.shape)):>14}  {times}{each.says}")
    numbers = {
        "shapes": (
            [list(each.shape) for each in shown],
            "of each volume: height, width, channels, or numbers",
        ),
        "stages": ([each.says for each in shown], "what makes each volume of the one before"),
        "times": ([each.times for each in shown], "how many such stages a volume stands for"),
    }
    made = f"network {network} · heights: square root of the maps', depths: logarithm of the channels"
    saved = target.save(drawn(shown, title, provenance=made), numbers, say=title)
    return {**saved, "network": network, "volumes": [each._asdict() for each in shown]}

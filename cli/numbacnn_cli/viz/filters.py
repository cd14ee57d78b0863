"""numbacnn viz filters: the kernels of a convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..captions import joined
from ..destination import Destination
from ..opening import open_model
from ..options import Force, Model, Out, Picture
from ..preview import preview
from .convolutions import convolutions

if TYPE_CHECKING:
    from numbacnn import Network


def filters(
    *,
    model: Model = None,
    layer: str | None = None,
    scale: Literal["shared", "own"] = "shared",
    output: Picture = None,
    force: Force = False,
    out: Out,
) -> dict[str, Any]:
    """Draw the kernels of a convolution as a mosaic: smooth and diverse ones are a sign of good training.

    JSON: `figure`, `model`, `layer`, `filters`, `kernel` ([R, S, C]), `scale`.

    Parameters
    ----------
    layer
        Name of a convolution; left out, the first.
    scale
        One scale of grey or colour for all kernels (shared), or each its own, which shows faint ones too.
    """
    from numbacnn.figures import filter_mosaic, mosaic_array, save

    to = Destination(out, reads=[model], force=force)
    given = to.output(output)
    opened = open_model(model, out)
    network = opened.network
    name = layer or convolutions(network)[0]
    kernels = _kernels(network, name)
    height, width, channels, count = kernels.shape
    path = given or to.default(f"filters-{name}")
    title = f"{name}: {count} filters of {height}x{width}x{channels}"
    made = joined(opened.fact, f"weights of {name}")
    save(filter_mosaic(kernels, scale=scale, title=title, provenance=made), path)
    preview(mosaic_array(kernels, scale), out)
    out.say(f"{path}: {title}")
    return {
        "figure": path,
        "model": opened.path,
        "layer": name,
        "filters": count,
        "kernel": [height, width, channels],
        "scale": scale,
    }


def _kernels(network: Network, name: str) -> Any:
    """(R,S,C,K), colours in the order red, green, blue. Raises UsageError unless the layer is a convolution."""
    from numbacnn.errors import UsageError

    node = network.graph[name]
    if node.layer.kind != "convolution":
        known = ", ".join(convolutions(network))
        raise UsageError(f"layer '{name}' is {node.layer.kind} and has no kernels; convolutions: {known}")
    kernels = network.parameter(name, "weights")
    sees_pixels = node.inputs == (network.graph.nodes[0].name,)
    return kernels[:, :, ::-1] if sees_pixels and network.graph.pixels.channel_order == "BGR" else kernels

"""numbacnn viz filters: the kernels of a convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import Model, Out
from .convolutions import convolutions

if TYPE_CHECKING:
    from numbacnn import Network


def filters(
    *,
    model: Model = None,
    layer: str | None = None,
    scale: Literal["shared", "own"] = "shared",
    figure: FigureOptions = FIGURE,
    out: Out,
) -> dict[str, Any]:
    """Draw the kernels of a convolution as a mosaic: smooth and diverse ones are a sign of good training.

    JSON: `figure`, `data_file`, `model`, `layer`, `filters`, `kernel` ([R, S, C]), `scale`.

    Parameters
    ----------
    layer
        Name of a convolution; left out, the first.
    scale
        One scale of grey or colour for all kernels (shared), or each its own, which shows faint ones too.
    """
    from numbacnn.figures import filter_mosaic, mosaic_array

    target = figure.target(out, reads=[model])
    opened = open_model(model, out)
    network = opened.network
    name = layer or convolutions(network)[0]
    kernels = _kernels(network, name)
    height, width, channels, count = kernels.shape
    target.name(f"filters-{name}")
    title = f"{name}: {count} filters of {height}x{width}x{channels}"
    made = joined(opened.fact, f"weights of {name}")
    saved = target.save(
        filter_mosaic(kernels, scale=scale, title=title, provenance=made),
        {"kernels": (kernels, f"weights of {name}: rows, columns, channels, filters")},
        say=title,
        blocks=mosaic_array(kernels, scale),
    )
    return {
        **saved,
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

"""numbacnn viz filters: the kernels of a convolution, and a verdict on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import OpenedModel, open_model
from ..options import Model, Out
from .convolutions import convolutions

if TYPE_CHECKING:
    from numbacnn import Network
    from numbacnn.analysis import Judgement


def filters(
    *,
    model: Model = None,
    layer: str | None = None,
    scale: Literal["shared", "own"] = "shared",
    view: Literal["channels", "components"] = "channels",
    figure: FigureOptions = FIGURE,
    out: Out,
) -> dict[str, Any]:
    """Draw the kernels of a convolution as a mosaic, and judge them: are they smooth and diverse, noisy, dead or unconverged?

    Smooth and diverse filters are a sign of good training; noisy ones of an unconverged network, a learning rate that does
    not fit, or too little regularisation. The verdict follows from numbers that --json has, with their thresholds; where the
    run kept models of its epochs (numbacnn train --keep-every N), from how they changed too. In the mosaic the numbers of dead
    filters are vermillion, those of near duplicates orange.

    JSON: `figure`, `data_file`, `model`, `layer`, `filters`, `kernel` ([R, S, C]), `scale`, `view`, and `judgement` with `.verdict` (smooth and
    diverse, smooth but alike, noisy, dead, unconverged, not judged), `.reason`, `.causes[]` (`.cause`, `.evidence`, `.advice`), `.high_frequency` (a filter:
    its share of high-frequency energy over white noise's), `.median_high_frequency`, `.dead[]`, `.duplicates[]` (pairs), `.diversity`, `.trend[]` (`.epoch`,
    `.median_high_frequency`, `.moved`) and `.thresholds`.

    Parameters
    ----------
    layer
        Name of a convolution; left out, the first.
    scale
        One scale of grey or colour for all kernels (shared), or each its own, which shows faint ones too.
    view
        Of kernels of other than one or three channels: a row a filter and a column a channel (channels), or each filter in colours, its
        strongest three mixtures of channels as red, green and blue (components).
    """
    from numbacnn.figures import filter_mosaic, mosaic_array

    target = figure.target(out, reads=[model])
    opened = open_model(model, out)
    name = layer or convolutions(opened.network)[0]
    kernels = kernels_of(opened.network, name)
    height, width, channels, count = kernels.shape
    target.name(f"filters-{name}")
    title = f"{name}: {count} filters of {height}x{width}x{channels}"
    shown, seen_as = _as_seen(kernels, view)
    judgement = judged(opened, name, kernels)
    says = spoken(judgement)
    saved = target.save(
        filter_mosaic(
            shown,
            scale=scale,
            title=title,
            says=says,
            marks=marks_of(judgement),
            provenance=joined(opened.fact, f"weights of {name}", seen_as),
        ),
        {
            "kernels": (kernels, f"weights of {name}: rows, columns, channels, filters"),
            "high_frequency": (
                judgement.measures.roughness,
                "share of high-frequency energy over white noise's: filters",
            ),
        },
        say=title,
        blocks=mosaic_array(shown, scale),
    )
    for line in says:
        out.say(line)
    return {
        **saved,
        "model": opened.path,
        "layer": name,
        "filters": count,
        "kernel": [height, width, channels],
        "scale": scale,
        "view": view,
        "judgement": judgement.summary(),
    }


def _as_seen(kernels: Any, view: str) -> tuple[Any, str]:
    """The kernels as the mosaic has them, and what a figure says of that."""
    from numbacnn.analysis import strongest_components

    if view == "channels" or kernels.shape[2] in (1, 3):
        return kernels, ""
    found = strongest_components(kernels)
    shares = ", ".join(f"{share:.0%}" for share in found.shares)
    return found.kernels, f"colours: the three strongest mixtures of channels, {shares} of the energy"


def judged(opened: OpenedModel, name: str, kernels: Any) -> Judgement:
    """The verdict on a layer, with what is known of its training and what its run kept of its epochs."""
    from numbacnn.analysis import judge
    from numbacnn.errors import ModelError
    from numbacnn.storage.models import load_model
    from numbacnn.training import kept_epochs

    history = []
    for epoch, path in kept_epochs(opened.path.parent).items():
        try:
            network, _ = load_model(path)
        except ModelError:  # the verdict can do without it
            continue
        if network.graph.shapes == opened.network.graph.shapes:
            history.append((epoch, kernels_of(network, name)))
    settings = opened.record.get("settings")
    network = opened.network
    sees_pixels = network.graph[name].inputs == (network.graph.nodes[0].name,)
    side = min(network.input_shape[:2]) if sees_pixels else None
    return judge(kernels, history, settings if isinstance(settings, dict) else None, side)


def spoken(judgement: Judgement) -> list[str]:
    """The verdict and its causes as people read them."""
    lines = [f"verdict: {judgement.verdict} ({judgement.reason})"]
    for cause in judgement.causes:
        evidence = f" ({cause.evidence})" if cause.evidence else ""
        lines.append(f"likely cause: {cause.cause}{evidence}; {cause.advice}")
    return lines


def marks_of(judgement: Judgement) -> dict[int, str]:
    """The colours of the numbers of filters that are worth nothing."""
    from numbacnn.figures.board import ORANGE, VERMILLION

    measures = judgement.measures
    twins = {unit: ORANGE for unit, twin in enumerate(measures.twins) if twin >= 0}
    return twins | {unit: VERMILLION for unit, dead in enumerate(measures.dead) if dead}


def kernels_of(network: Network, name: str) -> Any:
    """(R,S,C,K), colours in the order red, green, blue. Raises UsageError unless the layer is a convolution."""
    from numbacnn.errors import UsageError

    node = network.graph[name]
    if node.layer.kind != "convolution":
        known = ", ".join(convolutions(network))
        raise UsageError(f"layer '{name}' is {node.layer.kind} and has no kernels; convolutions: {known}")
    kernels = network.parameter(name, "weights")
    sees_pixels = node.inputs == (network.graph.nodes[0].name,)
    return kernels[:, :, ::-1] if sees_pixels and network.graph.pixels.channel_order == "BGR" else kernels

"""numbacnn viz: look inside a trained network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .captions import chosen_fact, data_fact, joined
from .destination import Destination
from .opening import open_data, open_model
from .options import (
    CPU,
    AsIs,
    Compute,
    Data,
    Force,
    Images,
    Model,
    Origins,
    Out,
    Picture,
    Ranges,
    SplitName,
    Units,
    expand,
)
from .pictures import (
    Index,
    class_index,
    fits_a_figure,
    from_data,
    from_files,
    indices_of,
    only_data,
    only_files,
)
from .preview import preview

if TYPE_CHECKING:
    from numbacnn import Network

UNITS_SHOWN = 16
UNITS_HELP = "Units of the layer: 0-15, or 3,7,9. Left out: the first 16 that are active in any picture."
PICTURES_SHOWN = 4
MAX_PICTURES = 100
MAX_UNITS = 128
"""In one figure: what still has all its dots in a picture that viewers open."""


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
    name = layer or _convolutions(network)[0]
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


def layers(
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    layer: str | None = None,
    units: Annotated[Units, Parameter(help=UNITS_HELP)] = None,
    rule: Literal["deconvnet", "guided", "standard"] = "deconvnet",
    output: Picture = None,
    force: Force = False,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Show what excites each unit of a layer: its nine strongest activations, walked back to pixels.

    Beside each reconstruction is the part of the picture that caused it, cut to the unit's receptive field
    (Zeiler and Fergus, 2013). JSON: `figure`, `model`, `data`, `split`, `images` (how many were looked at), `layer`,
    `rule`, and `units[]` with `.unit`, and of each of its strongest activations `.activations`, `.images` (index),
    `.labels`, `.rows`, `.columns`, `.boxes` (top, left, bottom, right in pixels).

    Parameters
    ----------
    layer
        Name of a layer; left out, the last convolution. A convolution stands for the activation after it.
    rule
        How rectifiers pass the signal back.
    """
    import numpy as np

    from numbacnn.analysis import strongest, unit_patches
    from numbacnn.figures import layer_units, save

    to = Destination(out, reads=[model], force=force)
    given = to.output(output)
    opened = open_model(model, out, compute)
    network = opened.network
    name = layer or _convolutions(network)[-1]
    wanted = None if units is None else _units(network, name, units)
    dataset = open_data(data, opened, out)
    part = dataset.split(split)
    path = given or to.default(f"layers-{name}")
    batches = out.progress(part.batches(64), "strongest activations", -(-len(part) // 64))
    winners = strongest(network, batches, name, wanted)
    asleep = winners.units[winners.values[:, 0] <= 0]
    if units is None:
        awake = np.flatnonzero(winners.values[:, 0] > 0)
        winners = winners.take((awake if awake.size else np.arange(len(asleep)))[:UNITS_SHOWN])
    if len(asleep):
        _say_asleep(asleep.tolist(), left_out=units is None and awake.size > 0, out=out)
    found = list(unit_patches(network, part.read, winners, rule=rule))

    size = "x".join(map(str, found[0].patches[0].shape[:2]))
    title = f"{name}: {len(found)} units, their strongest activations in {len(part)} pictures, {size} pixels"
    classes = [[dataset.class_names[label] for label in part.labels[entry.images]] for entry in found]
    which = "units as asked for" if units is not None else f"the first {len(found)} units that are active"
    made = joined(
        opened.fact,
        data_fact(dataset, split),
        f"{winners.node}: rule {rule}",
        which,
        "the nine pictures with the largest activations, one place each",
    )
    save(layer_units(found, title=title, classes=classes, provenance=made), path)
    out.say(f"{path}: {title}")
    return {
        "figure": path,
        "model": opened.path,
        "data": dataset.name,
        "split": split,
        "images": len(part),
        "layer": winners.node,
        "rule": rule,
        "units": [
            {
                "unit": entry.unit,
                "activations": entry.activations,
                "images": entry.images,
                "labels": names,
                "rows": entry.rows,
                "columns": entry.columns,
                "boxes": [list(box) for box in entry.boxes],
            }
            for entry, names in zip(found, classes, strict=True)
        ],
    }


def _units(network: Network, name: str, units: Ranges) -> list[int]:
    """The units of --units. Raises UsageError for one that the layer lacks, or for too many."""
    from numbacnn.analysis.strongest import activation_of

    size = network.graph.shapes[activation_of(network, network.graph[name].name)][-1]
    wanted = expand(units, size, "--units", f"layer '{name}'")
    fits_a_figure(len(wanted), "units", MAX_UNITS)
    return wanted


def _say_asleep(units: list[int], *, left_out: bool, out: Out) -> None:
    listed = ", ".join(map(str, units[:10])) + (", …" if len(units) > 10 else "")
    noun = "unit" if len(units) == 1 else "units"
    out.note(f"{len(units)} {noun} active in no picture{', left out' if left_out else ''}: {listed}")


def _convolutions(network: Network) -> list[str]:
    """Names of the convolutions, in order. Raises UsageError if there is none."""
    from numbacnn.errors import UsageError

    names = [node.name for node in network.graph.nodes if node.layer.kind == "convolution"]
    if not names:
        raise UsageError("the network has no convolution; name a layer with --layer")
    return names


def _kernels(network: Network, name: str) -> Any:
    """(R,S,C,K), colours in the order red, green, blue. Raises UsageError unless the layer is a convolution."""
    from numbacnn.errors import UsageError

    node = network.graph[name]
    if node.layer.kind != "convolution":
        known = ", ".join(_convolutions(network))
        raise UsageError(f"layer '{name}' is {node.layer.kind} and has no kernels; convolutions: {known}")
    kernels = network.parameter(name, "weights")
    sees_pixels = node.inputs == (network.graph.nodes[0].name,)
    return kernels[:, :, ::-1] if sees_pixels and network.graph.pixels.channel_order == "BGR" else kernels

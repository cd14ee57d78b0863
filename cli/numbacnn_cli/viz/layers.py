"""numbacnn viz layers: what excites each unit of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from ..captions import data_fact, joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_data, open_model
from ..options import CPU, Compute, Data, Model, Out, Ranges, SplitName, Units, expand
from ..pictures import fits_a_figure
from .convolutions import convolutions

if TYPE_CHECKING:
    from numbacnn import Network

UNITS_SHOWN = 16
UNITS_HELP = "Units of the layer: 0-15, or 3,7,9. Left out: the first 16 that are active in any picture."
MAX_UNITS = 128
"""In one figure: what still has all its dots in a picture that viewers open."""


def layers(
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    layer: str | None = None,
    units: Annotated[Units, Parameter(help=UNITS_HELP)] = None,
    rule: Literal["deconvnet", "guided", "standard"] = "deconvnet",
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Show what excites each unit of a layer: its nine strongest activations, walked back to pixels.

    Beside each reconstruction is the part of the picture that caused it, cut to the unit's receptive field
    (Zeiler and Fergus, 2013). JSON: `figure`, `data_file`, `model`, `data`, `split`, `images` (how many were looked at), `layer`,
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
    from numbacnn.figures import layer_units

    target = figure.target(out, reads=[model])
    opened = open_model(model, out, compute)
    network = opened.network
    name = layer or convolutions(network)[-1]
    wanted = None if units is None else _units(network, name, units)
    dataset = open_data(data, opened, out)
    part = dataset.split(split)
    target.name(f"layers-{name}")
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
    numbers = {
        "units": ([entry.unit for entry in found], f"units of {winners.node}"),
        "activations": (
            [entry.activations for entry in found],
            "of each unit the strongest activations: units, rank",
        ),
        "images": ([entry.images for entry in found], f"index in {split} of their pictures: units, rank"),
        "boxes": (
            [entry.boxes for entry in found],
            "receptive fields: units, rank, (top, left, bottom, right) in pixels",
        ),
    }
    drawing = layer_units(found, title=title, classes=classes, provenance=made)
    return {
        **target.save(drawing, numbers, say=title),
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

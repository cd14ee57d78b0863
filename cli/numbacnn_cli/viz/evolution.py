"""numbacnn viz evolution: how a layer's features change over a run's epochs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..captions import data_fact, joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_data, open_model
from ..options import CPU, Compute, Data, Model, Out, SplitName, Units
from ..pictures import fits_a_figure
from .convolutions import convolutions
from .layers import Rule, units_of

if TYPE_CHECKING:
    from numbacnn import Network

UNITS_SHOWN = 8
MAX_UNITS = 40
MAX_EPOCHS = 16
"""Columns of a figure; of more epochs, some are left out."""
AT_A_TIME = 64


def evolution(
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    layer: str | None = None,
    units: Annotated[
        Units, Parameter(help="Units of the layer: 0-7, or 3,7,9. Left out: the first 8.")
    ] = None,
    count: Annotated[int, Parameter(help="Pictures to look at, from the first on.")] = 2000,
    rule: Rule = "deconvnet",
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Show how a layer's features change over a run: each unit's strongest activation, epoch by epoch.

    The run has to have kept models of its epochs (numbacnn train --keep-every N). Each cell is a unit's strongest activation in
    all pictures, walked back to pixels, above the part of the picture that caused it (Zeiler and Fergus, 2013, figure 4).

    JSON: `figure`, `data_file`, `run`, `data`, `split`, `images` (how many were looked at), `layer`, `rule`, and `epochs[]` with
    `.epoch`, `.model` and, a number a unit, `.units`, `.activations`, `.images` (index).

    Parameters
    ----------
    layer
        Name of a layer; left out, the last convolution. A convolution stands for the activation after it.
    rule
        How rectifiers pass the signal back.
    """
    import numpy as np

    from numbacnn.analysis import activation_of
    from numbacnn.analysis import evolution as stages_of
    from numbacnn.errors import need_whole
    from numbacnn.figures import layer_evolution

    need_whole("--count", count)
    target = figure.target(out, reads=[model])
    opened = open_model(model, out, compute)
    run = opened.path.parent
    paths = _kept(run)
    name = layer or convolutions(opened.network)[-1]
    node = activation_of(opened.network, name)
    most = opened.network.graph.shapes[node][-1]
    wanted = list(range(min(UNITS_SHOWN, most))) if units is None else units_of(opened.network, name, units)
    fits_a_figure(len(wanted), "units", MAX_UNITS)
    dataset = open_data(data, opened, out, needs_classes=False)
    part = dataset.split(split)
    part = part.subset(np.arange(min(count, len(part))))
    target.name(f"evolution-{name}")

    def networks() -> Iterator[tuple[int, Network]]:
        from numbacnn.errors import ModelError
        from numbacnn.storage.models import load_model

        for epoch, path in paths.items():
            network, _ = load_model(path)
            if network.graph.shapes != opened.network.graph.shapes:
                raise ModelError(
                    f"{path}: another network than {opened.path}; epochs of one run are expected"
                )
            compute.place(network)
            yield epoch, network

    checkpoints = out.progress(networks(), "epochs", len(paths))
    stages = list(stages_of(checkpoints, lambda: part.batches(AT_A_TIME), part.read, name, wanted, rule=rule))
    title = f"{name} over a run: {len(wanted)} units after {len(stages)} of its epochs"
    made = joined(
        f"run {run}", data_fact(dataset, split), f"the first {len(part):,} pictures", f"{node}: rule {rule}"
    )
    activations = np.array([[unit.activations[0] for unit in stage.units] for stage in stages])
    images = np.array([[unit.images[0] for unit in stage.units] for stage in stages])
    numbers = {
        "epochs": ([stage.epoch for stage in stages], "epochs"),
        "units": (wanted, f"units of {node}"),
        "activations": (activations, "strongest activation: epochs, units"),
        "images": (images, f"index in {split} of its picture: epochs, units"),
        "reconstructions": (
            [[unit.reconstructions[0] for unit in stage.units] for stage in stages],
            f"walked back by rule {rule}: epochs, units, rows, columns, colours",
        ),
    }
    return {
        **target.save(layer_evolution(stages, title, provenance=made), numbers, say=title),
        "run": run,
        "data": dataset.name,
        "split": split,
        "images": len(part),
        "layer": node,
        "rule": rule,
        "epochs": [
            {"epoch": stage.epoch, "model": path, "units": wanted, "activations": found, "images": where}
            for stage, path, found, where in zip(stages, paths.values(), activations, images, strict=True)
        ],
    }


def _kept(run: Path) -> dict[int, Path]:
    """The models of a run's epochs, at most as many as a figure shows: more early ones, as most happens there.

    Raises UsageError where there are none.
    """
    from numbacnn.errors import UsageError
    from numbacnn.training import kept_epochs

    found = kept_epochs(run)
    if not found:
        raise UsageError(
            f"{run} has no models of single epochs: 'numbacnn train --keep-every 1' keeps them; --model names another run"
        )
    epochs = list(found)
    if len(epochs) > MAX_EPOCHS:
        last = len(epochs) - 1
        places = {round(last ** (step / (MAX_EPOCHS - 1))) for step in range(MAX_EPOCHS)} | {0, last}
        epochs = [epochs[place] for place in sorted(places)][:MAX_EPOCHS]
    return {epoch: found[epoch] for epoch in epochs}

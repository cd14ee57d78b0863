"""numbacnn diagnose: what is wrong with a network's layers, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .captions import data_fact, joined
from .figure_options import FIGURE, FigureOptions
from .opening import open_data, open_model
from .options import CPU, Compute, Data, Model, Origins, Out, SplitName

if TYPE_CHECKING:
    from numbacnn.analysis import Diagnosis, Finding, Steps
    from numbacnn.figures import Drawing

COLUMNS = {
    "dead-units": "stuck",
    "mostly-off": "stuck",
    "saturated": "stuck",
    "vanishing-gradient": "gradient",
    "exploding-gradient": "gradient",
    "large-updates": "update",
    "small-updates": "update",
}
"""Maps a kind of finding to the figure's column that shows it; other kinds show in the outputs."""


def diagnose(
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "train",
    count: int = 256,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Find what is wrong with a network's layers, and say what to do about it.

    It looks for dead rectifiers, saturated sigmoids, gradients that vanish or explode, steps that are too long or too
    short beside the weights, and outputs that shrink, grow or are not finite. The model is not changed.

    JSON: `findings[]` with `.layer`, `.kind`, `.message`, `.advice`, `.value`, `.limit`; `layers[]` with `.layer`, `.kind`,
    `.units`, `.mean`, `.spread`, `.quantiles` (5, 25, 50, 75, 95 %), `.dead` (units), `.off`, `.saturated` (shares of the
    outputs), `.weights`, `.gradient` (root mean squares), `.update` (a step beside the weights), `.finite`; null where a layer
    has none of that. Also `loss`, `error`, `images`, `learning_rate`, `figure`, `data_file`, `model`, `data`, `split`.

    Parameters
    ----------
    count
        How many pictures of the split, taken at even distances.
    batch_size
        Pictures of a training step; left out, as the model was trained, else 64.
    learning_rate
        Of a training step; left out, as the model was trained at first, else 0.01.
    """
    import dataclasses
    import math

    from numbacnn.analysis import Steps, findings
    from numbacnn.analysis import diagnose as measure
    from numbacnn.errors import UsageError, need_whole

    if batch_size is not None:
        need_whole("--batch-size", batch_size)
    if learning_rate is not None and not 0 < learning_rate < math.inf:
        raise UsageError(f"--learning-rate {learning_rate:g}: a number above 0 is expected")
    target = figure.target(out, "diagnosis", reads=[model])
    opened = open_model(model, out, compute)
    dataset = open_data(data, opened, out)
    part = dataset.split(split)
    taken = given.count(count, len(part), f"the {split} split", out)
    trained = _settings(opened.record)
    size = min(batch_size or trained.get("batch_size", 64), taken)
    rate = learning_rate or trained.get("learning_rate", 0.01)
    adaptive = trained.get("optimizer", "sgd") != "sgd"
    steps = Steps(rate, trained.get("momentum", 0.9), adaptive)

    places = [place * len(part) // taken for place in range(taken)]
    batches = ((part.read(chosen), part.labels[chosen]) for chosen in _in_batches(places, size))
    watched = out.progress(batches, "looking", -(-taken // size))
    found = measure(opened.network, watched, steps=steps)
    wrong = findings(found)

    rule = "as adam's, about the learning rate" if adaptive else f"momentum {steps.momentum:g}"
    made = joined(
        opened.fact,
        data_fact(dataset, split),
        f"{taken} pictures at even distances, {size} a step",
        f"learning rate {rate:g}, {rule}{'' if trained or learning_rate else ' (assumed)'}",
    )
    _say(found, wrong, out)
    drawing = drawn(found, wrong, made)
    return {
        "findings": [dataclasses.asdict(each) for each in wrong],
        "layers": [dataclasses.asdict(layer) for layer in found.layers],
        "loss": found.loss,
        "error": found.error,
        "images": found.images,
        "learning_rate": rate,
        **target.save(drawing, _numbers(found, steps), say=counted(wrong)),
        "model": opened.path,
        "data": str(dataset.path or dataset.name),
        "split": split,
    }


def _settings(record: dict[str, Any]) -> dict[str, Any]:
    """Returns the training settings that the model's file has, without those that make no sense."""
    settings = record.get("settings")
    if not isinstance(settings, dict):
        return {}
    wanted = {"batch_size": int, "learning_rate": float, "momentum": float, "optimizer": str}
    found = {name: settings[name] for name, kind in wanted.items() if isinstance(settings.get(name), kind)}
    sensible = found.get("batch_size", 1) >= 1 and found.get("learning_rate", 1.0) > 0
    return found if sensible and 0 <= found.get("momentum", 0.0) < 1 else {}


def _in_batches(places: list[int], size: int) -> list[list[int]]:
    return [places[start : start + size] for start in range(0, len(places), size)]


def counted(wrong: list[Finding]) -> str:
    """Returns the number of findings in words."""
    return "nothing is wrong" if not wrong else f"{len(wrong)} finding{'s' if len(wrong) > 1 else ''}"


def _say(found: Diagnosis, wrong: list[Finding], out: Out) -> None:
    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.0%}"

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.2g}"

    marked = {each.layer for each in wrong}
    out.table(
        ["layer", "kind", "mean", "spread", "dead", "off", "saturated", "gradient", "update"],
        [
            [
                f"{'! ' if layer.layer in marked else '  '}{layer.layer}",
                layer.kind,
                number(layer.mean),
                number(layer.spread),
                "" if layer.dead is None else len(layer.dead),
                share(layer.off),
                share(layer.saturated),
                number(layer.gradient),
                number(layer.update),
            ]
            for layer in found.layers
        ],
        last_to_drop=("layer", "update", "dead", "saturated"),
    )
    out.say(f"loss {found.loss:.4g}, top-1 error {found.error:.1%} of {found.images} pictures")
    for each in wrong:
        out.say(f"{each.kind}: {each.message}")
        out.say(f"    {each.advice}")
    if not wrong:
        out.say("nothing is wrong that this looks for")


def drawn(found: Diagnosis, wrong: list[Finding], made: str) -> Drawing:
    """Returns the figure of a diagnosis."""
    import math

    from numbacnn.figures import Health, layer_health

    def plain(value: float | None) -> float:
        return math.nan if value is None else value

    rows = []
    for layer in found.layers:
        columns = {COLUMNS.get(each.kind, "outputs") for each in wrong if each.layer == layer.layer}
        rows.append(
            Health(
                layer.layer,
                layer.quantiles,
                plain(None if layer.dead is None else len(layer.dead) / layer.units),
                plain(layer.off),
                plain(layer.saturated),
                plain(layer.gradient) / layer.weights if layer.weights else math.nan,
                plain(layer.update),
                frozenset(columns),
            )
        )
    title = f"{counted(wrong)[:1].upper()}{counted(wrong)[1:]}: {len(rows)} layers, loss {found.loss:.3g}"
    return layer_health(rows, title, provenance=made)


def _numbers(found: Diagnosis, steps: Steps) -> dict[str, tuple[Any, str]]:
    layers = found.layers
    meanings = {
        "mean": "of all that a layer puts out",
        "spread": "standard deviation of all that a layer puts out",
        "off": "share of a rectifier's outputs that are 0",
        "saturated": "share of outputs where the curve is flat",
        "weights": "root mean square of the weights",
        "gradient": "root mean square of the loss's gradient for the weights, in a batch",
        "update": f"a step beside the weights, at a learning rate of {steps.learning_rate:g}",
    }
    return {
        "layers": ([layer.layer for layer in layers], "the layers in order"),
        "quantiles": ([layer.quantiles for layer in layers], "of the outputs: layers, (5, 25, 50, 75, 95 %)"),
        "dead": (
            [None if layer.dead is None else len(layer.dead) for layer in layers],
            "units that are off for every picture",
        ),
        **{name: ([getattr(layer, name) for layer in layers], text) for name, text in meanings.items()},
    }

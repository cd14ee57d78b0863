"""A run from its start to its results: followed, saved, measured, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .captions import joined
from .figure_options import Figures
from .following import follow
from .starting import Start, nothing_left

if TYPE_CHECKING:
    from numbacnn import Network
    from numbacnn.training import RunFolder, Trainer

    from .output import Output


def carry_out(start: Start, folder: RunFolder, figures: Figures, out: Output) -> dict[str, Any]:
    """Trains, leaves everything in the folder, and gives what the command's --json says."""
    from threadpoolctl import threadpool_limits

    from numbacnn.training.whereabouts import data_record

    from .app import version

    config, trainer = start.config, start.trainer
    folder.write_config(config)
    record = {
        **data_record(trainer.dataset, config["data"], folder.path),
        "network": config.get("network") or config["model"],
        "settings": trainer.settings.as_dict(),
        "numbacnn": version(),
    }
    out.note(f"run: {folder.path}")
    if left := nothing_left(trainer, folder):
        out.say(left)
    folder.mend(record, trainer.state)
    # NumPy's BLAS has little to do here: threads of its own would only wait on the cores that the kernels' run on.
    # Not "openmp": those threads may be the kernels'.
    with threadpool_limits(1, user_api="blas"):
        speed = follow(trainer, folder, record, out)
    folder.mend(record, trainer.state)
    return _results(trainer, folder, record, speed, figures, out)


def _results(
    trainer: Trainer,
    folder: RunFolder,
    record: dict[str, Any],
    speed: dict[str, float],
    figures: Figures,
    out: Output,
) -> dict[str, Any]:
    from numbacnn.training import evaluate

    network, dataset, state = trainer.network, trainer.dataset, trainer.state
    result: dict[str, Any] = {
        "run": folder.path,
        "model": folder.model,
        "data": record["data"],
        "network": record["network"],
        "fit": _fit(trainer),
        "epochs": state.epoch,
        **speed,
        "best_epoch": state.best_epoch,
        "validation": None,
        "test": None,
        "figures": _draw(trainer, folder, figures),
        "data_file": figures.data,
    }
    if trainer.validates:
        result["validation"] = {"top1_error": state.best_error, "loss": state.best_loss}
    line = f"best epoch {state.best_epoch}"
    if "test" in dataset.splits:
        measured = evaluate(
            network,
            dataset.test,
            batch_size=trainer.evaluation_batch,
            watch=out.progress,
            views=trainer.settings.views,
        )
        result["test"] = {
            name: getattr(measured, name) for name in ("top1_error", "top5_error", "loss", "images")
        }
        line += f", test top-1 error {measured.top1_error:.2%} of {measured.images} pictures"
    out.say(line)
    out.say(f"{folder.path}: {', '.join(path.name for path in (folder.model, *result['figures']))}")
    return result


def _fit(trainer: Trainer) -> dict[str, Any] | None:
    fit = trainer.fit
    names = ("method", "pictures", "scaled", "input")
    return None if fit.method is None else {name: getattr(fit, name) for name in names}


def _draw(trainer: Trainer, folder: RunFolder, figures: Figures) -> list[Path]:
    """The run's pictures: curves, filters (where there are any) and predictions; shows the curves."""
    import numpy as np

    from numbacnn.figures import filter_mosaic, predictions, training_curves

    network, dataset = trainer.network, trainer.dataset
    chosen, made = trainer.settings, joined(f"run {folder.path}", f"data {dataset.path or dataset.name}")
    settings = (
        f"{trainer.state.epoch} epochs, batches of {chosen.batch_size}, learning rate {chosen.learning_rate:g} "
        f"({chosen.schedule}), loss {chosen.loss}, seed {chosen.seed}"
    )
    rows = trainer.state.rows
    curves = training_curves(rows, title=str(folder.path), provenance=joined(made, settings))
    columns = {
        f"curves/{name}": ([_number(row.get(name)) for row in rows], "an epoch; as in metrics.csv")
        for name in (rows[0] if rows else ())
    }
    paths = [figures.in_folder(curves, folder.path, "curves", columns)]
    kernels = _first_kernels(network)
    if kernels is not None:
        mosaic = filter_mosaic(kernels, title="first convolution", provenance=made)
        weights = {"filters/kernels": (kernels, "of the first convolution: rows, columns, channels, filters")}
        paths.append(figures.in_folder(mosaic, folder.path, "filters", weights, preview_too=False))
    name = "test" if "test" in dataset.splits else "train"
    split = dataset.split(name)
    count = min(8, len(split))
    places = np.arange(count) * len(split) // count  # a folder's pictures come class by class
    shown = network.as_images(split.read(places))
    probabilities = network.predict(shown)
    panel = predictions(
        shown,
        network.class_names,
        probabilities,
        labels=split.labels[places],
        provenance=joined(made, f"{count} pictures of {name} at even distances"),
    )
    said = {
        "predictions/images": (shown, "what the network saw: pictures, rows, columns, channels"),
        "predictions/probabilities": (probabilities, "pictures, classes"),
        "predictions/class_names": (network.class_names, "the classes in order"),
    }
    paths.append(figures.in_folder(panel, folder.path, "predictions", said, preview_too=False))
    return paths


def _number(value: Any) -> float:
    """Not a number where there is none."""
    return float("nan") if value in (None, "") else float(value)


def _first_kernels(network: Network) -> Any:
    for node in network.graph.nodes:
        if node.layer.kind == "convolution":
            return network.parameter(node.name, "weights")
    return None

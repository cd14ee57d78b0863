"""numbacnn train: train a network, and leave its pictures."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from .captions import joined
from .destination import Destination
from .figure_options import RENDERING, Figures, Rendering
from .folders import new_folder, old_folder
from .following import follow
from .options import CPU, Compute, Origins, Out
from .runs import run_name
from .starting import new_start, nothing_left, resumed_start, show_config
from .training_options import DATA_AND_NETWORK, THIS_RUN, Options

if TYPE_CHECKING:
    from numbacnn import Network
    from numbacnn.training import RunFolder, Trainer

    from .output import Output


def train(
    *,
    data: Annotated[str | None, Parameter(name=["--data", "-d"], group=DATA_AND_NETWORK)] = None,
    network: Annotated[str | None, Parameter(name=["--network", "-n"], group=DATA_AND_NETWORK)] = None,
    settings: Annotated[Options, Parameter(name="*")] = Options(),  # noqa: B008 - frozen
    run: Annotated[Path | None, Parameter(group=THIS_RUN)] = None,
    resume: Annotated[Path | None, Parameter(group=THIS_RUN)] = None,
    print_config: Annotated[bool, Parameter(group=THIS_RUN, negative="", show_default=False)] = False,
    rendering: Rendering = RENDERING,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Train a network; its folder gets config.toml, metrics.csv, model.h5 (best), last.h5 and pictures.

    A setting left out has the value of the network's recipe, if it has one, else the default; --print-config says which.
    Stop it with Ctrl-C and go on with --resume.

    JSON: `run`, `model`, `data`, `network`, `fit` (null, or what was done to pictures of another size: `.method`,
    `.pictures`, `.scaled`, `.input`), `epochs`, `images_per_second`, `waiting_share` (of the time, for data; both
    of the median epoch), `best_epoch`, `validation.top1_error`, `test.top1_error`, `test.top5_error`, `test.loss`,
    `test.images`, `figures[]`, `data_file` (the numbers behind them, null without --save-data).

    Parameters
    ----------
    data
        'digits', or a .h5 file made by 'numbacnn data import'. [default: digits]
    network
        A named network or a .toml file; left out, the one that suits the pictures' size.
    run
        Folder for this run; left out, a new one under runs/.
    resume
        Folder of a run to go on with, as it was configured; --epochs may be larger.
    print_config
        Print all that would be used as TOML, and where each value comes from, and train nothing; with --json `config`
        and `sources`.
    """
    from threadpoolctl import threadpool_limits

    from numbacnn.training import RunFolder
    from numbacnn.training.whereabouts import data_record

    from .app import version

    figures = rendering.prepare(Destination(out), out)
    changes = {name: value for name, value in vars(settings).items() if value is not None}
    with ExitStack() as held:
        if resume is not None:
            folder = RunFolder(resume) if print_config else held.enter_context(old_folder(resume, out))
            start = resumed_start(folder, data, network, run, changes, compute, given)
        else:
            start = new_start(data, network, changes, compute, given)
        if print_config:
            return show_config(start, compute, given, out)
        config, trainer = start.config, start.trainer
        if resume is None:
            folder = held.enter_context(
                new_folder(run, run_name(trainer.dataset.name, config["network"]), out)
            )
        folder.write_config(config)
        record = {
            **data_record(trainer.dataset, config["data"], folder.path),
            "network": config["network"],
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
        return _results(trainer, folder, config, record, speed, figures, out)


def _results(
    trainer: Trainer,
    folder: RunFolder,
    config: dict[str, Any],
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
        "network": config["network"],
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
    split = dataset.splits.get("test", dataset.train)
    shown = network.as_images(split.read(slice(0, 8)))
    probabilities = network.predict(shown)
    panel = predictions(
        shown,
        network.class_names,
        probabilities,
        labels=split.labels[: len(shown)],
        provenance=joined(made, f"the first {len(shown)} pictures that were not learned from"),
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

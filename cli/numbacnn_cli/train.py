"""numbacnn train: train a network, and leave its pictures."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from .captions import joined
from .destination import Destination
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
    `test.images`, `figures[]`.

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
        return _results(trainer, folder, config, record, speed, out)


def _results(
    trainer: Trainer,
    folder: RunFolder,
    config: dict[str, Any],
    record: dict[str, Any],
    speed: dict[str, float],
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
        "figures": _figures(trainer, folder, out),
    }
    if dataset.validation is not None:
        result["validation"] = {"top1_error": state.best_error, "loss": state.best_loss}
    line = f"best epoch {state.best_epoch}"
    if "test" in dataset.splits:
        measured = evaluate(network, dataset.test, batch_size=trainer.evaluation_batch, watch=out.progress)
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


def _figures(trainer: Trainer, folder: RunFolder, out: Output) -> list[Path]:
    from numbacnn import figures

    network, dataset = trainer.network, trainer.dataset
    to = Destination(out)
    paths = [to.default(name, folder=folder.path) for name in ("curves", "filters", "predictions")]
    chosen, made = trainer.settings, joined(f"run {folder.path}", f"data {dataset.path or dataset.name}")
    settings = (
        f"{trainer.state.epoch} epochs, batches of {chosen.batch_size}, learning rate {chosen.learning_rate:g} "
        f"({chosen.schedule}), loss {chosen.loss}, seed {chosen.seed}"
    )
    curves = figures.training_curves(
        trainer.state.rows, title=str(folder.path), provenance=joined(made, settings)
    )
    figures.save(curves, paths[0])
    kernels = _first_kernels(network)
    if kernels is None:
        del paths[1]
    else:
        figures.save(figures.filter_mosaic(kernels, title="first convolution", provenance=made), paths[1])
    split = dataset.splits.get("test", dataset.train)
    shown = network.as_images(split.read(slice(0, 8)))
    panel = figures.predictions(
        shown,
        network.class_names,
        network.predict(shown),
        labels=split.labels[: len(shown)],
        provenance=joined(made, f"the first {len(shown)} pictures that were not learned from"),
    )
    figures.save(panel, paths[-1])
    return paths


def _first_kernels(network: Network) -> Any:
    for node in network.graph.nodes:
        if node.layer.kind == "convolution":
            return network.parameter(node.name, "weights")
    return None

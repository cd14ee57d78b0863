"""numbacnn train: train a network, and leave its pictures."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from .options import CPU, Compute, Origins, Out
from .runs import RUNS, new_run
from .signals import Terminated
from .starting import new_start, nothing_left, resumed_start, show_config
from .training_options import DATA_AND_NETWORK, THIS_RUN, Options

if TYPE_CHECKING:
    from numbacnn import Dataset, Network
    from numbacnn.training import RunFolder, State, Trainer

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

    from .app import version

    changes = {name: value for name, value in vars(settings).items() if value is not None}
    made: list[Path] = []
    if resume is not None:
        folder = RunFolder(resume)
        start = resumed_start(folder, data, network, run, changes, compute, given)
    else:
        start = new_start(data, network, changes, compute, given)
    if print_config:
        return show_config(start, compute, given, out)
    config, trainer = start.config, start.trainer
    if resume is None:
        path, made = _folder(run, trainer.dataset, config["network"])
        folder = RunFolder(path)
    folder.write_config(config)
    record = {
        "data": str(trainer.dataset.path.resolve()) if trainer.dataset.path else trainer.dataset.name,
        "network": config["network"],
        "settings": trainer.settings.as_dict(),
        "numbacnn": version(),
    }
    out.note(f"run: {folder.path}")
    if left := nothing_left(trainer, folder):
        out.say(left)
    # NumPy's BLAS has little to do here: threads of its own would only wait on the cores that the kernels' run on.
    # Not "openmp": those threads may be the kernels'.
    with threadpool_limits(1, user_api="blas"), _nothing_left_of_nothing(folder, made):
        speed = _follow(trainer, folder, record, out)
    return _results(trainer, folder, config, record, speed, out)


def _folder(run: Path | None, dataset: Dataset, network: str) -> tuple[Path, list[Path]]:
    """The run's folder, and which folders were made for it, the innermost first."""
    from numbacnn.errors import UsageError

    wanted = RUNS if run is None else run
    made = [path for path in (wanted, *wanted.parents) if not path.exists()]
    if run is None:
        folder = new_run(f"{dataset.name}-{Path(network).stem}")
        return folder, [folder, *made]
    if run.exists() and (not run.is_dir() or any(run.iterdir())):
        raise UsageError(f"--run {run} exists and is not empty; name another, or go on with --resume {run}")
    run.mkdir(parents=True, exist_ok=True)
    return run, made


@contextmanager
def _nothing_left_of_nothing(folder: RunFolder, made: list[Path]) -> Iterator[None]:
    """A run that ends before there is anything to go on from, for lack of memory say, leaves no folder to wonder about."""
    try:
        yield
    except BaseException:
        if list(folder.path.iterdir()) == [folder.config]:
            folder.config.unlink()
            with suppress(OSError):  # somebody else has put something there
                for path in made:
                    path.rmdir()
        raise


def _follow(trainer: Trainer, folder: RunFolder, record: dict[str, Any], out: Output) -> dict[str, float]:
    """Runs the training, shows it, saves it after every epoch and when it is interrupted; returns its speed."""
    from numbacnn.training import BatchDone, EpochDone, Finished
    from numbacnn.training.beside import compiling_beside

    from .progress import display

    speed: dict[str, float] = {}
    with (
        compiling_beside(trainer.network.graph),
        _interruptions() as interrupted,
        display(out) as show,
    ):
        for event in trainer:
            show(event)
            if isinstance(event, EpochDone):
                folder.save_last(trainer, record)
                if event.improved:
                    folder.save_best(trainer.network, _at_best(record, trainer.state))
            elif isinstance(event, Finished):
                speed = {name: getattr(event, name) for name in ("images_per_second", "waiting_share")}
            if interrupted and isinstance(event, (BatchDone, EpochDone)):
                folder.save_last(trainer, record)
                out.say(f"stopped; go on with: numbacnn train --resume {folder.path}")
                raise Terminated if interrupted[0] == signal.SIGTERM else KeyboardInterrupt
    return speed


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """The signals that came, to be looked at between two steps; a second one is not waited with."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _at_best(record: dict[str, Any], state: State) -> dict[str, Any]:
    return {**record, "best_epoch": state.best_epoch, "validation_top1_error": state.best_error}


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
        "figures": _figures(trainer, folder),
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


def _figures(trainer: Trainer, folder: RunFolder) -> list[Path]:
    from numbacnn import figures

    network, dataset = trainer.network, trainer.dataset
    paths = [folder.path / name for name in ("curves.png", "filters.png", "predictions.png")]
    figures.save(figures.training_curves(trainer.state.rows, title=str(folder.path)), paths[0])
    kernels = _first_kernels(network)
    if kernels is None:
        del paths[1]
    else:
        figures.save(figures.filter_mosaic(kernels, title="first convolution"), paths[1])
    split = dataset.splits.get("test", dataset.train)
    shown = network.as_images(split.read(slice(0, 8)))
    panel = figures.predictions(
        shown, network.class_names, network.predict(shown), labels=split.labels[: len(shown)]
    )
    figures.save(panel, paths[-1])
    return paths


def _first_kernels(network: Network) -> Any:
    for node in network.graph.nodes:
        if node.layer.kind == "convolution":
            return network.parameter(node.name, "weights")
    return None

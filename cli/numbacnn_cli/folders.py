"""The folder that a run trains in, which is its own until it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .output import Output
from .runs import RUNS, new_run

if TYPE_CHECKING:
    from numbacnn.training import RunFolder


@contextmanager
def new_folder(run: Path | None, name: str, out: Output) -> Iterator[RunFolder]:
    """The folder of a new run: `run`, or the next one called `name`.

    A run that ends before there is anything to go on from, for lack of memory say, leaves no folder to wonder about.
    Raises UsageError if `run` holds anything, TrainingError if another process has just taken it.
    """
    from numbacnn.training import RunFolder

    wanted = RUNS if run is None else run
    made = [path for path in (wanted, *wanted.parents) if not path.exists()]
    if run is None:
        run = new_run(name)
        made = [run, *made]
    else:
        _need_empty(RunFolder(run))
        run.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(run, made)
    with _claimed(folder, out):
        _need_empty(folder)  # another run may have ended here in the meantime
        try:
            yield folder
        except BaseException:
            folder.remove_if_nothing()
            raise


@contextmanager
def old_folder(run: Path, out: Output) -> Iterator[RunFolder]:
    """Yields the folder of a run that goes on. Raises TrainingError if it is no run's folder, or if another process
    trains in it.
    """
    from numbacnn.training import RunFolder

    folder = RunFolder(run)
    folder.read_config()
    with _claimed(folder, out):
        yield folder


@contextmanager
def _claimed(folder: RunFolder, out: Output) -> Iterator[None]:
    from numbacnn.training.claim import claimed

    with claimed(folder.path) as locked:
        if locked:
            folder.remove_partials()
        else:
            out.warn(
                f"{folder.path}: files cannot be locked here, so do not let two runs go on in this folder"
            )
        yield


def _need_empty(folder: RunFolder) -> None:
    from numbacnn.errors import UsageError

    if not folder.path.exists() or (folder.path.is_dir() and folder.empty):
        return
    remedy = f", or go on with --resume {folder.path}" if folder.config.is_file() else ""
    raise UsageError(f"--run {folder.path} exists and is not empty; name another{remedy}")

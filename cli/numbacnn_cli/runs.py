"""Run folders, and which trained network a command takes."""

from __future__ import annotations

import re
from pathlib import Path

import numbacnn
from numbacnn.errors import UsageError

RUNS = Path("runs")
MODEL = "model.h5"
PACKAGED_MODEL = Path(numbacnn.__file__).parent / "models" / "digits.h5"


def new_run(name: str, parent: Path | str = RUNS) -> Path:
    """Make the folder `parent`/`name`-001, or with the number after the highest that is there."""
    name = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") or "run"
    Path(parent).mkdir(parents=True, exist_ok=True)
    numbered = re.compile(re.escape(name) + r"-(\d+)")
    taken = [int(found[1]) for path in Path(parent).iterdir() if (found := numbered.fullmatch(path.name))]
    number = max(taken, default=0) + 1
    while True:
        folder = Path(parent) / f"{name}-{number:03d}"
        try:
            folder.mkdir()
        except FileExistsError:  # another run started in the same moment
            number += 1
        else:
            return folder


def run_name(data: str, network: str) -> str:
    """Returns the name of a run: its data set and its network (a name, or a file's without ".toml")."""
    return f"{data}-{Path(network.removesuffix('.toml')).name}"


def finished_runs(folder: Path | str = ".") -> list[Path]:
    """Returns the run folders in `folder` that have a model, newest first."""
    models = (Path(folder) / RUNS).glob(f"*/{MODEL}")
    return [path.parent for path in sorted(models, key=lambda path: (-path.stat().st_mtime_ns, path))]


def newest_run(folder: Path | str = ".") -> Path | None:
    """Returns the run folder in `folder` whose model was saved last; None if there is none."""
    return next(iter(finished_runs(folder)), None)


def resolve_model(option: Path | None, name: str = "") -> tuple[Path, str]:
    """The file of the model that --model means, and a sentence that says which it is.

    `name` is what the user called it, where that was not --model. Raises UsageError, with the runs that exist, if
    there is none.
    """
    if option is None:
        run = newest_run()
        if run is None:
            return PACKAGED_MODEL, "model: the small digits network in the package (no run here)"
        return run / MODEL, f"model: {run / MODEL} (the newest run here)"
    path = option / MODEL if option.is_dir() else option
    if path.is_file():
        return path, f"model: {path}"
    wrong = f"no {MODEL} in that folder" if option.is_dir() else "no such file or run folder"
    raise UsageError(f"{name or f'--model {option}'}: {wrong}; {_runs_here()}")


def _runs_here() -> str:
    runs = finished_runs()
    if not runs:
        return "there is no run here yet ('numbacnn train' makes one)"
    more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
    return f"runs here, newest first: {', '.join(str(run) for run in runs[:5])}{more}"

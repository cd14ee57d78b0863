"""numbacnn train: train a network, and leave its pictures."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from .destination import Destination
from .figure_options import RENDERING, Rendering
from .folders import new_folder, old_folder
from .options import CPU, Compute, Origins, Out
from .running import carry_out
from .runs import run_name
from .starting import new_start, resumed_start, show_config
from .training_options import DATA_AND_NETWORK, THIS_RUN, Options


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
    from numbacnn.training import RunFolder

    figures = rendering.prepare(Destination(out), out)
    changes = {name: value for name, value in vars(settings).items() if value is not None}
    with ExitStack() as held:
        if resume is not None:
            folder = RunFolder(resume) if print_config else held.enter_context(old_folder(resume, out))
            start = resumed_start(folder, data, network, run, changes, compute, given, out)
        else:
            start = new_start(data, network, changes, compute, given)
        if print_config:
            return show_config(start, compute, given, out)
        if resume is None:
            name = run_name(start.trainer.dataset.name, start.config["network"])
            folder = held.enter_context(new_folder(run, name, out))
        return carry_out(start, folder, figures, out)

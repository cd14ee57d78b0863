"""numbacnn attack transfer: pictures made to fool one model, shown to others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, Compute, Data, Origins, Out, SplitName, amount
from ..pictures import Index
from .subjects import as_size, attack_named, find_subjects, percent


def transfer(
    models: Annotated[
        tuple[Path, ...],
        Parameter(
            name="MODEL",
            negative="",
            show_default=False,
            help="Two models or more: runs' folders or .h5 files.",
        ),
    ] = (),
    /,
    *,
    attack: Annotated[str, Parameter(help="The attack, by name.")] = "mifgsm",
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    count: int = 200,
    epsilon: Annotated[
        float | None,
        Parameter(name=["--epsilon", "-e"], converter=amount, n_tokens=1, show_default=False),
    ] = None,
    norm: Literal["linf", "l2", "l1", "l0"] | None = None,
    seed: int = 0,
    batch_size: int = 64,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Make pictures that fool each model, and show them to every model: a matrix of success rates.

    A row is a model that they were made on, a column one that judges them. Counted are pictures that both classify rightly
    unchanged. The models take pictures of one size, and have the same classes.

    JSON: `models[]`, `attack`, `epsilon`, `norm`, `images` (how many), `rows[]` with `.made_on`, `.shown_to`, `.success_rate`, `.success_rate_8bit`, `.images`
    (that are counted), `figure`, `data_file`.

    Parameters
    ----------
    count
        How many pictures of the data set, taken at even distances.
    epsilon
        Largest change of a pixel: 8/255; with another norm, of the picture. [default: 8/255, 0.5 in l2]
    norm
        What epsilon measures; left out, the attack's own.
    seed
        What random numbers are drawn from.
    batch_size
        Pictures in a pass: fewer take less memory.
    """
    import numpy as np

    from numbacnn import attacks as library
    from numbacnn.errors import UsageError, need_whole
    from numbacnn.figures import transfer_matrix

    from .settings import DEFAULT_EPSILON
    from .showing import described

    if len(models) < 2:
        raise UsageError(f"{len(models)} models: two or more are expected, one to be fooled and one to judge")
    kind = attack_named(attack)
    chosen = norm or (kind.norms[0] if kind.norms else "linf")
    if epsilon is None and kind.needs_epsilon:
        epsilon = DEFAULT_EPSILON[chosen]
    made_by = kind(epsilon=epsilon, norm=chosen, seed=seed)
    need_whole("--batch-size", batch_size)
    drawn = figure.target(out, "transfer", reads=models)
    opened = [open_model(path, out, compute) for path in models]
    networks = [each.network for each in opened]
    found = find_subjects(opened[0], (), data, split, index, count, as_is=False, given=given, out=out)
    steps = library.transfer(made_by, networks, found.pictures.images, found.labels, batch_size=batch_size)
    cells = list(out.progress(steps, attack, len(networks) ** 2))
    names = _names([each.path for each in opened])
    rates = np.array([cell.success_rate for cell in cells]).reshape(len(names), len(names))
    rounded = np.array([cell.success_rate_8bit for cell in cells]).reshape(rates.shape)
    out.table(
        ["made on, shown to", *names],
        [[name, *map(percent, row)] for name, row in zip(names, rates, strict=True)],
    )
    size = f"epsilon {as_size(epsilon, chosen)}"
    made = joined(
        found.source, described(made_by), size, "counted: pictures that both are right about unchanged"
    )
    drawing = transfer_matrix(rates, names, title=f"{attack}, {size}: what fools whom", provenance=made)
    numbers = {
        "success_rate": (rates, "made on, shown to; 0 to 1"),
        "success_rate_8bit": (rounded, "the same of the pictures rounded to 8 bits"),
        "images": (
            np.array([cell.images for cell in cells]).reshape(rates.shape),
            "pictures that are counted",
        ),
        "models": (names, "the models in order"),
    }
    return {
        **drawn.save(drawing, numbers, say=f"success rates of {len(names)} models' pictures"),
        "models": [each.path for each in opened],
        "attack": attack,
        "epsilon": epsilon,
        "norm": chosen if kind.norms else None,
        "images": len(found.labels),
        "rows": [
            {
                "made_on": opened[cell.source].path,
                "shown_to": opened[cell.target].path,
                "success_rate": cell.success_rate,
                "success_rate_8bit": cell.success_rate_8bit,
                "images": cell.images,
            }
            for cell in cells
        ],
    }


def _names(paths: list[Path]) -> list[str]:
    """Returns names that differ: those of the files, or of their folders where the files' are the same."""
    names = [path.stem for path in paths]
    return names if len(set(names)) == len(names) else [path.parent.name or path.stem for path in paths]

"""A command for each attack of the registry, made of its class: `numbacnn_cli.attack.commands:pgd`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from numbacnn.attacks.registry import ATTACKS, ENTRIES

from ..figure_options import FIGURE, FigureOptions
from ..options import (
    CPU,
    OUTPUTS,
    AsIs,
    Compute,
    Data,
    Epsilons,
    Images,
    Model,
    Origins,
    Out,
    SplitName,
    Target,
)
from ..pictures import Index
from .settings import built, options_of

SWEEP_HELP = (
    "Epsilons in the second picture, accuracy over epsilon: 0,1/255,2/255. Left out: 0 to 16/255 for pictures of a data set "
    "where the attack takes one pass, else none."
)

HELP = """

    Without IMAGE, pictures of the data set are attacked. The changed pictures are saved as PNG, read back and
    scored again. Of IMAGE files the label is not known: what the network says of each is taken for right.

    JSON: `clean_accuracy`, `adversarial_accuracy` (before rounding to 8 bits), `adversarial_accuracy_8bit` (of the PNG
    files), `success_rate`, `success_rate_8bit` (of the pictures that were right), `attack`, `epsilon` (null: of any size), `norm`,
    `options` (all of the attack's), `norms` (`.l0`, `.l1`, `.l2`, `.linf`: the median change of the pictures that were
    changed), `gradients`, `scores` (passes back and forward that the attack took for a picture, on average), `masking[]` (signs that
    gradients are masked, with `.name` and `.message`; null where they were not looked for), `images` (how many), `target`,
    `model`, `figure`, `data_file`, `saved` (folder), `pictures[]` with `.image`, `.label`, `.saved`, `.norms`, and `.before`,
    `.after`, `.after_8bit`, each with `.index`, `.name`, `.probability`; `sweep[]` with `.epsilon`, `.adversarial_accuracy`
    (between `.low` and `.high`, the 95 % confidence interval), `.adversarial_accuracy_8bit`, `.success_rate`, `.success_rate_8bit`; `sweep_figure` (null without a sweep);
    `path_figure` (null but for step).

    Parameters
    ----------
    count
        How many pictures of the data set, taken at even distances.
    batch_size
        Pictures in a pass: fewer take less memory.
    layout
        The figure's: a column of rows (portrait), or rows side by side, about as wide as a slide (landscape).
    save_dir
        Folder for the changed pictures; left out, one named like the picture.
    checks
        Look for signs that the network masks its gradients, which make rates look better than they are. Left out: for
        pictures of a data set of up to 64x64 pixels.
"""


def __getattr__(name: str) -> Any:
    if name in ENTRIES:
        return _command(name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def _command(name: str) -> Callable[..., dict[str, Any]]:
    """Returns the function that the command line calls, with the attack's own options in its signature."""
    kind = ATTACKS[name]
    options = options_of(kind)

    def attack(
        images: Images = (),
        /,
        *,
        model: Model = None,
        data: Data = None,
        split: SplitName = "test",
        index: Index = None,
        count: int = 200,
        settings: Any = options(),  # noqa: B008 - frozen
        target: Target = None,
        sweep: Annotated[Epsilons | None, Parameter(help=SWEEP_HELP)] = None,
        batch_size: int = 64,
        checks: bool | None = None,
        layout: Annotated[Literal["portrait", "landscape"], Parameter(group=OUTPUTS)] = "portrait",
        save_dir: Annotated[Path | None, Parameter(group=OUTPUTS)] = None,
        as_is: AsIs = False,
        figure: FigureOptions = FIGURE,
        compute: Compute = CPU,
        given: Origins,
        out: Out,
    ) -> dict[str, Any]:
        from .running import Asked, run

        asked = Asked(
            images,
            model,
            data,
            split,
            index,
            count,
            target,
            sweep,
            batch_size,
            checks,
            layout,
            save_dir,
            as_is,
        )
        return run(built(kind, settings), asked, figure, compute, given, out)

    attack.__name__ = attack.__qualname__ = name
    attack.__annotations__["settings"] = Annotated[options, Parameter(name="*")]
    attack.__doc__ = f"{ENTRIES[name].help}\n\n    {kind.__doc__ or ''}{HELP}"
    return attack

"""numbacnn report: a run or a model as one page that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..destination import PAGE, Destination
from ..opening import OpenedModel, open_data, open_model
from ..options import CPU, OUTPUTS, Compute, Data, Force, Model, Out, SplitName

if TYPE_CHECKING:
    from numbacnn import Dataset

Page = Annotated[
    Path | None, Parameter(name=["--output", "-o"], group=OUTPUTS, help="Page to write, as .html.")
]


def report(
    model: Model = None,
    *,
    data: Data = None,
    split: SplitName = "test",
    output: Page = None,
    force: Force = False,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Write a page on a run or a model: what it is, how it learned, what it gets wrong, sees, and what breaks it.

    The page is one HTML file that opens anywhere: nothing is loaded, on a phone or in print too. Of what is not known (the
    true classes of pictures, a run's curves) the section is left out.

    JSON: `report` (the file), `bytes`, `sections[]`, `model`, `data` (null: no pictures), `split`, `top1_error`, `top5_error`
    (null where the true classes are not known).
    """
    from ..pages import page, write_page
    from . import about, again, broken, health, inside, learning, mistakes
    from .subject import Subject

    to = Destination(out, reads=[model], force=force)
    given = None if output is None else to.named(output, PAGE, "--output ")
    opened = open_model(model, out, compute)
    dataset = _pictures(data, opened, out)
    subject = Subject(opened, dataset, split, out)
    if dataset is not None:
        dataset.split(split)  # said now, if there is none
    path = given or to.default("report", ".html", kind=PAGE)
    made = (about, learning, mistakes, inside, health, broken, again)
    sections = [found for part in made if (found := part.section(subject)) is not None]
    of = "" if dataset is None else f" and {dataset.name}"
    where = "" if dataset is None else f", looked at with {dataset.name}, {split}"
    lead = f"A report on the network in {opened.path}{where}."
    write_page(path, page(f"{subject.name}{of}", lead, sections))
    size = path.stat().st_size
    out.say(f"{path}: {', '.join(section.heading.lower() for section in sections)} ({size / 2**20:.1f} MiB)")
    answers = subject.answers
    return {
        "report": path,
        "bytes": size,
        "sections": [section.heading for section in sections],
        "model": opened.path,
        "data": None if dataset is None else str(dataset.path or dataset.name),
        "split": split,
        "top1_error": None if answers is None else answers.top1_error,
        "top5_error": None if answers is None else answers.top5_error,
    }


def _pictures(data: str | None, opened: OpenedModel, out: Out) -> Dataset | None:
    """The data set of --data, or of the training; None, which is said, where the model does not know one that is there."""
    from numbacnn.errors import UsageError

    try:
        return open_data(data, opened, out, needs_classes=False)
    except UsageError as error:
        if data is not None:
            raise
        out.warn(f"no pictures to look at the model with, so most sections are left out: {error}")
        return None

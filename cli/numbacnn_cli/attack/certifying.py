"""numbacnn attack certify: the radius within which a smoothed network is certain."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, AsIs, Compute, Data, Images, Model, Origins, Out, SplitName, amount
from ..pictures import Index
from .subjects import check_subjects, find_subjects, percent

RADII = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


def certify(
    images: Images = (),
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    count: int = 100,
    sigma: Annotated[float, Parameter(converter=amount, n_tokens=1)] = 0.25,
    samples: int = 1000,
    first_samples: int = 100,
    alpha: Annotated[float, Parameter(converter=amount, n_tokens=1)] = 0.001,
    seed: int = 0,
    batch_size: int = 64,
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Ask for a picture's class under normal noise, again and again; the class named most is certain within a radius in L2.

    Randomised smoothing (Cohen, Rosenfeld and Kolter, 2019): no change within the radius, by whatever attack, can turn the
    smoothed network's answer, but with probability alpha. A network that was trained with such noise ('numbacnn train
    --adversarial noise --epsilon 0.25') is certain of more.

    JSON: `model`, `sigma`, `samples`, `alpha`, `images` (how many), `smoothed_accuracy`, `abstained` (share), `certified[]` with `.radius`
    and `.accuracy` (the share that is right, and certainly so within the radius), `median_radius` (of those that are right), `pictures[]` with
    `.image`, `.label`, `.class` (null: abstained), `.radius`; `figure`, `data_file`.

    Parameters
    ----------
    count
        How many pictures of the data set, taken at even distances.
    sigma
        The noise's standard deviation, of full scale.
    samples
        Noisy copies of a picture that its radius is told from; more give larger radii.
    first_samples
        Noisy copies before those, which choose the class.
    alpha
        The probability with which a statement may be wrong.
    seed
        What random numbers are drawn from.
    batch_size
        Noisy copies in a pass: fewer take less memory.
    """
    import numpy as np

    from numbacnn import attacks as library
    from numbacnn.errors import UsageError, need_whole
    from numbacnn.figures import certified_curve

    need_whole("--batch-size", batch_size)
    need_whole("--samples", samples)
    need_whole("--first-samples", first_samples)
    if not sigma > 0:
        raise UsageError(f"--sigma {sigma:g}: a number above 0 is expected")
    if not 0 < alpha < 1:
        raise UsageError(f"--alpha {alpha:g}: a number between 0 and 1 is expected")
    drawn = figure.target(out, "certified", reads=[*images, model])
    check_subjects(images, given)
    opened = open_model(model, out, compute)
    network = opened.network
    found = find_subjects(opened, images, data, split, index, count, as_is=as_is, given=given, out=out)
    answer = library.certify(
        network, found.pictures.images, sigma=sigma, first_samples=first_samples, samples=samples, alpha=alpha,
        seed=seed, batch_size=batch_size, watch=out.progress,
    )  # fmt: skip
    labels = found.labels
    right = answer.classes == labels
    abstained = float((answer.classes < 0).mean())
    rows = [(radius, answer.certified_accuracy(labels, radius)) for radius in RADII]
    out.table(
        ["radius (L2)", "right and certain"], [[f"{radius:g}", percent(share)] for radius, share in rows]
    )
    out.say(f"{abstained:.1%} of {len(labels)} pictures have no certain class")
    made = joined(
        opened.fact,
        found.source,
        f"noise of deviation {sigma:g}, {samples} copies a picture, alpha {alpha:g}",
    )
    drawing = certified_curve(
        np.where(right, answer.radii, -1.0), title=f"certified accuracy, sigma {sigma:g}", provenance=made
    )
    numbers = {
        "classes": (answer.classes, "class indices; -1: abstained"),
        "radii": (answer.radii, "L2, of a full scale of 1"),
        "labels": (labels, "the true classes' indices"),
    }
    return {
        **drawn.save(drawing, numbers, say=f"certified accuracy of {len(labels)} pictures over the radius"),
        "model": opened.path,
        "sigma": sigma,
        "samples": samples,
        "alpha": alpha,
        "images": len(labels),
        "smoothed_accuracy": float(right.mean()),
        "abstained": abstained,
        "certified": [{"radius": radius, "accuracy": share} for radius, share in rows],
        "median_radius": float(np.median(answer.radii[right])) if right.any() else None,
        "pictures": [
            {
                "image": name,
                "label": network.class_names[label],
                "class": None if named < 0 else network.class_names[named],
                "radius": float(radius),
            }
            for name, label, named, radius in zip(
                found.pictures.names, labels, answer.classes, answer.radii, strict=True
            )
        ],
    }

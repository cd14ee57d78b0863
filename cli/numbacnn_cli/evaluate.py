"""numbacnn eval and predict: what a trained network gets right, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .captions import data_fact, joined
from .figure_options import FIGURE, FigureOptions
from .opening import open_data, open_model, views_of
from .options import CPU, AsIs, Compute, Data, Images, Model, Origins, Out, SplitName, Views
from .pictures import FILES_AT_A_TIME, Framings, batches_of_files, expanded

if TYPE_CHECKING:
    from numbacnn import Network

SHOWN = 64
"""The most pictures in the figure of predictions."""

CLASSES_SHOWN = 20
"""The most bars under each of them; the terminal and --json have all that were asked for."""


def evaluate(
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    batch_size: int = 256,
    views: Views = None,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Measure the error of a trained network.

    JSON: `top1_error`, `top5_error`, `loss`, `images`, `per_class_error` (by name), `confusion` (true by predicted),
    `figure`, `data_file`, `model`, `data`, `split`, `views`.

    Parameters
    ----------
    batch_size
        Pictures at a time.
    """
    from numbacnn.data.classes import short_name
    from numbacnn.errors import UsageError
    from numbacnn.figures import confusion_matrix
    from numbacnn.training import evaluate as measure

    if batch_size < 1:
        raise UsageError(f"--batch-size {batch_size}: at least 1 is expected")
    target = figure.target(out, "confusion", reads=[model])
    opened = open_model(model, out, compute)
    dataset = open_data(data, opened, out)
    network = opened.network
    seen = views_of(views, opened, out)
    measured = measure(network, dataset.split(split), batch_size=batch_size, watch=out.progress, views=seen)
    title = f"{dataset.name}, {split}: top-1 error {measured.top1_error:.2%}"
    counted = f"{measured.images:,} pictures" + ("" if seen == "one" else f", views: {seen}")
    made = joined(opened.fact, data_fact(dataset, split), counted)
    shown = tuple(map(short_name, network.class_names))
    drawing = confusion_matrix(measured.confusion, shown, title=title, provenance=made)
    numbers = {
        "confusion": (measured.confusion, "pictures: true class, predicted class"),
        "class_names": (network.class_names, "the classes in order"),
        "per_class_error": (
            measured.per_class_error,
            "top-1 error of each class, 0 to 1; nan: it has no pictures",
        ),
    }
    per_class = dict(zip(network.class_names, measured.per_class_error, strict=True))
    worst = sorted(((error, name) for name, error in per_class.items() if error is not None), reverse=True)[
        :20
    ]
    out.say(
        f"top-1 error {measured.top1_error:.2%}, top-5 error {measured.top5_error:.2%}, loss {measured.loss:.4f}, "
        f"{measured.images} pictures"
    )
    out.table(["class", "error"], [[short_name(name), f"{error:.2%}"] for error, name in worst])
    return {
        **target.save(drawing, numbers),
        "top1_error": measured.top1_error,
        "top5_error": measured.top5_error,
        "loss": measured.loss,
        "images": measured.images,
        "per_class_error": per_class,
        "confusion": measured.confusion,
        "model": opened.path,
        "data": str(dataset.path or dataset.name),
        "split": split,
        "views": seen,
    }


def predict(
    images: Images,
    /,
    *,
    model: Model = None,
    top: Annotated[int, Parameter(help="Classes to name.")] = 5,
    as_is: AsIs = False,
    skip_broken: Annotated[bool, Parameter(negative="")] = False,
    views: Views = None,
    crops: Annotated[Literal["1", "10"], Parameter(name="--crops")] = "1",
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Name what pictures show: each with its best classes as bars.

    JSON: `predictions[]` with `.image` and `.top[].index/.name/.probability`, best first; `figure`, `data_file`, `model`, `crops`, `left_out[]`
    (what is wrong with files that --skip-broken leaves out), `views`.

    Parameters
    ----------
    skip_broken
        Leave out pictures that cannot be read, and say which.
    crops
        What the network sees of a photograph: 1, its middle; 10, its corners and its middle, and their mirror images, whose
        probabilities are averaged.
    """
    import numpy as np

    from numbacnn.data.classes import short_name
    from numbacnn.errors import DataError, UsageError
    from numbacnn.figures import predictions

    if top < 1:
        raise UsageError(f"--top {top}: at least 1 is expected")
    target = figure.target(out, "predictions", reads=[*images, model])
    opened = open_model(model, out, compute)
    network = opened.network
    if crops == "10" and views not in (None, "one"):
        raise UsageError(
            "--crops 10 and --views: one or the other says what the network sees; leave one of them out"
        )
    seen = "one" if crops == "10" else views_of(views, opened, out)
    if crops == "10" and network.graph.pixels.framing and not as_is:
        raise UsageError(
            "--crops 10 is for photographs, and this model's pictures are drawings, which are framed whole; with --as-is they are "
            "cut as photographs are"
        )
    files = expanded(images, out)
    if top > network.classes and given.place("top") != "default":
        out.warn(f"--top {top}: the model has {network.classes} classes, all of them are named")
    top = min(top, network.classes)
    done = Framings()
    found: list[dict[str, Any]] = []
    shown: list[Any] = []
    batches = batches_of_files(
        network, files, as_is=as_is, skip_broken=skip_broken, crops=int(crops), done=done
    )
    for pictures in out.progress(batches, "predicting", -(-len(files) // FILES_AT_A_TIME)):
        probabilities = network.predict(pictures.images, views=seen)
        if crops == "10":
            probabilities = probabilities.reshape(len(pictures.names), 10, -1).mean(axis=1)
        room = max(0, SHOWN - len(found))
        shown.extend(zip(pictures.shown()[:room], probabilities[:room], strict=True))
        for name, row in zip(pictures.names, probabilities, strict=True):
            best = np.argsort(-row, kind="stable")[:top]
            found.append({"image": name, "top": [_named(network, index, row) for index in best]})
    done.tell(out)
    if not found:
        raise DataError(f"none of the {len(files)} pictures can be read")
    for prediction in found:
        best_first = ", ".join(
            f"{short_name(entry['name'])} {entry['probability']:.1%}" for entry in prediction["top"]
        )
        out.say(f"{prediction['image']}: {best_first}")
    drawn, rows = (list(parts) for parts in zip(*shown, strict=True))
    captions = [Path(prediction["image"]).name for prediction in found[: len(drawn)]]
    drawing = predictions(
        drawn,
        tuple(map(short_name, network.class_names)),
        rows,
        captions=captions,
        top=min(top, CLASSES_SHOWN),
        provenance=joined(opened.fact, done.seen(), "" if seen == "one" else f"views: {seen}"),
    )
    numbers = {
        "images": ([prediction["image"] for prediction in found[: len(drawn)]], "the pictures' files"),
        "probabilities": (rows, "pictures, classes"),
        "class_names": (network.class_names, "the classes in order"),
    }
    say = "" if len(found) == len(drawn) else f"the first {len(drawn)} of {len(found)} pictures"
    saved = target.save(drawing, numbers, say=say)
    return {
        "predictions": found,
        **saved,
        "model": opened.path,
        "crops": int(crops),
        "left_out": done.broken,
        "views": seen,
    }


def _named(network: Network, index: Any, probabilities: Any) -> dict[str, Any]:
    return {
        "index": int(index),
        "name": network.class_names[index],
        "probability": float(probabilities[index]),
    }

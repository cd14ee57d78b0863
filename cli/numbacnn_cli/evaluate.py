"""numbacnn eval and predict: what a trained network gets right, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from .opening import open_data, open_model
from .options import CPU, Compute, Data, Images, Model, Out, Picture
from .pictures import from_files


def evaluate(
    *,
    model: Model = None,
    data: Data = None,
    split: str = "test",
    batch_size: int = 256,
    output: Picture = None,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Measure the error of a trained network.

    JSON: `top1_error`, `top5_error`, `loss`, `images`, `per_class_error` (by name), `confusion` (true by predicted),
    `figure`, `model`, `data`, `split`.

    Parameters
    ----------
    split
        train, validation or test.
    batch_size
        Pictures at a time.
    """
    from numbacnn.errors import UsageError
    from numbacnn.figures import confusion_matrix, save
    from numbacnn.training import evaluate as measure

    if batch_size < 1:
        raise UsageError(f"--batch-size {batch_size}: at least 1 is expected")
    opened = open_model(model, out, compute)
    dataset = open_data(data, opened, out)
    network = opened.network
    measured = measure(network, dataset.split(split), batch_size=batch_size, watch=out.progress)
    path = output or Path("confusion.png")
    title = f"{dataset.name}, {split}: top-1 error {measured.top1_error:.2%}"
    save(confusion_matrix(measured.confusion, network.class_names, title=title), path)
    per_class = dict(zip(network.class_names, measured.per_class_error, strict=True))
    worst = sorted(((error, name) for name, error in per_class.items() if error is not None), reverse=True)[
        :20
    ]
    out.say(
        f"top-1 error {measured.top1_error:.2%}, top-5 error {measured.top5_error:.2%}, loss {measured.loss:.4f}, "
        f"{measured.images} pictures"
    )
    out.table(["class", "error"], [[name, f"{error:.2%}"] for error, name in worst])
    out.say(str(path))
    return {
        "top1_error": measured.top1_error,
        "top5_error": measured.top5_error,
        "loss": measured.loss,
        "images": measured.images,
        "per_class_error": per_class,
        "confusion": measured.confusion,
        "figure": path,
        "model": opened.path,
        "data": str(dataset.path or dataset.name),
        "split": split,
    }


def predict(
    images: Images,
    /,
    *,
    model: Model = None,
    top: Annotated[int, Parameter(help="Classes to name.")] = 5,
    output: Picture = None,
    compute: Compute = CPU,
    out: Out,
) -> dict[str, Any]:
    """Name what pictures show: each with its best classes as bars.

    JSON: `predictions[]` with `.image` and `.top[].index/.name/.probability`, best first; `figure`, `model`.
    """
    import numpy as np

    from numbacnn.errors import UsageError
    from numbacnn.figures import predictions, save

    if top < 1:
        raise UsageError(f"--top {top}: at least 1 is expected")
    opened = open_model(model, out, compute)
    network = opened.network
    pictures = from_files(network, images)
    probabilities = network.predict(pictures.images)
    top = min(top, network.classes)
    found = []
    for name, row in zip(pictures.names, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        found.append(
            {
                "image": name,
                "top": [
                    {
                        "index": int(index),
                        "name": network.class_names[index],
                        "probability": float(row[index]),
                    }
                    for index in best
                ],
            }
        )
        out.say(f"{name}: " + ", ".join(f"{network.class_names[index]} {row[index]:.1%}" for index in best))
    path = output or Path("predictions.png")
    captions = [Path(name).name for name in pictures.names]
    save(predictions(pictures.images, network.class_names, probabilities, captions=captions, top=top), path)
    out.say(str(path))
    return {"predictions": found, "figure": path, "model": opened.path}

"""How the training went: its curves and its epochs."""

from __future__ import annotations

import csv
from typing import Any

from ..pages import Section, figure, folded, paragraph, table
from .subject import Subject


def section(subject: Subject) -> Section | None:
    """None of a model that lies in no run's folder."""
    from numbacnn.figures import training_curves

    rows = _rows(subject)
    if not rows:
        return None
    last = rows[-1]
    best = min(rows, key=lambda row: _number(row.get("validation_top1_error"), float("inf")))
    error = _number(best.get("validation_top1_error"))
    said = f"{len(rows)} epochs; the last training loss is {_number(last.get('train_loss')):.4g}"
    if error == error:
        said += f", the best validation error {error:.2%}, in epoch {best.get('epoch')}"
    seconds = sum(_number(row.get("seconds"), 0.0) for row in rows)
    said += (
        f". They took {seconds / 60:.0f} minutes." if seconds > 90 else f". They took {seconds:.0f} seconds."
    )
    curves = training_curves(rows)
    alternative = (
        f"Loss, top-1 error and learning rate over {len(rows)} epochs, of training and validation. {said}"
    )
    shown = (
        "epoch",
        "learning_rate",
        "train_loss",
        "train_top1_error",
        "validation_loss",
        "validation_top1_error",
    )
    cells = [[_short(row.get(name, "")) for name in shown] for row in rows]
    epochs = folded("Every epoch", table([name.replace("_", " ") for name in shown], cells, "A row an epoch"))
    return Section("How it learned", "learning", [paragraph(said), figure(curves, alternative), epochs])


def _rows(subject: Subject) -> list[dict[str, Any]]:
    """metrics.csv of the run; [] where there is none, or where it is no table of numbers."""
    path = None if subject.run is None else subject.run / "metrics.csv"
    if path is None or not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            for name, value in row.items():
                if name == "rolled_back":
                    row[name] = "1" if value == "True" else "0" if value == "False" else value
                _number(row[name])
    except (OSError, ValueError, csv.Error) as error:
        subject.out.warn(f"{path}: no table of epochs, left out ({error})")
        return []
    return [dict(row) for row in rows]


def _number(value: Any, missing: float = float("nan")) -> float:
    return missing if value in (None, "") else float(value)


def _short(value: Any) -> str:
    number = _number(value)
    return "" if number != number else f"{number:.4g}"

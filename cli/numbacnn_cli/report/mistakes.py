"""What the network gets wrong: by class, for which, and the mistakes that it is surest of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..pages import Section, bars, figure, folded, paragraph, pictures, table
from .subject import Subject

if TYPE_CHECKING:
    from numbacnn.analysis import Answers

CLASSES, WORST, MOST_CONFUSED = 20, 24, 10
FEWEST = 5
"""Pictures of a class, of which an error says something."""
DRAWN = 60
"""Classes that a confusion matrix has names for."""


def section(subject: Subject) -> Section | None:
    """None where the true classes are not known."""
    answers = subject.answers
    if answers is None or subject.dataset is None:
        return None
    wrong = int(np.count_nonzero(answers.predicted != answers.labels))
    elements = [
        paragraph(
            f"{wrong:,} of {len(answers.labels):,} pictures are taken for another class: "
            f"a top-1 error of {answers.top1_error:.2%}."
        ),
        *_by_class(subject, answers),
        *_confused(subject, answers),
    ]
    if wrong:
        elements += ["<h3>The mistakes that it is surest of</h3>", _worst(subject, answers)]
    return Section("What it gets wrong", "mistakes", elements)


def _by_class(subject: Subject, answers: Answers) -> list[str]:
    counts = answers.confusion
    totals = counts.sum(axis=1)
    there = np.flatnonzero(totals)
    if np.median(totals[there]) < FEWEST:
        return [
            paragraph(
                f"There are {len(there):,} classes with few pictures each: too few for an error of each."
            )
        ]
    errors = 1 - np.diag(counts)[there] / totals[there]
    order = np.argsort(-errors, kind="stable")
    rows = [
        (
            subject.class_names[there[place]],
            float(errors[place]),
            f"{errors[place]:.1%} of {totals[there[place]]:,}",
        )
        for place in order
    ]
    shown = bars(rows[:CLASSES], "Top-1 error by class, the worst first")
    if len(rows) <= CLASSES:
        return [shown]
    rest = bars(rows[CLASSES:], "Top-1 error by class, the others")
    return [shown, folded(f"The other {len(rows) - CLASSES} classes", rest)]


def _confused(subject: Subject, answers: Answers) -> list[str]:
    from numbacnn.figures import confusion_matrix

    counts, names = answers.confusion, subject.class_names
    between = counts - np.diag(np.diag(counts))
    order = np.argsort(-between, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [(*np.unravel_index(place, between.shape), int(between.flat[place])) for place in order]
    rows = [(names[true], names[taken], count) for true, taken, count in pairs if count > 1]
    elements = []
    if rows:
        headers = ("is", "is taken for", "pictures")
        elements.append(table(headers, rows, "The classes that are confused most often"))
    if len(names) <= DRAWN:
        first = f"; most often {rows[0][0]} is taken for {rows[0][1]}, {rows[0][2]} times" if rows else ""
        alternative = f"Confusion matrix: true classes as rows, predicted ones as columns{first}."
        elements.append(figure(confusion_matrix(counts, names), alternative))
    return elements


def _worst(subject: Subject, answers: Answers) -> str:
    assert subject.pictures is not None
    names, shown = subject.class_names, []
    for index in answers.worst(WORST):
        image = subject.pictures.read(slice(index, index + 1))[0]
        taken, true = names[answers.predicted[index]], names[answers.labels[index]]
        sure = f"{answers.confidence[index]:.0%}"
        shown.append(
            (
                image,
                f"Picture {index} of {subject.split}: a picture of the class {true}",
                f"{taken} ({sure}); it is {true}",
            )
        )
    return pictures(shown)

"""Training on arrays in memory: for networks that have inputs beside pictures, which no data set holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..device import Array
from ..errors import TrainingError, UsageError
from ..network import Images, Network
from ..program import Loss
from ..program.inputs import check_given
from .optimizers import optimizer_for
from .sampling import order_of
from .schedules import SCHEDULES
from .settings import Settings
from .step import TrainingStep, learner_for, program_of
from .step_metrics import StepMetrics


class EpochOfArrays(NamedTuple):
    """One pass over all examples: its number from 1, the mean loss and the share of wrong answers while it learned."""

    epoch: int
    loss: float
    top1_error: float


def train_arrays(
    network: Network,
    labels: Any,
    images: Images | None = None,
    *,
    others: Mapping[str, Array] | None = None,
    settings: Settings | None = None,
    **changes: Any,
) -> Iterator[EpochOfArrays]:
    """Trains a network in place on the examples given, and yields a line an epoch.

    `labels` (N,) are class indices, `images` pictures (N,H,W,C) as the network sees them, and `others` what its other inputs
    are given, by their names, N rows each (`network.graph.inputs` says which). `changes` are fields of Settings. Examples
    are shuffled by the seed; pictures are not augmented, nothing is held back to validate, and so the schedule "halve"
    looks at the training error, and the weights of the last epoch are kept.
    Raises UsageError or ShapeError if an input is given nothing or what it does not take, DataError for labels that are no
    classes or unknown tokens, TrainingError if the loss diverges.
    """
    settings = dataclasses.replace(settings or Settings(), **changes)
    graph, given = network.graph, {name: np.asarray(values) for name, values in (others or {}).items()}
    if graph.heads or settings.adversarial != "none" or settings.lookahead or settings.whiten:
        raise UsageError(
            "train_arrays trains one classifier: no heads, no adversarial training, lookahead or whitening"
        )
    pictures = None if images is None else network.as_images(images, alone=False)
    count = check_given(graph, pictures, given)
    labels = network.as_labels(labels, count)
    optimizer = optimizer_for(graph, settings)
    looked_at: dict[str, Any] = {"clip_norm": settings.clip_norm, "accumulate": settings.accumulate}
    size = min(settings.batch_size, count)
    program = program_of(network, size, learner=learner_for(optimizer, **looked_at))
    loss = Loss(settings.loss, settings.margin, settings.label_smoothing)
    step = TrainingStep(program, loss, optimizer, **looked_at)
    return _epochs(step, labels, pictures, given, settings)


def _epochs(
    step: TrainingStep, labels: Array, pictures: Array | None, given: Mapping[str, Array], settings: Settings
) -> Iterator[EpochOfArrays]:
    program, schedule = step.program, SCHEDULES[settings.schedule](settings)
    metrics, size, best, number = StepMetrics(program.device, program.graph.dtype), program.batch_size, 1.0, 0
    batches = -(-len(labels) // size)
    for epoch in range(settings.epochs):
        order, loss, wrong = order_of(len(labels), size, settings.seed, epoch), 0.0, 0
        for batch in range(batches):
            rows = order[batch * size : (batch + 1) * size]
            program.load(
                None if pictures is None else pictures[rows],
                {name: each[rows] for name, each in given.items()},
            )
            program.device.write(program.labels, labels[rows])
            program.set_random(settings.seed, number)
            step.progress = (number + 1) / (settings.epochs * batches)
            step(schedule.rate(epoch + batch / batches), metrics.rows, last=batch + 1 == batches)
            metrics.expect(number, batch, len(rows))
            number += 1
            if metrics.due or batch + 1 == batches:
                for told in metrics.read():
                    loss, wrong = loss + told.loss, wrong + told.wrong
                if not np.isfinite(loss):
                    raise TrainingError(
                        f"the loss is no longer finite (epoch {epoch + 1}): try a smaller learning_rate than "
                        f"{settings.learning_rate:g}"
                    )
        error = wrong / len(labels)
        schedule.ended(error < best)
        best = min(best, error)
        yield EpochOfArrays(epoch + 1, loss / len(labels), error)

"""The loop: sample a batch, forward, backward, update (lecture: mini-batch SGD)."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..data import Dataset, Split
from ..errors import TrainingError, UsageError
from ..graph import Graph
from ..layers.initialization import SYMMETRIC
from ..network import Network
from ..program import Head, Loss, Program
from .adversarial import AdversarialStep, cost, measures_robustness, robust_error
from .arranging import arrange, learned_from
from .augmentation import Augmentation
from .evaluation import EVALUATION_BATCH, Evaluation, evaluate
from .events import BatchDone, EpochDone, Event, Finished, RolledBack, RunStarted, StoppedEarly, Warned
from .feed import feed_for
from .fit import choose_fit, fitted
from .fixed_features import FeatureFeed, FixedFeatures
from .input_pipeline import Batch
from .lookahead import Lookahead
from .optimizers import optimizer_for
from .restoring import check_progress
from .schedules import SCHEDULES
from .settings import Settings
from .standstill import Standstill
from .state import State
from .step import Hook, TrainingStep, learner_for, program_of
from .step_metrics import StepMetrics, StepRow


class Trainer:
    """One run: iterate over it for its events. Between two events `state` and the network belong together."""

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        settings: Settings,
        resumed: tuple[dict[str, Any], dict[str, Any]] | None = None,
        hook: Hook | None = None,
        features: FixedFeatures | None = None,
    ) -> None:
        network.need_pictures()
        settings.check_fit(network.input_shape)
        dataset = dataset.with_classes_of(network)
        self.network, self.dataset = network, dataset
        self.fit = choose_fit(dataset, network, settings.fit)
        """The treatment of pictures of another size; the network's preprocessing records it from now on."""
        network.graph.pixels.shorter_side = self.fit.shorter_side
        self.settings = settings = dataclasses.replace(settings, fit=self.fit.setting)
        self.validates = settings.validate and dataset.validation is not None
        """Whether errors are measured on the validation split."""
        learned = learned_from(dataset, settings)
        self._fitted = fitted(learned, self.fit)
        arrange(network, self._fitted.train, settings, first=resumed is None)
        self._loss = Loss(settings.loss, settings.margin)
        self.optimizer = optimizer_for(network.graph, settings)
        self._augmentation = Augmentation(self._fitted, network.input_shape, settings)
        if settings.workspace_mb:
            network.workspace_bytes = settings.workspace_mb << 20
        pictures = len(self._fitted.train)
        count = min(settings.batch_size, pictures)
        smoothed = Loss(settings.loss, settings.margin, settings.label_smoothing)
        self._features = features
        heads = _heads(network.graph, smoothed)
        looked_at: dict[str, Any] = {
            "clip_norm": settings.clip_norm,
            "accumulate": settings.accumulate,
            "hook": hook,
        }
        learner = learner_for(self.optimizer, **looked_at) if settings.adversarial == "none" else None
        self._plan = (
            program_of(network, count, heads=heads, learner=learner)
            if features is None
            else Program(features.graph, count, gradients="parameters")
        )
        slow = (
            Lookahead(network.graph, settings.lookahead, settings.lookahead_keep)
            if settings.lookahead
            else None
        )
        parts = self._plan, smoothed, self.optimizer
        options: dict[str, Any] = {
            **looked_at,
            "average": settings.average_weights,
            "lookahead": slow,
        }
        self._adversarial = None
        if settings.adversarial != "none":
            if network.graph.heads and settings.adversarial == "trades":
                raise UsageError(
                    "--adversarial trades is for networks with one classifier, and this one has more"
                )
            self._adversarial = AdversarialStep(network, settings, *parts, **options)
        self.step = self._adversarial or TrainingStep(*parts, **options)
        self.state = State() if resumed is None else State.restored(*resumed, self.step)
        self._keep()
        self._schedule = SCHEDULES[settings.schedule](settings, **self.state.schedule)
        self.evaluation_batch = min(EVALUATION_BATCH, self._plan.batch_size)
        """Pictures at a time where errors are measured: no more than a step's, whose buffers there is room for."""
        self._batches = -(-pictures // self._plan.batch_size)
        check_progress(self.state, self._batches, self._plan.batch_size, pictures)
        self._metrics = StepMetrics(self._plan.device, network.graph.dtype)
        self._standstill = Standstill(learned, settings)
        self.between_steps = True
        """Whether `state` and the network belong together now, so that they may be saved: also after an exception."""
        self.waits_for_data = False
        """Whether it does nothing but wait for the next batch, as it does at first while kernels of that are compiled."""

    def __iter__(self) -> Iterator[Event]:
        parameters = sum(each.size for each in self.network.graph.parameters.values())
        beside = self._evaluation_plan()
        seen = self._augmentation.bordered(self._fitted.train)
        self._feed = (
            feed_for(self._plan, self.step, seen, self._augmentation, self.settings, beside)
            if self._features is None
            else FeatureFeed(self._plan, self.step, self._features, self.settings)
        )
        yield RunStarted(
            self.settings.epochs,
            self._batches,
            len(seen),
            parameters,
            self._plan.bytes + self._feed.bytes,
            self.fit,
        )
        if self.settings.initialise in SYMMETRIC and self.state.step == 0:
            yield Warned(
                f"initialisation '{self.settings.initialise}': {SYMMETRIC[self.settings.initialise]}"
            )
        if self.settings.validate and not self.validates:
            yield Warned("no validation split: the best epoch is the one with the smallest training error")
        if more := cost(self.settings):
            yield Warned(more)
        if nothing := self._standstill.nothing_to_learn(self.dataset):
            yield Warned(nothing)
        self._feed.take()
        self._plan.take(beside)  # or it would be learnt after an epoch that there is no room
        self.waits_for_data = True
        with self._feed.batches(range(self.state.epoch, self.settings.epochs), self.state.batch) as batches:
            self.waits_for_data = False
            while not self.over:
                yield from self._epoch(batches)
                yield from self._end_of_epoch()
        if self.state.epoch < self.settings.epochs:
            yield StoppedEarly(self.state.epoch, self.spent)
        self.network.graph.restore(self.state.best_weights)
        yield Finished(
            self.state.best_epoch,
            self.state.best_error,
            images_per_second=self._median("images_per_second"),
            waiting_share=self._median("waiting_share"),
        )

    @property
    def over(self) -> bool:
        """All epochs are done, or those that are left could change nothing."""
        return self.state.epoch >= self.settings.epochs or bool(self.spent)

    @property
    def spent(self) -> str:
        """Why the epochs that are left could change nothing; empty if they can."""
        return self._schedule.spent(self.state.epoch)

    def _evaluation_plan(self) -> Program | None:
        split = self._fitted.validation
        return (
            None
            if split is None or self._features is not None
            else self.network.program(min(self.evaluation_batch, len(split)))
        )

    def _median(self, column: str) -> float:
        """The median of a column over the epochs; NaN if all rows were written by an older version without that column."""
        values = [row[column] for row in self.state.rows if column in row]
        return float(np.median(values)) if values else math.nan

    def _epoch(self, batches: Iterator[Batch]) -> Iterator[Event]:
        state = self.state
        while state.batch < self._batches:
            begun = time.perf_counter()
            self.waits_for_data = True
            batch = next(batches)
            self.waits_for_data = False
            state.waiting += time.perf_counter() - begun
            self.between_steps = False
            self._step(batch)
            state.batch += batch.steps
            state.step += batch.steps
            self.between_steps = True
            read = self._metrics.due or state.batch in (1, self._batches)
            totals = (self._read() if read else [])[-batch.steps :] or [self._totals()]
            state.seconds += time.perf_counter() - begun
            speed, waiting = self._pictures() / state.seconds, state.waiting / state.seconds
            for place, (loss_sum, wrong, seen) in enumerate(totals, state.batch - len(totals) + 1):
                yield BatchDone(
                    epoch=state.epoch + 1,
                    batch=place,
                    batches=self._batches,
                    loss=loss_sum / seen,
                    top1_error=wrong / seen,
                    images_per_second=speed,
                    waiting_share=waiting,
                )

    def _robust_error(self) -> float:
        """The error under attack on validation pictures, or training pictures without those; the epoch with the smallest is best."""
        split = self._fitted.validation or self._fitted.train
        with self.measured_weights():
            return robust_error(self.network, split, self.settings, self.evaluation_batch)

    def _idle_layers(self) -> list[str]:
        """The layers whose parameters got no gradient in the last step; valid until another pass uses the arrays."""
        read = self._plan.device.read
        return [
            node
            for node, gradients in self._plan.gradients.items()
            if gradients and not any(np.any(read(gradient)) for gradient in gradients.values())
        ]

    def _pictures(self) -> int:
        """The number of pictures of this epoch that a step has seen."""
        return min(self.state.batch * self._plan.batch_size, len(self._fitted.train))

    def settle(self) -> None:
        """Updates `state` to the last step; a checkpoint needs that first."""
        self._read()
        self._keep()

    def _keep(self) -> None:
        """Copies the step's arrays and counters into `state`, for a checkpoint."""
        self.state.kept, self.state.updates, self.state.added = (
            self.step.on_host(), self.optimizer.updates, self.step.batches
        )  # fmt: skip

    def _step(self, batch: Batch) -> None:
        state = self.state
        last = state.batch + batch.steps == self._batches
        self.step.progress = (state.step + batch.steps) / (self.settings.epochs * self._batches)
        self.optimizer.epoch = state.epoch
        if self._adversarial is not None:
            self._adversarial.number = state.step
        self._feed.step(batch, state, self._rate, self._metrics.rows, last=last)
        for place in range(batch.steps):
            self._metrics.expect(state.step + place, state.batch + place, len(batch.labels) // batch.steps)

    def _rate(self, batch: int) -> float:
        """The learning rate at a batch of this epoch."""
        return self._schedule.rate(self.state.epoch + batch / self._batches)

    @contextmanager
    def measured_weights(self) -> Iterator[None]:
        """While it lasts, the network has the weights that are measured: their average, where one is kept."""
        if self.step.average is None:
            yield
            return
        self.between_steps = False
        try:
            with self.step.average.in_place():
                yield
        finally:
            self.between_steps = True

    def _read(self) -> list[tuple[float, int, int]]:
        """Reads the metrics of the steps since the last call; the epoch's totals after each of these steps."""
        totals = []
        for told in self._metrics.read():
            if not np.isfinite(told.loss):
                self._give_up(told)
            self.state.loss_sum += told.loss
            self.state.wrong += told.wrong
            self.state.seen += told.seen
            totals.append(self._totals())
        return totals

    def _totals(self) -> tuple[float, int, int]:
        """Of the epoch's steps whose metrics have been read: the sum of losses, wrong answers, pictures."""
        return self.state.loss_sum, self.state.wrong, self.state.seen

    def _give_up(self, told: StepRow) -> None:
        rate = self._rate(told.batch)
        best = "no epoch was completed"
        if self.state.best_weights:
            self.network.graph.restore(self.state.best_weights)
            best = f"the best weights, of epoch {self.state.best_epoch}, are kept"
        raise TrainingError(
            f"the loss is no longer finite (epoch {self.state.epoch + 1}, batch {told.batch + 1}, learning rate "
            f"{rate:g}); {best}; try --learning-rate {rate / 5:.2g}"
        )

    def _measured(self, split: Split) -> Evaluation:
        if self._features is not None:
            return self._features.evaluate(self._plan, self._loss, split.labels)
        return evaluate(self.network, split, loss=self._loss, batch_size=self.evaluation_batch)

    def _end_of_epoch(self) -> Iterator[Event]:
        state = self.state
        rate = self._schedule.rate(state.epoch)
        row: dict[str, Any] = {
            "epoch": state.epoch + 1,
            "learning_rate": rate,
            "train_loss": state.loss_sum / state.seen,
            "train_top1_error": state.wrong / state.seen,
        }
        idle, answers = self._idle_layers(), None
        if self._fitted.validation is not None:
            with self.measured_weights():
                measured = self._measured(self._fitted.validation)
            row |= {"validation_loss": measured.loss, "validation_top1_error": measured.top1_error}
            answers = measured.confusion.sum(axis=0)
        error = row.get("validation_top1_error", row["train_top1_error"])
        if self._adversarial is not None:
            row["attack_share"] = self._adversarial.seconds / max(state.seconds, 1e-9)
            self._adversarial.seconds = 0.0
            if measures_robustness(self.settings):
                error = row["robust_top1_error"] = self._robust_error()
        loss = row.get("validation_loss", row["train_loss"])
        # Of two epochs with the same number of mistakes, the one that was surer of the rest.
        improved = not self.settings.validate or (error, loss) < (state.best_error, state.best_loss)
        row |= {
            "seconds": state.seconds,
            "images_per_second": state.seen / state.seconds,
            "waiting_share": state.waiting / state.seconds,
            "rolled_back": False,
        }
        state.epoch, state.batch, state.seen, state.wrong = state.epoch + 1, 0, 0, 0
        state.loss_sum, state.seconds, state.waiting = 0.0, 0.0, 0.0
        if improved:
            state.best_error, state.best_loss, state.best_epoch = error, loss, state.epoch
            with self.measured_weights():
                state.best_weights = self.network.graph.snapshot()
        row["rolled_back"] = self._schedule.ended(improved)
        state.rows.append(row)
        warning = self._standstill.seen(state.rows, answers, last=self.over)
        if warning:
            layers = sum(bool(gradients) for gradients in self._plan.gradients.values())
            warning += f"; {self._standstill.advice(idle, layers, moves=self.optimizer.moves())}"
        if row["rolled_back"]:
            self.network.graph.restore(state.best_weights)
            self.step.rest()
        state.schedule = self._schedule.state()
        yield EpochDone(state.epoch, row, improved, state.best_epoch)
        if warning:
            yield Warned(warning)
        if row["rolled_back"]:
            yield RolledBack(state.epoch, state.best_epoch, self._schedule.rate(state.epoch))


def _heads(graph: Graph, loss: Loss) -> tuple[tuple[str, Head], ...]:
    """The classifiers of a graph that has several: all have the same labels and loss. None of a graph that has one."""
    if not graph.heads:
        return ()
    auxiliary = ((name, Head(graph.scores_of(name), loss, share)) for name, share in graph.heads.items())
    return (graph.output.name, Head(graph.scores, loss)), *auxiliary


def train(
    network: Network,
    dataset: Dataset,
    settings: Settings | None = None,
    *,
    hook: Hook | None = None,
    **changes: Any,
) -> Iterator[Event]:
    """Trains a network in place and yields what happens; at the end it holds its best weights.

    Settings left out are the defaults of Settings; `prepare` makes a network together with the settings that suit it.
    `changes` are fields of Settings: `train(network, dataset, settings, epochs=5)`. The network's first layer should hold the
    data set's mean and scale (`preprocessing`); what is done to pictures of another size (the setting `fit`) is written
    into it, so that the network takes such pictures from then on. `hook` sees the gradient of every update and may change
    it (`training.step`).
    Raises UsageError for settings, DataError if data and network do not fit, TrainingError if the loss diverges.
    """
    base = settings or Settings()
    return iter(Trainer(network, dataset, dataclasses.replace(base, **changes), hook=hook))

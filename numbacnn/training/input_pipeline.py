"""The input pipeline: brings batches from a data set into a Program, in two halves. `prepare` runs ahead of time on the thread
that reads, `load` when the batch's step comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import Any, Protocol

import numpy as np

from ..ops import augmentation
from ..program import Program
from .augmentation import Augmentation


@dataclass(frozen=True)
class Batch:
    """Prepared pictures, in a form that belongs to the pipeline, with their labels and indices in the split (n): those of one step,
    or of several `steps` with as many pictures each.
    """

    pictures: Any
    labels: Any
    indices: Any
    steps: int = 1


class InputPipeline(Protocol):
    """The two halves of the pipeline; at most `places` batches are prepared and not yet loaded at a time."""

    def prepare(self, pictures: Any, labels: Any, epoch: int, indices: Any) -> Batch:
        """Pictures uint8 (n,H,W,C) as the data set gives them."""

    def load(self, batch: Batch) -> None:
        """Writes the augmented pictures and the labels into `Program.input` and `Program.labels`."""


class HostPipeline:
    """Augments pictures on the CPU in `prepare`, while the step before computes, and copies them in `load`.

    Pictures that no setting changes stay bytes until `load` makes numbers of them, so that the thread that reads takes less of
    the step's cores.
    """

    def __init__(self, plan: Program, changes: Augmentation, places: int) -> None:
        self._plan, self._changes = plan, changes
        self.buffers = np.empty((places, plan.batch_size, *plan.graph.input_shape), plan.graph.dtype)
        """A batch's changed pictures, float in [0, 255], lie in one of them."""
        self._turns = cycle(self.buffers)
        self._distorted = room_to_distort(plan, changes)

    def prepare(self, pictures: Any, labels: Any, epoch: int, indices: Any) -> Batch:
        if self._changes.leaves_as_they_are:
            return Batch(pictures, labels, indices)
        target = next(self._turns)[: len(indices)]
        if self._distorted is not None:
            distorted = self._distorted[: len(indices)]
            fill = np.rint(self._changes.fill).astype(np.uint8)
            augmentation.distort(distorted, pictures, *self._changes.distortions(epoch, indices), fill)
            pictures = distorted
        augmentation.augment(target, pictures, *self._changes.drawn(epoch, indices), self._changes.fill)
        return Batch(target, labels, indices)

    def load(self, batch: Batch) -> None:
        plan = self._plan
        plan.count = len(batch.labels)
        plan.input[...] = batch.pictures
        plan.labels[...] = batch.labels


class DevicePipeline:
    """Copies batches as uint8 to the GPU through page-locked buffers during the step before; augments them there in `load`."""

    def __init__(self, plan: Program, changes: Augmentation, places: int) -> None:
        self._plan, self._changes, self._device = plan, changes, plan.device
        size = plan.batch_size * int(np.prod(changes.picture_shape))
        self._turns = cycle([plan.device.channel(size) for _ in range(places)])
        self._fill = plan.device.to_device(changes.fill)
        self._drawn = [
            plan.device.zeros((plan.batch_size, *array.shape[1:]), array.dtype)
            for array in changes.drawn(0, np.arange(1))
        ]
        self._distorted = room_to_distort(plan, changes)
        self._ground = plan.device.to_device(np.rint(changes.fill).astype(np.uint8))
        self._distortions = [
            plan.device.zeros((plan.batch_size, *array.shape[1:]), array.dtype)
            for array in (changes.distortions(0, np.arange(1)) if changes.distorts else ())
        ]

    def prepare(self, pictures: Any, labels: Any, epoch: int, indices: Any) -> Batch:
        channel = next(self._turns)
        channel.wait()
        channel.host[: pictures.size] = pictures.reshape(-1)
        drawn = self._changes.drawn(epoch, indices)
        distortions = self._changes.distortions(epoch, indices) if self._changes.distorts else ()
        return Batch((channel, drawn, distortions), labels, indices)

    def load(self, batch: Batch) -> None:
        plan, count = self._plan, len(batch.labels)
        plan.count = count
        channel, drawn, distortions = batch.pictures
        shape = (count, *self._changes.picture_shape)
        pictures = channel.send()[: int(np.prod(shape))].reshape(shape)
        changes = [array[:count] for array in self._drawn]
        for target, source in zip(changes, drawn, strict=True):
            self._device.write(target, source)
        self._device.write(plan.labels, batch.labels)
        if self._distorted is not None:
            given = [array[:count] for array in self._distortions]
            for target, source in zip(given, distortions, strict=True):
                self._device.write(target, source)
            augmentation.distort(self._distorted[:count], pictures, *given, self._ground)
            pictures = self._distorted[:count]
        augmentation.augment(plan.input, pictures, *changes, self._fill)
        channel.release()


def room_to_distort(plan: Program, changes: Augmentation) -> Any:
    """A batch's bytes where pictures are distorted, else None."""
    shape = (plan.batch_size, *changes.picture_shape)
    return plan.device.zeros(shape, np.uint8) if changes.distorts else None


PIPELINES: dict[str, Any] = {"cpu": HostPipeline, "cuda": DevicePipeline}
"""By the device's name."""

"""A training run as `train` follows it: saved before it is shown, and saved when a signal ends it."""

from __future__ import annotations

import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from numbacnn import compiling

from .output import Output
from .signals import Stopped, acting
from .stopping import last_resort, stop, was_lost

if TYPE_CHECKING:
    from numbacnn.training import RunFolder, Trainer


def follow(trainer: Trainer, folder: RunFolder, record: dict[str, Any], out: Output) -> dict[str, float]:
    """Runs the training, saves it after every epoch and when it is stopped, and shows it; returns its speed."""
    from numbacnn.training.beside import compiling_beside

    run = _Followed(trainer, folder, record, out)
    with compiling_beside(trainer.network.graph), acting(run.came), last_resort(run.save_from_outside):
        return run.to_its_end()


class _Followed:
    def __init__(self, trainer: Trainer, folder: RunFolder, record: dict[str, Any], out: Output) -> None:
        self._trainer, self._folder, self._record, self._out = trainer, folder, record, out
        self._number: int | None = None
        self._at_once = False
        """Whether the signal ended the compilation of a kernel, or waiting: that loses nothing."""
        self._saving = threading.Lock()

    def came(self, number: int, frame: FrameType | None) -> None:
        """A signal is looked at between two steps, unless one compiles or waits for its batch; a second one at once."""
        first = self._number is None or was_lost(number)
        self._number = number
        self._at_once = first and (compiling.here() or self._trainer.waits_for_data)
        if self._at_once or not first:
            stop(number, frame)

    def to_its_end(self) -> dict[str, float]:
        from numbacnn.training import BatchDone, EpochDone, Finished

        from .progress import display

        speed: dict[str, float] = {}
        with display(self._out) as show:
            try:
                for event in self._trainer:
                    if isinstance(event, EpochDone):
                        with self._saving:
                            self._folder.save_epoch(self._trainer, self._record, improved=event.improved)
                    elif isinstance(event, Finished):
                        speed = {
                            name: getattr(event, name) for name in ("images_per_second", "waiting_share")
                        }
                    if self._number is not None and isinstance(event, (BatchDone, EpochDone)):
                        with suppress(OSError):
                            show(event)
                        self._save()
                        raise Stopped(self._number)
                    show(event)
                if self._number is not None:  # it came after the last step: all is saved
                    raise Stopped(self._number)
            except Stopped:
                if self._at_once:
                    self._save()
                raise
        return speed

    def _save(self) -> None:
        """Saves what was computed, if anything was, and says how to go on, if there is still a terminal."""
        with self._saving:
            self._save_alone()

    def _save_alone(self) -> None:
        if self._trainer.state.step and self._trainer.between_steps:
            self._folder.save_last(self._trainer, self._record)
        if self._folder.last.exists():
            with suppress(OSError):
                self._out.say(f"stopped; go on with: numbacnn train --resume {self._folder.path}")

    def save_from_outside(self) -> bool:
        """The main thread is inside LLVM: saves in its place; False if it is saving already."""
        if not self._saving.acquire(blocking=False):
            return False  # and it is kept: the main thread must not save, or go on, after this
        self._save_alone()
        self._folder.remove_if_nothing()
        return True

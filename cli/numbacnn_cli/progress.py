"""What a training run looks like: live bars on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .output import Output

if TYPE_CHECKING:
    from numbacnn.training import BatchDone, EpochDone, Event, RunStarted

CURVE = "▁▂▃▄▅▆▇█"
CURVE_POINTS = 40


@contextmanager
def display(out: Output) -> Iterator[Callable[[Event], None]]:
    """Gives the function that shows an event."""
    if not out.live:
        yield lambda event: _line(event, out)
        return
    bars = _Bars(out)
    with out.drawing(), bars.live:
        yield bars.show


class _Bars:
    def __init__(self, out: Output) -> None:
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._out = out
        self._progress = Progress(
            TextColumn("{task.description:>6}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=out.console,
        )
        self._epochs = self._progress.add_task("epoch", total=None)
        self._batches = self._progress.add_task("batch", total=None)
        self._losses: list[float] = []
        self._last: BatchDone | None = None
        self._status = ""
        self.live = Live(get_renderable=self._draw, console=out.console, refresh_per_second=8, transient=True)

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        if self._last is not None:
            self._catch_up(self._last)
        return Group(
            self._progress, Text(self._out.status or self._status), Text(f"  loss {_curve(self._losses)}")
        )

    def _catch_up(self, event: BatchDone) -> None:
        """Shows the last batch, whenever something is drawn: a step of a small network takes less time than this."""
        self._progress.update(self._batches, completed=event.batch)
        self._progress.update(self._epochs, completed=event.epoch - 1 + event.batch / event.batches)
        self._status = (
            f"  {_speed(event.images_per_second, event.waiting_share)}, loss {event.loss:.4f}, "
            f"error {event.top1_error:.2%}"
        )

    def show(self, event: Event) -> None:
        from numbacnn.training import BatchDone, EpochDone, RunStarted, StoppedEarly

        if isinstance(event, BatchDone):
            self._last = event
            if event.batch % max(1, event.batches // 10) == 0:
                self._losses.append(event.loss)
            return
        if isinstance(event, RunStarted):
            self._progress.update(self._epochs, total=event.epochs)
            self._progress.update(self._batches, total=event.batches)
        if isinstance(event, EpochDone):
            self._last = None
            self._progress.reset(self._batches)
        if isinstance(event, StoppedEarly):
            self._progress.update(self._epochs, total=event.epoch)
        _line(event, self._out)


def _line(event: Event, out: Output) -> None:
    from numbacnn.training import EpochDone, RolledBack, RunStarted, StoppedEarly, Warned

    match event:
        case RunStarted():
            if str(event.fit):
                out.say(str(event.fit))
            out.say(_started(event))
        case Warned():
            out.warn(event.message)
        case EpochDone():
            out.say(_epoch(event))
        case RolledBack():
            out.say(
                f"  the validation error stopped improving: back to epoch {event.to_epoch}, "
                f"learning rate {event.learning_rate:g}"
            )
        case StoppedEarly():
            out.say(f"ended after epoch {event.epoch}: {event.reason}")
        case _:
            pass


def _started(event: RunStarted) -> str:
    return f"{event.images:,} pictures, {event.parameters:,} parameters, {event.bytes / 2**20:,.1f} MiB of buffers"


def _epoch(event: EpochDone) -> str:
    row = event.row
    parts = [
        f"epoch {event.epoch:3d}",
        f"train loss {row['train_loss']:.4f} error {row['train_top1_error']:.2%}",
    ]
    if "validation_loss" in row:
        parts.append(f"validation loss {row['validation_loss']:.4f} error {row['validation_top1_error']:.2%}")
    if "robust_top1_error" in row:
        parts.append(f"under attack {row['robust_top1_error']:.2%}")
    if "attack_share" in row:
        parts.append(f"{row['attack_share']:.0%} of the time made pictures")
    parts.append(_speed(row["images_per_second"], row["waiting_share"]))
    return "  ".join(parts) + ("  best" if event.improved else "")


def _speed(images_per_second: float, waiting_share: float) -> str:
    return f"{images_per_second:,.0f} images/s ({waiting_share:.1%} waiting for data)"


def _curve(values: list[float]) -> str:
    """Numbers as a line of blocks, thinned to the width of a bar."""
    if not values:
        return ""
    step = -(-len(values) // CURVE_POINTS)
    shown = values[::step]
    low, high = min(shown), max(shown)
    scale = (len(CURVE) - 1) / (high - low) if high > low else 0.0
    return "".join(CURVE[round((value - low) * scale)] for value in shown)

"""What the steps of an epoch said of themselves (ops.tally), read rarely where reading makes the host wait."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..device import Device

_ROWS = 256


class Told(NamedTuple):
    """One step's sum of losses and its wrong answers, out of `seen` pictures; `batch` is its place in the epoch."""

    batch: int
    seen: int
    loss: float
    wrong: int


class Tally:
    """`rows` is what the steps write to, by their number; `expect` each, and `read` when it is `due`."""

    def __init__(self, device: Device, dtype: Any) -> None:
        self._device = device
        self.rows = device.zeros((_ROWS, 2), dtype)
        self._expected: list[tuple[int, int, int]] = []

    def expect(self, step: int, batch: int, seen: int) -> None:
        self._expected.append((step, batch, seen))

    @property
    def due(self) -> bool:
        return len(self._expected) >= self._device.steps_between_reads

    def read(self) -> list[Told]:
        """All that was expected since the last time."""
        rows = self._device.read(self.rows)
        told = [
            Told(batch, seen, float(rows[step % _ROWS, 0]), int(rows[step % _ROWS, 1]))
            for step, batch, seen in self._expected
        ]
        self._expected.clear()
        return told

"""Metrics of the training steps: loss sum and wrong answers of each step, written on the device by ops.tally.

They are read every `Device.steps_between_reads` steps, as reading a GPU's makes the host wait for it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..device import Device

_ROWS = 256


class StepRow(NamedTuple):
    """One step's sum of losses and its wrong answers, out of `seen` pictures; `batch` is its place in the epoch."""

    batch: int
    seen: int
    loss: float
    wrong: int


class StepMetrics:
    """The metrics of recent steps. Each step writes to its row of `rows` (M,2) on the device; the loop calls `expect` for each
    step, and `read` when it is `due`.
    """

    def __init__(self, device: Device, dtype: Any) -> None:
        self._device = device
        self.rows = device.zeros((_ROWS, 2), dtype)
        self._expected: list[tuple[int, int, int]] = []

    def expect(self, step: int, batch: int, seen: int) -> None:
        self._expected.append((step, batch, seen))

    @property
    def due(self) -> bool:
        return len(self._expected) >= self._device.steps_between_reads

    def read(self) -> list[StepRow]:
        """The metrics of all steps that were expected since the last call."""
        rows = self._device.read(self.rows)
        told = [
            StepRow(batch, seen, float(rows[step % _ROWS, 0]), int(rows[step % _ROWS, 1]))
            for step, batch, seen in self._expected
        ]
        self._expected.clear()
        return told

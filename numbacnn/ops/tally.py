"""Step metrics, which each step writes to its device and which are read later.

write   losses (N,), scores (N,K), labels (N,), step (key, number) -> rows (M,2): row number % M holds the sum of the
        losses and the number of pictures whose first largest score is not that of their label
"""

from __future__ import annotations

from typing import Any

from .compilation import jit
from .kernel import Kernel


@jit(from_python=True)
def _write_cpu(rows: Any, losses: Any, scores: Any, labels: Any, step: Any) -> None:
    """rows_number % M = (sum_n losses_n, the number of n whose largest score is not its label's). A NaN counts as the
    largest.
    """
    total, wrong = losses.dtype.type(0), 0
    for n in range(losses.size):
        total += losses[n]
        best = 0
        for k in range(1, scores.shape[1]):
            if scores[n, k] > scores[n, best] or scores[n, k] != scores[n, k]:
                best = k
        wrong += best != labels[n]
    row = step[1] % rows.shape[0]
    rows[row, 0] = total
    rows[row, 1] = wrong


write = Kernel("tally.write", cpu=_write_cpu)

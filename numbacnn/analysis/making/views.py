"""Random views of a picture: in each step the network is shown a part of it, moved and scaled by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class View:
    """A linear sampling of pictures (N,H,W,C): rows (P,H) and columns (Q,W) of weights; its transpose takes gradients back."""

    rows: Any
    columns: Any

    def see(self, pictures: Any) -> Any:
        return np.ascontiguousarray(_sampled(pictures, self.rows, self.columns))

    def back(self, gradient: Any) -> Any:
        return _sampled(gradient, self.rows.T, self.columns.T)


def _sampled(pictures: Any, rows: Any, columns: Any) -> Any:
    across = np.einsum("qw,nhwc->nhqc", columns, pictures, optimize=True)
    return np.einsum("ph,nhqc->npqc", rows, across, optimize=True)


def view(size: tuple[int, int], canvas: tuple[int, int], zoom: float, generator: np.random.Generator) -> View:
    """`size` pixels as the network takes them, of a `canvas` of at least that; scaled by up to `zoom` (0.1: from 1/1.1 to 1.1)
    and moved as far as the canvas goes, both by chance.
    """
    scale = float(np.exp(generator.uniform(-1, 1) * np.log1p(zoom)))
    matrices = []
    for wanted, there in zip(size, canvas, strict=True):
        taken = min(wanted / scale, there)  # pixels of the canvas
        start = generator.uniform(0, there - taken)
        if zoom == 0:
            start = round(start)
        centres = start + (np.arange(wanted) + 0.5) * taken / wanted - 0.5
        low = np.floor(centres).astype(int)
        share = (centres - low).astype(np.float32)
        matrix = np.zeros((wanted, there), np.float32)
        places = np.arange(wanted)
        matrix[places, np.clip(low, 0, there - 1)] += 1 - share
        matrix[places, np.clip(low + 1, 0, there - 1)] += share
        matrices.append(matrix)
    return View(*matrices)

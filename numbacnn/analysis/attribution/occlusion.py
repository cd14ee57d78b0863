"""Occlusion (Zeiler and Fergus, 2013, section 4.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...network import Network
from ..baselines import check_baseline
from ..occlusion import occluded, resolved, windows
from .base import Attribution, Explained
from .passes import Passes


@dataclass(frozen=True)
class Occlusion(Attribution):
    """How much the score falls while a square of `value` hides a pixel, averaged over the squares that hide it.

    `window` is the square's side in pixels and `stride` the way from one to the next; None: about a seventh of the
    picture's shorter side, and half of the window.
    """

    name: ClassVar[str] = "occlusion"
    title: ClassVar[str] = "occlusion"
    source: ClassVar[str] = "Zeiler and Fergus, 2013"
    signed: ClassVar[bool] = True
    one_by_one: ClassVar[bool] = True

    window: int | None = None
    stride: int | None = None
    value: str | float = "grey"

    def __post_init__(self) -> None:
        check_baseline(self.value, "value")

    def settled(self, network: Network) -> Attribution:
        window, stride = resolved(network.input_shape, self.window, self.stride)
        return replace(self, window=window, stride=stride)

    def explain(self, passes: Passes, images: Any, classes: Any) -> Explained:
        network = passes.network
        window, stride = resolved(network.input_shape, self.window, self.stride)
        boxes = windows(network.input_shape, window, stride)
        whole = passes.scores(images, classes)[0]
        height, width, _ = network.input_shape
        falls, times = np.zeros((height, width)), np.zeros((height, width))
        plan = network.program_for(len(boxes), passes.batch_size)
        for start in range(0, len(boxes), plan.batch_size):
            now = boxes[start : start + plan.batch_size]
            scores = plan.forward(occluded(network, images[0], now, self.value), until=plan.scores)
            for box, score in zip(now, scores[:, classes[0]].astype(np.float64), strict=True):
                hidden = np.s_[box.top : box.bottom, box.left : box.right]
                falls[hidden] += whole - score
                times[hidden] += 1
        return (falls / times).astype(np.float32)[None, :, :, None], {}

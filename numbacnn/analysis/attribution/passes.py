"""Scores and gradients of as many pictures as a method asks for, a batch at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...network import Network
from ...program import Program


class Passes:
    """Passes through a network that hold at most `batch_size` pictures, (n,H,W,C), uint8 or floats of full scale 1."""

    def __init__(self, network: Network, batch_size: int) -> None:
        self.network, self.batch_size = network, batch_size

    def scores(self, images: Any, classes: Any) -> Any:
        """Each picture's score of its class before the softmax, (n,) float64."""
        plan = self.network.program_for(len(images), self.batch_size)
        found = np.empty(len(images))
        for start in range(0, len(images), plan.batch_size):
            now = slice(start, start + plan.batch_size)
            scores = plan.forward(images[now], until=plan.scores)
            found[now] = scores[np.arange(plan.count), classes[now]]
        return found

    def gradients(self, images: Any, classes: Any, rule: str = "standard") -> Any:
        """d score / d pixel, (n,H,W,C) float32, a pixel's scale being [0, 255]; `rule` is the rectifiers'."""
        plan = self.network.program_for(len(images), self.batch_size, "input")
        found = np.empty(images.shape, np.float32)
        for start in range(0, len(images), plan.batch_size):
            now = slice(start, start + plan.batch_size)
            found[now] = self._back(plan, images[now], classes[now], rule)
        return found

    def at(self, layer: str, images: Any, classes: Any, then: str | None = None) -> tuple[Any, Any, Any]:
        """A layer's output and the gradient of the class's score with respect to it, both (n,P,Q,K).

        With the rectifiers' rule `then`, as the third what `gradients` gives by that rule, after the same pass forward.
        """
        plan = self.network.program_for(len(images), self.batch_size, "input", (layer,), (layer,))
        outputs, gradients, pixels = [], [], []
        for start in range(0, len(images), plan.batch_size):
            now = slice(start, start + plan.batch_size)
            plan.forward(images[now], until=plan.scores)
            one_hot = self._one_hot(plan, classes[now])
            outputs.append(np.array(plan.output(layer)))
            plan.backward(plan.scores, one_hot, until=layer)
            gradients.append(np.array(plan.gradient_at(layer)))
            if then is not None:
                pixels.append(np.array(plan.backward(plan.scores, one_hot, rule=then)))
        return (
            np.concatenate(outputs),
            np.concatenate(gradients),
            np.concatenate(pixels) if then is not None else None,
        )

    def _back(self, plan: Program, images: Any, classes: Any, rule: str) -> Any:
        plan.forward(images, until=plan.scores)
        return plan.backward(plan.scores, self._one_hot(plan, classes), rule=rule)

    @staticmethod
    def _one_hot(plan: Program, classes: Any) -> Any:
        chosen = np.zeros((plan.count, *plan.graph.shapes[plan.scores]), plan.graph.dtype)
        chosen[np.arange(plan.count), classes] = 1
        return chosen

"""Which pixels a class depends on (Simonyan, Vedaldi and Zisserman, 2014, section 3)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..errors import UsageError, nearest
from ..network import Images, Network
from ..program import Loss


def saliency(
    network: Network,
    images: Images,
    classes: Any = None,
    *,
    of: Literal["score", "loss"] = "score",
    rule: str = "standard",
    batch_size: int = 64,
) -> Any:
    """|dS_c/dx| of each picture's class c, the largest over the channels: (N,H,W) float32.

    `classes` is one index or N of them, by default what the network predicts. S_c is the score before the
    softmax; of "loss", it is E, the log-softmax loss of class c (the lecture's dE/dx). `rule` is the
    rectifiers': "guided" leaves out what speaks against the class (Springenberg et al., 2015).
    Raises UsageError for a class, `of` or rule that does not exist; see `Network.as_images` for pictures.
    """
    gradients = pixel_gradients(network, images, classes, of=of, rule=rule, batch_size=batch_size)
    return np.abs(gradients).max(axis=3)


def pixel_gradients(
    network: Network,
    images: Images,
    classes: Any = None,
    *,
    of: Literal["score", "loss"] = "score",
    rule: str = "standard",
    batch_size: int = 64,
) -> Any:
    """dS_c/dx or dE/dx with its sign, (N,H,W,C) float32, a pixel's scale being [0, 255]; see `saliency`.

    Of a picture whose class is so sure that dE/dx is smaller than any float32, it is dE/dx times a positive number.
    """
    if of not in ("score", "loss"):
        raise UsageError(f"saliency of '{of}'{nearest(of, ('score', 'loss'))}")
    if of == "loss" and rule != "standard":
        raise UsageError(f"rule '{rule}' starts at a class's score: it does not go with of = 'loss'")
    images = network.as_images(images)
    if classes is not None:
        classes = network.as_labels(classes, len(images))
    plan = network.program_for(len(images), batch_size, "input")
    found = []
    for start in range(0, len(images), plan.batch_size):
        scores = plan.forward(images[start : start + plan.batch_size])
        chosen = scores.argmax(axis=1) if classes is None else classes[start : start + plan.count]
        if of == "loss":
            gradient: Any = np.array(plan.backward_loss(chosen, Loss(), reduction="sum"))
            vanished = ~gradient.any(axis=(1, 2, 3))
            if vanished.any():
                direction: Any = plan.backward_loss(chosen, Loss(), reduction="direction")
                gradient[vanished] = direction[vanished]
        else:
            one_hot = np.zeros_like(scores)
            one_hot[np.arange(plan.count), chosen] = 1
            gradient = np.array(plan.backward(plan.scores, one_hot, rule=rule))
        found.append(gradient)
    return np.concatenate(found)

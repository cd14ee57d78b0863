"""Where float32 and float64 part: a rectifier or a pool that a rounding makes decide otherwise, and what that does to a gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from numbacnn.network import Network
from numbacnn.program import Program

from .theirs import Theirs, as_theirs


class Parted(NamedTuple):
    """A gradient's largest difference over its largest value, and how many decisions were otherwise."""

    difference: float
    decisions: int


def along(network: Network, exact: Network, image: Any, chosen: int, steps: int, batch: int) -> list[Parted]:
    """The score's gradient in both types at `steps` places from black to a picture (H,W,C) uint8, as integrated gradients go."""
    shares = (np.arange(steps) + 0.5) / steps
    found: list[Parted] = []
    theirs = Theirs(exact.graph)
    for first in range(0, steps, batch):
        pictures = shares[first : first + batch, None, None, None] * (image / 255)
        (rough, decided), (gradient, expected) = (
            _gradient(each, theirs, pictures, chosen) for each in (network, exact)
        )
        for place in range(len(pictures)):
            difference = np.abs(rough[place] - gradient[place]).max() / np.abs(gradient[place]).max()
            otherwise = sum(
                int((one[place] != other[place]).sum()) for one, other in zip(decided, expected, strict=True)
            )
            found.append(Parted(float(difference), otherwise))
    return found


def _gradient(network: Network, theirs: Theirs, pictures: Any, chosen: int) -> tuple[Any, list[Any]]:
    """(n,H,W,C), and for each rectifier and pool what it decided, (n,…)."""
    graph = network.graph
    plan = Program(graph, len(pictures), gradients="input", keep=None)
    plan.forward(pictures.astype(graph.dtype), until=plan.scores)
    decided = []
    for node in graph.nodes:
        if node.layer.kind == "relu":
            decided.append(np.array(plan.output(node.name)) > 0)
        elif node.layer.kind == "max-pool":
            window = theirs.window(node)
            before = as_theirs(np.array(plan.output(node.inputs[0])), torch.float64)
            largest, switches = functional.max_pool2d(
                theirs.padded(node, before, -torch.inf), window.kernel, window.stride, return_indices=True
            )
            # Behind a rectifier a window of zeros has no largest: whichever is taken gets no gradient through.
            decided.append(torch.where(largest > 0, switches, -1).numpy())
    start = np.zeros((len(pictures), *graph.shapes[plan.scores]), graph.dtype)
    start[:, chosen] = 1
    return np.array(plan.backward(plan.scores, start)), decided


def summed_up(parted: list[Parted]) -> str:
    """One sentence."""
    same = [each.difference for each in parted if not each.decisions]
    other = [each.difference for each in parted if each.decisions]
    text = f"of {len(parted)} places on the way from black to the picture {len(same)} have every decision of float64"
    if same:
        text += f" and differ by {max(same):.1e} at most"
    if other:
        count = sum(each.decisions for each in parted)
        text += (
            f"; {len(other)}, with {count} other decisions, differ by {min(other):.1e} to {max(other):.1e}"
        )
    return text

"""Whole passes of a network on both sides, in images a second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numbacnn.graph import Graph
from numbacnn.network import Network

from .bounded import Disagreement
from .description import modules, parameters
from .ours import BATCHES, MEAN, SPREAD, Ours, noise, untrained
from .theirs import LAYOUTS, Theirs
from .timing import Act, in_turns, ratios

ALONE = ("lenet", "cifar-quick")
"""Networks whose forward pass is measured on a single picture as well."""

TURN = 0.1
TOLERANCE = 1e-3


def passes_of(name: str) -> tuple[str, ...]:
    """The names of the rows of `whole_passes`."""
    return "train", "forward", *(("batch 1",) if name in ALONE else ())


def whole_passes(name: str, rounds: int) -> Iterator[dict[str, Any]]:
    """A row each for training, forward, and forward on one picture; raises Disagreement."""
    network = untrained(name)
    both = Sides(network, BATCHES[name])
    both.check_gradients(name)
    yield _row(name, "train", BATCHES[name], both.acts("train"), rounds)
    yield _row(name, "forward", BATCHES[name], both.acts("forward"), rounds)
    if name in ALONE:
        yield _one_picture(network, name, rounds)


def _one_picture(network: Network, name: str, rounds: int) -> dict[str, Any]:
    """Forward on a single picture, PyTorch also as a frozen program.

    The program that PyTorch optimises for inference is left out where its scores are wrong, as they are in 2.13 for
    averages over windows that hang over the border; the row says so.
    """
    alone = Sides(network, 1)
    frozen = {
        label: alone.theirs["channels first"].frozen(optimised=optimised)
        for label, optimised in (("frozen", False), ("frozen, optimised", True))
    }
    acts = alone.acts("forward") | frozen
    expected = acts["channels first"]().copy()
    apart = {key: relative_error(act(), expected) for key, act in acts.items()}
    wrong = [key for key, value in apart.items() if not value < TOLERANCE]
    if set(wrong) - {"frozen, optimised"}:
        raise Disagreement(f"{name}: the scores of {wrong[0]} differ by {apart[wrong[0]]:.1e} from PyTorch's")
    right = {key: act for key, act in acts.items() if key not in wrong}
    return {**_row(name, "batch 1", 1, right, rounds), "left_out": {key: apart[key] for key in wrong}}


def _row(name: str, act: str, count: int, acts: dict[str, Act], rounds: int) -> dict[str, Any]:
    times = in_turns(acts, rounds, TURN)
    speeds = {key: count / value.median for key, value in times.items()}
    return {"network": name, "pass": act, "batch_size": count, "images_per_second": speeds, **ratios(times)}


class Sides:
    """A network with first weights on both sides, PyTorch's in each of its layouts, on one device."""

    def __init__(self, network: Network, count: int) -> None:
        self.graph, self.device = network.graph, network.device
        self.images, self.labels = noise(count, network.input_shape)
        self.ours = Ours(network, self.images, self.labels)
        self.theirs = {layout: self._theirs(layout) for layout in LAYOUTS}

    def _theirs(self, layout: str) -> Theirs:
        scaled = (self.images.astype(np.float32) - np.float32(MEAN)) / np.float32(SPREAD)
        side = Theirs(modules(self.graph), scaled, self.labels, layout, self.device)
        side.set_parameters(parameters(self.graph))
        return side

    def acts(self, name: str) -> dict[str, Act]:
        sides: dict[str, Any] = {"numbacnn": self.ours, **self.theirs}
        return {key: getattr(side, name) for key, side in sides.items()}

    def check_gradients(self, name: str, tolerance: float = TOLERANCE) -> None:
        """Against PyTorch's in float64: no further away than `tolerance`, or than twice as far as PyTorch's own in
        float32. In a deep network rounding makes another cell of a pool win, or a unit silent, and a gradient jumps.
        """
        exact = self._theirs("channels first")
        exact.to_float64()
        expected = exact.gradients(training=False)
        sides: list[Any] = [self.ours, *self.theirs.values()]
        ours, *others = (
            max(
                abs(side.gradients(training=False) - expected) / abs(expected),
                _apart(self.graph, side, exact),
            )
            for side in sides
        )
        if not ours < max(tolerance, 2 * max(others)):
            raise Disagreement(
                f"{name}: loss or gradients differ by {ours:.1e} from PyTorch's in float64, and in float32 its own by "
                f"{max(others):.1e}"
            )


def _gradients(graph: Graph, side: Any) -> Iterator[tuple[NDArray[Any], NDArray[Any] | None]]:
    """Every learning layer's gradient of the bias, and of a convolution's weights, as numbacnn keeps them."""
    nodes = [node for node in graph.nodes if graph.parameters_of(node)]
    if isinstance(side, Ours):
        for node in nodes:
            found = {key: graph.device.read(array) for key, array in side.plan.gradients[node.name].items()}
            yield found["bias"], found["weights"] if node.layer.kind == "convolution" else None
        return
    for node, module in zip(nodes, side.learning, strict=True):
        is_convolution = node.layer.kind == "convolution"
        weights = module.weight.grad.cpu().numpy().transpose(2, 3, 1, 0) if is_convolution else None
        yield module.bias.grad.cpu().numpy(), weights


def _apart(graph: Graph, side: Any, exact: Theirs) -> float:
    """The largest relative difference of the convolutions' and biases' gradients."""
    pairs = zip(_gradients(graph, side), _gradients(graph, exact), strict=True)
    return max(
        relative_error(mine, other)
        for found, expected in pairs
        for mine, other in zip(found, expected, strict=True)
        if mine is not None and other is not None
    )


def relative_error(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """The length of the difference as a share of what is expected."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))

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
from .rivals import absent, attempted, predicting
from .theirs import LAYOUTS, Theirs
from .timing import REST, Act, in_turns, ratios

ALONE = ("lenet", "cifar-quick", "squeezenet-1.1", "mobilenet-v1")
"""Networks whose forward pass is measured on a single picture as well."""

TURN = 0.1
TOLERANCE = 1e-3


def passes_of(name: str) -> tuple[str, ...]:
    """The names of the rows of `whole_passes`."""
    return "train", "forward", *(("batch 1",) if name in ALONE else ())


def whole_passes(name: str, rounds: int, *, rivals: bool = True) -> Iterator[dict[str, Any]]:
    """A row each for training, forward, and forward on one picture; raises Disagreement. PyTorch's layouts are compared, on a
    single picture its frozen programs too; with `rivals` what `torch.compile` makes, ONNX Runtime and OpenVINO.
    """
    both = Sides(untrained(name), BATCHES[name])
    both.check_gradients(name)
    acts = both.acts("train")
    failed: dict[str, str] = {}
    if rivals:
        failed |= both.add_compiled(acts, "train")
    yield {**_row(name, "train", BATCHES[name], acts, rounds), "absent": failed}
    del both
    network = untrained(
        name
    )  # the sides have trained for different times, and moved their running statistics apart
    yield _predicting(network, BATCHES[name], name, "forward", rounds, rivals)
    if name in ALONE:
        yield _predicting(network, 1, name, "batch 1", rounds, rivals)


def _predicting(
    network: Network, count: int, name: str, act: str, rounds: int, rivals: bool
) -> dict[str, Any]:
    """A row of forward passes. Sides whose scores are wrong are left out, which the row says: those of the program that PyTorch
    optimises for inference are in 2.13 for averages over windows that hang over the border.
    """
    sides, failed = Sides(network, count), dict[str, str]()
    acts = sides.acts("forward")
    if act == "batch 1":
        for label, optimised in (("frozen", False), ("frozen, optimised", True)):
            acts[label] = sides.theirs["channels first"].frozen(optimised=optimised)
    if rivals:
        failed |= sides.add_compiled(acts, "forward")
        acts |= predicting(network, sides.images)
    expected = acts["channels first"]().copy()
    apart = {
        key: relative_error(np.asarray(each()).reshape(count, -1), expected.reshape(count, -1))
        for key, each in acts.items()
    }
    wrong = [key for key, value in apart.items() if not value < TOLERANCE]
    if {"numbacnn", "channels last"} & set(wrong):
        raise Disagreement(f"{name}: the scores of {wrong[0]} differ by {apart[wrong[0]]:.1e} from PyTorch's")
    right = {key: each for key, each in acts.items() if key not in wrong}
    left_out = {key: apart[key] for key in wrong}
    return {**_row(name, act, count, right, rounds), "left_out": left_out, "absent": failed}


def _row(name: str, act: str, count: int, acts: dict[str, Act], rounds: int) -> dict[str, Any]:
    times = in_turns(acts, rounds, TURN, rest=REST)
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

    def add_compiled(self, acts: dict[str, Act], name: str) -> dict[str, str]:
        """Adds what `torch.compile` makes, unless that fails; returns what is absent, and why."""
        missing = absent()
        if "compiled" not in missing:
            side = self.theirs["channels last"]
            if side.compiled is None:
                side.compile()
            act = getattr(side, f"{name}_compiled")
            why = attempted(act)
            if not why:
                acts["compiled"] = act
                return missing
            missing["compiled"] = why
        return missing

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


def _gradients(graph: Graph, side: Any) -> Iterator[NDArray[Any]]:
    """The gradients of every convolution's filters, every bias, scale and shift, as numbacnn keeps them."""
    nodes = [node for node in graph.nodes if graph.parameters_of(node)]
    if isinstance(side, Ours):
        for node in nodes:
            found = {key: graph.device.read(array) for key, array in side.plan.gradients[node.name].items()}
            yield from (found[key] for key in ("bias", "scale", "shift") if key in found)
            if node.layer.kind == "convolution":
                yield found["weights"]
        return
    for node, module in zip(nodes, side.learning, strict=True):
        if node.layer.kind == "batch-norm" and module.weight.requires_grad:
            yield module.weight.grad.cpu().numpy()
        if module.bias is not None:
            yield module.bias.grad.cpu().numpy()
        if node.layer.kind == "convolution":
            yield module.weight.grad.cpu().numpy().transpose(2, 3, 1, 0)


def _apart(graph: Graph, side: Any, exact: Theirs) -> float:
    """The largest relative difference of these gradients."""
    pairs = zip(_gradients(graph, side), _gradients(graph, exact), strict=True)
    return max(relative_error(mine, other) for mine, other in pairs)


def relative_error(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """The length of the difference as a share of what is expected."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))

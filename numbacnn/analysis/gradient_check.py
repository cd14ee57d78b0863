"""Gradients against finite differences, in float64, layer by layer (lecture: backpropagation, subgradient).

Each layer is checked on its own inside the running network: one number of its input or of a parameter is moved a
little to either side, and the change of a random projection of the layer's own output is compared with what its
two backward calls say. So an error is blamed on the layer that makes it. At the end comes the loss, end to end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ..errors import need_whole
from ..graph import MAX_SEED, Node
from ..network import Network
from ..program import Loss, Program

WHOLE = "whole network"

_STEP = 1e-5
"""Near the cube root of float64's precision, where rounding and the differences' own error (h^2) are alike."""
_SMALL, _FLOOR = 1e-2, 1e-3
_MULTIPLY_ADDS = 200_000_000_000
"""Multiply-adds that the check of a whole network may cost where nobody says how many samples to take."""


@dataclass(frozen=True)
class LayerCheck:
    """The largest relative errors of one layer: |a - n| / max(|a|, |n|, floor), backward a, difference n.

    Both are per typical change of the number moved (1, or the array's root mean square where that is larger). The
    floor is a hundredth of the largest gradient seen in the array, and at least a thousandth of the largest output
    (or of 1): below it rounding alone makes differences. Samples that crossed a kink (a rectifier's sign, a pool's winner), where a difference says nothing
    about the derivative, are counted and left out; an error is None where no sample was left.
    """

    name: str
    kind: str
    input_error: float | None = None
    parameter_errors: dict[str, float | None] = field(default_factory=dict)
    checked: int = 0
    kinks_skipped: int = 0

    @property
    def error(self) -> float:
        """The largest of all; infinite where a gradient is not finite."""
        return max(
            (e for e in (self.input_error, *self.parameter_errors.values()) if e is not None), default=0.0
        )


def check_gradients(
    network: Network,
    *,
    batch_size: int = 2,
    samples: int | None = None,
    seed: int = 0,
    loss: Loss | None = None,
) -> list[LayerCheck]:
    """Every layer, and at the end the whole network's loss; see `iterate_checks`."""
    return list(iterate_checks(network, batch_size=batch_size, samples=samples, seed=seed, loss=loss))


def iterate_checks(
    network: Network,
    *,
    batch_size: int = 2,
    samples: int | None = None,
    seed: int = 0,
    loss: Loss | None = None,
) -> Iterator[LayerCheck]:
    """The checks one by one, in the network's order, as in training: dropout drops, the same numbers every time.

    At most `samples` numbers of each array are moved, drawn from `seed`; None: `samples_for(network)`. Pictures are
    drawn so that what the network sees after its own preprocessing is standard normal: other pixels may drive a tanh
    or a softmax where every gradient vanishes, and nothing would be checked.
    """
    need_whole("seed", seed, 0, MAX_SEED)
    network.need_pictures()
    graph = network.graph.astype(np.float64)
    plan = Program(graph, batch_size, gradients="all")
    generator = np.random.default_rng(seed)
    if samples is None:
        samples = samples_for(network)
    need_whole("samples", samples)
    mean = graph.pixels.constants.get("mean_image", graph.pixels.mean)
    noise = generator.standard_normal(plan.input.shape)
    plan.input[...] = np.asarray(mean) + noise / np.asarray(graph.pixels.scale)
    plan.forward(training=True, key=seed)
    for node in graph.nodes:
        yield _check_layer(plan, node, generator, samples)
    yield _check_whole(plan, loss or Loss(), generator, samples, seed)


def samples_for(network: Network) -> int:
    """20; for a network so large that this would take minutes fewer, but at least 3."""
    graph = network.graph
    cost = sum(
        node.layer.multiply_adds(graph.shapes[node.name], *graph.input_shapes(node)) for node in graph.nodes
    )
    arrays = 1 + len(graph.parameters)
    return max(3, min(20, _MULTIPLY_ADDS // (4 * cost * arrays + 1)))


def numbers_moved(network: Network, samples: int, *, batch_size: int = 2) -> int:
    """How many numbers a check with so many samples moves, each of them once down and once up."""
    graph = network.graph
    pictures = [prod(shape) for node in graph.nodes for shape in graph.input_shapes(node)]
    sizes = [batch_size * size for size in (*pictures, prod(graph.input_shape))]
    parameters = [each.value.size for each in graph.parameters.values()]
    return sum(min(samples, size) for size in (*sizes, *parameters, *parameters))


class _Probe:
    """Moves numbers one at a time, and sees what becomes of `output`.

    `weights` project the output onto one number; `kinks` are the choices made on the way to it.
    """

    def __init__(
        self,
        output: Callable[[], Any],
        weights: Any,
        kinks: Callable[[], list[Any]],
        generator: np.random.Generator,
        samples: int,
    ) -> None:
        self._output, self._weights, self._kinks = output, weights, kinks
        self._generator, self._samples = generator, samples
        self.checked = 0
        self.skipped = 0

    def error(self, array: Any, gradient: Any) -> float | None:
        """The largest relative error of a sample of an array's gradient; None if all crossed kinks."""
        numbers, gradients = array.reshape(-1), gradient.reshape(-1)
        scale = max(1.0, float(np.sqrt(numbers @ numbers / numbers.size)))
        places = self._generator.choice(numbers.size, min(self._samples, numbers.size), replace=False)
        output, kinks = self._see()
        differences = [self._difference(numbers, place, _STEP * scale, kinks) for place in places]
        self._output()  # leaves everything as it was
        found = [(gradients[p] * scale, d) for p, d in zip(places, differences, strict=True) if d is not None]
        self.checked += len(found)
        self.skipped += len(places) - len(found)
        if not found:
            return None
        backward, difference = np.array(found).T
        if not np.isfinite(found).all():
            return float("inf")
        sizes = np.maximum(abs(backward), abs(difference))
        floor = max(_SMALL * sizes.max(), _FLOOR * max(1.0, abs(output).max()))
        return float((abs(backward - difference) / np.maximum(sizes, floor)).max())

    def _see(self) -> tuple[Any, list[Any]]:
        output = self._output().copy()
        return output, [kink.copy() for kink in self._kinks()]

    def _difference(self, numbers: Any, place: int, step: float, kinks: list[Any]) -> float | None:
        """None if a step to either side crosses one of the kinks."""
        value = numbers[place]
        numbers[place] = value - step
        below, kinks_below = self._see()
        numbers[place] = value + step
        above, kinks_above = self._see()
        numbers[place] = value
        choices = zip(kinks_below, kinks, kinks_above, strict=True)
        if any((left != here).any() or (right != here).any() for left, here, right in choices):
            return None
        # Subtracted before they are summed, so that what did not move leaves no rounding.
        return float(((above - below) * self._weights).sum() / (2 * _STEP))


def _check_layer(plan: Program, node: Node, generator: np.random.Generator, samples: int) -> LayerCheck:
    """One layer between its inputs and its own output."""
    layer, call = node.layer, plan.call(node)
    projection = generator.standard_normal(call.output.shape)
    d_inputs = [np.zeros_like(source) for source in call.inputs]
    layer.backward_input(call, projection, *d_inputs)
    gradients = plan.gradients[node.name]
    if gradients:
        layer.backward_parameters(call, projection, gradients)

    def output() -> Any:
        layer.forward(call)
        return call.output

    probe = _Probe(output, projection, lambda: layer.kinks(call), generator, samples)
    sources = node.inputs or ("picture",)
    errors = []
    for name in dict.fromkeys(sources):  # a join may read one layer twice
        places = [place for place, source in enumerate(sources) if source == name]
        errors.append(probe.error(call.inputs[places[0]], sum(d_inputs[place] for place in places)))
    parameters = {key: probe.error(call.parameters[key], gradient) for key, gradient in gradients.items()}
    known = [error for error in errors if error is not None]
    return LayerCheck(
        node.name, layer.kind, max(known, default=None), parameters, probe.checked, probe.skipped
    )


def _check_whole(
    plan: Program, loss: Loss, generator: np.random.Generator, samples: int, seed: int
) -> LayerCheck:
    """The loss, from the pixels and from every parameter."""
    graph = plan.graph
    labels = generator.integers(0, graph.shapes[plan.scores][0], plan.count)
    plan.forward(training=True, key=seed)
    pixels = plan.backward_loss(labels, loss, reduction="sum")

    def output() -> Any:
        plan.forward(training=True, key=seed)
        return plan.losses(labels, loss)

    def kinks() -> list[Any]:
        found = [kink for node in graph.nodes for kink in node.layer.kinks(plan.call(node))]
        return [*found, _loss_kinks(plan, labels, loss)]

    probe = _Probe(output, 1.0, kinks, generator, samples)
    input_error = probe.error(plan.input, pixels)
    parameters = {
        f"{each.node}.{each.key}": probe.error(each.value, plan.gradients[each.node][each.key])
        for each in graph.parameters.values()
    }
    return LayerCheck(WHOLE, f"{loss.name} loss", input_error, parameters, probe.checked, probe.skipped)


def _loss_kinks(plan: Program, labels: Any, loss: Loss) -> Any:
    """Hinge and max-margin are straight between kinks: their gradient changes only there."""
    if loss.name not in ("hinge", "max-margin"):
        return np.zeros(0)
    scores = plan.output(plan.scores)
    gradient = np.zeros_like(scores)
    kernel, options = loss.op()
    kernel(plan.loss_values, gradient, scores, labels, *options, 1.0)
    return gradient

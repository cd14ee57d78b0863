"""Where the time of a training step goes: every op of every layer by itself, and on a GPU every kernel."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError, need_whole
from ..limits import need_memory
from ..network import Network
from ..ops.launches import Launches
from ..program import Loss, Program
from .optimizers import SGD
from .step import program_of

_ROUNDS = 3
_MOST_REPEATS = 500
UPDATE = "update"
_PRODUCTS = tuple(
    f"{room}.{op}"
    for room in ("convolution", "dense")
    for op in (
        "forward",
        "backward_input",
        "backward_input_masked",
        "backward_weights",
        "backward_parameters",
    )
)
"""Ops whose work is the layer's multiply-adds."""
_ADDING = ("combine.", "columns.")
"""How the names of kernels begin that add up parts of sums."""


@dataclass(frozen=True)
class LayerTime:
    """The median time of one op of a layer, or on a GPU of one kernel that it launches.

    `layer` is the node's name, empty for the loss and the update; `operations` the multiplications and additions of a
    product as its definition counts them, 0 of everything else.
    """

    layer: str
    op: str
    kernel: str
    seconds: float
    operations: int

    @property
    def gigaflops(self) -> float:
        """10^9 operations a second; 0 of what is no product."""
        return self.operations / self.seconds / 1e9 if self.seconds > 0 else 0.0


def layer_times(network: Network, batch_size: int, *, seconds: float = 4.0) -> Iterator[LayerTime]:
    """Yields the parts of a training step in their order, each when it has been timed: repeated by itself, on a GPU
    between two events of its clock and without the host. What a part reads may therefore lie in caches. `seconds` is
    divided among the parts; compiling takes time beside it. A small network, whose steps run with pictures as lanes
    (program.chain), is timed as it runs where that is not possible: the other way has the parts.

    The network's parameters are trained on noise: give one that is not needed. Raises UsageError for a batch size or a
    time that is not above 0.
    """
    need_whole("batch size", batch_size)
    if not 0 < seconds < math.inf:
        raise UsageError(f"{seconds} seconds: a number above 0 is expected")
    graph, loss = network.graph, Loss()
    plan = program_of(network, batch_size)
    need_memory(plan.bytes, f"measuring with {batch_size:,} pictures takes", by_pictures=True)
    optimizer = SGD(graph, momentum=0.9, weight_decay=5e-4)
    optimizer.set_rate(1e-5)
    generator = np.random.default_rng(0)
    plan.load(generator.integers(0, 256, (batch_size, *network.input_shape), np.uint8))
    graph.device.write(plan.labels, generator.integers(0, network.classes, batch_size))
    plan.run_forward(plan.scores, training=True)
    plan.backward_loss(None, loss)

    parts: list[tuple[str, str, Launches, int]] = []
    for step in plan.training_steps(loss):
        op = "" if step.kernel is None else step.kernel.name
        own = _parts(plan.launches_of(step), plan)
        operations = 0
        if op in _PRODUCTS:
            node = graph[step.node]
            output, inputs = graph.shapes[step.node], graph.input_shapes(node)
            operations = 2 * batch_size * node.layer.multiply_adds(output, *inputs)
        # Several products of one op share its work; what adds up parts of sums is none.
        multiply = [len(own) == 1 or not part.names[0].startswith(_ADDING) for part in own]
        each = operations // max(1, sum(multiply))
        parts += [(step.node, op, part, each * is_one) for part, is_one in zip(own, multiply, strict=True)]
    update = Launches()
    with update.recorded():
        optimizer.update(plan.gradient)
    parts += [("", UPDATE, part, 0) for part in _parts(update, plan)]
    for name, op, part, operations in parts:
        kernel = part.names[0] if graph.device.own_memory else ""
        yield LayerTime(name, op, kernel, _seconds(part, plan, seconds / len(parts)), operations)


def _parts(launches: Launches, plan: Program) -> list[Launches]:
    """Of an op on the CPU its functions together: what one leaves in the caches the next finds there."""
    if plan.device.own_memory:
        return launches.each()
    return [launches] if len(launches) else []


def _seconds(part: Launches, plan: Program, share: float) -> float:
    """A part's time, in about `share` seconds."""
    timed = plan.device.timed
    part.run()
    once = max(*timed(part.run, 1, 1), 1e-6)
    repeats = min(_MOST_REPEATS, max(1, round(share / _ROUNDS / once)))
    return statistics.median(timed(part.run, repeats, _ROUNDS)) / repeats

"""Large weights that learn in the pass back, a few of their rows at a time: their gradient is never there as a whole.

The gradient of AlexNet's dense layers is 224 MiB, which a training step writes to memory and reads again, only to change the
weights by it. Where nobody else asks for it, the gradient of some rows is computed, the weights of these rows are changed by
it, and the next rows follow in the same place, which a cache holds. The numbers are the same bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..graph import Graph
from ..ops import dense
from ..ops.operands import Key, Operand, Step, Storage, written
from ..parameters import Parameter
from .emission import PARAMETER_GRADIENT

_LARGE = 1 << 21
"""Weights of a dense layer from which it learns so."""
_PART = 1 << 20
"""The most numbers of a part of its gradient, but for a row: 4 MiB."""
_ROWS = 240
"""Rows come in multiples of this, as the product is cut into so many (ops.product)."""


class Learner(Protocol):
    """Whoever changes weights by their gradient."""

    def learn(self, weights: Any, gradient: Any, first: int) -> None:
        """Calls the op that changes weights, which begin at the element `first` of the row of all parameters, by their gradient."""


@dataclass(frozen=True)
class Learning:
    """Which weights learn in the pass back, by the element of the row of parameters at which they begin, and by whom."""

    learner: Learner
    weights: dict[int, Parameter]

    @property
    def learned(self) -> list[tuple[int, int]]:
        """The elements of the row of parameters that learn so, from … to."""
        return [(each.first, each.first + each.size) for _, each in sorted(self.weights.items())]

    def backward(self, steps: Iterable[Step]) -> list[Step]:
        """The steps back with those that change weights, which follow all other steps of their node."""
        left, parts = list[Step](), list[Step]()
        for step in steps:
            if parts and (step.node, step.time) != (parts[0].node, parts[0].time):
                left, parts = left + parts, []
            if _d_weights(step, self.weights) is None:
                left.append(step)
                continue
            if step.kernel is dense.backward_parameters:
                _, d_bias, _, d_y, workspace = step.arguments
                left.append(Step(dense.bias_gradient, (d_bias, d_y, workspace), None, step.node, step.time))
            parts += self._parts(step)
        return left + parts

    def _parts(self, step: Step) -> list[Step]:
        gradient, x, d_y, workspace = step.arguments[0], *step.arguments[-3:]
        weights = self.weights[gradient.first]
        rows, columns = weights.shape
        several = max(1, _PART // columns // _ROWS * _ROWS or _PART // columns)
        key: Key = step.node, "gradient of a part"
        part = Storage(key, min(several, rows) * columns, gradient.dtype)
        whole = Storage((step.node, "weights of a part"), weights.size, gradient.dtype, lambda: weights.array)
        steps = list[Step]()
        for row in range(0, rows, several):
            some = min(several, rows - row)
            place = Operand(part, (some, columns))
            with written() as calls:
                dense.backward_some_weights(place, x, d_y, row, workspace)
                flat = Operand(whole, (some * columns,), row * columns)
                self.learner.learn(flat, place.reshape(-1), weights.first + row * columns)
            steps += [Step(kernel, given, None, step.node, step.time) for kernel, given in calls]
        return steps


def learning(graph: Graph, steps: Sequence[Step], learner: Learner) -> Learning:
    """What `learner` may change in the pass back that consists of these steps: what no other node uses, and one step gives the whole
    gradient of.
    """
    users = Counter(each.name for node in graph.nodes for each in graph.parameters_of(node).values())
    own = {
        each.first: each
        for each in graph.parameters.values()
        if each.trainable and each.size >= _LARGE and users[each.name] == 1
    }
    found = {_d_weights(step, own) for step in steps}
    return Learning(learner, {first: weights for first, weights in own.items() if first in found})


def _d_weights(step: Step, weights: dict[int, Parameter]) -> int | None:
    """Where the weights begin whose gradient a step gives, if they are among some."""
    if step.kernel not in (dense.backward_weights, dense.backward_parameters):
        return None
    gradient = step.arguments[0]
    is_theirs = isinstance(gradient, Operand) and gradient.storage.key == PARAMETER_GRADIENT
    return gradient.first if is_theirs and gradient.first in weights else None

"""What a program's arrays hold for the pictures in hand: what passes read, and what they leave to be read."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..device import Array
from ..errors import UsageError
from ..graph import Node
from .chained import ChainedMachine
from .emission import GRADIENT, INPUT, LABELS, OUTPUT, PARAMETER_GRADIENT


class Arrays(ChainedMachine):
    """A machine whose arrays can be asked for by name."""

    @cached_property
    def _others(self) -> dict[str, Node]:
        """The inputs beside pictures."""
        return {node.name: node for node in self.graph.other_inputs}

    @property
    def input(self) -> Array:
        """(count, H, W, C), pixels in [0, 255], on the device: where a batch is written."""
        return self._array(
            INPUT, lambda emission: emission.operand(INPUT, (self.count, *self.graph.input_shape))
        )

    def given(self, node: str) -> Array:
        """The array on the device that an input layer beside pictures reads; a batch for it is written there.

        Raises UsageError if the node is no such input.
        """
        found = self._other_input(node)
        return self._array(("", f"input {node}"), lambda emission: emission.given(found))

    def gradient_given(self, node: str) -> Array:
        """The gradient with respect to an input beside pictures, after the last backward pass. Raises UsageError where none gets there."""
        found = self._other_input(node)
        if not self._asked.wanted.reaches_input or found.layer.input_type is not None:
            raise UsageError(
                f"no gradient of '{node}': Program(…, gradients='input') has those of pictures and planes"
            )
        return self.device.read(
            self._array(("", f"d_input {node}"), lambda emission: emission.d_given(found))
        )

    def _other_input(self, node: str) -> Node:
        if node not in self._others:
            known = ", ".join(self._others) or "none"
            raise UsageError(f"'{node}' is no input beside pictures; there are: {known}")
        return self._others[node]

    @property
    def labels(self) -> Array:
        """(count,) int64, on the device: the classes that `backward_loss` takes where it is given none."""
        return self._array(LABELS, lambda emission: emission.operand(LABELS, (self.count,), np.int64))

    def _output(self, name: str) -> Array:
        return self._array((name, OUTPUT), lambda emission: emission.output(name))

    def output(self, node: str | None = None) -> Array:
        """Activations of a node, by default the network's output: (count, …).

        Raises NetworkError if there is no such node, UsageError if this Program does not keep its output.
        """
        name = self.graph.output.name if node is None else self.graph[node].name
        if name not in self._asked.kept:
            raise UsageError(
                f"the output of '{name}' is not kept after a pass: Program(…, keep=['{name}']) keeps it"
            )
        return self.device.read(self._output(name))

    def gradient_at(self, node: str) -> Array:
        """The gradient of a node's output, as the last backward pass left it: (count, …).

        Raises NetworkError if there is no such node, UsageError if this Program does not keep its gradient.
        """
        name = self.graph[node].name
        if name not in self._asked.kept_gradients and (self._asked.reuse or name not in self._compiled.flows):
            raise UsageError(
                f"the gradient at '{name}' is not kept after a pass: Program(…, keep_gradients=['{name}']) keeps it"
            )
        return self.device.read(self._array((name, GRADIENT), lambda emission: emission.d_output(name)))

    @property
    def gradient(self) -> Array:
        """The gradient of all trainable parameters as one row on the device, in `Graph.layout`; `gradients` are views of it. What has
        `learned` is left as it is.
        """
        return self._memory[PARAMETER_GRADIENT]

    @property
    def learned(self) -> list[tuple[int, int]]:
        """The elements of the row of parameters that a pass back has changed already, from … to (`Program`'s `learner`)."""
        return self._compiled.learned

    @cached_property
    def gradients(self) -> dict[str, dict[str, Array]]:
        """Node -> parameter -> gradient on the device, filled by every backward pass that reaches the node; without what has `learned`."""
        if not self._asked.wanted.learns:
            return {}
        learned = {first for first, _ in self.learned}
        return {
            node.name: {
                key: each.view(self.gradient)
                for key, each in self.graph.parameters_of(node).items()
                if each.trainable and each.first not in learned
            }
            for node in self.graph.nodes
        }

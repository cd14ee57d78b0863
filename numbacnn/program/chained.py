"""A machine that may have its pictures as lanes: the chain of a small network, beside the steps of the other way."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from ..ops.operands import Step
from .chain import Chain, chain_of
from .machine import Machine


class ChainedMachine(Machine):
    """What a `Machine` is, with the chain that does the same where there is one (program.chain)."""

    @cached_property
    def chain(self) -> Chain | None:
        """What runs the network with pictures as lanes; None where that is left to the other way."""
        if self._eager or self._compiled.learned:
            return None
        emission = self._emission(self._asked.wanted.learns)
        return chain_of(self.graph, self._compiled, emission, self._asked, self.batch_size)

    @property
    def bytes(self) -> int:
        """What the arrays take; known before they are taken, at the first use."""
        return super().bytes + (0 if self.chain is None else self.chain.bytes)

    def _bytes_of(self, count: int) -> int:
        return super()._bytes_of(count) + (0 if self.chain is None else self.chain.bytes_of(count))

    def take(self, beside: Machine | None = None) -> None:
        super().take(beside)
        if self.chain is not None:
            self.chain.take()

    def rehearse(self) -> None:
        """Of a chain what is compiled last, then the steps back, the last first."""
        if self.chain is None:
            super().rehearse()
            return
        self._run(self.chain.without_steps(self._emission(self._asked.wanted.learns)))
        self.chain.compile_back()

    def _chained_forward(self, steps: Iterable[Step], last: str) -> list[Step]:
        """The steps of a pass outside training, with the chain in the place of those that it does. A picture by itself, of
        whose vectors all lanes but one would be empty, goes the other way, to the same bits.
        """
        order = {node.name: place for place, node in enumerate(self.graph.nodes)}
        scores = order[self.graph.scores]
        left = list(steps)
        if self.count == 1 or order[last] < scores or not self._asked.wanted.nothing or self._training:
            return left
        if self.chain is None:
            return left
        return [
            self.chain.forward(self._emission(self._training)),
            *(step for step in left if order[step.node] > scores),
        ]

"""When each Storage of a program is in use, told from its lists of steps."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..ops.operands import Key, Step, Storage
from .arena import Block
from .rewrites import Rewrites


@dataclass
class Life:
    """The first and the last time at which a Storage is used."""

    born: float = math.inf
    dies: float = -math.inf

    def include(self, time: float) -> None:
        self.born, self.dies = min(self.born, time), max(self.dies, time)


def blocks(
    storages: Mapping[Key, Storage],
    forward: Iterable[Step],
    backward: Iterable[Step],
    rewrites: Rewrites,
    *,
    settled: Collection[Key],
    kept: Collection[Key],
    reuse: bool,
    once: bool,
) -> dict[Key, Block]:
    """The arrays that need a place: every Storage with memory of its own.

    `kept` stay readable after a pass, and without `reuse` all that a backward pass may read or write does. `once`: one
    backward pass follows each forward pass, so that what it has passed is not needed again; otherwise whatever a backward
    pass reads stays for the next. What is `settled` is written before the passes, and stays if one of them reads it.
    """
    lives: dict[Key, Life] = {}

    def used(steps: Iterable[Step]) -> set[Key]:
        seen: set[Key] = set()
        for step in steps:
            for operand in step.accesses():
                key = rewrites.root(operand.storage.key)
                lives.setdefault(key, Life()).include(step.time)
                seen.add(key)
        return seen

    used_forward, used_back = used(forward), used(backward)
    both = used_forward & used_back
    always = {rewrites.root(key) for key in kept}
    found: dict[Key, Block] = {}
    for key, storage in storages.items():
        if storage.array is not None or rewrites.root(key) != key:
            continue
        life = lives.get(key, Life(0, 0))
        if key in settled:
            life = Life(life.born, math.inf if life.dies >= 0 else life.dies)
        # What belongs to no node is written from outside, before a pass and what is settled before it, or read.
        elif key[0] == "":
            life = Life(-math.inf, math.inf)
        elif used_back and not reuse:
            life = Life(0, math.inf)
        elif key in always or (not once and key in both):
            life = Life(life.born, math.inf)
        found[key] = Block(storage.size * int(storage.dtype.itemsize), life.born, life.dies)
    return found

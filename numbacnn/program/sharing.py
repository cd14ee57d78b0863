"""Gradients that are copies of others and need no memory of their own: the gradient of what a sum adds up is the sum's.

A copy of one gradient to another is left out, and both lie in one place, where at no moment of a pass back they have to hold
different numbers: after the copy nothing is written to one of them as long as the other is still to be read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..ops import joins
from ..ops.operands import Key, Operand, Step
from .emission import GRADIENT, SCRATCH
from .steps import Root, users


def share_gradients(
    aliases: dict[Key, Key],
    root: Root,
    passes: Iterable[Sequence[Step]],
    kept: Collection[str],
    *,
    one_each: bool,
) -> set[str]:
    """Adds to `aliases` the gradients that may lie in another's memory in each of the passes, each a list of steps from one
    start; `root` follows the aliases. Returns the nodes whose gradients share memory so. The gradients of the nodes in `kept` stay by themselves. With `one_each` a gradient takes in
    one other at most: a pass that begins at one of a sum's terms may write the gradient of the other from it.
    """
    passes, taken, nodes = list(passes), set[Key](), set[str]()
    for step in passes[0] if passes else ():
        if not _copies_gradient(step):
            continue
        target, source = (root(operand.storage.key) for operand in step.accesses())
        apart = target != source and not {target[0], source[0]} & set(kept)
        if one_each and {target, source} & taken:
            continue
        if apart and all(_can_be_one(steps, target, source, root) for steps in passes):
            aliases[target] = source
            taken.add(source)
            nodes |= {operand.storage.key[0] for operand in step.accesses()}
    return nodes


def left_out(step: Step, root: Root) -> bool:
    """Whether a step copies a gradient to where it lies already."""
    if not _copies_gradient(step):
        return False
    target, source = (root(operand.storage.key) for operand in step.accesses())
    return target == source


def written_in_place(steps: Sequence[Step]) -> list[Step]:
    """The list without copies of what steps of the same node found just before, in scratch memory of its own: they write it
    where the copy would bring it, and who reads it finds it there. Batch normalisations find the gradients of
    their parameters so, which their gradient of the input needs too.
    """
    left, gone, places = list(steps), set[int](), users(steps)
    for at, copy in enumerate(steps):
        if copy.kernel is not joins.copy or at in gone:
            continue
        target, source = copy.arguments
        key = source.storage.key
        own = places[key]
        alike = {(steps[place].node, steps[place].time) for place in own} == {(copy.node, copy.time)}
        found = any(operand.storage.key == key for operand in steps[own[0]].writes())
        if key[1].startswith(SCRATCH) and source.size == source.storage.size and alike and found:
            for place in own:
                left[place] = _moved(left[place], key, target)
            gone |= {place for place in own if _copies_itself(left[place])}
    return [step for place, step in enumerate(left) if place not in gone]


def _moved(step: Step, key: Key, place: Operand) -> Step:
    """The step with what lies under a key in another place."""
    return replace(
        step,
        arguments=tuple(
            Operand(place.storage, each.shape, place.first + each.first)
            if isinstance(each, Operand) and each.storage.key == key
            else each
            for each in step.arguments
        ),
    )


def _copies_itself(step: Step) -> bool:
    if step.kernel is not joins.copy:
        return False
    target, source = step.arguments
    return bool(target.storage.key == source.storage.key and target.first == source.first)


def _copies_gradient(step: Step) -> bool:
    """From the whole of one to the whole of another."""
    if step.kernel is not joins.copy:
        return False
    operands = list(step.accesses())
    return len(operands) == 2 and all(map(_is_whole, operands))


def _is_whole(operand: Operand) -> bool:
    return operand.storage.key[1] == GRADIENT and operand.size == operand.storage.size


def _can_be_one(steps: Sequence[Step], target: Key, source: Key, root: Root) -> bool:
    """Whether two gradients can lie in one place in a pass where the first is copied from the second once."""
    copied = False
    written: set[Key] = set()
    """Of the two, which are written after the copy: then the other must not be read any more."""
    for step in steps:
        writes = {root(operand.storage.key) for operand in step.writes()} & {target, source}
        reads = _read(step, root) & {target, source}
        if not copied:
            if target in writes and source in reads and step.kernel is joins.copy:
                copied = True
            elif target in writes | reads:
                return False
            continue
        written |= writes
        if (target in written and source in reads) or (source in written and target in reads):
            return False
    return copied


def _read(step: Step, root: Root) -> set[Key]:
    """What a step may read: all that it is given, as some ops add to what they write; of a copy its source alone."""
    operands = list(step.accesses())
    return {
        root(operand.storage.key) for operand in (operands[1:] if step.kernel is joins.copy else operands)
    }

"""Convolutions that write straight into their channels of a concatenation, where nobody else looks at what they write.

The step that would copy them there goes. That is decided for passes whose filters are packed (`packing`) and that no pass back follows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..ops import convolution, joins
from ..ops.operands import Key, Step
from .steps import Root, named, users, with_arguments


def joinable(steps: Sequence[Step], looked_at: Collection[Key], root: Root) -> set[Key]:
    """The Storages whose numbers may be written straight into concatenations: all but those that somebody looks at (`looked_at`)."""
    places, found = users(steps, root), set()
    for step in steps:
        if step.kernel is not joins.copy_channels:
            continue
        source = step.arguments[1]
        key = root(source.storage.key)
        makers = [steps[place] for place in places[key] if steps[place] is not step]
        is_whole = source.first == 0 and source.size == source.storage.size
        if len(makers) != 1 or key in looked_at or not _writes(makers[0], key, root):
            continue
        # Of a volume that was flattened before, places and channels together are what the concatenation takes for channels.
        if is_whole and source.shape[-1] == makers[0].arguments[0].shape[-1]:
            found.add(key)
    return found


def _writes(step: Step, key: Key, root: Root) -> bool:
    return step.kernel is convolution.forward_packed and root(step.arguments[0].storage.key) == key


def joined_forward(steps: Iterable[Step], shares: Collection[Key], root: Root) -> list[Step]:
    """The steps of a pass forward without the copies of `shares`."""
    left = list(steps)
    copies = {
        root(step.arguments[1].storage.key): step.arguments
        for step in left
        if step.kernel is joins.copy_channels
    }
    return [
        _straight(step, copies, shares, root)
        for step in left
        if step.kernel is not joins.copy_channels or root(step.arguments[1].storage.key) not in shares
    ]


def _straight(step: Step, copies: Mapping[Key, tuple[Any, ...]], shares: Collection[Key], root: Root) -> Step:
    """A convolution that writes where its output would be copied to; any other step as it is."""
    if step.kernel is not convolution.forward_packed:
        return step
    y = named(step)["y"]
    key = root(y.storage.key)
    if key not in shares or key not in copies:
        return step
    target, _, first = copies[key]
    return with_arguments(step, y=target.reshape(*y.shape[:3], target.shape[1]), first=first)

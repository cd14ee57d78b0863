"""Convolutions together with the pool behind them, where nobody else looks at what the convolution puts out.

That is decided for passes whose filters are packed (`packing`) and that no pass back follows: the convolution's output then stays in
the caches, and the pool's switches are not written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..ops import convolution, pooling
from ..ops.geometry import Padding, Window
from ..ops.operands import Key, Operand, Step, Storage
from .steps import Root, named, users

_POOLS = pooling.max_forward, pooling.sum_forward


def poolable(steps: Sequence[Step], looked_at: Collection[Key], root: Root) -> set[Key]:
    """The Storages between a convolution and a pool that need not be written: nothing else uses them, and nobody looks at them
    (`looked_at`).
    """
    places, found = users(steps, root), set()
    for step in steps:
        if step.kernel not in _POOLS:
            continue
        x = named(step)["x"]
        key = root(x.storage.key)
        makers = [steps[place] for place in places[key] if steps[place] is not step]
        if len(makers) == 1 and key not in looked_at and _makes(makers[0], step, key, root):
            found.add(key)
    return found


def _makes(step: Step, pool: Step, key: Key, root: Root) -> bool:
    """Whether a step is a convolution that writes just what the pool reads and can be computed with it."""
    if step.kernel is not convolution.forward_packed:
        return False
    given, pooled = named(step), named(pool)
    x, output = pooled["x"], pooled["y"].shape[1:3]
    y, manner = given["y"], (given["window"], given["groups"], given["algorithm"])
    is_whole = y.shape == x.shape and given["first"] == 0 and x.shape[3] == given["bias"].size
    return (
        root(y.storage.key) == key
        and is_whole
        and convolution.suits_pool(
            given["x"].shape[3], x.shape[3], *manner, x.shape[1:3], _window(pooled), output, _divisor(pooled)
        )
    )


def pooled_forward(steps: Iterable[Step], pools: Collection[Key], root: Root) -> list[Step]:
    """The steps of a pass forward in which a pool's convolution is a part of the pool, where what lies between them is of `pools`."""
    left = list(steps)
    makers = {
        root(step.arguments[0].storage.key): step
        for step in left
        if step.kernel is convolution.forward_packed and root(step.arguments[0].storage.key) in pools
    }
    joined = {root(named(step)["x"].storage.key) for step in left if step.kernel in _POOLS} & makers.keys()
    gone = [makers[key] for key in joined]
    return [
        _together(step, makers, root) for step in left if not any(step is convolved for convolved in gone)
    ]


def _together(step: Step, makers: Mapping[Key, Step], root: Root) -> Step:
    """A pool with the convolution before it; any other step as it is."""
    if step.kernel not in _POOLS:
        return step
    pool = named(step)
    convolved = makers.get(root(pool["x"].storage.key))
    if convolved is None:
        return step
    given = named(convolved)
    x, y, bias = given["x"], pool["y"], given["bias"]
    window = _window(pool)
    size = convolution.pooled_size(y.shape, x.shape, bias.size, given["window"], window, given["algorithm"])
    rows = Operand(Storage((step.node, "convolved rows"), size, y.dtype), (size,))
    arguments: tuple[Any, ...] = (
        y,
        x,
        given["packed"],
        bias,
        given["slope"],
        given["window"],
        given["algorithm"],
        pool["slope"],
        window,
        _divisor(pool),
        rows,
    )
    return replace(step, kernel=convolution.forward_pooled, arguments=arguments)


def _window(pool: Mapping[str, Any]) -> Window:
    return Window(pool["kernel"], pool["stride"], Padding(*pool["padding"]))


def _divisor(pool: Mapping[str, Any]) -> int:
    found: int = pool.get("divisor", convolution.MAXIMUM)
    return found

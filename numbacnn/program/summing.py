"""Convolutions that write residual sums: what they compute is added to the sum's other term, and rectified, as it is stored.

The convolution goes to the sum's place, where the other term is there. That is decided for passes whose filters are packed (`packing`)
and that no pass back follows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ..ops import convolution, joins
from ..ops.operands import Key, Operand, Step
from .steps import Root, named, users


def summable(steps: Sequence[Step], looked_at: Collection[Key], root: Root) -> dict[Key, Key]:
    """What convolutions would write for a sum alone -> what the sum writes in its place. The term that is computed last is taken of two;
    none is that somebody looks at (`looked_at`).
    """
    places, found = users(steps, root), dict[Key, Key]()
    for place, step in enumerate(steps):
        # A convolution writes its output before it adds: the sum must lie neither where its other term does nor where this one does.
        if step.kernel is joins.add and len({root(operand.storage.key) for operand in step.accesses()}) == 3:
            makers = [_maker(steps, place, term, places, looked_at, root) for term in _terms(step)]
            last = max((maker for maker in makers if maker is not None), default=None)
            if last is not None:
                found[steps[last].arguments[0].storage.key] = step.arguments[0].storage.key
    return found


def _maker(
    steps: Sequence[Step],
    place: int,
    term: Operand,
    places: Mapping[Key, list[int]],
    looked_at: Collection[Key],
    root: Root,
) -> int | None:
    """The place of the convolution that writes a term of the sum at `place`, where nothing else uses that; else None."""
    key = root(term.storage.key)
    if key in looked_at or len(places[key]) != 2 or places[key][1] != place:
        return None
    maker = places[key][0]
    if steps[maker].kernel is not convolution.forward_packed:
        return None
    given = named(steps[maker])
    y, x, bias = given["y"], given["x"], given["bias"]
    is_whole = y.size == term.size == y.storage.size and y.shape[3] == bias.size
    plain = given["slope"] == 1 and given["added"] is None
    manner = given["window"], given["groups"], given["algorithm"]
    if not (is_whole and plain and convolution.suits_sum(x.shape[3], bias.size, *manner)):
        return None
    read = root(x.storage.key)
    between = places[read][bisect_right(places[read], maker) : bisect_left(places[read], place)]
    stays = not any(_writes(steps[each], read, root) for each in (*between, place))
    return maker if stays else None


def _writes(step: Step, key: Key, root: Root) -> bool:
    return any(root(operand.storage.key) == key for operand in step.writes())


def summed_forward(steps: Iterable[Step], sums: Collection[Key]) -> list[Step]:
    """The steps of a pass forward in which a sum's convolution is a part of the sum, where what it would write is of `sums`."""
    left = list(steps)
    makers = {
        step.arguments[0].storage.key: step
        for step in left
        if step.kernel is convolution.forward_packed and step.arguments[0].storage.key in sums
    }
    together = [_together(step, makers) for step in left]
    return [
        step
        for step in together
        if step.kernel is not convolution.forward_packed or step.arguments[0].storage.key not in makers
    ]


def _together(step: Step, makers: Mapping[Key, Step]) -> Step:
    """A sum with the convolution that makes one of its terms; any other step as it is."""
    if step.kernel is not joins.add:
        return step
    one, other = _terms(step)
    for term, added in ((one, other), (other, one)):
        convolved = makers.get(term.storage.key)
        if convolved is not None:
            given, total = named(convolved), named(step)
            shape = given["y"].shape
            changed = {
                "y": total["target"].reshape(shape),
                "added": added.reshape(shape),
                "slope": total["slope"],
            }
            return replace(step, kernel=convolved.kernel, arguments=tuple((given | changed).values()))
    return step


def _terms(step: Step) -> tuple[Operand, Operand]:
    given = named(step)
    return given["one"], given["other"]

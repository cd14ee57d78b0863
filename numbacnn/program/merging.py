"""Batch normalisations in one pass over memory with the rectifiers and sums around them, in training.

Forward, a sum takes its normalised term from what the normalisation reads: the normalisation's own pass goes. Back, on the CPU, what
normalises takes the gradient through the rectifier after it as it reads it; and where a sum that was rectified has several
readers, one step adds their gradients, takes them through the rectifier and finds the sums of the normalisation before it.

Results are the same bits as those of the steps one by one. Rectifiers whose slope is not 0 keep their own step back, which
rounds otherwise.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..ops import activations, joins, normalization
from ..ops.operands import Key, Operand, Step
from .emission import GRADIENT, OUTPUT, Emission
from .steps import Root, by_node, named, users


@dataclass
class Merges:
    """Decided once; applied to every list of the program."""

    sums: dict[str, str]
    """Sum -> the normalisation that it takes one of its two terms from."""
    normal: dict[str, Step]
    """Normalisation -> its step forward, of those that only a rectifier reads and whose gradient nobody asks for."""
    workspace: Operand

    def forward(self, steps: Iterable[Step]) -> list[Step]:
        """The steps of a pass forward, with normalisations in the steps that add them."""
        left = list(steps)
        own = by_node(left)
        for name, source in self.sums.items():
            if source in own and name in own:
                normal, add = own[source][-1], own[name][-1]
                if normal.kernel is normalization.forward and add.kernel is joins.add:
                    left[left.index(add)] = self._added(normal, add)
                    left.remove(normal)
        return left

    def _added(self, normal: Step, add: Step) -> Step:
        given, then = named(normal), named(add)
        terms = then["one"], then["other"]
        (other,) = (term for term in terms if term.storage.key != given["y"].storage.key)
        arrays = then["target"], given["x"], other
        channels = (given[each] for each in ("mean", "inverse", "scale", "shift"))
        arguments = (*_alike(*arrays, like=given["y"]), *channels, then["slope"], self.workspace)
        return replace(add, kernel=normalization.forward_sum, arguments=arguments)

    def backward(self, steps: Iterable[Step], root: Root) -> list[Step]:
        """The steps of a pass back, with rectifiers, and additions before them, in the steps of normalisations."""
        left = _joined(list(steps), root)
        places, gone = users(left), set[int]()
        for place in reversed(range(len(left))):
            if _is_rectifier(left[place]) and self._through(left, place, places, gone, root):
                gone.add(place)
        return [step for place, step in enumerate(left) if place not in gone]

    def _through(
        self, steps: list[Step], place: int, places: Mapping[Key, list[int]], gone: set[int], root: Root
    ) -> bool:
        """Has all that reads what the rectifier at a place writes do its work, if it can. `places`: of the steps that access a
        Storage; some are `gone`.
        """
        signal, key = named(steps[place])["d_y"], named(steps[place])["d_x"].storage.key
        forward = self.normal.get(key[0]) if key[1] == GRADIENT else None
        readers = [at for at in places[key] if at != place]
        kernels = [steps[at].kernel for at in readers]
        expected = [normalization.sums, normalization.backward_input]
        if forward is None or not readers or readers[0] < place or kernels != expected[: len(readers)]:
            return False
        between = (steps[at] for at in range(place + 1, readers[-1]) if at not in gone)
        if any(_writes(step, {root(signal.storage.key)}, root) for step in between):
            return False
        for at in readers:
            steps[at] = self._rectified(steps[at], signal, forward)
        return True

    def _rectified(self, step: Step, signal: Operand, forward: Step) -> Step:
        """The step that reads the signal before the rectifier."""
        given, then = named(step), named(forward)
        (d_y,) = _alike(signal, like=given["d_y"])
        read = d_y, given["x"], given["mean"], given["inverse"], then["scale"], then["shift"]
        sums, last = (given["d_scale"], given["d_shift"]), (0.0, self.workspace)
        if step.kernel is normalization.sums:
            return replace(step, kernel=normalization.sums_rectified, arguments=(*sums, *read, *last))
        return replace(
            step, kernel=normalization.backward_rectified, arguments=(given["d_x"], *read, *sums, *last)
        )


def merges(
    emission: Emission,
    forward: Mapping[str, Step],
    looked_at: Collection[Key],
    kept: Collection[str],
    kept_gradients: Collection[str],
    slopes: Collection[str],
) -> Merges:
    """What may be merged. `forward` has every node's last step forward; `looked_at` are the outputs that a pass back looks
    at; `slopes` are the nodes that rectify what they store.
    """
    graph, readers = emission.graph, emission.graph.readers()
    normal = {name: step for name, step in forward.items() if step.kernel is normalization.forward}
    sums = {}
    for name, step in forward.items():
        terms = graph[name].inputs
        if step.kernel is joins.add and len(terms) == 2:
            for source in terms:
                alone = readers[source] == [name] and source not in slopes and source not in kept
                if source in normal and alone and (source, OUTPUT) not in looked_at:
                    sums[name] = source
    before = {
        name: step
        for name, step in normal.items()
        if name not in kept_gradients
        and len(readers[name]) == 1
        and graph[readers[name][0]].layer.rectifies is not None
    }
    return Merges(sums, before, emission.workspace)


def _joined(steps: list[Step], root: Root) -> list[Step]:
    """The list with additions of gradients, the rectifiers after them and the sums of these in one step each, in the
    rectifiers' places.
    """
    gone, places = set[int](), users(steps, root)
    left = list(steps)
    for first, step in enumerate(steps):
        if step.kernel is not joins.accumulate:
            continue
        target, added = step.accesses()
        memory = root(target.storage.key)
        own, later = {memory}, places[memory][bisect_right(places[memory], first) :]
        second = later[0] if later else first
        third = next((at for at in later[1:] if _is_sums_of(steps[at], own, root)), None)
        if third is None or not _is_rectifier(steps[second]):
            continue
        rectifier, given = named(steps[second]), named(steps[third])
        y, d = rectifier["x"], given["d_y"]
        in_place = {root(rectifier[each].storage.key) for each in ("d_x", "d_y")} == own
        whole = target.size == d.size == y.size
        read = {root(operand.storage.key) for operand in (added, y)}
        stays = not any(_writes(each, read, root) for each in steps[first + 1 : second])
        stays = stays and not any(_writes(each, own, root) for each in steps[second + 1 : third])
        if not (in_place and whole and stays):
            continue
        outputs, statistics = (
            (given["d_scale"], given["d_shift"]),
            (given["x"], given["mean"], given["inverse"]),
        )
        arguments = (*outputs, d, *_alike(added, y, like=d), *statistics, 0.0, given["workspace"])
        left[second] = Step(normalization.sums_joined, arguments, None, steps[third].node, steps[second].time)
        gone |= {first, third}
    return [step for place, step in enumerate(left) if place not in gone]


def _is_sums_of(step: Step, keys: Collection[Key], root: Root) -> bool:
    """Whether the step finds the sums of a gradient that lies there."""
    return step.kernel is normalization.sums and root(named(step)["d_y"].storage.key) in keys


def _is_rectifier(step: Step) -> bool:
    """Whether the step takes a gradient back through max(0, x), by the rule of derivatives."""
    if step.kernel is not activations.leaky_relu_backward:
        return False
    given = named(step)
    return bool(given["slope"] == 0 and given["rule"] == activations.STANDARD)


def _writes(step: Step, keys: Collection[Key], root: Root) -> bool:
    return any(root(operand.storage.key) in keys for operand in step.writes())


def _alike(*arrays: Any, like: Operand) -> tuple[Operand, ...]:
    """Arrays in the shape of another."""
    return tuple(array.reshape(like.shape) for array in arrays)

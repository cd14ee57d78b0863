"""Finds the network that a dict of tensors belongs to, and the layer that each tensor belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..architectures import ARCHITECTURES, read_definition
from ..errors import ModelError, NumbacnnError, UsageError, cut, nearest
from ..graph import Graph, Node
from ..limits import MAX_CLASSES
from ..parameters import Buffer, Parameter
from .description import Array, Description
from .families import FAMILIES
from .reading import Asked
from .state_dicts import Family, StateDict

_ENDS = {
    "weights": "weight",
    "shift": "bias",
    "scale": "weight",
    "slopes": "weight",
    "running_variance": "running_var",
}
"""Maps our names of arrays to PyTorch's, where they differ."""


def describe(path: Path, arrays: dict[str, Array], asked: Asked, *, in_order: bool) -> Description:
    """Describes the network of these tensors: the one that --network names, else the family that their names belong to,
    else the first named network that they fit.

    `in_order` says that the tensors are in the order of the layers, as PyTorch writes them. Raises ModelError,
    UsageError.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu":
            raise ModelError(f"{path}: {cut(name)} is {array.dtype}; numbers are expected")
    if asked.network is not None:
        return _named(path, arrays, asked, in_order, (asked.network,))
    family = next((each for each in FAMILIES if each.matches(arrays)), None)
    if family is not None:
        return _of_family(path, arrays, asked, family)
    return _named(path, arrays, asked, in_order, tuple(ARCHITECTURES))


def _of_family(path: Path, arrays: dict[str, Array], asked: Asked, family: Family) -> Description:
    name = family.name(arrays)
    side = family.side(arrays)
    first = next((each for each in arrays.values() if each.ndim == 4), None)
    shape = asked.input_shape or (side, side, first.shape[1] if first is not None else 3)
    description = Description(path, name, shape)
    description.preparation = description.preparation.hinted(family.hint)
    kept = {key: each for key, each in arrays.items() if not key.startswith(family.left_out or ("\0",))}
    state = StateDict(kept, description)
    try:
        family.build(state)
    except ModelError:
        raise
    except NumbacnnError as error:
        raise ModelError(
            f"{path}: its tensors are named as those of {name}, and do not fit it: {error}"
        ) from None
    unused = state.unused()
    if unused:
        raise ModelError(
            f"{path}: its tensors are named as those of {name}, and {len(unused)} have no place in it: {_listed(unused)}; "
            "--network NAME says which network it is"
        )
    if len(kept) < len(arrays):
        description.warnings.append("the auxiliary classifiers are left out")
    return description


def _named(
    path: Path, arrays: dict[str, Array], asked: Asked, in_order: bool, names: Sequence[str]
) -> Description:
    """Describes the first of the named networks that the tensors fit, by their names or in their order."""
    wanted = {name: each for name, each in arrays.items() if not name.endswith("num_batches_tracked")}
    problems = []
    for name in names:
        try:
            built = _built(name, wanted, asked)
        except UsageError:
            if asked.network is not None:
                raise
            continue  # it cannot be of the size that is asked for
        places, problem = _places(built, wanted, in_order)
        if problem is None:
            return _filled(path, built, places, wanted)
        problems.append(problem)
    if asked.network is not None:
        raise ModelError(f"{path}: it is no {asked.network}: {problems[0]}")
    raise ModelError(
        f"{path}: its names and shapes are of no network that is known; --network says which it is, a name or a .toml file. It "
        f"has {_listed([f'{name} {each.shape}' for name, each in wanted.items()])}"
    )


class _Built(NamedTuple):
    """A named network, built for the tensors' number of classes."""

    name: str
    graph: Graph


def _built(name: str, arrays: dict[str, Array], asked: Asked) -> _Built:
    last = next((len(each) for each in reversed(arrays.values()) if each.ndim in (2, 4)), 0)
    return _Built(Path(name).stem if name.endswith(".toml") else name, graph_named(name, last, asked))


def graph_named(name: str, classes: int, asked: Asked) -> Graph:
    """Returns the graph of a named network, or of a .toml file, for the classes of a file's weights. Raises UsageError."""
    if name.endswith(".toml"):
        definition = read_definition(Path(name))
        return Graph(definition.layers, definition.input_shape, heads=definition.heads)
    if name not in ARCHITECTURES:
        raise UsageError(f"--network {name}{nearest(name, ARCHITECTURES)}; or give a .toml file")
    try:
        return ARCHITECTURES[name].graph(asked.input_shape, classes if 1 < classes <= MAX_CLASSES else None)
    except NumbacnnError as error:
        size = "x".join(map(str, asked.input_shape or ARCHITECTURES[name].input_shape))
        raise UsageError(f"{name} cannot be built for {size}: {error}") from None


def _places(built: _Built, arrays: dict[str, Array], in_order: bool) -> tuple[dict[str, str], str | None]:
    """Returns the tensor's name for each of our arrays, and the reason why the tensors do not fit, None if they do."""
    wanted = torch_names(built.graph)
    by_name = {ours: theirs for ours, theirs in wanted.items() if theirs in arrays}
    if len(by_name) == len(wanted) == len(arrays):
        return by_name, _misfit(built.graph, by_name, arrays)
    if not in_order:
        missing = [theirs for theirs in wanted.values() if theirs not in arrays]
        return (
            {},
            f"there is no {missing[0]}"
            if missing
            else f"there is no place for {_listed(set(arrays) - set(wanted.values()))}",
        )
    if len(arrays) != len(wanted):
        return {}, f"it has {len(arrays)} tensors, and {built.name} has {len(wanted)}"
    ordered = dict(zip(wanted, arrays, strict=True))
    return ordered, _misfit(built.graph, ordered, arrays)


def torch_names(graph: Graph) -> dict[str, str]:
    """Returns PyTorch's name for each of our arrays, in PyTorch's order within a layer."""
    found = {}
    for node in graph.nodes:
        for each in _arrays_of(graph, node):
            if each.node == node.name:  # and not another's, whose layer this one shares
                found[each.name] = f"{node.name}.{_ENDS.get(each.key, each.key)}"
    return found


def _arrays_of(graph: Graph, node: Node) -> list[Parameter | Buffer]:
    return [*graph.parameters_of(node).values(), *graph.buffers_of(node).values()]


def _misfit(graph: Graph, places: dict[str, str], arrays: dict[str, Array]) -> str | None:
    for ours, theirs in places.items():
        shape = graph.parameters[ours].shape if ours in graph.parameters else graph.buffers[ours].spec.shape
        if sorted(arrays[theirs].shape) != sorted(shape):
            return f"{theirs} has shape {arrays[theirs].shape}, and {ours} has {shape}"
    return None


def _filled(path: Path, built: _Built, places: dict[str, str], arrays: dict[str, Array]) -> Description:
    description = Description(path, built.name, built.graph.input_shape)
    renamed: dict[str, str] = {"pixels": "pixels"}
    for node in built.graph.nodes[1:]:
        taken = {each.key: arrays[places[each.name]] for each in _arrays_of(built.graph, node)}
        renamed[node.name] = description.add(
            node.name, node.layer, [renamed[each] for each in node.inputs], **taken
        )
    return description


def _listed(names: Any) -> str:
    names = list(names)
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(cut(name) for name in names[:6]) + more

"""A network as the lecture draws it: the volumes that pictures become on their way to the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..graph import Graph, Node
from ..layers import Shape

PASSED_OVER = frozenset(("dropout", "flatten", "pixels"))
"""Kinds of layers that change nothing to be seen; what keeps its input's shape and has no window is passed over too."""


class Outlined(NamedTuple):
    """A volume after a stage of the network: its shape (H,W,C) or (D,), and the stage that makes it of the volume before.

    `kind`: "input", "convolution", "pool", "dense", "block" (layers beside each other) or "other"; `node` is the last
    layer of the stage, `times` how many stages of one shape and kind it stands for, `layers` those of them with weights.
    """

    node: str
    shape: Shape
    kind: str
    says: str
    times: int = 1
    layers: int = 0


def outline(graph: Graph) -> list[Outlined]:
    """The volumes on a graph's way from the pictures to the classes, the pictures first.

    Where layers lie beside each other (inception, shortcuts) they are one stage, a block. Of stages one after the other
    that have one kind and one shape, only the last is there, and says how many it stands for. Raises NetworkError for a graph
    that takes no pictures.
    """
    _ = graph.pixels
    found = [Outlined(graph.nodes[0].name, graph.input_shape, "input", "pictures")]
    for stage in _stages(graph):
        volume = _outlined(graph, stage)
        if volume is None:
            continue
        last = found[-1]
        if (volume.kind, volume.shape, volume.says) == (last.kind, last.shape, last.says):
            found[-1] = volume._replace(times=last.times + 1, layers=last.layers + volume.layers)
        else:
            found.append(volume)
    return found


def _stages(graph: Graph) -> list[list[Node]]:
    """The layers in parts, between places where everything comes together: all that follows reads one output."""
    main = graph.ancestors(graph.output.name) | {graph.output.name}
    nodes = [node for node in graph.nodes if node.name in main]
    place = {node.name: index for index, node in enumerate(nodes)}
    furthest = 0  # the last layer that reads something before here
    stages: list[list[Node]] = [[]]
    last_reader = {node.name: place[node.name] for node in nodes}
    for node in nodes:
        for name in node.inputs:
            last_reader[name] = max(last_reader[name], place[node.name])
    for index, node in enumerate(nodes):
        stages[-1].append(node)
        if index >= furthest:
            stages.append([])
        furthest = max(furthest, last_reader[node.name])
    return [stage for stage in stages if stage]


def _outlined(graph: Graph, stage: Sequence[Node]) -> Outlined | None:
    """The volume after a stage; None where it changes nothing to be seen."""
    last = stage[-1]
    shape, layers = graph.shapes[last.name], sum(node.layer.is_neuronal for node in stage)
    if len(stage) > 1:
        joins = [node.layer.kind for node in stage if node.layer.kind in ("concatenate", "add", "multiply")]
        what = {"concatenate": "parallel branches", "add": "residual block", "multiply": "gated block"}
        says = what[joins[-1]] if joins else "block"
        return Outlined(last.name, shape, "block", says, layers=layers)
    kind = last.layer.kind
    before = graph.input_shapes(last)
    window = last.layer.window(*before) if before else None
    if kind in PASSED_OVER or (window is None and not layers and before and before[0] == shape):
        return None
    if layers and window is None:
        return Outlined(last.name, shape, "dense", "fully connected", layers=layers)
    if window is None:
        return Outlined(last.name, shape, "pool" if "pool" in kind else "other", kind.replace("-", " "))
    size = "x".join(map(str, window.kernel))
    stride = f", stride {window.stride[0]}" if max(window.stride) > 1 else ""
    name = {"convolution": "conv"}.get(kind, kind.replace("-", " "))
    groups = getattr(last.layer, "groups", 1)
    if groups > 1:
        name = "depthwise conv" if groups == shape[-1] else f"conv in {groups} groups"
    return Outlined(
        last.name, shape, "convolution" if layers else "pool", f"{name} {size}{stride}", layers=layers
    )

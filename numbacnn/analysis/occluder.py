"""What a network makes of a picture while a square slides over it (Zeiler and Fergus, 2013, section 4.2 and figure 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from ..network import Images, Network
from .deconvnet import reconstruct
from .occlusion import occluded, resolved, windows
from .receptive_field import Box
from .room import pictures_at_a_time
from .strongest import activation_of


@dataclass(frozen=True)
class OcclusionStudy:
    """Each map is (P,Q), a value for every place of the square; `boxes` are the places, row after row.

    `activity` is the sum of the map of `unit`, the strongest in the whole picture, at layer `node`; `probabilities` are those
    of `class_index`; `likeliest` is the class that the network names. `whole` has the same three numbers without a square,
    `projection` (H,W,C) that unit's strongest activation walked back to pixels, from the place `place`.
    """

    node: str
    unit: int
    place: tuple[int, int]
    class_index: int
    boxes: list[Box]
    activity: Any
    probabilities: Any
    likeliest: Any
    whole: tuple[float, float, int]
    projection: Any


def occlusion_study(
    network: Network,
    image: Any,
    node: str,
    class_index: int | None = None,
    *,
    window: int | None = None,
    stride: int | None = None,
    value: str | float = "grey",
) -> OcclusionStudy:
    """A square of `window` pixels slides over a picture (H,W,C) by `stride`; see `occlusion.resolved` and `occluded`.

    `class_index` is by default what the network says of the whole picture. Raises UsageError for a layer, class, window or
    value that cannot be.
    """
    picture = network.as_images(np.asarray(image)[None])
    node = activation_of(network, node)
    if len(network.graph.shapes[node]) != 3:
        raise UsageError(
            f"layer '{node}' has no maps: a convolution, or another layer with rows and columns, is expected"
        )
    window, stride = resolved(network.input_shape, window, stride)
    boxes = windows(network.input_shape, window, stride)
    output, maps = _passed(network, picture, node)
    chosen = int(output[0].argmax()) if class_index is None else int(network.as_labels(class_index, 1)[0])
    unit = int(maps[0].max(axis=(0, 1)).argmax())
    row, column = np.unravel_index(int(maps[0, ..., unit].argmax()), maps.shape[1:3])
    at_a_time = pictures_at_a_time(network, keep=(node,))
    activity, probabilities, likeliest = [], [], []
    for first in range(0, len(boxes), at_a_time):
        hidden = occluded(network, picture[0], boxes[first : first + at_a_time], value)
        shares, found = _passed(network, hidden, node)
        activity.append(found[..., unit].sum(axis=(1, 2)))
        probabilities.append(shares[:, chosen])
        likeliest.append(shares.argmax(axis=1))
    columns = len({box.left for box in boxes})
    place = int(row), int(column)
    return OcclusionStudy(
        node=node,
        unit=unit,
        place=place,
        class_index=chosen,
        boxes=boxes,
        activity=np.concatenate(activity).reshape(-1, columns),
        probabilities=np.concatenate(probabilities).reshape(-1, columns),
        likeliest=np.concatenate(likeliest).reshape(-1, columns),
        whole=(float(maps[0, ..., unit].sum()), float(output[0, chosen]), int(output[0].argmax())),
        projection=reconstruct(network, picture, node, np.array(unit), place)[0],
    )


def _passed(network: Network, images: Images, node: str) -> tuple[Any, Any]:
    """Probabilities, and the outputs of a node, of no more pictures than fit at a time."""
    plan = network.program_for(len(images), len(images), keep=(node,))
    outputs, maps = [], []
    for start in range(0, len(images), plan.batch_size):
        outputs.append(plan.forward(images[start : start + plan.batch_size]).copy())
        maps.append(plan.output(node).copy())
    return np.concatenate(outputs), np.concatenate(maps)

"""A network's first layer: the preprocessing its weights were learned with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..device import Array
from ..errors import NetworkError, ShapeError
from ..framing import Framing
from ..ops import pixels
from .base import Call, Layer, Shape, need_range, need_volume


@dataclass
class Pixels(Layer):
    """Pixels (H,W,C) in [0,255] -> (pixel - mean) * scale (lecture: data preprocessing).

    `mean` and `scale` are one number or one a channel, in the order of the picture's channels (RGB);
    `channel_order` "BGR" turns the channels round after that. A mean image (H,W,C), as Caffe has it,
    is the constant "mean_image" and takes the place of `mean`. `shorter_side` is the size to which the
    shorter side of a picture of another size is scaled before the network's input is cut out of its centre; 0: the
    picture is scaled just enough to fill the input (`fitting.fit`). `framing` says how drawings lie in the pictures that
    the network was trained on, so that other people's drawings can be framed like them (`framing.frame`).
    """

    kind: ClassVar[str] = "pixels"
    is_input: ClassVar[bool] = True

    mean: float | tuple[float, ...] = 0.0
    scale: float | tuple[float, ...] = 1.0
    channel_order: str = "RGB"
    shorter_side: int = 0
    framing: Framing | None = None

    def __post_init__(self) -> None:
        if self.channel_order not in ("RGB", "BGR"):
            raise NetworkError(f'channel_order = {self.channel_order!r}: "RGB" or "BGR" is expected')
        need_range(self.kind, "shorter_side", self.shorter_side, 0, 1 << 16)

    def describe_input(self, shape: Shape) -> str:
        return f"pictures of {'x'.join(map(str, shape))}"

    def output_shape(self, *inputs: Shape) -> Shape:
        need_volume(self.kind, inputs[0])
        for name in ("mean", "scale"):
            given = np.size(getattr(self, name))
            if given not in (1, inputs[0][2]):
                raise ShapeError(f"{name} has {given} numbers for pictures of {inputs[0][2]} channels")
        if 0 < self.shorter_side < min(inputs[0][:2]):
            raise ShapeError(
                f"shorter_side is {self.shorter_side}, and the input is {inputs[0][0]}x{inputs[0][1]}: 0, or at least "
                f"{min(inputs[0][:2])}, is expected"
            )
        image = self.constants.get("mean_image")
        if image is not None and image.shape != inputs[0]:
            raise ShapeError(f"the mean image is {image.shape}, and the pictures are {inputs[0]}")
        return inputs[0]

    def forward(self, call: Call) -> None:
        tables = call.tables
        pixels.forward(call.output, call.input, tables["mean"], tables["scale"], tables["order"])

    def backward_input(self, call: Call, d_output: Array, *d_inputs: Array | None) -> None:
        pixels.backward(d_inputs[0], d_output, call.tables["scale"], call.tables["order"])

    def tables(self, dtype: Any, *inputs: Shape) -> dict[str, Any]:
        """Scale (W*C), order (W*C) and mean (H,W*C) or (1,W*C), in the order of the network's channels."""
        _, width, channels = inputs[0]
        turned = np.arange(channels) if self.channel_order == "RGB" else np.arange(channels)[::-1]
        rows = [
            np.tile(np.broadcast_to(np.asarray(value, dtype), channels)[turned], width)
            for value in (self.scale, self.mean)
        ]
        order = (np.arange(width)[:, None] * channels + turned).ravel()
        image = self.constants.get("mean_image")
        mean = rows[1][None] if image is None else image.reshape(len(image), -1)[:, order].astype(dtype)
        return {"scale": rows[0], "order": order, "mean": np.ascontiguousarray(mean)}

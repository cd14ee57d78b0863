"""EfficientNet-Lite0: EfficientNet (Tan and Le, 2019) without squeeze-and-excitation, with ReLU6, for small devices.

Layers have the names that timm gives them, so that weights find their places. Where a stride is 2, padding is as TensorFlow
has it: the row or column that is over goes to the bottom and to the right.
"""

from __future__ import annotations

from typing import NamedTuple

from ..graph import LayerLine
from ..layers import Add, BatchNorm, Convolution, ReLU6, Shape
from .blocks import averaged_scores, is_small


class _Stage(NamedTuple):
    """Blocks of a stage: how many times the channels are expanded inside, filter size, stride of the first, filters, blocks."""

    expansion: int
    kernel: int
    stride: int
    filters: int
    blocks: int


_STAGES = (
    _Stage(1, 3, 1, 16, 1),
    _Stage(6, 3, 2, 24, 2),
    _Stage(6, 5, 2, 40, 2),
    _Stage(6, 3, 2, 80, 3),
    _Stage(6, 5, 1, 112, 3),
    _Stage(6, 5, 2, 192, 4),
    _Stage(6, 3, 1, 320, 1),
)


def efficientnet_lite0(input_shape: Shape, classes: int) -> list[LayerLine]:
    """Sixteen blocks; made for 224x224x3. Small pictures are halved twice less."""
    builder = _Builder(input_shape)
    small = is_small(input_shape)
    builder.step("conv_stem", "bn1", "act1", 32, 3, 1 if small else 2)
    for stage, made in enumerate(_STAGES):
        for block in range(made.blocks):
            stride = made.stride if block == 0 and not (small and stage == 1) else 1
            builder.block(f"blocks.{stage}.{block}", made, stride)
    builder.step("conv_head", "bn2", "act2", 1280, 1)
    return [*builder.lines, *averaged_scores(classes, "classifier", 0.2)]


class _Builder:
    """The layers so far, the size of their output and its channels."""

    def __init__(self, input_shape: Shape) -> None:
        height, width, self.channels = input_shape
        self.size = height, width
        self.lines: list[LayerLine] = []

    def step(
        self,
        name: str,
        norm: str,
        activation: str,
        filters: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        """A convolution, its batch normalisation, and an activation if it has a name."""
        padding = [number for size in self.size for number in _same(size, kernel, stride)]
        self.size = -(-self.size[0] // stride), -(-self.size[1] // stride)
        self.channels = filters
        convolution = Convolution(
            filters, kernel, stride=stride, padding=tuple(padding), groups=groups, bias=False
        )
        self.lines += [(name, convolution), (norm, BatchNorm(momentum=0.01, eps=1e-3))]
        if activation:
            self.lines.append((activation, ReLU6()))

    def block(self, name: str, made: _Stage, stride: int) -> None:
        """Expanded by 1x1 unless the expansion is 1, seen channel by channel, mixed by 1x1; its input is added where it can be."""
        source, before = self.lines[-1][0], self.channels
        inside = made.expansion * before
        seen = ("conv_dw", inside, made.kernel, stride, inside)
        if made.expansion > 1:
            steps = [("conv_pw", inside, 1, 1, 1), seen, ("conv_pwl", made.filters, 1, 1, 1)]
        else:
            steps = [seen, ("conv_pw", made.filters, 1, 1, 1)]
        for number, (step, filters, kernel, by, groups) in enumerate(steps, 1):
            activation = f"{name}.act{number}" if number < len(steps) else ""
            self.step(f"{name}.{step}", f"{name}.bn{number}", activation, filters, kernel, by, groups)
        if stride == 1 and before == made.filters:
            self.lines.append((f"{name}.add", Add(), (self.lines[-1][0], source)))


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Padding before and after, so that an axis of `size` has size / stride outputs, rounded up."""
    over = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return over // 2, over - over // 2

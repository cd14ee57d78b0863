"""A graph as a PyTorch module that Captum can hook: volumes (N,C,H,W), pixels in [0, 255] in, scores out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from numbacnn.graph import Graph, Node
from numbacnn.layers import Pixels

Tensors = dict[str, torch.Tensor]


class Theirs(nn.Module):
    """The network in evaluation, on the same numbers. Each rectifier is a module of its own, so that hooks find it."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.nodes = nn.ModuleDict()
        """Node -> the module of its output, for hooks; names without the dots that PyTorch refuses."""
        for node in graph.nodes:
            made: nn.Module = nn.ReLU() if node.layer.kind == "relu" else nn.Identity()
            self.nodes[self.key(node.name)] = made
        self.own: Tensors = {}
        for name in graph.parameters:
            values = graph.read(name)
            turned = {4: (3, 2, 0, 1), 2: (1, 0)}.get(values.ndim)
            self.own[name] = torch.from_numpy(
                np.ascontiguousarray(values.transpose(turned) if turned else values)
            )
        self.kept: Tensors = {name: torch.from_numpy(graph.read(name).copy()) for name in graph.buffers}
        self.eval()

    @staticmethod
    def key(name: str) -> str:
        return name.replace(".", "_")

    def module(self, name: str) -> nn.Module:
        return self.nodes[self.key(name)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.outputs(x)[self.graph.scores]

    def outputs(self, x: torch.Tensor) -> Tensors:
        """Node -> output, up to the scores."""
        found: Tensors = {}
        for node in self.graph.nodes:
            inputs = [found[name] for name in node.inputs] or [x]
            found[node.name] = self.module(node.name)(self.compute(node, inputs))
            if node.name == self.graph.scores:
                break
        return found

    def parameters_of(self, node: Node) -> Tensors:
        """A node's own, by the layer's names."""
        return {key: self.own[each.name] for key, each in self.graph.parameters_of(node).items()}

    def compute(self, node: Node, inputs: list[torch.Tensor]) -> torch.Tensor:
        """One layer; of a rectifier its input, which its module then rectifies."""
        layer: Any = node.layer
        x, kind, own = inputs[0], layer.kind, self.parameters_of(node)
        if kind == "convolution":
            return functional.conv2d(
                self.padded(node, x),
                own["weights"],
                own.get("bias"),
                self.window(node).stride,
                groups=layer.groups,
            )
        if kind == "max-pool":
            return functional.max_pool2d(
                self.padded(node, x, -torch.inf), self.window(node).kernel, self.window(node).stride
            )
        if kind == "batch-norm":
            kept = {key: self.kept[each.name] for key, each in self.graph.buffers_of(node).items()}
            return functional.batch_norm(
                x,
                kept["running_mean"],
                kept["running_variance"],
                own["scale"],
                own["shift"],
                False,
                0.0,
                layer.eps,
            )
        if kind == "flatten":
            return x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x
        if isinstance(layer, Pixels):
            return self._pixels(layer, x)
        return {
            "dense": lambda: functional.linear(x, own["weights"], own.get("bias")),
            "relu": lambda: x,
            "dropout": lambda: x,
            "add": lambda: sum(inputs[1:], x),
            "concatenate": lambda: torch.cat(inputs, 1),
            "global-average-pool": lambda: x.mean((2, 3), keepdim=True),
            "subsample": lambda: functional.pad(
                x[:, :, :: layer.stride, :: layer.stride], self.new_channels(layer, x)
            ),
        }[kind]()

    def window(self, node: Node) -> Any:
        layer: Any = node.layer
        return layer.window(self.graph.input_shapes(node)[0])

    def padded(self, node: Node, x: torch.Tensor, edge: float = 0.0) -> torch.Tensor:
        """The input with its padding, and with what the last windows take beyond it where sizes are rounded up."""
        window = self.window(node)
        top, bottom, left, right = window.padding
        tall, wide = (
            (places - 1) * stride + kernel
            for places, stride, kernel in zip(
                self.graph.shapes[node.name], window.stride, window.kernel, strict=False
            )
        )
        bottom, right = max(bottom, tall - top - x.shape[2]), max(right, wide - left - x.shape[3])
        return functional.pad(x, (left, right, top, bottom), value=edge)

    @staticmethod
    def new_channels(layer: Any, x: torch.Tensor) -> tuple[int, ...]:
        """Channels of zeros before and after the old ones, as `pad` takes them."""
        new = layer.channels - x.shape[1]
        return 0, 0, 0, 0, new // 2, new - new // 2

    @staticmethod
    def _pixels(layer: Pixels, x: torch.Tensor) -> torch.Tensor:
        scale, mean = (
            torch.as_tensor(np.broadcast_to(np.asarray(value, np.float64), x.shape[1]).copy(), dtype=x.dtype)
            for value in (layer.scale, layer.mean)
        )
        seen = (x - mean[:, None, None]) * scale[:, None, None]
        return seen.flip(1) if layer.channel_order == "BGR" else seen


def as_theirs(images: Any, dtype: torch.dtype) -> torch.Tensor:
    """Pictures (N,H,W,C) of uint8 -> (N,C,H,W) of levels."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(dtype)


def as_ours(values: torch.Tensor) -> Any:
    """(N,C,H,W) -> (N,H,W,C)."""
    return values.detach().permute(0, 2, 3, 1).numpy()

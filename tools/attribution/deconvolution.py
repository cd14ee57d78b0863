"""Zeiler and Fergus' deconvnet, written as they describe it: no gradient is asked for, each layer is undone by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from numbacnn.graph import Node

from .theirs import Tensors, Theirs


def walked_back(net: Theirs, images: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """From the score of each picture's class to its pixels (N,C,H,W): filters transposed, maxima put back at their switches,
    the signal rectified where the network rectifies.
    """
    outputs = net.outputs(images)
    signals: Tensors = {net.graph.scores: torch.zeros_like(outputs[net.graph.scores])}
    signals[net.graph.scores][torch.arange(len(images)), classes] = 1
    for node in reversed(net.graph.nodes):
        signal = signals.pop(node.name, None)
        if signal is None:
            continue
        if not node.inputs:
            return _through_pixels(node, signal)
        inputs = [outputs[name] for name in node.inputs]
        for name, back in zip(node.inputs, _undo(net, node, signal, inputs), strict=True):
            signals[name] = signals[name] + back if name in signals else back
    raise AssertionError("the first node reads nothing")


def _through_pixels(node: Node, signal: torch.Tensor) -> torch.Tensor:
    layer: Any = node.layer
    scale = torch.as_tensor(
        np.broadcast_to(np.asarray(layer.scale), signal.shape[1]).copy(), dtype=signal.dtype
    )
    return (signal.flip(1) if layer.channel_order == "BGR" else signal) * scale[:, None, None]


def _undo(net: Theirs, node: Node, signal: torch.Tensor, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    layer: Any = node.layer
    own, kind, x = net.parameters_of(node), layer.kind, inputs[0]
    if kind == "relu":
        return [signal.clamp(min=0)]
    if kind == "add":
        return [signal] * len(inputs)
    if kind == "concatenate":
        return list(signal.split([each.shape[1] for each in inputs], 1))
    if kind == "dense":
        return [signal @ own["weights"]]
    if kind == "flatten":
        if x.ndim != 4:
            return [signal]
        count, channels, height, width = x.shape
        return [signal.reshape(count, height, width, channels).permute(0, 3, 1, 2)]
    if kind == "batch-norm":
        kept = {key: net.kept[each.name] for key, each in net.graph.buffers_of(node).items()}
        factor = own["scale"] / (kept["running_variance"] + layer.eps).sqrt()
        return [signal * factor[:, None, None]]
    if kind == "global-average-pool":
        return [signal.expand_as(x) / (x.shape[2] * x.shape[3])]
    if kind == "dropout":
        return [signal]
    if kind == "subsample":
        first = net.new_channels(layer, x)[4]
        back = torch.zeros_like(x)
        back[:, :, :: layer.stride, :: layer.stride] = signal[:, first : first + x.shape[1]]
        return [back]
    return [_undo_window(net, node, signal, x)]


def _undo_window(net: Theirs, node: Node, signal: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """A convolution or a maximum over windows, of the padded input, which is then cut."""
    layer: Any = node.layer
    window = net.window(node)
    top, _, left, _ = window.padding
    padded = net.padded(node, x, -torch.inf if layer.kind == "max-pool" else 0.0)
    height, width = padded.shape[2:]
    if layer.kind == "max-pool":
        _, switches = functional.max_pool2d(padded, window.kernel, window.stride, return_indices=True)
        back = torch.zeros_like(padded).flatten(2)
        back.scatter_add_(
            2, switches.flatten(2), signal.flatten(2)
        )  # overlapping windows may share a maximum
        back = back.reshape(padded.shape)
    else:
        weights = net.parameters_of(node)["weights"]
        back = functional.conv_transpose2d(signal, weights, stride=window.stride, groups=layer.groups)
        # Rows and columns at the end that no window reached.
        back = functional.pad(back, (0, width - back.shape[3], 0, height - back.shape[2]))
    return back[:, :, top : top + x.shape[2], left : left + x.shape[3]]

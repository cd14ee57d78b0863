"""Whether a network computes what PyTorch computes on the same weights: `python tools/agree_pytorch.py resnet-18`.

Three steps of training (SGD with momentum and weight decay) on the same pictures, and an evaluation after them: the scores
of every step, every gradient, every parameter and every running statistic. Differences are relative to an array's length
(the Euclidean norm); of biases before a batch normalisation, whose gradients are rounding errors, relative to the
network's largest. Both compute in float64: in float32 a rectifier or a pool may decide otherwise by a rounding, and three
steps of a deep network let that grow. `--dtype float32` shows it. Ends with 1 if a difference is above 1e-4. It needs
PyTorch (the extra `compare`).
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from numbacnn import architectures
from numbacnn.graph import Graph, Node
from numbacnn.layers import BatchNorm, Dropout, Pixels
from numbacnn.program import Loss, Program
from numbacnn.training.optimizers import SGD

RATE, MOMENTUM, DECAY = 0.01, 0.9, 5e-4
MOST = 1e-4
Tensors = dict[str, torch.Tensor]


class Theirs:
    """The same graph, computed by PyTorch's functions in its own type, volumes (N,C,H,W)."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parameters = {
            name: torch.tensor(self._turned(graph.read(name)), requires_grad=True)
            for name in graph.parameters
        }
        self.buffers = {name: torch.tensor(graph.read(name)) for name in graph.buffers}
        decayed = [self.parameters[name] for name, each in graph.parameters.items() if each.decay]
        others = [self.parameters[name] for name, each in graph.parameters.items() if not each.decay]
        groups = [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM)

    @staticmethod
    def _turned(values: Any) -> Any:
        """Filters (R,S,C,K) -> (K,C,R,S), a dense layer's weights (D,K) -> (K,D)."""
        return (
            np.ascontiguousarray(values.transpose(*([3, 2, 0, 1], [1, 0])[values.ndim == 2]))
            if (values.ndim in (2, 4))
            else values.copy()
        )

    @staticmethod
    def back(values: Any) -> Any:
        """As ours lie."""
        return (
            values.transpose(*([2, 3, 1, 0], [1, 0])[values.ndim == 2]) if values.ndim in (2, 4) else values
        )

    def scores(self, images: Any, *, training: bool) -> torch.Tensor:
        outputs: Tensors = {}
        for node in self.graph.nodes:
            if isinstance(node.layer, Pixels):
                pixels = ((images - node.layer.mean) * node.layer.scale).astype(self.graph.dtype)
                outputs[node.name] = torch.tensor(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
            elif node.layer.kind == "softmax":
                return outputs[node.inputs[0]]
            else:
                outputs[node.name] = self._layer(node, [outputs[name] for name in node.inputs], training)
        raise AssertionError("the network ends in softmax")

    def _layer(self, node: Node, inputs: list[torch.Tensor], training: bool) -> torch.Tensor:
        layer: Any = node.layer
        own = {key: self.parameters[each.name] for key, each in self.graph.parameters_of(node).items()}
        kept = {key: self.buffers[each.name] for key, each in self.graph.buffers_of(node).items()}
        x, kind = inputs[0], layer.kind
        if kind in ("convolution", "max-pool"):
            window = layer.window(self.graph.input_shapes(node)[0])
            top, bottom, left, right = window.padding
            edge = 0.0 if kind == "convolution" else -np.inf
            x = functional.pad(x, (left, right, top, bottom), value=edge)
        if kind == "convolution":
            return functional.conv2d(x, own["weights"], own.get("bias"), window.stride, groups=layer.groups)
        if kind == "max-pool":
            return functional.max_pool2d(x, window.kernel, window.stride)
        if kind == "batch-norm":
            return functional.batch_norm(
                x, kept["running_mean"], kept["running_variance"], own["scale"], own["shift"], training,
                layer.momentum, layer.eps,
            )  # fmt: skip
        if kind == "dense":
            return functional.linear(x, own["weights"], own.get("bias"))
        if kind == "flatten":
            return x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x
        return {
            "relu": lambda: functional.relu(x),
            "dropout": lambda: x,
            "add": lambda: sum(inputs[1:], x),
            "global-average-pool": lambda: x.mean((2, 3), keepdim=True),
        }[kind]()


def error(found: Any, expected: Any, least: float = 1e-20) -> float:
    """The distance, relative to the length, or to the `least` of it."""
    return float(np.linalg.norm(found - expected)) / max(float(np.linalg.norm(expected)), least)


def compare(name: str, side: int, classes: int, count: int, dtype: str) -> dict[str, tuple[float, str]]:
    """What -> (largest error, of which array)."""
    network = architectures.build(
        name, input_shape=(side, side, 3), classes=classes, pixels=Pixels(mean=120.0, scale=1 / 60), seed=1
    )
    graph, generator = network.graph.astype(dtype), np.random.default_rng(0)
    for node in graph.nodes:
        if isinstance(node.layer, Dropout):
            node.layer.probability = 0.0  # the two draw different masks
    theirs, plan = Theirs(graph), Program(graph, count, gradients="parameters", keep=())
    optimizer = SGD(graph, momentum=MOMENTUM, weight_decay=DECAY)
    optimizer.set_rate(RATE)
    worst: dict[str, tuple[float, str]] = {}

    def note(what: str, of: str, found: Any, expected: Any, least: float = 1e-20) -> None:
        worst[what] = max(worst.get(what, (0.0, "")), (error(found, expected, least), of))

    before_norm = {f"{node.inputs[0]}/bias" for node in graph.nodes if isinstance(node.layer, BatchNorm)}

    for step in range(3):
        images = generator.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
        labels = generator.integers(0, classes, count)
        plan.forward(images, until=plan.scores, training=True)
        plan.backward_loss(labels, Loss())
        scores = theirs.scores(images.astype(np.float64), training=True)
        theirs.optimizer.zero_grad()
        functional.cross_entropy(scores, torch.from_numpy(labels)).backward()
        note("scores", f"step {step + 1}", plan.output(plan.scores), scores.detach().numpy())
        largest = max(float(each.grad.norm()) for each in theirs.parameters.values() if each.grad is not None)
        for key, each in graph.parameters.items():
            gradient = theirs.parameters[key].grad
            assert gradient is not None
            least = largest if key in before_norm else 1e-20
            found = each.view(plan.gradient)
            note("gradients", f"{key}, step {step + 1}", found, theirs.back(gradient.numpy()), least)
        optimizer.update(plan.gradient)
        theirs.optimizer.step()
    for key in graph.parameters:
        expected, least = (
            theirs.back(theirs.parameters[key].detach().numpy()),
            1.0 if key in before_norm else 1e-20,
        )
        note("parameters after it", key, graph.read(key), expected, least)
    for key in graph.buffers:
        note("running statistics", key, graph.read(key), theirs.buffers[key].numpy())
    with torch.no_grad():
        expected = theirs.scores(images.astype(np.float64), training=False).numpy()
    evaluation = Program(graph, count, keep=())
    evaluation.forward(images)
    note("scores of an evaluation", "", evaluation.output(evaluation.scores), expected)
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["resnet-18", "vgg-11-bn"])
    parser.add_argument("--side", type=int, default=32, help="pixels of a side")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    given = parser.parse_args()
    failed = False
    for name in given.networks:
        worst = compare(name, given.side, given.classes, given.batch_size, given.dtype)
        for what, (largest, of) in worst.items():
            failed |= not largest < MOST
            print(f"{name:12} {what:24} {largest:.2e}  {of}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""How fast numbacnn is beside PyTorch: the same networks, weights, batches and threads, in turns, in one process.

    pip install torch && python tools/compare_pytorch.py [NETWORK...] [--rounds 15] [--json]

Outputs and gradients are compared first; a network that disagrees is an error, not a row. PyTorch runs in its two
memory layouts, and each ratio is to the better one. It is imported first, so that its threads wait as it likes best.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from numbacnn.architectures import build
from numbacnn.execution import Loss, Plan
from numbacnn.layers import Pixels
from numbacnn.ops.compilation import threads
from numbacnn.training.optimizer import SGD

BATCHES = {"lenet": 64, "cifar-quick": 64, "vgg-small": 32, "alexnet": 16}
LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def same_network(graph: Any) -> nn.Sequential:
    """A chain of layers as PyTorch's modules, with the same parameters; the softmax is left to the loss."""
    modules: list[nn.Module] = []
    for node in graph.nodes:
        layer, shape = node.layer, graph.shapes[node.inputs[0]] if node.inputs else graph.input_shape
        window = layer.window(shape)
        pads = tuple(window.padding[::2]) if window else ()
        match layer.kind:
            case "pixels" | "softmax":
                continue
            case "convolution":
                module: nn.Module = nn.Conv2d(
                    shape[2], layer.filters, window.kernel, window.stride, pads, window.dilation, layer.groups
                )
                _set(module, layer.parameters["weights"].transpose(3, 2, 0, 1), layer.parameters["bias"])
            case "dense":
                weights = layer.parameters["weights"]
                volume = graph.shapes[graph[node.inputs[0]].inputs[0]]
                if (
                    graph[node.inputs[0]].layer.is_view and len(volume) == 3
                ):  # PyTorch flattens channels first
                    weights = weights.reshape(*volume, -1).transpose(2, 0, 1, 3).reshape(weights.shape)
                module = nn.Linear(*weights.shape)
                _set(module, weights.T, layer.parameters["bias"])
            case "max-pool":
                module = nn.MaxPool2d(window.kernel, window.stride, pads, ceil_mode=layer.rounding == "ceil")
            case "average-pool":
                module = nn.AvgPool2d(window.kernel, window.stride, pads, ceil_mode=layer.rounding == "ceil")
            case "relu":
                module = nn.ReLU(inplace=True)
            case "flatten":
                module = nn.Flatten()
            case "dropout":
                module = nn.Dropout(layer.probability)
            case kind:
                sys.exit(f"no module of PyTorch is known for the layer {kind}")
        modules.append(module)
    return nn.Sequential(*modules)


def _set(module: Any, weights: np.ndarray[Any, Any], bias: np.ndarray[Any, Any]) -> None:
    module.weight = nn.Parameter(torch.from_numpy(weights.copy()))
    module.bias = nn.Parameter(torch.from_numpy(bias.copy()))


class Ours:
    def __init__(self, name: str, images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> None:
        self.network = build(name, pixels=Pixels(mean=128.0, scale=1 / 64))
        self.images, self.labels, self.loss = images, labels, Loss()
        self.plan = Plan(self.network.graph, len(images), gradients="parameters", keep=())
        self.forward_plan = Plan(self.network.graph, len(images), keep=())
        self.optimizer = SGD(self.network.graph, momentum=0.9, weight_decay=5e-4)

    def gradients(self, *, training: bool = True) -> float:
        self.plan.forward(self.images, training=training)
        loss = self.plan.losses(self.labels, self.loss).mean()
        self.plan.backward_loss(self.labels, self.loss)
        return float(loss)

    def train(self) -> None:
        self.gradients()
        self.optimizer.step(self.plan.gradients, 1e-5)

    def forward(self) -> None:
        self.forward_plan.forward(self.images)


class Theirs:
    def __init__(self, ours: Ours, layout: Any) -> None:
        self.model = same_network(ours.network.graph).to(memory_format=layout)
        pictures = torch.from_numpy(ours.images.transpose(0, 3, 1, 2).astype(np.float32))
        self.images = ((pictures - 128) / 64).to(memory_format=layout)
        self.labels = torch.from_numpy(ours.labels)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 1e-5, momentum=0.9, weight_decay=5e-4)

    def gradients(self) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(self.model(self.images), self.labels)
        loss.backward()
        return float(loss.detach())

    def train(self) -> None:
        self.model.train()
        self.gradients()
        self.optimizer.step()

    def forward(self) -> None:
        self.model.eval()
        with torch.inference_mode():
            self.model(self.images)


def disagreement(ours: Ours) -> float:
    """The largest relative difference of the loss and of the convolutions' and biases' gradients from PyTorch's in
    float64; in float32 its own are further away than numbacnn's in a deep network.
    """
    exact = Theirs(ours, torch.contiguous_format)
    exact.model.double().eval()
    exact.images = exact.images.double()
    losses = ours.gradients(training=False), exact.gradients()
    worst = abs(losses[0] - losses[1]) / abs(losses[1])
    layers = [module for module in exact.model if hasattr(module, "weight")]
    nodes = [node for node in ours.network.graph.nodes if node.layer.parameters]
    for node, module in zip(nodes, layers, strict=True):
        found = ours.plan.gradients[node.name]
        pairs = [(found["bias"], module.bias.grad.numpy())]
        if node.layer.kind == "convolution":
            pairs.append((found["weights"], module.weight.grad.numpy().transpose(2, 3, 1, 0)))
        for mine, other in pairs:
            worst = max(worst, float(np.linalg.norm(mine - other) / np.linalg.norm(other)))
    return worst


def seconds(act: Callable[[], None]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def compare(name: str, rounds: int) -> dict[str, Any]:
    """Images a second of both, and their ratios, for training and forward."""
    count = BATCHES[name]
    shape = build(name, initialise=None).input_shape
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, *shape), np.uint8)
    ours = Ours(name, images, generator.integers(0, 10, count))
    apart = disagreement(ours)
    if not apart < 1e-3:
        sys.exit(f"{name}: outputs or gradients differ by {apart:.1e} from PyTorch's in float64")
    sides: dict[str, Any] = {"numbacnn": ours}
    sides |= {layout: Theirs(ours, form) for layout, form in LAYOUTS.items()}
    result: dict[str, Any] = {"network": name, "batch_size": count, "threads": threads()}
    for act in ("train", "forward"):
        for side in sides.values():
            getattr(side, act)()
        repeats = max(1, round(0.1 / seconds(getattr(ours, act))))
        times: dict[str, list[float]] = {key: [] for key in sides}
        for _ in range(rounds):
            for key, side in sides.items():
                call = getattr(side, act)
                call()  # the side before has filled the caches with its own
                times[key].append(sum(seconds(call) for _ in range(repeats)) / repeats)
        medians = {key: statistics.median(values) for key, values in times.items()}
        best = {key: min(values) for key, values in times.items()}
        result[act] = {
            "images_per_second": {key: count / value for key, value in medians.items()},
            "ratio": min(medians[layout] for layout in LAYOUTS) / medians["numbacnn"],
            "ratio_of_the_best": min(best[layout] for layout in LAYOUTS) / best["numbacnn"],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(BATCHES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for name in options.networks:
        if name not in BATCHES:
            parser.error(f"{name}: one of {', '.join(BATCHES)} is expected")
    torch.set_num_threads(threads())
    results = [compare(name, options.rounds) for name in options.networks or BATCHES]
    if options.json:
        print(json.dumps(results))
        return
    print(
        f"PyTorch {torch.__version__}, {threads()} threads, images/s: medians of {options.rounds} rounds in turns\n"
    )
    print(
        "| network | batch | pass | numbacnn | channels first | channels last | ratio | ratio of the best |"
    )
    print("|---|--:|---|--:|--:|--:|--:|--:|")
    for result in results:
        for act in ("train", "forward"):
            row = result[act]
            speeds = " | ".join(f"{value:,.0f}" for value in row["images_per_second"].values())
            print(
                f"| {result['network']} | {result['batch_size']} | {act} | {speeds} "
                f"| {row['ratio']:.2f} | {row['ratio_of_the_best']:.2f} |"
            )
    for act in ("train", "forward"):
        mean = statistics.geometric_mean(result[act]["ratio"] for result in results)
        print(f"\n{act}: geometric mean of the ratios {mean:.2f}")


if __name__ == "__main__":
    main()

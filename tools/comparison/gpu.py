"""Whole passes of a network on both sides on a GPU, in images a second. The pictures are on the GPU before the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from .ours import Ours, untrained
from .passes import Sides
from .theirs import Theirs
from .timing import Act, in_turns, ratios

BATCHES = {"lenet": 64, "cifar-quick": 64, "vgg-small": 256, "alexnet": 128, "resnet-18": 256}
"""Pictures at a time: more than on a CPU, as a GPU has more to be kept busy with."""

TELLING = ("vgg-small", "resnet-18", "alexnet", "lenet", "cifar-quick")
"""From the most telling to the least: a large network first, then what is small."""

GPU_PASSES = ("train", "forward")

STEPS = 10
"""Between two waits for the GPU, which would otherwise stand idle while the host gets the next step ready."""

TURN = 0.3
_WARMING = 3
TOLERANCES = {"float32": 3e-3, "tf32": 5e-2, "bf16": 2e-1}
"""How far gradients may be from float64's, as a share of each one's length. In a network as deep as vgg-small rounding lets
another cell of a pool win here and there (1.5e-3 there, cuDNN's 5e-4); tf32 has 10 bits after the point, bf16 7.
"""


def gpu_passes(name: str, rounds: int, precision: str) -> Iterator[dict[str, Any]]:
    """A row each for training and forward; raises Disagreement. Ratios are to PyTorch's best layout as it is run from
    Python; its CUDA graph, where a side has one, is beside them.
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    network = untrained(name).to("cuda", precision)
    sides = Sides(network, BATCHES[name])
    sides.check_gradients(name, TOLERANCES[precision])
    half = precision == "bf16"
    yield _row(name, "train", _training(sides, half), rounds)
    yield _row(name, "forward", _forward(sides, half), rounds)


def _row(name: str, act: str, acts: dict[str, Act], rounds: int) -> dict[str, Any]:
    times = in_turns({key: _waited_for(each) for key, each in acts.items()}, rounds, TURN)
    count = BATCHES[name] * STEPS
    eager = {key: value for key, value in times.items() if key != "CUDA graph"}
    return {
        "network": name,
        "pass": act,
        "batch_size": BATCHES[name],
        "images_per_second": {key: count / value.median for key, value in times.items()},
        **ratios(eager),
        "ratio_to_graph": times["CUDA graph"].median / times["numbacnn"].median,
    }


def _waited_for(act: Act) -> Act:
    def steps() -> None:
        for _ in range(STEPS):
            act()
        torch.cuda.synchronize()  # of this device: numbacnn's stream is one of its

    return steps


def _training(sides: Sides, half: bool) -> dict[str, Act]:
    ours: Ours = sides.ours
    acts: dict[str, Act] = {"numbacnn": sides.graph.device.recorded(ours.step)}
    steps = {layout: _step(side, half) for layout, side in sides.theirs.items()}
    return acts | steps | {"CUDA graph": _graph_of(steps["channels last"])}


def _step(side: Theirs, half: bool) -> Callable[[], None]:
    def step() -> None:
        side.model.train()
        side.optimizer.zero_grad(set_to_none=True)
        with _autocast(half):
            loss = nn.functional.cross_entropy(side.model(side.images), side.labels)
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        side.optimizer.step()

    return step


def _forward(sides: Sides, half: bool) -> dict[str, Act]:
    plan = sides.ours.forward_plan
    plan.load(sides.images)
    acts: dict[str, Act] = {"numbacnn": sides.graph.device.recorded(lambda: plan.run_forward(plan.scores))}

    def forward_of(side: Theirs) -> Act:
        def forward() -> None:
            side.model.eval()
            with torch.inference_mode(), _autocast(half):
                side.model(side.images)

        return forward

    walks = {layout: forward_of(side) for layout, side in sides.theirs.items()}
    return acts | walks | {"CUDA graph": _graph_of(walks["channels last"])}


def _autocast(half: bool) -> Any:
    return torch.autocast("cuda", torch.bfloat16) if half else nullcontext()


def _graph_of(act: Act) -> Act:
    """What an act launches, recorded and repeated as one launch: PyTorch's own way to be rid of its launching costs."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARMING):
            act()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        act()
    replay: Act = graph.replay
    return replay

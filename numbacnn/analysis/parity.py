"""Whether a device computes what the CPU computes: every op, on what it is given in a small network's training.

The network is trained and looked into on the CPU, while each op's arguments and results are written down; the other
device is then given the same arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .. import compiling
from ..device import Device, get_device
from ..graph import Graph, LayerLine
from ..layers import (
    ELU,
    GELU,
    Add,
    AveragePool,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    LeakyReLU,
    LocalResponseNorm,
    MaxPool,
    Multiply,
    Pixels,
    PReLU,
    Ramp,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Subsample,
    Tanh,
    Upsample,
)
from ..ops import (
    augmentation,
    batches,
    convolution,
    dense,
    embedding,
    joins,
    normalization,
    pixels,
    pooling,
    softmax,
    tally,
    targets,
    update,
)
from ..ops.kernel import Kernel
from ..ops.launches import Launches
from ..ops.losses import LOSSES
from ..ops.other_processes import in_processes
from ..program import Loss, Program

_COUNT, _SHAPE, _CLASSES = 6, (13, 11, 3), 5
_WORKSPACE = 1 << 20
"""Elements: more than any op of this network asks for on any device."""


@dataclass(frozen=True)
class Parity:
    """An op's largest difference from the CPU, relative to the largest number of the array it was found in; infinite where
    the device found no number.
    """

    op: str
    error: float


@dataclass(frozen=True)
class _Recorded:
    kernel: Kernel
    given: tuple[Any, ...]
    arguments: tuple[Any, ...]
    """As the CPU left them."""


def check_parity(device: Device) -> list[Parity]:
    """Every op's largest error on a device, in the order in which a training step first calls them.

    Raises DeviceError if the device fails.
    """
    errors: dict[str, float] = {}
    waiting: list[_Recorded] = []
    compiled = 0

    def compare(call: _Recorded) -> None:
        error = _replay(call, device)
        errors[call.kernel.name] = max(error, errors.get(call.kernel.name, 0.0))

    def tell(call: _Recorded) -> None:
        nonlocal compiled
        if errors:
            waiting.append(call)
            return
        # A device that fails says so at the first call, before the CPU has compiled every kernel of its own.
        with compiling.watch() as seen:
            compare(call)
        compiled = seen.compiled

    with _watched(tell):
        _exercise()
    if compiled:  # so will the others have to be
        in_processes(compile_ops, _jobs(waiting, device))
    for call in waiting:
        compare(call)
    return [Parity(op, error) for op, error in errors.items()]


class _Job(NamedTuple):
    """All calls of an op, whose kernels one process compiles: in place of each array its shape and type."""

    op: str
    device: str
    calls: list[tuple[Any, ...]]


class _Blank(NamedTuple):
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def _jobs(calls: list[_Recorded], device: Device) -> list[_Job]:
    jobs: dict[str, _Job] = {}
    for call in calls:
        job = jobs.setdefault(call.kernel.name, _Job(call.kernel.name, device.name, []))
        job.calls.append(
            tuple(
                _Blank(value.shape, value.dtype) if isinstance(value, np.ndarray) else value
                for value in call.given
            )
        )
    return list(jobs.values())


def compile_ops(jobs: list[_Job]) -> None:
    """What another process does: it compiles what calls of ops launch, and launches nothing."""
    for op, name, calls in jobs:
        kernel, device = Kernel.registry[op], get_device(name)
        kernel.variant(name)
        for given in calls:
            with Launches().recorded():
                kernel.variant(name)(*_there(kernel, given, device))


def _there(kernel: Kernel, given: tuple[Any, ...], device: Device) -> list[Any]:
    """An op's arguments on the device, with a workspace that is large enough there."""
    return [
        device.zeros((_WORKSPACE,), np.float32)
        if name == "workspace"
        else device.zeros(value.shape, value.dtype)
        if isinstance(value, _Blank)
        else device.to_device(value)
        if isinstance(value, np.ndarray)
        else value
        for name, value in zip(kernel.parameters, given, strict=True)
    ]


def _replay(call: _Recorded, device: Device) -> float:
    names, there = call.kernel.parameters, _there(call.kernel, call.given, device)
    call.kernel.variant(device.name)(*there)
    error = 0.0
    for name, after, result in zip(names, call.arguments, there, strict=True):
        if not isinstance(after, np.ndarray) or name == "workspace":
            continue
        found = device.read(result).astype(np.float64)
        largest = max(float(np.abs(after.astype(np.float64)).max()), 1e-30)
        difference = float(np.abs(found - after).max()) / largest
        error = max(error, math.inf if math.isnan(difference) else difference)  # max would lose a NaN
    return error


@contextmanager
def _watched(tell: Callable[[_Recorded], None]) -> Iterator[None]:
    """While it lasts, every op's call on the CPU is told, once for all calls alike but for the numbers in their arrays."""
    seen: set[tuple[Any, ...]] = set()
    original = {name: kernel.calls["cpu"] for name, kernel in Kernel.registry.items()}

    def watched(kernel: Kernel, variant: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            manner = kernel.name, *map(_form, arguments)
            given = None if manner in seen else _copies(arguments)
            variant(*arguments)
            if given is not None:
                seen.add(manner)
                tell(_Recorded(kernel, given, _copies(arguments)))

        return call

    for name, kernel in Kernel.registry.items():
        kernel.calls["cpu"] = watched(kernel, original[name])
    try:
        yield
    finally:
        for name, kernel in Kernel.registry.items():
            kernel.calls["cpu"] = original[name]


def _form(value: Any) -> Any:
    return value.shape if isinstance(value, np.ndarray) else value


def _copies(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.copy() if isinstance(value, np.ndarray) else value for value in arguments)


def _lines() -> list[LayerLine]:
    """A layer of every kind; ops that no pass of such a network calls are called in `_exercise`."""
    return [
        ("pixels", Pixels(mean=(120.0, 110.0, 100.0), scale=1 / 60, channel_order="BGR")),
        ("conv1", Convolution(8, 3, padding=1)),
        ("relu1", ReLU()),
        ("pool1", MaxPool(3, stride=2)),
        ("conv2", Convolution(6, 3, stride=2, padding=1, groups=2, rounding="floor")),
        ("leaky", LeakyReLU()),
        ("depthwise", Convolution(6, 3, padding=1, groups=6)),
        # A bias before a batch normalisation has a gradient of rounding errors alone.
        ("conv3", Convolution(6, (1, 3), padding=(0, 1), bias=False)),
        ("norm", BatchNorm()),
        ("elu", ELU()),
        ("sum", Add(), ("leaky", "elu")),
        ("prelu", PReLU()),
        ("tanh", Tanh(), ("sum",)),
        ("joined", Concatenate(), ("prelu", "tanh")),
        ("average", AveragePool(3, stride=1, padding=1)),
        ("sigmoid", Sigmoid()),
        ("response", LocalResponseNorm()),
        ("mean", GlobalAveragePool()),
        ("product", Multiply(), ("response", "mean")),
        ("small", Subsample(16)),
        ("large", Upsample(interpolation="bilinear")),
        ("flat", Flatten()),
        ("dropout", Dropout(0.5)),
        ("dense1", Dense(20, bias=False)),
        ("ramp", Ramp()),
        ("relu6", ReLU6()),
        ("silu", SiLU()),
        ("gelu", GELU()),
        ("scores", Dense(_CLASSES)),
        ("softmax", Softmax()),
    ]


def _exercise() -> None:
    graph = Graph(_lines(), _SHAPE)
    graph.initialise("he")
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (_COUNT, 15, 15, 3), dtype=np.uint8)
    labels = np.arange(_COUNT) % _CLASSES
    plan = Program(graph, _COUNT, gradients="all", eager=True)
    top, left = generator.integers(-2, 5, (2, _COUNT))
    colour = generator.standard_normal((_COUNT, 3)).astype(np.float32)
    fill = np.full(3, 99, np.float32)
    points = np.rint(256 * generator.uniform(-2, 16, (_COUNT, 3, 3, 2))).astype(np.int32)
    thickness = (64 * (labels - 1)).astype(np.int32)
    distorted = np.empty_like(images)
    augmentation.distort(distorted, images, points, thickness, fill.astype(np.uint8))
    row, place = np.zeros(5, np.uint32), np.ones(1, np.uint32)
    batches.take(row, place, np.arange(15, dtype=np.uint32).reshape(3, 5))
    batches.gather(distorted, images.copy(), labels)
    pixels.from_bytes(np.empty_like(plan.input), distorted[:, :13, :11].copy())
    augmentation.augment(plan.input, distorted, top, left, labels % 2 == 0, colour, fill)
    for training in (True, False):
        plan.set_random(3, 5)
        plan.run_forward(training=training)
        for loss in LOSSES:
            plan.backward_loss(labels, Loss(loss))
            plan.backward_loss(labels, Loss(loss), reduction="direction")
        for rule in ("guided", "deconvnet"):
            plan.backward(plan.scores, np.ones((_COUNT, _CLASSES), np.float32), rule=rule)
    plan.write_metrics(np.zeros((4, 2), np.float32))
    probabilities = plan.output()
    d_probabilities = generator.standard_normal(probabilities.shape).astype(np.float32)
    softmax.backward(np.empty_like(probabilities), d_probabilities, probabilities)
    values, gradient = np.zeros_like(plan.loss_values), np.empty_like(probabilities)
    targets.smoothed(values, gradient, d_probabilities, labels, 0.1, 1.0)
    targets.distribution(values, gradient, d_probabilities, probabilities, 1.0)
    targets.binary(values, gradient, d_probabilities, probabilities, 1.0)
    targets.huber(values, gradient, d_probabilities, probabilities, 0.5, 1.0, 1.0)
    of_pixels = d_probabilities.reshape(1, _COUNT, _CLASSES)
    targets.pixels(values[:1], np.empty_like(of_pixels), of_pixels, labels[None], 1, 1.0)
    weights, velocity = np.zeros_like(plan.gradient), np.ones_like(plan.gradient)
    rate = np.array([0.1], np.float32)
    half = weights.size // 2
    update.sgd(weights, velocity, plan.gradient, rate, 0.9, 0.01, half, True)
    rates, second = np.array([0.1, 10, 30], np.float32), np.ones_like(plan.gradient)
    update.adam(weights, velocity, second, plan.gradient, rates, 0.9, 0.999, 1e-8, 0.01, half, True)
    update.average(weights, velocity, 0.1)
    update.clip(plan.gradient, np.zeros(1, np.float32), 0.1, np.zeros(64, np.float32))
    _of_other_inputs(generator)
    _behind_rectifiers(generator)
    tally.write(
        np.zeros((3, 2), np.float32), plan.loss_values, probabilities, labels, np.array([1, 1], np.uint64)
    )


def _of_other_inputs(generator: np.random.Generator) -> None:
    """What a program of text calls, and one that learns nothing."""
    rows, lines = generator.standard_normal((2, 7, 4)).astype(np.float32)
    tokens, found = np.array([0, 3, 3, 6]), np.zeros((4, 4), np.float32)
    embedding.forward(found, tokens, rows)
    embedding.backward_weights(lines, found, tokens)
    mean, shift, scale, bias, folded = generator.standard_normal((5, 4)).astype(np.float32)
    sums = np.empty_like(rows), rows, lines, mean, scale**2, scale, shift, 0.1
    normalization.forward_sum(*sums, np.zeros(_WORKSPACE, np.float32))
    normalization.fold(np.empty_like(rows), folded, rows, bias, mean, scale**2, scale, shift, 1e-5)


def _behind_rectifiers(generator: np.random.Generator) -> None:
    """What only programs of a GPU call: gradients that are masked as they are written."""
    d_x, signs = generator.standard_normal((2, 2, 6, 6, 4)).astype(np.float32)
    masks = signs.reshape(-1), 0.1
    d_y, weights = d_x.copy(), generator.standard_normal((3, 3, 4, 4)).astype(np.float32)
    workspace = np.zeros(_WORKSPACE, np.float32)
    window = Convolution(4, 3, padding=1).window()
    convolution.backward_input_masked(d_x, d_y, weights, window, 1, "im2col", workspace, *masks)
    matrices = d_x.reshape(-1, 4), d_y.reshape(-1, 4), weights[0, 0]
    dense.backward_input_masked(*matrices, workspace, *masks)
    joins.accumulate_masked(d_x.reshape(-1), d_y.reshape(-1), *masks)
    pooled, switches = np.empty((2, 3, 3, 4), np.float32), np.zeros((2, 3, 3, 4), np.uint16)
    pool = (2, 2), (2, 2), (0, 0, 0, 0)
    pooling.max_forward(pooled, switches, d_y, 1.0, *pool)
    pooling.max_backward_masked(d_x, pooled, switches, *pool, *masks)
    pooling.sum_backward_masked(d_x, pooled, *pool, pooling.PADDED, *masks)

"""Whole passes: a training step (forward, backward, update), and forward alone, in images a second."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.layers import Pixels
from numbacnn.program import Loss, Program
from numbacnn.training.optimizers import SGD

BATCHES = {"digits": 64, "lenet": 64, "cifar-quick": 64, "vgg-small": 32, "alexnet": 16}


def measure(benchmark, act, count, name):
    benchmark.group = act.__name__
    benchmark.pedantic(act, rounds=5 if name == "alexnet" else 30, warmup_rounds=2)
    benchmark.extra_info["images"] = count


def prepared(name):
    network, count = build(name, pixels=Pixels(mean=128.0, scale=1 / 64)), BATCHES[name]
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, *network.input_shape)).astype(np.uint8)
    return network.graph, count, images, generator.integers(0, network.classes, count)


@pytest.mark.parametrize("name", BATCHES)
def test_training_step(benchmark, name):
    graph, count, images, labels = prepared(name)
    plan, loss = Program(graph, count, gradients="parameters", keep=()), Loss()
    optimizer = SGD(graph, momentum=0.9, weight_decay=5e-4)

    def training_step():
        plan.load(images)
        plan.labels[...] = labels
        plan.learn(loss)
        optimizer.step(plan.gradient, 1e-4)

    measure(benchmark, training_step, count, name)


@pytest.mark.parametrize("name", BATCHES)
def test_forward(benchmark, name):
    graph, count, images, _ = prepared(name)
    plan = Program(graph, count, keep=())

    def forward():
        plan.forward(images)

    measure(benchmark, forward, count, name)

"""Whole networks on a GPU: the CPU's gradients and errors, and the same bits in every run."""

from __future__ import annotations

import pytest
from runs import needs_gpu

needs_gpu()

import numpy as np
from networks import assert_same_gradients, trained

from numbacnn.architectures import OFFERED, build
from numbacnn.data import Dataset
from numbacnn.device import get_device
from numbacnn.errors import DeviceError
from numbacnn.layers import BatchNorm
from numbacnn.network import Network
from numbacnn.program import Program
from numbacnn.training import Settings, evaluate

BATCHES = {"alexnet": 4, "vgg-small": 8, "googlenet": 4}
SHALLOW = ("digits", "lenet", "lenet-1998", "cifar-quick", "vgg-small", "alexnet")
SETTINGS = Settings(epochs=3, batch_size=64, learning_rate=0.05, translate=1, seed=2)


def tolerance_of(name: str, network: Network) -> float:
    """Of deep networks more: a pool or a rectifier that decides otherwise by a rounding moves all that lies before it, and with
    batch normalisation the whole batch. Of resnet-18 and vgg-11-bn the CPU's gradients in float32 are as far from those in
    float64 as from the GPU's.
    """
    if name in SHALLOW:
        return 1e-4
    normalised = any(isinstance(node.layer, BatchNorm) for node in network.graph.nodes)
    return 1e-1 if normalised else 1e-2


@pytest.mark.parametrize("name", OFFERED)
def test_gradients_are_the_cpus(name):
    network = build(name)
    assert_same_gradients(network, BATCHES.get(name, 16), tolerance=tolerance_of(name, network))


@pytest.mark.parametrize(("precision", "tolerance"), [("tf32", 1e-1), ("bf16", 3e-1)])
def test_gradients_of_tensor_cores_are_near(precision, tolerance):
    try:
        get_device("cuda", precision)
    except DeviceError as error:
        pytest.skip(f"no GPU with tensor cores for {precision}: {error}")
    assert_same_gradients(build("lenet"), 16, tolerance=tolerance, precision=precision)


def test_two_runs_are_the_same_bits_and_as_good_as_the_cpus():
    dataset = Dataset.open("digits")
    runs = [
        trained(build("digits").graph, dataset, SETTINGS, device)[0] for device in ("cuda", "cuda", "cpu")
    ]
    once, again, here = (run.network for run in runs)
    for node, name in ((each.node, each.key) for each in here.graph.parameters.values()):
        assert once.parameter(node, name).tobytes() == again.parameter(node, name).tobytes()
    errors = [evaluate(network, dataset.test).top1_error for network in (once, here)]
    assert abs(errors[0] - errors[1]) < 0.02


def test_a_recorded_step_computes_what_a_launched_one_does():
    network = build("lenet").to("cuda")
    plan, device = Program(network.graph, 8, gradients="parameters", keep=()), get_device("cuda")
    plan.load(np.random.default_rng(0).integers(0, 256, (8, 28, 28, 1), np.uint8))
    found = []
    walk = device.recorded(lambda: plan.run_forward(plan.scores, training=True))
    for _ in range(3):  # launched, recorded, repeated
        walk()
        found.append(plan.output(plan.scores).tobytes())
    assert len(set(found)) == 1


def test_what_does_not_fit_names_a_batch_that_does():
    plan = Program(build("alexnet").to("cuda").graph, 1 << 17, gradients="all")
    with pytest.raises(DeviceError, match=r"a batch size of \d+ fits"):
        plan.load(np.zeros((1, 227, 227, 3), np.uint8))

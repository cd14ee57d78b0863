"""Devices: the one that was asked for or an error; where a network's parameters live; parity between devices."""

from __future__ import annotations

import importlib.util
import re

import numpy as np
import pytest

from numbacnn.analysis import parity
from numbacnn.architectures import build
from numbacnn.device import CPU, CPU_DEVICE, Device, get_device
from numbacnn.errors import DeviceError, UsageError
from numbacnn.ops.kernel import Kernel
from numbacnn.program import Program


class Elsewhere(CPU):
    """A device that computes with the CPU's kernels, and knows how much memory it has."""

    def __init__(self, free: int | None = None) -> None:
        self._free = free

    def to_device(self, array: np.ndarray) -> np.ndarray:
        return np.array(array)

    def free_bytes(self) -> int | None:
        return self._free


def test_without_its_packages_cuda_says_what_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("numbacnn.device._found", {"cpu": CPU_DEVICE})
    with pytest.raises(DeviceError, match=r"pip install 'numbacnn\[cuda13\]'"):
        get_device("cuda")
    with pytest.raises(DeviceError, match="'cuda' needs the package"):
        get_device("gpu")
    assert get_device("auto").name == "cpu"


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(UsageError, match="unknown device 'cudaa'; did you mean 'cuda'"):
        get_device("cudaa")


def test_tensor_cores_are_not_the_cpus() -> None:
    assert CPU_DEVICE.with_precision("float32") is CPU_DEVICE
    with pytest.raises(DeviceError, match="precision tf32"):
        CPU_DEVICE.with_precision("tf32")


def test_what_does_not_fit_says_what_would() -> None:
    graph = build("lenet").graph
    graph.device = Elsewhere(free=Program(graph, 37, gradients="parameters", keep=()).bytes)
    Program(graph, 37, gradients="parameters", keep=()).forward(np.zeros((1, 28, 28, 1), np.uint8))
    with pytest.raises(DeviceError, match="a batch size of 37 fits"):
        Program(graph, 64, gradients="parameters", keep=()).forward(np.zeros((1, 28, 28, 1), np.uint8))
    graph.device = Elsewhere(free=1000)
    with pytest.raises(DeviceError, match="not even a batch size of 1 fits"):
        Program(graph, 64).forward(np.zeros((1, 28, 28, 1), np.uint8))


def test_what_fits_leaves_room_for_the_plan_beside() -> None:
    graph = build("lenet").graph
    noise = np.zeros((1, 28, 28, 1), np.uint8)

    def plans(batch_size: int) -> tuple[Program, Program]:
        return Program(graph, batch_size, gradients="parameters", keep=()), Program(
            graph, min(batch_size, 32), keep=()
        )

    graph.device = Elsewhere(free=sum(plan.bytes for plan in plans(37)))
    plan, beside = plans(64)
    with pytest.raises(DeviceError, match=r"a batch size of \d+ fits") as refused:
        plan.take(beside)
    fits = int(re.findall(r"batch size of (\d+)", str(refused.value))[0])
    assert fits >= 37
    plan, beside = plans(fits + 1)
    with pytest.raises(DeviceError, match=f"a batch size of {fits} fits"):
        plan.take(beside)
    plan, beside = plans(fits)
    plan.take(beside)
    plan.forward(noise)
    beside.forward(noise)


def test_a_network_moves_with_its_parameters() -> None:
    network = build("digits")
    before = [each.value.copy() for each in network.graph.parameters.values()]
    elsewhere = Elsewhere()
    elsewhere.name = "elsewhere"  # type: ignore[misc]
    network.graph.move(elsewhere)
    assert network.device == "elsewhere"
    for array, old in zip((each.value for each in network.graph.parameters.values()), before, strict=True):
        assert (array == old).all()
    assert network.graph.astype(np.float64).device is CPU_DEVICE


def test_float64_stays_on_the_cpu() -> None:
    elsewhere = Elsewhere()
    elsewhere.name = "elsewhere"  # type: ignore[misc]
    with pytest.raises(DeviceError, match="float64 computes on the CPU only"):
        build("digits").graph.astype(np.float64).move(elsewhere)


def test_parity_calls_every_op_and_finds_the_cpu_equal_to_itself() -> None:
    found = parity.check_parity(CPU_DEVICE)
    assert {each.op for each in found} == {
        name for name, kernel in Kernel.registry.items() if not kernel.cpu_only
    }
    assert max(each.error for each in found) == 0


def parity_calls() -> list[parity._Recorded]:
    found: list[parity._Recorded] = []
    with parity._watched(found.append):
        parity._exercise()
    return found


def test_a_device_that_fails_says_so_at_the_first_op(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fails(call: parity._Recorded, device: Device) -> float:
        asked.append(call.kernel.name)
        raise DeviceError("the GPU reports: nothing good")

    monkeypatch.setattr(parity, "_replay", fails)
    with pytest.raises(DeviceError, match="nothing good"):
        parity.check_parity(CPU_DEVICE)
    assert asked == ["augmentation.distort"]
    # And the ops are as they were.
    assert all("watched" not in repr(kernel.calls["cpu"]) for kernel in Kernel.registry.values())


def test_parity_finds_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    device: Device = Elsewhere()
    calls = [call for call in parity_calls() if "tanh" in call.kernel.name]
    kernel = Kernel.registry["activations.tanh_forward"]

    def wrong(y, x):
        y[...] = np.tanh(x) * 1.01

    monkeypatch.setitem(kernel.variants, "cpu", wrong)
    for call in calls:
        expected = 0.01 if call.kernel is kernel else 0
        assert parity._replay(call, device) == pytest.approx(expected, rel=0.01)


def test_parity_takes_no_number_for_the_furthest_off(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel.registry["activations.tanh_forward"]
    call = next(call for call in parity_calls() if call.kernel is kernel)
    monkeypatch.setitem(kernel.variants, "cpu", lambda y, x: y.fill(np.nan))
    assert parity._replay(call, Elsewhere()) == np.inf

"""Files of PyTorch that tests write, byte by byte, in both forms, and a small residual network's tensors."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

State = dict[str, Any]


def _text(text: str) -> bytes:
    return b"X" + len(text.encode()).to_bytes(4, "little") + text.encode()


def _whole(number: int) -> bytes:
    return b"J" + number.to_bytes(4, "little", signed=True)


def _tuple(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_whole, numbers)) + b"t"


def tensor(key: str, count: int, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    """The instructions that make a tensor of floats."""
    storage = (
        b"("
        + _text("storage")
        + b"ctorch\nFloatStorage\n"
        + _text(key)
        + _text("cpu")
        + _whole(count)
        + b"tQ"
    )
    hooks = b"\x89ccollections\nOrderedDict\n)R"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + _whole(offset)
        + _tuple(shape)
        + _tuple(strides)
        + hooks
        + b"tR"
    )


def pickled(items: dict[str, bytes]) -> bytes:
    """A pickle of an ordered dict of what the instructions make."""
    body = b"".join(_text(name) + made for name, made in items.items())
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + body + b"u."


def _tensors(state: State) -> dict[str, bytes]:
    return {
        name: tensor(str(key), each.size, each.shape, tuple(stride // 4 for stride in each.strides))
        for key, (name, each) in enumerate(state.items())
    }


def write_zip(
    path: Path, state: State, pickle: bytes | None = None, compression: int = zipfile.ZIP_STORED
) -> Path:
    """What torch.save writes today; `pickle` in place of its own."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("net/data.pkl", pickled(_tensors(state)) if pickle is None else pickle)
        archive.writestr("net/byteorder", b"little")
        for key, each in enumerate(state.values()):
            archive.writestr(f"net/data/{key}", each.tobytes())
    return path


def write_old(path: Path, state: State) -> Path:
    """What torch.save wrote before."""
    file = io.BytesIO()
    file.write(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
    file.write(b"\x80\x02M\xe9\x03.")
    file.write(b"\x80\x02}" + b"(" + _text("little_endian") + b"\x88u.")
    file.write(pickled(_tensors(state)))
    file.write(b"\x80\x02](" + b"".join(_text(str(key)) for key in range(len(state))) + b"e.")
    for each in state.values():
        file.write(each.size.to_bytes(8, "little") + each.tobytes())
    path.write_bytes(file.getvalue())
    return path


def write_safetensors(path: Path, state: State, **changes: Any) -> Path:
    """Tensors one after another; `changes` are entries of the header in place of its own."""
    header, place = {}, 0
    for name, each in state.items():
        header[name] = {"dtype": "F32", "shape": each.shape, "data_offsets": [place, place + each.nbytes]}
        place += each.nbytes
    text = json.dumps(header | changes).encode()
    path.write_bytes(
        len(text).to_bytes(8, "little") + text + b"".join(each.tobytes() for each in state.values())
    )
    return path


def residual(seed: int = 0) -> State:
    """A CIFAR ResNet of one block a stage, whose shortcuts have no parameters."""
    random = np.random.default_rng(seed)
    state: State = {}

    def convolution(name: str, filters: int, channels: int) -> None:
        state[f"{name}.weight"] = (random.normal(size=(filters, channels, 3, 3)) / channels).astype(
            np.float32
        )

    def batch_norm(name: str, channels: int) -> None:
        for key in ("weight", "bias", "running_mean", "running_var"):
            state[f"{name}.{key}"] = (random.random(channels) + 0.5).astype(np.float32)

    convolution("conv1", 4, 3)
    batch_norm("bn1", 4)
    for stage, (channels, before) in enumerate(((4, 4), (8, 4), (16, 8)), 1):
        for number in (1, 2):
            convolution(f"layer{stage}.0.conv{number}", channels, before if number == 1 else channels)
            batch_norm(f"layer{stage}.0.bn{number}", channels)
    state["linear.weight"] = random.normal(size=(5, 16)).astype(np.float32)
    state["linear.bias"] = random.normal(size=5).astype(np.float32)
    return state


def scores(x: Any, state: State) -> Any:
    """The scores of `residual` for pictures (N,C,H,W)."""

    def convolved(x: Any, name: str, stride: int = 1) -> Any:
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        patches = sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::stride, ::stride]
        return np.einsum("nchwrs,kcrs->nkhw", patches, state[f"{name}.weight"])

    def normalised(x: Any, name: str) -> Any:
        scale, shift, mean, variance = (
            state[f"{name}.{key}"][:, None, None] for key in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-5) * scale + shift

    x = np.maximum(normalised(convolved(x, "conv1"), "bn1"), 0)
    for stage in (1, 2, 3):
        name, stride = f"layer{stage}.0", 1 if stage == 1 else 2
        y = np.maximum(normalised(convolved(x, f"{name}.conv1", stride), f"{name}.bn1"), 0)
        y = normalised(convolved(y, f"{name}.conv2"), f"{name}.bn2")
        if stride == 2:
            quarter = y.shape[1] // 4
            x = np.pad(x[:, :, ::2, ::2], ((0, 0), (quarter, quarter), (0, 0), (0, 0)))
        x = np.maximum(x + y, 0)
    return x.mean((2, 3)) @ state["linear.weight"].T + state["linear.bias"]

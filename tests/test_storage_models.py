"""Models in HDF5: what is saved is loaded, and what is damaged, forged or does not fit is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored_sets import fuzz

from numbacnn import architectures
from numbacnn.errors import ModelError
from numbacnn.graph import Graph
from numbacnn.layers import Concatenate, Convolution, Dense, Flatten, Pixels, PReLU, ReLU, Softmax
from numbacnn.network import Network
from numbacnn.storage import Checkpoint, load_checkpoint, load_model, load_record, save_model
from numbacnn.storage.hdf5 import writing


def small() -> Network:
    """Branches, options of every type, names that HDF5 would take for paths, and a mean image."""
    pixels = Pixels(scale=(0.1, 0.2, 0.3), channel_order="BGR", shorter_side=7)
    pixels.constants["mean_image"] = np.arange(4 * 5 * 3, dtype=np.float32).reshape(4, 5, 3)
    layers = [
        ("pixels", pixels),
        ("a/b", Convolution(2, (3, 1), padding=(1, 0))),
        (".", PReLU()),
        ("c:\\é %", Convolution(4, 1, stride=1), ("pixels",)),
        ("rectified", ReLU()),
        ("both", Concatenate(), (".", "rectified")),
        ("flat", Flatten()),
        ("scores", Dense(3)),
        ("softmax", Softmax()),
    ]
    network = Network(Graph(layers, (4, 5, 3)), ("ant", "bée", "猫"))
    network.initialise("normal", 1)
    return network


RECORD = {"epochs": 3, "data": "digits", "best": {"top1_error": 0.125}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.h5"
    save_model(path, small(), record=RECORD, extra={"momentum/a/b": np.arange(6.0).reshape(2, 3)})
    return path


read = load_checkpoint


def everything(checkpoint: Checkpoint) -> list[Any]:
    network = checkpoint.network
    nodes = [
        (
            node.name,
            node.layer,
            node.inputs,
            {
                **{key: each.value.tobytes() for key, each in network.graph.parameters_of(node).items()},
                **{name: array.tobytes() for name, array in node.layer.constants.items()},
            },
        )
        for node in network.graph.nodes
    ]
    extra = {name: (array.tobytes(), array.shape, array.dtype) for name, array in checkpoint.extra.items()}
    return [network.class_names, network.input_shape, checkpoint.record, nodes, extra]


def test_what_is_saved_is_loaded(path: Path) -> None:
    extra = {"momentum/a/b": np.arange(6.0).reshape(2, 3)}
    assert everything(load_checkpoint(path)) == everything(Checkpoint(small(), RECORD, extra))
    network, record = load_model(path)
    assert everything(Checkpoint(network, record, extra)) == everything(Checkpoint(small(), RECORD, extra))
    assert load_record(path) == RECORD


@pytest.mark.parametrize("name", ["digits", "lenet", "lenet-1998", "cifar-quick"])
def test_every_small_architecture_comes_back(tmp_path: Path, name: str) -> None:
    network = architectures.build(name, pixels=Pixels(mean=128 / 3, scale=1 / 255))
    save_model(tmp_path / "a.h5", network, record={})
    assert everything(load_checkpoint(tmp_path / "a.h5")) == everything(Checkpoint(network, {}))


def test_the_same_network_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        save_model(tmp_path / name, small(), record=RECORD)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_record_of_numpy_numbers_is_stored_as_plain_ones(tmp_path: Path) -> None:
    record = {
        "error": np.float32(0.5),
        "epochs": np.int64(3),
        "mean": np.array([1.0, 2.0]),
        "run": Path("runs/1"),
    }
    save_model(tmp_path / "a.h5", small(), record=record)
    assert load_record(tmp_path / "a.h5") == {
        "error": 0.5,
        "epochs": 3,
        "mean": [1, 2],
        "run": str(Path("runs/1")),
    }


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_a_record_that_is_no_json_is_refused(path: Path, value: Any) -> None:
    before = path.read_bytes()
    with pytest.raises(ModelError, match="record cannot be stored as JSON"):
        save_model(path, small(), record={"a": value})
    assert path.read_bytes() == before


def test_weights_that_are_not_finite_are_not_saved(path: Path) -> None:
    before = path.read_bytes()
    network = small()
    network.graph.read("a/b/weights")[2, 0, 1, 1] = np.nan
    with pytest.raises(ModelError, match=r"weights of layer 'a/b': value \[2, 0, 1, 1\] is nan"):
        save_model(path, network, record={})
    assert path.read_bytes() == before


@pytest.mark.parametrize("array", [np.array(1.0), np.array([]), np.array(["a"]), np.array([1j])])
def test_extra_arrays_that_cannot_be_stored_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(ModelError, match="'momentum' is"):
        save_model(tmp_path / "a.h5", small(), record={}, extra={"momentum": array})


def replace(field: str, **new: Any) -> Callable[[Any], None]:
    def forge(file: Any) -> None:
        del file[field]
        file.create_dataset(field, **new)

    return forge


def link(field: str, kind: Any) -> Callable[[Any], None]:
    def forge(file: Any) -> None:
        del file[field]
        file[field] = kind

    return forge


def edit(change: Callable[[dict[str, Any]], Any]) -> Callable[[Any], None]:
    """Changes the architecture."""

    def forge(file: Any) -> None:
        description = json.loads(file["architecture"][0])
        change(description)
        replace("architecture", data=np.array([json.dumps(description).encode()]))(file)

    return forge


def layer(index: int, **options: Any) -> Callable[[Any], None]:
    return edit(lambda description: description["layers"][index].update(options))


def poison(file: Any) -> None:
    file["parameters/scores/weights"][5, 1] = np.inf


SCORES = "parameters/scores/weights"
FORGERIES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "soft link": (link(SCORES, h5py.SoftLink("/x")), f"{SCORES} is a link"),
    "external link": (link("parameters", h5py.ExternalLink("/etc/passwd", "/x")), "parameters is a link"),
    "external storage": (
        replace(SCORES, shape=(120, 3), dtype="f4", external=[("/etc/passwd", 0, 1440)]),
        "keeps its values in other files",
    ),
    "other shape": (
        replace(SCORES, data=np.zeros((7, 3), "f4")),
        r"has shape \(7, 3\); \(120, 3\) is expected",
    ),
    "other type": (replace(SCORES, data=np.zeros((120, 3))), "holds float64; float32 is expected"),
    "not finite": (poison, r"parameters/scores/weights: value \[5, 1\] is inf"),
    "missing": (lambda file: file["parameters/scores"].pop("bias"), "parameters/scores/bias is missing"),
    "missing layer": (lambda file: file["parameters"].pop("scores"), "parameters/scores is missing"),
    "one too many": (
        lambda file: file["parameters/scores"].create_dataset("more", data=[1.0]),
        "parameters/scores/more has no place in the architecture",
    ),
    "constant of no layer": (
        lambda file: file.create_dataset("constants/flat/mean", data=[1.0]),
        "constants/flat has no place",
    ),
    "mean image": (
        replace("constants/pixels/mean_image", data=np.zeros((4, 5), "f4")),
        r"\(4, 5, 3\) is expected",
    ),
    "no weights for 4 GB": (
        layer(7, outputs=9_000_000),
        "architecture: a network of 9,000,000 classes: at most 100,000",
    ),
    "half a GB of weights": (
        lambda file: (
            edit(
                lambda description: description["layers"].insert(
                    7, {**description["layers"][7], "name": "more"}
                )
            )(file),
            layer(7, inputs=["flat"], outputs=900_000)(file),
            layer(8, inputs=["more"])(file),
            file.create_dataset("parameters/more/weights", shape=(120, 900_000), dtype="f4"),
            file.create_dataset("parameters/more/bias", shape=(900_000,), dtype="f4"),
            replace(SCORES, shape=(900_000, 3), dtype="f4")(file),
        ),
        "parameters/more/weights declares 432000000 bytes",
    ),
    "unknown layer": (layer(1, type="lambda"), "architecture: layer 'a/b': unknown layer 'lambda'"),
    "unknown option": (layer(1, code="print()"), "convolution has no option 'code'"),
    "a window that does not fit": (layer(1, kernel=[9, 9]), "architecture: layer 'a/b': .*"),
    "a cycle": (layer(1, inputs=["softmax"]), "it reads 'softmax', and no layer above"),
    "no layers": (edit(lambda description: description.pop("layers")), "input_shape, class_names and layers"),
    "a layer that is none": (
        edit(lambda description: description["layers"].append(3)),
        "a layer is no object",
    ),
    "too many layers": (
        edit(lambda description: description["layers"].extend([{}] * 20_000)),
        "20,009 layers; at most 4,000",
    ),
    "input shape": (edit(lambda description: description.update(input_shape=[4, 5, -3])), "input_shape is"),
    "no JSON": (replace("architecture", data=np.array([b"{"])), "architecture is no JSON"),
    "infinite": (replace("architecture", data=np.array([b'{"a": 1e999}'])), "1e999 is not a finite number"),
    "deep": (replace("architecture", data=np.array([b"[" * 200_000])), "architecture is no JSON"),
    "record": (replace("record", data=np.array([b"[]"])), "record is no JSON object"),
    "text of any length": (
        replace("record", data=["{}"], dtype=h5py.string_dtype()),
        "record is of variable length",
    ),
    "a data set": (
        lambda file: file.attrs.modify("kind", np.bytes_("numbacnn data set")),
        "a numbacnn model is expected",
    ),
    "extra link": (link("extra/momentum%2Fa%2Fb", h5py.SoftLink("/record")), "is a link"),
    "extra text": (replace("extra/momentum%2Fa%2Fb", data=np.array([b"a"])), "holds text"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_models_are_refused_without_reading_them(path: Path, name: str) -> None:
    forge, message = FORGERIES[name]
    with h5py.File(path, "r+") as file:
        forge(file)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=message) as raised:
            load_checkpoint(path)
        assert str(path) in str(raised.value)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(-1e9, 1e9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
OPTIONS = st.sampled_from(
    (
        "name",
        "type",
        "inputs",
        "kernel",
        "filters",
        "stride",
        "padding",
        "dilation",
        "groups",
        "outputs",
        "scale",
        "mean",
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(index=st.integers(0, 8), option=OPTIONS, value=VALUES)
def test_an_architecture_with_any_value_anywhere_is_loaded_or_refused(
    path: Path, index: int, option: str, value: Any
) -> None:
    data = path.read_bytes()
    try:
        with h5py.File(path, "r+") as file:
            layer(index, **{option: value})(file)
        load_model(path)
    except ModelError:
        pass
    finally:
        path.write_bytes(data)


def test_damage_is_noticed_or_does_not_matter(path: Path) -> None:
    fuzz("test_storage_models", path, 100)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reserves room")
@pytest.mark.parametrize(
    ("fields", "shape", "name"),
    [(1, (1,), "a"), (700, (1,), "b"), (60, (3,), "c" * 3000), (3, (70_000,), "d")],
)
def test_a_file_asks_for_hardly_more_room_than_it_takes(
    fields: int, shape: tuple[int, ...], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(os, "posix_fallocate", lambda _, start, count: asked.append(start + count))
    with writing(path := tmp_path / "file.h5", "test", ModelError) as file:
        for index in range(fields):
            file.array(f"group/{name}{index}/{name}", np.ones(shape, np.float32))
    written = path.stat().st_size
    assert written <= max(asked) <= written * 1.1 + 2048 * fields + 4 * fields * len(name) + 40_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reserves room and limits files")
def test_saving_the_digits_network_needs_at_most_a_quarter_more_room_than_its_file(tmp_path: Path) -> None:
    network = architectures.build("digits", initialise="he", seed=0)
    arrays = network.graph.snapshot()
    extra = {
        f"{group}/{key}": array
        for group in ("best", "best_velocity", "velocity")
        for key, array in arrays.items()
    }
    save_model(path := tmp_path / "last.h5", network, record={}, extra=extra)
    size = path.stat().st_size
    # In a process of its own, which may write no larger files.
    program = (
        "import resource, sys; from numbacnn.storage import load_checkpoint, save_model\n"
        "path, room = sys.argv[1], int(sys.argv[2]); saved = load_checkpoint(path)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))\n"
        "save_model(path, saved.network, record=saved.record, extra=saved.extra)"
    )

    def save(room: int) -> str:
        command = [sys.executable, "-c", program, path, str(room)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    assert save(size * 5 // 4) == ""
    before = path.read_bytes()
    assert f"{path}: cannot be written (File too large)" in save(size // 2)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]

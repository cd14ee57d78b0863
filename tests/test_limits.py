"""Small files that describe gigabytes, and work that does not fit: refused with the bytes, before any are taken."""

from __future__ import annotations

import gzip
import json
import pickle
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from numbacnn import architectures
from numbacnn.data.importers import read_source
from numbacnn.data.importers.pickles import load_pickle
from numbacnn.errors import (
    DataError,
    ModelError,
    NetworkError,
    NotEnoughMemory,
    NumbacnnError,
    ShapeError,
    UsageError,
)
from numbacnn.graph import Graph
from numbacnn.layers import Concatenate, Dense, Flatten, GlobalAveragePool, ReLU, Softmax
from numbacnn.limits import VARIABLE, free_memory, need_described, need_memory, parse_size
from numbacnn.network import Network
from numbacnn.program import Program
from numbacnn.storage import load_checkpoint, load_model, open_dataset, save_model
from numbacnn.training import Settings, Trainer, evaluate
from numbacnn.training.speed import measure_speed
from numbacnn_cli.__main__ import main
from numbacnn_cli.shell import describe

LITTLE = 64 << 20
"""Bytes, and seconds enough for anything that is refused."""
SOON = 10.0


@contextmanager
def refused(problem: type[NumbacnnError], message: str) -> Iterator[None]:
    begun = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(problem, match=message) as raised:
            yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < SOON
    assert len(str(raised.value)) < 1000


def pooled(shape: tuple[int, ...] = (4, 4, 3), doublings: int = 0, classes: int = 3) -> Network:
    """A network for pictures of any size: their mean colour, and a layer that doubles its channels."""
    layers: list[Any] = [("pool", GlobalAveragePool())]
    layers += [(f"double{each}", Concatenate(), (layers[-1][0],) * 2) for each in range(doublings)]
    layers += [("flat", Flatten()), ("scores", Dense(classes)), ("softmax", Softmax())]
    layers = [layers[0], ("relu", ReLU()), *layers[1:]] if doublings == 0 else layers
    return Network(Graph(layers, shape))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    network = pooled()
    network.initialise()
    save_model(tmp_path / "model.h5", network, record={}, extra={"velocity": np.ones(4)})
    return tmp_path / "model.h5"


def describe_model(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes the architecture in a file."""
    with h5py.File(path, "r+") as file:
        description = json.loads(file["architecture"][0])
        change(description)
        del file["architecture"]
        file.create_dataset("architecture", data=np.array([json.dumps(description).encode()]))


def test_a_layer_that_is_joined_with_itself_again_and_again(model: Path) -> None:
    def change(description: dict[str, Any]) -> None:
        pool, tail = description["layers"][:2], description["layers"][3:4]
        names = ["pool", *(f"c{each}" for each in range(27))]
        joins = [
            {"name": name, "type": "concatenate", "inputs": [source] * 2} for source, name in pairwise(names)
        ]
        ends = [{"name": "softmax", "type": "softmax", "inputs": ["flat"]}]
        description.update(class_names=[], layers=[*pool, *joins, {**tail[0], "inputs": ["c26"]}, *ends])

    describe_model(model, change)
    with refused(ModelError, "a network of 402,653,184 classes: at most 100,000"):
        load_model(model)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_input_of_ten_thousand_pixels_squared(model: Path, channels: int) -> None:
    network = pooled((4, 4, channels))
    network.initialise()
    save_model(model, network, record={})
    describe_model(model, lambda description: description.update(input_shape=[20_000, 20_000, channels]))
    with refused(ModelError, r"its network takes for a single picture [\d,]+ MiB .* --max-memory \d+G"):
        load_model(model)


def test_running_statistics_of_billions_of_filters(model: Path) -> None:
    def change(description: dict[str, Any]) -> None:
        lines = [
            {"name": "many", "type": "convolution", "inputs": ["pixels"], "filters": 2**31 - 1, "kernel": 1},
            {"name": "norm", "type": "batch-norm", "inputs": ["many"]},
        ]
        description["layers"][1:1] = lines

    describe_model(model, change)
    with refused(ModelError, r"its running statistics take 16,384 MiB .* --max-memory \d+G"):
        load_model(model)


def test_what_a_file_may_take_is_an_option(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_model(model)
    monkeypatch.setenv(VARIABLE, "1K")
    with pytest.raises(ModelError, match=r"1 MiB are allowed; .* --max-memory 1G"):
        load_model(model)
    monkeypatch.setenv(VARIABLE, "lots")
    with pytest.raises(
        UsageError, match="NUMBACNN_MAX_MEMORY='lots' is no amount of memory; write 4G, or 500M"
    ):
        load_model(model)


def packed_zeros(file: Any, field: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    """Bytes of zero that take a thousandth of their size in the file."""
    file.create_dataset(field, shape, "u1", chunks=chunks, compression=9)
    packed = zlib.compress(bytes(int(np.prod(chunks))), 9)
    for start in product(*(range(0, size, chunk) for size, chunk in zip(shape, chunks, strict=True))):
        file[field].id.write_direct_chunk(start, packed)


def test_zeros_beside_a_model(model: Path) -> None:
    with h5py.File(model, "r+") as file:
        for name in "abc":
            packed_zeros(file, f"extra/{name}", (1 << 16, 1 << 13), (1 << 12, 1 << 13))
    assert model.stat().st_size < 4 << 20
    with refused(ModelError, "what is in extra takes 1,537 MiB of memory, and 1,03"):
        load_checkpoint(model)


def test_a_quarter_of_a_billion_pictures_of_one_pixel(tmp_path: Path) -> None:
    path, count = tmp_path / "data.h5", 1 << 28
    _write_dataset(path, (1 << 10, 1, 1, 1))
    with h5py.File(path, "r+") as file:
        for split in ("train", "test"):
            del file[split]
            packed_zeros(file, f"{split}/images", (count, 1, 1, 1), (1 << 24, 1, 1, 1))
            packed_zeros(file, f"{split}/labels", (count,), (1 << 24,))
    assert path.stat().st_size < 4 << 20
    with refused(DataError, "536,870,912 labels take 6,144 MiB of memory, and 1,02"):
        open_dataset(path)


def _write_dataset(path: Path, shape: tuple[int, ...]) -> None:
    from numbacnn.data.contents import Contents
    from numbacnn.data.dataset import Split
    from numbacnn.storage import write_dataset

    labels = np.arange(shape[0]) % 2
    split = Split(np.zeros(shape, np.uint8), labels)
    write_dataset(path, Contents("few", {"train": split, "test": split}, ("a", "b")), compress=True)


def test_pictures_that_are_too_large_or_too_many_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.h5"
    _write_dataset(path, (40, 1024, 1024, 3))
    monkeypatch.setattr("numbacnn.storage.datasets.MEMORY_LIMIT", 1 << 20)
    assert open_dataset(path).train.read(slice(0, 2)).shape == (2, 1024, 1024, 3)
    monkeypatch.setenv(VARIABLE, "100M")
    dataset = open_dataset(path)
    with refused(
        DataError, "40 pictures of 1024x1024x3 at once take 120 MiB of memory, and 100 MiB are allowed"
    ):
        dataset.train.read(slice(None))
    with refused(DataError, "40 pictures"):
        dataset.train.read(np.arange(40))


def test_pictures_of_more_pixels_than_are_read(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    _write_dataset(path, (4, 2, 2, 1))
    with h5py.File(path, "r+") as file:
        del file["train/images"]
        packed_zeros(file, "train/images", (4, 20_000, 20_000, 1), (1, 2000, 20_000, 1))
    with refused(DataError, "train/images has pictures of 20000x20000 pixels; at most 100,000,000 are read"):
        open_dataset(path)


def test_more_class_names_than_classes_can_be(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    _write_dataset(path, (8, 2, 2, 1))
    with h5py.File(path, "r+") as file:
        del file["class_names"]
        file.create_dataset("class_names", data=np.full(1_000_000, b"a"), compression=9)
    with refused(DataError, "class_names has 1,000,000 texts"):
        open_dataset(path)


def test_many_class_names_are_compared_in_time(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    _write_dataset(path, (8, 2, 2, 1))
    with h5py.File(path, "r+") as file:
        del file["class_names"]
        names = [*range(99_998), 99_997]
        file.create_dataset("class_names", data=np.array([str(name).encode() for name in names]))
    begun = time.process_time()
    with pytest.raises(DataError, match="two classes are named '99997'"):
        open_dataset(path)
    assert time.process_time() - begun < SOON


def test_packed_idx_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, shape in (("images-idx3", (1 << 10, 256, 256)), ("labels-idx1", (1 << 10,))):
        header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
        content = header + bytes(int(np.prod(shape)))
        (tmp_path / f"train-{kind}-ubyte.gz").write_bytes(gzip.compress(content, 1))
    monkeypatch.setenv(VARIABLE, "40M")
    with refused(DataError, "67,108,864 values take 64 MiB of memory, and 40 MiB are allowed"):
        read_source(tmp_path)


def test_packed_arrays_of_numpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(
        tmp_path / "a.npz",
        x_train=np.zeros((1 << 10, 128, 256), np.uint8),
        y_train=np.zeros(1 << 10, np.uint8),
    )
    monkeypatch.setenv(VARIABLE, "40M")
    with refused(DataError, "its pictures and labels take 65 MiB of memory, and 40 MiB are allowed"):
        read_source(tmp_path / "a.npz")


def test_files_without_end_are_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("data_batch_1.bin", "test_batch.bin"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(1 << 40)
    with refused(NotEnoughMemory, r"data_batch_1.bin takes 3,145,728 MiB of memory, and .* are free"):
        read_source(tmp_path)


def test_a_pickle_that_holds_one_list_at_every_place() -> None:
    nested: Any = [1]
    for _ in range(14):
        nested = [nested] * 100
    with tracemalloc_of_little():
        plain = load_pickle(pickle.dumps({"data": nested}), Path("batch"))
    assert plain["data"][99][99][0][0] is plain["data"][0][0][0][0]


@contextmanager
def tracemalloc_of_little() -> Iterator[None]:
    begun = time.process_time()
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < SOON


HUGE = {
    "dense": 'flat = { type = "flatten" }\nscores = { type = "dense", outputs = 2000000000 }\n'
    'more = { type = "dense", outputs = 2000000000 }',
    "concatenate": "\n".join(
        f'c{each} = {{ type = "concatenate", inputs = ["{f"c{each - 1}" if each else "pixels"}", '
        f'"{f"c{each - 1}" if each else "pixels"}"] }}'
        for each in range(40)
    ),
    "digits": f'flat = {{ type = "flatten" }}\nscores = {{ type = "dense", outputs = {"9" * 4000} }}',
    "kernel": 'conv = { type = "convolution", filters = 2, kernel = 1000000000 }',
    "kernel and padding": 'conv = { type = "convolution", filters = 2, kernel = 1000000000, padding = 1000000000 }',
    "pool": 'pool = { type = "max-pool", kernel = 1000000000, padding = 999999999 }',
    "name": f'{"x" * 9000} = {{ type = "relu" }}',
    "type": f'x = {{ type = "{"x" * 9000}" }}',
    "option": f'x = {{ type = "relu", {"x" * 9000} = 1 }}',
    "input": f'x = {{ type = "relu", inputs = ["{"x" * 9000}"] }}',
    "value": f'x = {{ type = "dense", outputs = "{"x" * 9000}" }}',
    "nan": 'x = { type = "leaky-relu", slope = nan }',
    "infinite": 'x = { type = "elu", alpha = inf }',
}


@pytest.mark.parametrize("name", HUGE)
def test_a_network_in_toml_that_asks_for_more_than_there_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / "n.toml"
    path.write_text(f'input = [8, 8, 1]\n[layers]\npixels = {{ type = "pixels" }}\n{HUGE[name]}\n')
    with refused(NumbacnnError, r"n\.toml:\d+: "):
        architectures.build(path)


@pytest.mark.parametrize("shape", ["[1000000, 1000000, 1000000]", f"[{'9' * 4000}, 8, 1]"])
def test_pictures_in_toml_that_nobody_has(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "n.toml"
    path.write_text(f'input = {shape}\n[layers]\npool = {{ type = "global-average-pool" }}\n')
    with refused(ShapeError, "its output has more than 1,099,511,627,776 numbers"):
        architectures.build(path)


def test_thousands_of_layers_take_seconds(tmp_path: Path) -> None:
    path = tmp_path / "n.toml"
    lines = "\n".join(f'r{each} = {{ type = "relu" }}' for each in range(3900))
    end = 'pool = { type = "global-average-pool" }\nflat = { type = "flatten" }\nsoftmax = { type = "softmax" }\n'
    path.write_text(f"input = [8, 8, 3]\n[layers]\n{lines}\n{end}")
    begun = time.process_time()
    network = architectures.build(path)
    assert len(network.graph.nodes) == 3904
    for gradients in ("none", "parameters", "all"):
        assert Program(network.graph, 2, gradients=gradients, keep=()).bytes > 0
    assert time.process_time() - begun < 3 * SOON
    more = "\n".join(f'q{each} = {{ type = "relu" }}' for each in range(200))
    path.write_text(f"input = [8, 8, 3]\n[layers]\n{lines}\n{more}\n{end}")
    with pytest.raises(NetworkError, match="more than 4,000 layers"):
        architectures.build(path)


def test_weights_are_refused_before_they_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "10M")
    with refused(NotEnoughMemory, r"62,378,344 parameters take 526 MiB of memory, and 10 MiB are free"):
        architectures.build("alexnet", classes=1000)
    assert architectures.build("alexnet", initialise=None).classes == 1000


def test_a_pass_that_does_not_fit_is_refused_or_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    network = architectures.build("lenet")
    pictures = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1), np.uint8)
    expected = network.predict(pictures)
    room = Program(network.graph, 20, keep=()).bytes
    monkeypatch.setenv(VARIABLE, str(room))
    with pytest.raises(
        NotEnoughMemory, match=r"64 pictures need .* MiB of buffers.*; a batch size of 20 fits"
    ):
        Program(network.graph, 64, keep=()).take()
    again = architectures.build("lenet")
    assert np.allclose(again.predict(pictures), expected, atol=1e-6)
    assert again.program_for(64, 64).batch_size == 16
    monkeypatch.setenv(VARIABLE, "1K")
    with pytest.raises(NotEnoughMemory, match="not even a batch size of 1 fits"):
        architectures.build("lenet", initialise=None).predict(pictures)


def test_training_is_refused_before_its_arrays_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    data, network = open_dataset("digits"), architectures.build("digits")
    monkeypatch.setenv(VARIABLE, "10K")
    with pytest.raises(NotEnoughMemory, match=r"training [\d,]+ parameters takes"):
        Trainer(network, data, Settings(epochs=1))


def test_a_table_of_many_classes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = pooled((8, 8, 1), classes=50_000)
    network.initialise()
    monkeypatch.setenv(VARIABLE, "1G")
    with refused(NotEnoughMemory, "a table of 50,000 by 50,000 classes takes 19,074 MiB"):
        evaluate(network, open_dataset("digits").test)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4G", 4 << 30),
        ("500m", 500 << 20),
        ("1.5 GiB", 3 << 29),
        ("1000", 1000),
        ("2KB", 2048),
        ("1T", 1 << 40),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-1G", "0", "4X", "nan", "1e9", "9" * 5000])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no amount of memory; write 4G, or 500M"):
        parse_size(text)


def test_the_limit_is_at_most_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "7M")
    assert free_memory() == 7 << 20
    monkeypatch.setenv(VARIABLE, "100000T")
    monkeypatch.setattr("numbacnn.limits._of_the_machine", lambda: 5 << 20)
    assert free_memory() == 5 << 20
    with pytest.raises(NotEnoughMemory, match="they take 6 MiB of memory, and 5 MiB are free"):
        need_memory(6 << 20, "they take")
    path = tmp_path / "a"
    path.write_bytes(bytes(1 << 20))
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr("numbacnn.limits._of_the_machine", lambda: None)
    need_described((1 << 30) + (4 << 20), path, "it takes", DataError)
    with pytest.raises(
        DataError, match="it takes 1,029 MiB of memory, and 1,028 MiB are allowed for a file of its"
    ):
        need_described((1 << 30) + (5 << 20), path, "it takes", DataError)


def test_control_groups_say_what_they_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from numbacnn import limits

    (tmp_path / "a" / "b").mkdir(parents=True)
    for folder, limit in (("", "max"), ("a", str(1000)), ("a/b", str(1 << 62))):
        (tmp_path / folder / "memory.max").write_text(f"{limit}\n")
        (tmp_path / folder / "memory.current").write_text("300\n")
        (tmp_path / folder / "memory.stat").write_text("anon 7\ninactive_file 50\n")
    names = limits._GROUPS[""][1:]
    assert [limits._left_in(tmp_path / folder, *names) for folder in ("", "a", "a/b")] == [None, 750, None]


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["train"], "a smaller --batch-size takes less"),
        (["eval"], "a smaller --batch-size takes less"),
        (["attack", "fgsm"], "a smaller --batch-size takes less"),
        (["data", "import", "a", "b.h5"], "a smaller --size takes less"),
        (["predict", "a.png"], "a smaller network or smaller pictures take less"),
        (["viz", "filters", "--unknown"], "a smaller network or smaller pictures take less"),
    ],
)
@pytest.mark.parametrize(
    "error",
    [MemoryError(), MemoryError("Unable to allocate 1 GiB"), NotEnoughMemory("a takes b", by_pictures=True)],
)
def test_the_message_names_an_option_that_the_command_has(
    arguments: list[str], option: str, error: BaseException
) -> None:
    message = describe(error, arguments).message
    assert message.endswith(option)
    assert "()" not in message
    assert message.startswith("a takes b" if isinstance(error, NotEnoughMemory) else "not enough memory")


def test_the_option_holds_for_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "8G")
    assert main(["summary", "alexnet", "--max-memory", "x"]) == 2
    assert "--max-memory 'x' is no amount of memory; write 4G, or 500M" in capsys.readouterr().err
    assert main(["gradcheck", "alexnet", "--max-memory", "100M"]) == 1
    assert "parameters take" in capsys.readouterr().err


def test_more_weights_than_fit_are_not_helped_by_fewer_pictures() -> None:
    assert (
        describe(NotEnoughMemory("a takes b"), ["train"]).message == "a takes b; a smaller network takes less"
    )


def test_a_batch_that_is_measured_is_not_drawn_before_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    network = architectures.build("lenet")
    monkeypatch.setenv(VARIABLE, "200M")
    with refused(NotEnoughMemory, "measuring with 1,000,000 pictures takes"):
        measure_speed(network, 1_000_000, seconds=0.1)

"""Work that does not fit: refused with the bytes, before any are taken; and how much may be taken."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from refusals import SOON, pooled, refused

from numbacnn import architectures
from numbacnn.errors import (
    DataError,
    NetworkError,
    NotEnoughMemory,
    NumbacnnError,
    ShapeError,
)
from numbacnn.graph import Graph
from numbacnn.layers import BatchNorm, Flatten, ReLU
from numbacnn.limits import VARIABLE, free_memory, need_described, need_memory, parse_size
from numbacnn.program import Program
from numbacnn.storage import open_dataset
from numbacnn.training import Settings, Trainer, evaluate
from numbacnn.training.speed import measure_speed
from numbacnn_cli.__main__ import main
from numbacnn_cli.shell import describe

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
    for gradients in ("none", "all"):
        assert Program(network.graph, 2, gradients=gradients, keep=()).bytes > 0
    assert time.process_time() - begun < 2 * SOON
    begun = time.process_time()
    pairs = [(f"n{each}", BatchNorm()) if each % 2 else (f"r{each}", ReLU()) for each in range(1600)]
    Program(Graph([*pairs, ("flat", Flatten())], (4, 4, 2)), 2, gradients="parameters", keep=())
    assert time.process_time() - begun < 2 * SOON
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

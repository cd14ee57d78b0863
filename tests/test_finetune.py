"""A trained network learns other classes: a new output layer, frozen layers, and what those put out, computed once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from few_digits import DIGITS

from numbacnn.architectures import build
from numbacnn.data import Dataset
from numbacnn.data.contents import Contents
from numbacnn.errors import DataError, NetworkError, UsageError
from numbacnn.graph import Graph
from numbacnn.layers import (
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Pixels,
    ReLU,
    Softmax,
)
from numbacnn.network import Network
from numbacnn.storage import load_model, write_dataset
from numbacnn.training import BatchDone, EpochDone, RunFolder, Settings, Trainer
from numbacnn.training.finetuning import (
    for_classes,
    freeze_until,
    last_fixed,
    learning,
    output_layer,
    slow_below,
)
from numbacnn.training.fixed_features import FixedFeatures, write_fixed_features
from numbacnn_cli.__main__ import main


def odd_or_even() -> Dataset:
    """Digits with two classes, 60 pictures to learn from and 20 to validate with."""
    images, labels = DIGITS.train.read(slice(0, 100)), DIGITS.train.labels[:100] % 2
    parts = {"train": slice(0, 60), "validation": slice(60, 80), "test": slice(80, 100)}
    given: dict[str, Any] = {name: (images[part], labels[part]) for name, part in parts.items()}
    return Dataset.from_arrays("parity", class_names=("even", "odd"), **given)


def trained() -> Network:
    """Ends as SqueezeNet does, in a convolution and an average, with a dropout before it."""
    lines: list[Any] = [
        ("pixels", Pixels(scale=0.1)),
        ("conv1", Convolution(4, 3)),
        ("norm1", BatchNorm()),
        ("relu1", ReLU()),
        ("drop", Dropout(0.5)),
        ("conv2", Convolution(3, 1)),
        ("relu2", ReLU()),
        ("pool", GlobalAveragePool()),
        ("flat", Flatten()),
        ("softmax", Softmax()),
    ]
    made = Network(Graph(lines, (8, 8, 1)))
    made.initialise(seed=4)
    made.graph.write("norm1/running_mean", np.full(4, 0.25))
    return made


def test_the_new_output_layer_is_the_last_with_weights_and_all_else_is_kept() -> None:
    old = trained()
    new = for_classes(old, ("even", "odd"), seed=3)
    assert output_layer(new.graph).name == "conv2"
    assert new.class_names == ("even", "odd")
    assert new.graph.parameters["conv2/weights"].shape == (1, 1, 4, 2)
    assert (new.graph.read("conv2/bias") == 0).all()
    assert 0 < np.abs(new.graph.read("conv2/weights")).max() < 0.1
    for name in ("conv1/weights", "conv1/bias", "norm1/scale", "norm1/running_mean"):
        np.testing.assert_array_equal(new.graph.read(name), old.graph.read(name))
    new.graph.write("conv1/bias", np.ones(4))
    assert (old.graph.read("conv1/bias") == 0).all()
    assert last_fixed(new) == "relu1"
    digits = for_classes(build("digits"), ("a", "b", "c"))
    assert (output_layer(digits.graph).name, last_fixed(digits)) == ("dense4", "flatten")


def test_auxiliary_heads_are_left_out() -> None:
    lines: list[Any] = [
        ("conv", Convolution(2, 8)),
        ("flat", Flatten()),
        ("aux", Dense(3)),
        ("end", Softmax(), ("aux",)),
    ]
    lines += [("main", Dense(3), ("flat",)), ("softmax", Softmax())]
    old = Network(Graph(lines, (8, 8, 1), heads={"end": 0.3}))
    old.initialise()
    assert [node.name for node in for_classes(old, ("a", "b")).graph.nodes] == [
        "pixels",
        "conv",
        "flat",
        "main",
        "softmax",
    ]


def test_a_rectifier_behind_the_output_layer_is_left_out() -> None:
    made = for_classes(trained(), ("even", "odd"))
    names = [node.name for node in made.graph.nodes]
    assert "relu1" in names
    assert "relu2" not in names
    assert made.graph["pool"].inputs == ("conv2",)


def test_which_layers_learn() -> None:
    made = for_classes(trained(), ("even", "odd"))
    slow_below(made, 0.25)
    assert learning(made) == ["conv1", "norm1", "conv2"]
    assert {name: each.rate for name, each in made.graph.parameters.items()} == {
        "conv1/weights": 0.25, "conv1/bias": 0.25, "norm1/scale": 0.25, "norm1/shift": 0.25,
        "conv2/weights": 1.0, "conv2/bias": 1.0,
    }  # fmt: skip
    freeze_until(made, "conv1")
    assert learning(made) == ["norm1", "conv2"]
    freeze_until(made, "relu1")
    assert learning(made) == ["conv2"]
    for name in ("conv2", "softmax"):
        with pytest.raises(UsageError, match="nothing would be left to learn"):
            freeze_until(made, name)


def test_frozen_normalisations_keep_their_statistics() -> None:
    made = for_classes(trained(), ("even", "odd"))
    freeze_until(made, "relu1")
    data = odd_or_even()
    list(Trainer(made, data, Settings(epochs=1, batch_size=20)))
    np.testing.assert_array_equal(made.graph.read("norm1/running_mean"), np.full(4, 0.25, np.float32))
    plan = made.program(4, "parameters", keep=("norm1",))
    plan.forward(data.train.read(slice(0, 4)), training=True)
    seen = np.array(plan.output("norm1"))
    plan.forward(data.train.read(slice(0, 4)))
    np.testing.assert_array_equal(plan.output("norm1"), seen)


def fixed(folder: Path, made: Network, data: Dataset, *, mirrored: bool = False) -> FixedFeatures:
    path = folder / "features.h5"
    if not path.exists():
        write_fixed_features(
            path, made, last_fixed(made), data, mirrored=mirrored, watch=lambda items, *_, **__: items
        )
    return FixedFeatures(path, made, last_fixed(made), data, mirrored=mirrored)


def frozen(ends: str = "conv") -> Network:
    made = for_classes(trained() if ends == "conv" else build("digits", seed=1), ("even", "odd"))
    freeze_until(made, last_fixed(made))
    return made


@pytest.mark.parametrize("ends", ["conv", "dense"])
def test_learning_from_kept_features_is_learning_from_pictures(tmp_path: Path, ends: str) -> None:
    data, settings = odd_or_even(), Settings(epochs=2, batch_size=25, schedule="cosine", learning_rate=0.1)
    whole, kept = frozen(ends), frozen(ends)
    _without_dropout(whole), _without_dropout(kept)
    seen = [event.row for event in Trainer(whole, data, settings) if isinstance(event, EpochDone)]
    trainer = Trainer(kept, data, settings, features=fixed(tmp_path, kept, data))
    rows = [event.row for event in trainer if isinstance(event, EpochDone)]
    for ours, theirs in zip(rows, seen, strict=True):
        for name in ("train_loss", "validation_loss", "validation_top1_error"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-4)
    for name in whole.graph.parameters:
        np.testing.assert_allclose(kept.graph.read(name), whole.graph.read(name), rtol=2e-3, atol=1e-5)


def _without_dropout(network: Network) -> None:
    for node in network.graph.nodes:
        if isinstance(node.layer, Dropout):
            node.layer.probability = 0.0


def test_mirror_images_are_kept_too_and_a_resumed_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    data, settings = odd_or_even(), Settings(epochs=3, batch_size=25, flip=True, schedule="cosine")
    whole = frozen()
    features = fixed(tmp_path, whole, data, mirrored=True)
    pictures = data.train.read(slice(3, 5))
    seen = whole.activations(np.stack([pictures[0], pictures[1, :, ::-1]]), "relu1")
    np.testing.assert_allclose(
        features.read(np.array([3, 4]), np.array([False, True])), seen, rtol=1e-5, atol=1e-6
    )
    list(Trainer(whole, data, settings, features=features))
    begun = frozen()
    trainer = Trainer(begun, data, settings, features=fixed(tmp_path, begun, data, mirrored=True))
    for event in trainer:
        if isinstance(event, BatchDone) and trainer.state.step == 4:
            break
    folder = RunFolder(tmp_path)
    folder.save_last(trainer, {"data": "parity", "network": "old.h5", "settings": settings.as_dict()})
    resumed, _, numbers, arrays = folder.load_last()
    list(
        Trainer(
            resumed, data, settings, (numbers, arrays), features=fixed(tmp_path, resumed, data, mirrored=True)
        )
    )
    for name in whole.graph.parameters:
        np.testing.assert_array_equal(resumed.graph.read(name), whole.graph.read(name))
    with pytest.raises(DataError, match="features of other pictures or another layer"):
        FixedFeatures(tmp_path / "features.h5", whole, "relu1", data, mirrored=False)


def test_a_network_without_an_output_layer_to_replace() -> None:
    lines: list[Any] = [
        ("conv", Convolution(3, 8)),
        ("norm", BatchNorm()),
        ("flat", Flatten()),
        ("softmax", Softmax()),
    ]
    old = Network(Graph(lines, (8, 8, 1)))
    with pytest.raises(NetworkError, match="'norm', is batch-norm: dense or a convolution is expected"):
        output_layer(old.graph)


@pytest.fixture
def parity(tmp_path: Path) -> Path:
    data = odd_or_even()
    write_dataset(tmp_path / "parity.h5", Contents("parity", data.splits, data.class_names))
    return tmp_path / "parity.h5"


def test_the_command_says_which_layers_learn_and_keeps_features(
    parity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--data", str(parity), "--freeze", "all", "--epochs", "2", "--run", "r")
    assert main(["finetune", *asked, "--json", "--no-preview"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert (found["learning"], found["frozen"]) == (["dense4"], 3)
    assert Path(found["features"]).name == "features.h5"
    assert "learning: dense4" in shown.err
    assert {"run", "model", "fit", "epochs", "images_per_second", "waiting_share", "test"} <= found.keys()
    assert main(["finetune", "--resume", "r", "--epochs", "3", "--json"]) == 0
    more = json.loads(capsys.readouterr().out)
    assert more["epochs"] == 3
    assert load_model(tmp_path / more["model"])[0].class_names == ("even", "odd")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--data is missing"),
        (("--data", "digits", "--freeze", "all", "--freeze-until", "conv1"), "one of them says"),
        (("--data", "digits", "--freeze-until", "conv9"), "no layer is named 'conv9'"),
        (("--data", "digits", "--below", "-1"), "--below -1"),
        (("--data", "nowhere.h5"), "no such file"),
    ],
)
def test_what_cannot_be_meant(
    options: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["finetune", *options]) in (1, 2)
    assert words in capsys.readouterr().err
    assert not Path("runs").exists()

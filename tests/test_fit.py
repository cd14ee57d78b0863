"""Training on pictures of another size than the network's: scaled, or in windows, and the same everywhere after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.architectures import OFFERED, build, input_shape_for, suitable
from numbacnn.data import Dataset, Split, scaled
from numbacnn.data.scaled import scaled as scaled_split
from numbacnn.errors import DataError, UsageError
from numbacnn.fitting import fit
from numbacnn.layers import Pixels
from numbacnn.network import Network
from numbacnn.storage import load_model, save_model
from numbacnn.training import (
    EpochDone,
    Finished,
    RunFolder,
    RunStarted,
    Settings,
    Trainer,
    evaluate,
    preprocessing,
    train,
)
from numbacnn.training.fit import choose_fit, fit_of_sizes

GENERATOR = np.random.default_rng(0)


def dataset(*size: int, count: int = 40, channels: int = 1) -> Dataset:
    """Bright and dark pictures of noise."""
    labels = np.arange(count) % 2
    images = GENERATOR.integers(0, 128, (count, *size, channels)) + 100 * labels[:, None, None, None]
    pictures = images.astype(np.uint8)
    held = slice(count // 2, None)
    return Dataset.from_arrays(
        "some",
        train=(pictures, labels),
        validation=(pictures[held], labels[held]),
        test=(pictures[held], labels[held]),
        class_names=("dark", "bright"),
    )


def network(data: Dataset, *size: int, **pixels: Any) -> Network:
    """The digits network at that input, with the data set's mean and scale."""
    layer = preprocessing(data)
    layer.shorter_side = pixels.get("shorter_side", 0)
    shape = (*(size or (8, 8)), data.image_shape[2])
    return build("digits", input_shape=shape, class_names=data.class_names, pixels=layer)


@pytest.mark.parametrize(
    ("have", "need", "wish", "said", "expected"),
    [
        ((32, 32), (32, 32), "auto", 0, (None, (32, 32), 0, "auto")),
        ((256, 256), (227, 227), "auto", 0, ("crop", (256, 256), 256, "crop")),
        ((40, 40), (32, 32), "auto", 0, ("crop", (40, 40), 40, "crop")),
        ((41, 41), (32, 32), "auto", 0, ("resize", (32, 32), 0, "resize")),
        ((256, 256), (28, 28), "auto", 0, ("resize", (28, 28), 0, "resize")),
        ((256, 256), (28, 28), "crop", 0, ("crop", (256, 256), 256, "crop")),
        ((40, 40), (32, 32), "resize", 0, ("resize", (32, 32), 0, "resize")),
        ((8, 8), (28, 28), "resize", 0, ("resize", (28, 28), 0, "resize")),
        ((28, 40), (28, 28), "auto", 0, ("crop", (28, 40), 28, "crop")),
        ((28, 40), (28, 28), "resize", 0, ("resize", (28, 40), 0, "resize")),
        ((300, 400), (227, 227), "auto", 256, ("crop", (256, 341), 256, "auto")),
        ((300, 300), (227, 227), "resize", 256, ("resize", (227, 227), 0, "resize")),
    ],
)
def test_how_pictures_come_to_another_size(
    have: tuple[int, int], need: tuple[int, int], wish: Any, said: int, expected: tuple[Any, ...]
) -> None:
    found = fit_of_sizes(have, need, wish, said)
    assert (found.method, found.scaled, found.shorter_side, found.setting) == expected


@pytest.mark.parametrize(
    ("have", "need", "wish", "said", "words"),
    [
        ((32, 32), (32, 32), "auto", 0, ""),
        ((256, 256), (28, 28), "auto", 0, "pictures of 256x256 are scaled to 28x28"),
        ((28, 40), (28, 28), "resize", 0, "pictures of 28x40 are cut to the middle 28x28"),
        (
            (50, 99),
            (20, 20),
            "resize",
            0,
            "pictures of 50x99 are scaled to 20x40 and cut to the middle 20x20",
        ),
        ((40, 40), (32, 32), "crop", 0, "are cut to 32x32, in training at random places, else in the middle"),
        ((64, 64), (32, 32), "auto", 40, "are scaled to 40x40 and cut to 32x32, in training at random"),
    ],
)
def test_it_is_said_in_a_sentence(have: Any, need: Any, wish: Any, said: int, words: str) -> None:
    assert words in str(fit_of_sizes(have, need, wish, said))
    assert bool(words) == bool(str(fit_of_sizes(have, need, wish, said)))


@pytest.mark.parametrize(
    ("size", "wish", "side", "method"),
    [((10, 10), "auto", 10, "crop"), ((30, 30), "auto", 0, "resize"), ((9, 14), "crop", 9, "crop"),
     ((5, 6), "resize", 0, "resize")],
)  # fmt: skip
def test_a_trained_model_answers_as_its_training_measured(
    tmp_path: Path, size: tuple[int, int], wish: Any, side: int, method: str
) -> None:
    data = dataset(*size)
    trained = network(data)
    first, *_, last = list(train(trained, data, epochs=2, fit=wish))
    assert isinstance(first, RunStarted)
    assert isinstance(last, Finished)
    assert first.fit.method == method
    assert trained.graph.pixels.shorter_side == side
    save_model(tmp_path / "m.h5", trained, record={})
    again, _ = load_model(tmp_path / "m.h5")
    assert again.graph.pixels.shorter_side == side
    pictures = data.test.read(slice(0, None))
    middle = np.stack([fit(picture, (8, 8, 1), side) for picture in pictures])
    np.testing.assert_array_equal(again.predict(pictures), trained.predict(middle))
    error = evaluate(again, data.test).top1_error
    assert error == last.best_error
    assert error == np.mean(again.predict(pictures).argmax(axis=1) != data.test.labels)


@pytest.mark.parametrize(("size", "wish"), [((10, 10), "auto"), ((30, 20), "auto"), ((30, 30), "crop")])
def test_a_resumed_run_goes_on_to_the_same_bits(tmp_path: Path, size: tuple[int, int], wish: Any) -> None:
    data = dataset(*size)
    whole = Trainer(network(data), data, Settings(epochs=2, batch_size=8, fit=wish))
    list(whole)
    half = Trainer(network(data), data, Settings(epochs=2, batch_size=8, fit=wish))
    folder = RunFolder(tmp_path)
    next(event for event in half if isinstance(event, EpochDone))
    folder.save_last(half, {"settings": half.settings.as_dict()})
    loaded, record, numbers, arrays = folder.load_last()
    again = Trainer(loaded, data, Settings(**record["settings"]), (numbers, arrays))
    list(again)
    assert again.fit == whole.fit
    for node in ("conv1", "dense4"):
        np.testing.assert_array_equal(
            again.network.parameter(node, "weights"), whole.network.parameter(node, "weights")
        )


def test_preprocessing_that_a_network_has_is_kept() -> None:
    data = dataset(30, 30)
    trained = network(data, shorter_side=12)
    trainer = Trainer(trained, data, Settings(epochs=1))
    assert (trainer.fit.method, trainer.fit.scaled) == ("crop", (12, 12))
    list(trainer)
    assert trained.graph.pixels.shorter_side == 12
    assert trainer.settings.fit == "auto"


def test_scaled_pictures_are_scaled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = GENERATOR.integers(0, 256, (9, 20, 24, 3), np.uint8)
    asked: list[int] = []

    class Images:
        shape = pictures.shape

        def __len__(self) -> int:
            return len(pictures)

        def __getitem__(self, key: Any) -> Any:
            asked.extend(np.arange(9)[key].ravel())
            return pictures[key]

    split = Split(Images(), np.arange(9))
    small = scaled_split(split, (8, 8, 3))
    expected = np.stack([fit(picture, (8, 8, 3)) for picture in pictures])
    np.testing.assert_array_equal(small.read(np.array([3, 1, 3])), expected[[3, 1, 3]])
    np.testing.assert_array_equal(small.read(slice(None)), expected)
    np.testing.assert_array_equal(small.images[4], expected[4])
    assert sorted(asked) == list(range(9))
    monkeypatch.setattr(scaled, "KEPT_BYTES", 100)
    np.testing.assert_array_equal(scaled_split(split, (8, 8, 3)).read(slice(2, 7)), expected[2:7])
    np.testing.assert_array_equal(scaled_split(split, (8, 8, 3)).images[4], expected[4])
    monkeypatch.undo()
    monkeypatch.setenv("NUMBACNN_MAX_MEMORY", "5000")  # 9 scaled pictures take 1728 bytes
    np.testing.assert_array_equal(scaled_split(split, (8, 8, 3)).read(slice(2, 7)), expected[2:7])
    assert len(asked) == 9 + 5 + 1 + 5
    assert scaled_split(split, (20, 24, 3)) is split


def test_what_cannot_be_fitted() -> None:
    data = dataset(6, 9)
    for wish in ("auto", "crop"):
        with pytest.raises(
            DataError, match=r"some: pictures of 6x9 are smaller than .* 8x8; --fit resize enlarges"
        ):
            train(network(data), data, fit=wish)
    colour = dataset(8, 8, channels=3)
    with pytest.raises(
        DataError, match=r"pictures are RGB \(3 channels\), .* built for 1; build it for 3: .*8, 8, 3"
    ):
        choose_fit(colour, build("digits"))
    with pytest.raises(UsageError, match="--fit scale: no such way"):
        Settings(fit="scale")  # type: ignore[arg-type]


def test_networks_for_pictures_of_a_size() -> None:
    photographs = suitable((256, 256, 3))
    assert set(photographs) == set(OFFERED)
    assert (photographs["alexnet"], photographs["lenet"]) == ((227, 227, 3), (28, 28, 3))
    assert "alexnet" not in suitable((64, 64, 3))
    assert {"digits", "vgg-small", "resnet-18", "resnet-20"} <= suitable((8, 8, 1)).keys()
    assert not {"alexnet", "lenet", "vgg-11-bn"} & suitable((8, 8, 1)).keys()
    assert input_shape_for("vgg-small", (28, 40, 1)) == (28, 32, 1)
    assert input_shape_for("alexnet", (64, 64, 3), resize=True) == (227, 227, 3)
    assert build("digits", pixels=Pixels(shorter_side=10)).graph.pixels.shorter_side == 10

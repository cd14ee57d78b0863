"""Classes of a data set are a network's classes of the same names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numbacnn.architectures import build
from numbacnn.data import Dataset, Split, pictures
from numbacnn.data.classes import match_classes, matched_by_index, short_name
from numbacnn.data.contents import Contents
from numbacnn.errors import DataError
from numbacnn.layers import Pixels
from numbacnn.network import Network
from numbacnn.storage import save_model, write_dataset
from numbacnn.training import evaluate, train
from numbacnn_cli.__main__ import main

PETS = ("cat", "dog", "fox")
COLOURS = {"cat": 20, "dog": 120, "fox": 230, "owl": 70}


def grey(names: tuple[str, ...], shown: tuple[str, ...] | None = None, count: int = 24) -> Dataset:
    """Each class is a grey of its own; `shown` are the real names of the classes called `names`."""
    labels = np.arange(count) % len(names)
    levels = np.array([COLOURS[name] for name in shown or names])
    noise = np.random.default_rng(0).integers(-10, 10, (count, 8, 8, 1))
    images = (levels[labels][:, None, None, None] + noise).astype(np.uint8)
    pair = (images, labels)
    return Dataset.from_arrays("greys", train=pair, validation=pair, test=pair, class_names=names)


@pytest.fixture(scope="module")
def pets() -> Network:
    """Knows cat, dog and fox."""
    data = grey(PETS, count=90)
    network = build("digits", class_names=PETS, pixels=Pixels(mean=120.0, scale=0.01))
    for _ in train(network, data, epochs=8, batch_size=10):
        pass
    assert evaluate(network, data.test).top1_error == 0
    return network


@pytest.mark.parametrize(
    ("own", "known", "used", "expected"),
    [
        (("dog", "fox"), PETS, (0, 1), [1, 2]),
        (("fox", "dog", "cat"), PETS, (0, 1, 2), [2, 1, 0]),
        (("empty", "dog"), PETS, (1,), [-1, 1]),  # a class without pictures
        (("3", "7"), tuple("0123456789"), (0, 1), [3, 7]),  # folders of digits
        (("0", "1"), PETS, (0, 1), [0, 1]),
        (("cat", "dog"), ("0", "1", "2"), (0, 1), [0, 1]),
        (("0", "1"), ("1", "0"), (0, 1), [1, 0]),
        (tuple("0123"), ("0", "1", "2"), (0, 2), [0, 1, 2, 3]),
    ],
)
def test_places_of_classes(own: Any, known: Any, used: Any, expected: list[int]) -> None:
    assert match_classes(own, known, used).tolist() == expected


@pytest.mark.parametrize(
    ("own", "known", "message"),
    [
        (("dog", "wolf", "bear"), PETS, r"does not know these classes: wolf, bear; it knows cat, dog, fox"),
        (("Dog", "fox"), PETS, "these classes: Dog; it knows"),
        (("0", "2"), PETS, "these classes: 0, 2"),
        (("0", "1", "2", "3"), PETS, "a label is 3, and the network has 3 classes"),
        (tuple(f"class {n}" for n in range(30)), PETS, "class 9 and 20 more; it knows cat"),
    ],
)
def test_classes_that_are_not_known(own: Any, known: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        match_classes(own, known, range(len(own)))


def test_by_index_only_where_names_are_not_known() -> None:
    assert matched_by_index(("0", "1"), PETS)
    assert matched_by_index(PETS, ("0", "1", "2"))
    assert not matched_by_index(("0", "1"), ("0", "1", "2"))
    assert not matched_by_index(("dog",), PETS)
    assert not matched_by_index(("dog", "wolf"), PETS)


@pytest.mark.parametrize("names", [("dog", "fox"), ("fox", "cat", "dog"), ("fox",)])
def test_a_subset_or_another_order_is_measured_by_name(pets: Network, names: tuple[str, ...]) -> None:
    measured = evaluate(pets, grey(names).test)
    assert measured.top1_error == 0
    known = [PETS.index(name) for name in names]
    assert [place for place, error in enumerate(measured.per_class_error) if error is not None] == sorted(
        known
    )
    assert measured.confusion.sum() == np.trace(measured.confusion) == 24
    matched = grey(names).with_classes_of(pets)
    assert matched.class_names == matched.test.class_names == PETS
    assert (pets.predict(matched.test.read(slice(None))).argmax(axis=1) == matched.test.labels).all()
    assert evaluate(pets, grey(names).test.subset(np.arange(5))).top1_error == 0


def test_numbers_and_arrays_are_taken_by_index(pets: Network) -> None:
    unnamed = grey(("0", "1"), shown=("cat", "dog"))
    assert evaluate(pets, unnamed.test).top1_error == 0
    assert evaluate(pets, Split(unnamed.test.images, unnamed.test.labels)).top1_error == 0


def test_a_stranger_is_refused_by_name_in_training_too(pets: Network) -> None:
    with pytest.raises(DataError, match="does not know these classes: owl; it knows cat, dog, fox"):
        evaluate(pets, grey(("dog", "owl")).test)
    with pytest.raises(DataError, match="greys: the network does not know these classes: owl"):
        train(pets, grey(("dog", "owl")))
    turned = train(pets, grey(("fox", "dog", "cat")), epochs=1, learning_rate=1e-9)
    rows = [event.row for event in turned if hasattr(event, "row")]
    assert rows[0]["validation_top1_error"] == 0


@pytest.mark.slow
def test_the_commands_match_names(
    pets: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model("pets.h5", pets, record={})

    def run(*arguments: object, code: int = 0) -> dict[str, Any]:
        assert main([*map(str, arguments), "--model", "pets.h5", "--json"]) == code
        return json.loads(capsys.readouterr().out)

    for name, data in (("two", grey(("dog", "fox"))), ("strange", grey(("dog", "owl"))),
                       ("numbers", grey(("0", "1"), shown=("cat", "dog")))):  # fmt: skip
        write_dataset(f"{name}.h5", Contents(name, data.splits, data.class_names))
    measured = run("eval", "--data", "two.h5")
    assert (measured["top1_error"], measured["top5_error"]) == (0, 0)
    assert measured["per_class_error"] == {"cat": None, "dog": 0, "fox": 0}
    assert np.array(measured["confusion"]).tolist() == [[0, 0, 0], [0, 12, 0], [0, 0, 12]]
    assert run("attack", "fgsm", "--data", "two.h5", "--count", 6)["clean_accuracy"] == 1
    seen = run("viz", "saliency", "--data", "two.h5", "--index", "0-3")["pictures"]
    assert [picture["label"] for picture in seen] == ["dog", "fox", "dog", "fox"]
    assert all(picture["label"] == picture["name"] for picture in seen)
    units = run("viz", "layers", "--data", "two.h5", "--layer", "conv1")["units"]
    assert {label for unit in units for label in unit["labels"]} <= {"dog", "fox"}
    assert run("eval", "--data", "numbers.h5")["top1_error"] == 0
    for command in (["eval"], ["attack", "fgsm"], ["viz", "saliency"], ["viz", "layers"]):
        message = run(*command, "--data", "strange.h5", code=1)["error"]["message"]
        assert "strange.h5: the network does not know these classes: owl; it knows cat, dog, fox" in message
    assert main(["eval", "--model", "pets.h5", "--data", "two.h5"]) == 0
    assert "classes are matched by name: 2 in the data set, 3 in the model" in capsys.readouterr().out
    assert main(["eval", "--model", "pets.h5", "--data", "numbers.h5"]) == 0
    assert "classes are matched by index, as one side has only numbers: '0'" in capsys.readouterr().out


IMAGENET = (
    "n01440764 tench, Tinca tinca",
    "n02012849 crane",
    "n03126707 crane",
    "n01443537 goldfish",
    "fire_engine, fire truck",
)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (("n01443537", "n01440764"), [3, 0]),
        (("n03126707_crane", "n02012849_crane"), [2, 1]),
        (("Tench", "tinca tinca", "goldfish"), [0, 0, 3]),
        (("fire truck", "Fire Engine"), [4, 4]),
        (("n01440764 tench, Tinca tinca",), [0]),
    ],
)
def test_numbers_and_words_find_the_classes_of_imagenet(own: tuple[str, ...], expected: list[int]) -> None:
    assert match_classes(own, IMAGENET, range(len(own))).tolist() == expected


def test_a_word_that_two_classes_have_is_told() -> None:
    with pytest.raises(
        DataError, match="class 'crane' may be several of the network's: n02012849 crane, n03126707"
    ):
        match_classes(("crane",), IMAGENET, (0,))
    with pytest.raises(DataError, match="does not know these classes: n99999999"):
        match_classes(("n99999999",), IMAGENET, (0,))


def test_short_names() -> None:
    assert [short_name(name) for name in IMAGENET] == [
        "tench",
        "crane",
        "crane",
        "goldfish",
        "fire_engine, fire truck",
    ]
    assert short_name("n01440764") == "n01440764"
    assert short_name("cat, domestic") == "cat, domestic"


@pytest.mark.parametrize("layout", ["{name}/{index}.png", "test/{name}/{index}.png", "{name}_{index}.png"])
def test_a_folder_of_pictures_is_evaluated(
    pets: Network,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    layout: str,
) -> None:
    """A folder a class, by split or not, or files that begin with WordNet's numbers."""
    monkeypatch.chdir(tmp_path)
    numbered = {"cat": "n02121620", "dog": "n02084071", "fox": "n02118333"}
    names = tuple(f"{numbered[name]} {name}" for name in PETS)
    save_model("pets.h5", Network(pets.graph, names), record={})
    data = grey(PETS, count=12)
    for index, (image, label) in enumerate(zip(data.test.images[:], data.test.labels, strict=True)):
        called = numbered[PETS[label]] if "_" in layout else PETS[label]
        path = tmp_path / "set" / layout.format(name=called, index=index)
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures.save(path, image)
    assert main(["eval", "--model", "pets.h5", "--data", "set", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["top1_error"], found["images"]) == (0, 12)


def test_a_folder_without_labels_says_what_is_expected(
    pets: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model("pets.h5", pets, record={})
    Path("set").mkdir()
    for name in ("n02121620_a.png", "holiday.png"):
        pictures.save(Path("set", name), np.zeros((8, 8, 1), np.uint8))
        assert main(["eval", "--model", "pets.h5", "--data", "set"]) == 1
    error = capsys.readouterr().err
    assert "a folder for each class, or names that begin with WordNet's numbers" in error
    assert "holiday.png do not" in error

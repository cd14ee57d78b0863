"""Numbers that no call can mean, in the Python interface: each is refused with words, none ends in another exception."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from numbacnn import analysis, architectures
from numbacnn.attacks import FGSM, sweep
from numbacnn.data import Dataset
from numbacnn.data.splitting import stratified
from numbacnn.errors import DataError, NumbacnnError, ShapeError, UsageError
from numbacnn.program import Program
from numbacnn.training import evaluate
from numbacnn.training.speed import measure_speed

DIGITS = Dataset.open("digits")
NETWORK = architectures.build("digits", class_names=DIGITS.class_names)
IMAGES, LABELS = DIGITS.test.read(slice(0, 4)), DIGITS.test.labels[:4]
LAYER = NETWORK.graph.nodes[1].name
STRONGEST = analysis.strongest(NETWORK, [IMAGES], LAYER, count=2)

NO_COUNT: dict[str, Any] = {
    "zero": 0,
    "negative": -3,
    "half": 2.5,
    "whole float": 2.0,
    "nan": float("nan"),
    "text": "4",
    "none": [],
    "true": True,
    "array": np.array([1, 2]),
}
BATCHES: dict[str, Callable[[Any], Any]] = {
    "predict": lambda size: NETWORK.predict(IMAGES, batch_size=size),
    "activations": lambda size: NETWORK.activations(IMAGES, LAYER, batch_size=size),
    "program": NETWORK.program,
    "Program": lambda size: Program(NETWORK.graph, size),
    "program_for": lambda size: NETWORK.program_for(4, size),
    "evaluate": lambda size: evaluate(NETWORK, DIGITS.test, batch_size=size),
    "batches": lambda size: list(DIGITS.test.batches(size)),
    "saliency": lambda size: analysis.saliency(NETWORK, IMAGES, batch_size=size),
    "pixel gradients": lambda size: analysis.pixel_gradients(NETWORK, IMAGES, batch_size=size),
    "reconstruct": lambda size: analysis.reconstruct(NETWORK, IMAGES, LAYER, 0, batch_size=size),
    "unit patches": lambda size: list(
        analysis.unit_patches(NETWORK, IMAGES.__getitem__, STRONGEST, batch_size=size)
    ),
    "strongest": lambda count: analysis.strongest(NETWORK, [IMAGES], LAYER, count=count),
    "attack": lambda size: FGSM()(NETWORK, IMAGES, LABELS, batch_size=size),
    "attack.run": lambda size: FGSM().run(NETWORK, IMAGES, LABELS, batch_size=size),
    "sweep": lambda size: list(sweep(FGSM(), NETWORK, IMAGES, LABELS, [0.1], batch_size=size)),
    "gradient check": lambda size: analysis.check_gradients(NETWORK, batch_size=size),
    "samples": lambda count: analysis.check_gradients(NETWORK, samples=count),
    "speed": lambda size: measure_speed(NETWORK, size, seconds=0.1),
}


@pytest.mark.parametrize("value", NO_COUNT)
@pytest.mark.parametrize("call", BATCHES)
def test_a_number_of_pictures_that_is_none(call: str, value: str) -> None:
    NETWORK.program(64)  # a Program that is there already is no answer to a wrong size
    with pytest.raises((UsageError, ShapeError), match="a whole number of at least 1 is expected"):
        BATCHES[call](NO_COUNT[value])


@pytest.mark.parametrize("size", [1, np.int64(3), np.uint8(200), 10**9])
def test_a_number_of_pictures_that_is_one(size: Any) -> None:
    assert NETWORK.predict(IMAGES, size).shape == (4, 10)


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5, "1", None, True])
@pytest.mark.parametrize(
    "call",
    [
        lambda seed: architectures.build("digits", seed=seed),
        lambda seed: NETWORK.graph.initialise(seed=seed),
        lambda seed: analysis.check_gradients(NETWORK, samples=1, seed=seed),
        lambda seed: stratified(LABELS, 0.5, seed),
    ],
)
def test_a_seed_that_is_none(call: Callable[[Any], Any], seed: Any) -> None:
    with pytest.raises(
        UsageError, match=r"seed .*: a whole number from 0 to 18446744073709551615 is expected"
    ):
        call(seed)


WRONG: dict[str, Callable[[], Any]] = {
    "no pictures": lambda: NETWORK.predict(IMAGES[:0]),
    "a text": lambda: NETWORK.predict("x"),
    "nothing": lambda: NETWORK.predict(None),
    "an empty list": lambda: NETWORK.predict([]),
    "a list of texts": lambda: NETWORK.predict(["a", "b"]),
    "whole numbers": lambda: NETWORK.predict(IMAGES.astype(int)),
    "complex": lambda: NETWORK.predict(IMAGES + 1j),
    "nan": lambda: NETWORK.predict(np.full(IMAGES.shape, np.nan, np.float32)),
    "one number": lambda: NETWORK.predict(3),
    "an unknown layer": lambda: NETWORK.activations(IMAGES, "x"),
    "a layer that is no name": lambda: NETWORK.activations(IMAGES, 3),  # type: ignore[arg-type]
    "too many labels": lambda: FGSM()(NETWORK, IMAGES, np.arange(9)),
    "a label too large": lambda: FGSM()(NETWORK, IMAGES, [0, 1, 2, 10]),
    "labels of floats": lambda: FGSM()(NETWORK, IMAGES, LABELS.astype(float)),
    "labels of texts": lambda: FGSM()(NETWORK, IMAGES, ["a"] * 4),
    "a class too large": lambda: analysis.saliency(NETWORK, IMAGES, 10),
    "a class of half": lambda: analysis.saliency(NETWORK, IMAGES, 0.5),
    "an unknown rule": lambda: analysis.saliency(NETWORK, IMAGES, rule="x"),
    "a rule that is no name": lambda: analysis.saliency(NETWORK, IMAGES, rule=3),  # type: ignore[arg-type]
    "saliency of something": lambda: analysis.saliency(NETWORK, IMAGES, of="x"),  # type: ignore[arg-type]
    "a unit too large": lambda: analysis.reconstruct(NETWORK, IMAGES, LAYER, 10**9),
    "a unit of half": lambda: analysis.reconstruct(NETWORK, IMAGES, LAYER, 0.5),
    "a unit in words": lambda: analysis.strongest(NETWORK, [IMAGES], LAYER, ["a"]),
    "no units": lambda: analysis.strongest(NETWORK, [IMAGES], LAYER, []),
    "a place too far": lambda: analysis.reconstruct(NETWORK, IMAGES, LAYER, 0, (99, 0)),
    "a place of three": lambda: analysis.reconstruct(NETWORK, IMAGES, LAYER, 0, (1, 2, 3)),
    "as many units as no pictures": lambda: analysis.reconstruct(NETWORK, IMAGES, LAYER, [0, 1, 2]),
    "no batches": lambda: analysis.strongest(NETWORK, [], LAYER),
    "an epsilon above 1": lambda: FGSM(8),
    "an epsilon of nan": lambda: FGSM(float("nan")),
    "an epsilon in words": lambda: FGSM("8/255"),  # type: ignore[arg-type]
    "an epsilon of a sweep": lambda: list(sweep(FGSM(), NETWORK, IMAGES, LABELS, [0.1, -1])),
    "a loss that is none": lambda: FGSM(loss="x"),
    "a loss that is no name": lambda: FGSM(loss=3),  # type: ignore[arg-type]
    "gradients that are none": lambda: Program(NETWORK.graph, 2, gradients="x"),
    "seconds that are none": lambda: measure_speed(NETWORK, 2, seconds=float("nan")),
    "seconds without end": lambda: measure_speed(NETWORK, 2, seconds=float("inf")),
    "an unknown initialisation": lambda: architectures.build("digits", initialise="x"),
    "no classes": lambda: architectures.build("digits", classes=0),
    "half a class": lambda: architectures.build("digits", classes=2.5),  # type: ignore[arg-type]
    "many classes": lambda: architectures.build("digits", classes=10**12),
    "a size of nothing": lambda: architectures.build("digits", input_shape=(0, 8, 1)),
    "a size of halves": lambda: architectures.build("digits", input_shape=(8.5, 8, 1)),  # type: ignore[arg-type]
    "a size of two": lambda: architectures.build("digits", input_shape=(8, 8)),
    "an enormous size": lambda: architectures.build("digits", input_shape=(10**9, 10**9, 3)),
    "a fraction of nan": lambda: stratified(LABELS, float("nan"), 0),
    "a split that is none": lambda: DIGITS.split("x"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_call_can_mean(name: str) -> None:
    with pytest.raises(NumbacnnError) as raised:
        WRONG[name]()
    assert 10 < len(str(raised.value)) < 600


def test_no_picture_is_no_data() -> None:
    with pytest.raises((ShapeError, DataError), match="pictures of shape"):
        NETWORK.predict(IMAGES[:0])

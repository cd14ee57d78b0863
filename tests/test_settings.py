"""Settings: what cannot be meant, and what a network's recipe says."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.data import Dataset
from numbacnn.errors import UsageError
from numbacnn.training import RECIPES, Settings, prepare, settings_for
from numbacnn.training.recipes import LOSS_RATES, Choice, choices
from numbacnn.training.settings import LARGEST_SEED

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"schedule": "halfe"}, "did you mean 'halve'"),
        ({"loss": "hinged"}, "did you mean 'hinge'"),
        ({"initialise": "hee"}, "--initialise hee: no such initialisation; did you mean 'he'"),
        ({"learning_rate": 0}, "--learning-rate 0: a number above 0"),
        ({"learning_rate": -1.0}, "--learning-rate -1.0: 0 to 100 is expected"),
        ({"learning_rate": NAN}, "--learning-rate nan: a number is expected"),
        ({"learning_rate": 1e30}, "--learning-rate 1e[+]30: 0 to 100 is expected"),
        ({"learning_rate": INFINITE}, "--learning-rate inf: 0 to 100"),
        ({"momentum": 1.0}, "--momentum 1: at least 0 and below 1"),
        ({"momentum": NAN}, "--momentum nan: a number"),
        ({"momentum": -0.1}, "--momentum -0.1: 0 to 1"),
        ({"weight_decay": -1.0}, "--weight-decay -1.0: 0 to 10"),
        ({"weight_decay": NAN}, "--weight-decay nan: a number"),
        ({"weight_decay": INFINITE}, "--weight-decay inf: 0 to 10"),
        ({"epochs": 0}, "--epochs 0: 1 to 100,000"),
        ({"epochs": 10**9}, "--epochs 1000000000: 1 to 100,000"),
        ({"epochs": 2.5}, "--epochs 2.5: a whole number"),
        ({"epochs": "3"}, "--epochs 3: a whole number"),
        ({"epochs": True}, "--epochs True: a whole number"),
        ({"batch_size": 0}, "--batch-size 0: 1 to 1,000,000"),
        ({"batch_size": 10**12}, "--batch-size 1000000000000: 1 to 1,000,000"),
        ({"patience": 0}, "--patience 0: 1 to 100,000"),
        ({"step_epochs": 10**30}, "--step-epochs 10{30}: 1 to 100,000"),
        ({"margin": INFINITE}, "--margin inf: 0 to 1,000"),
        ({"margin": NAN}, "--margin nan: a number"),
        ({"margin": -1}, "--margin -1: 0 to 1,000"),
        ({"seed": -1}, "--seed -1: 0 to 18,446,744,073,709,551,615"),
        ({"seed": 2**64}, "--seed 18446744073709551616: 0 to 18,446,744,073,709,551,615"),
        ({"seed": 1.0}, "--seed 1.0: a whole number"),
        ({"colour": 1e9}, "--colour 1000000000.0: 0 to 10"),
        ({"colour": NAN}, "--colour nan: a number"),
        ({"colour": "x" * 10_000}, r"--colour x+…x+ \(10,000 characters\): a number"),
        ({"workspace_mb": 2**40}, "--workspace-mb 1099511627776: 0 to 1,048,576"),
        ({"translate": -1}, "--translate -1: at least 0"),
        ({"flip": "yes"}, "--flip yes: true or false"),
        ({"flip": 1}, "--flip 1: true or false"),
        ({"loss": None}, "--loss None: a name"),
    ],
)
def test_settings_that_cannot_be_meant(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Settings(**wrong)  # type: ignore[arg-type]


def test_numbers_of_other_types_become_plain_ones() -> None:
    settings = Settings(epochs=np.int64(3), learning_rate=1, seed=LARGEST_SEED)
    assert (type(settings.epochs), type(settings.learning_rate)) == (int, float)
    assert settings.as_dict()["seed"] == LARGEST_SEED


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"translate": 5}, "--translate 5: at most half of a side fits, which is 4 of the 8x10 pixels"),
        ({"crop_padding": 10**30}, "--crop-padding 1,000,.*: at most half of a side"),
        ({"translate": 2, "crop_padding": 3}, "--translate 2 and --crop-padding 3 together shift by up to 5"),
        ({"translate": 4}, None),
        ({"translate": 2, "crop_padding": 2}, None),
    ],
)
def test_windows_that_leave_little_of_a_picture(settings: dict[str, int], words: str | None) -> None:
    made = Settings(**settings)  # type: ignore[arg-type]
    if words is None:
        made.check_fit((8, 10, 1))
    else:
        with pytest.raises(UsageError, match=words):
            made.check_fit((8, 10, 1))


def test_where_each_setting_comes_from() -> None:
    chosen = choices("digits", epochs=3, loss="square")
    assert chosen["epochs"] == Choice(3, "given")
    assert chosen["batch_size"] == Choice(RECIPES["digits"]["batch_size"], "recipe of digits")
    assert chosen["momentum"] == Choice(0.9, "default")
    assert chosen["learning_rate"].source == "recipe of digits, times 0.1 for the loss 'square'"
    assert chosen["learning_rate"].value == pytest.approx(0.1 * RECIPES["digits"]["learning_rate"])


@pytest.mark.parametrize("loss", ["square", "log", "hinge", "log-softmax", "max-margin"])
def test_a_loss_has_its_share_of_the_rate_unless_one_is_given(loss: str) -> None:
    assert settings_for("mine.toml", loss=loss).learning_rate == pytest.approx(0.01 * LOSS_RATES.get(loss, 1))
    assert settings_for("lenet", loss=loss, learning_rate=0.3).learning_rate == 0.3


FEW = Dataset.from_arrays(
    "few", train=((np.arange(1280) % 251).astype(np.uint8).reshape(20, 8, 8), np.arange(20) % 10)
)


def test_a_batch_is_not_larger_than_the_training_split() -> None:
    network, settings = prepare(FEW)
    assert settings == settings_for("digits", batch_size=20)
    assert network.input_shape == (8, 8, 1)
    assert prepare(FEW, batch_size=20)[1].batch_size == 20
    with pytest.raises(UsageError, match="--batch-size 21: at most 20 is expected, as few has no more"):
        prepare(FEW, batch_size=21)


def test_settings_that_do_not_exist() -> None:
    for wrong in (lambda: settings_for("digits", momentun=0.1), lambda: prepare(FEW, momentun=0.1)):
        with pytest.raises(UsageError, match="did you mean 'momentum'"):
            wrong()

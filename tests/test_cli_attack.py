from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from numbacnn.architectures import build
from numbacnn.attacks import ATTACKS, FGSM
from numbacnn.data import Dataset
from numbacnn.data.pictures import load
from numbacnn.layers import Pixels
from numbacnn.program import Loss, Program
from numbacnn.storage import load_model, save_model
from numbacnn.training.optimizers import SGD
from numbacnn_cli.__main__ import main
from numbacnn_cli.runs import PACKAGED_MODEL

COUNT = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits network after a moment of training: mostly right, so that there is something to break."""
    train = Dataset.open("digits").train
    names = Dataset.open("digits").class_names
    network = build("digits", class_names=names, pixels=Pixels(mean=76.0, scale=1 / 64))
    plan = Program(network.graph, 32, gradients="parameters")
    optimizer = SGD(network.graph, momentum=0.9, weight_decay=0.0)
    for images, labels in train.batches(32):
        plan.forward(images)
        plan.backward_loss(labels, Loss())
        optimizer.step(plan.gradient, 0.02)
    path = tmp_path_factory.mktemp("model") / "model.h5"
    save_model(path, network, record={})
    return path


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main(["attack", "fgsm", *map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_set(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    arguments = ("--model", model, "--data", "digits", "--count", COUNT, "--epsilon", "32/255")
    result = run(capsys, *arguments, "--sweep", "0,0.5/255,32/255")
    network, test = load_model(model)[0], Dataset.open("digits").test
    indices = np.arange(COUNT) * len(test) // COUNT
    images, labels = test.read(indices), test.labels[indices]
    expected = FGSM(32 / 255).run(network, images, labels)

    assert result["images"] == COUNT
    assert result["epsilon"] == 32 / 255
    assert result["clean_accuracy"] == expected.clean_accuracy > 0.7
    assert result["adversarial_accuracy"] == expected.adversarial_accuracy < result["clean_accuracy"]
    assert result["success_rate"] == expected.success_rate

    # The files are what was scored.
    assert result["saved"] == "fgsm"
    files = np.stack([load(entry["saved"]) for entry in result["pictures"]])
    assert len(list(Path("fgsm").iterdir())) == COUNT
    assert np.abs(files.astype(int) - images).max() == 32
    predicted = network.predict(files).argmax(axis=1)
    assert result["adversarial_accuracy_8bit"] == np.mean(predicted == labels)
    assert [entry["after_8bit"]["index"] for entry in result["pictures"]] == predicted.tolist()
    assert [entry["label"] for entry in result["pictures"]] == [str(label) for label in labels]

    zero, half, last = result["sweep"]
    assert zero["adversarial_accuracy"] == half["adversarial_accuracy_8bit"] == result["clean_accuracy"]
    assert last["epsilon"] == 32 / 255
    assert last["adversarial_accuracy"] == result["adversarial_accuracy"]
    assert Path(result["figure"]).stat().st_size > 5000
    assert Path(result["sweep_figure"]).stat().st_size > 5000


def test_files_have_no_labels(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    run(
        capsys,
        "--model",
        model,
        "--data",
        "digits",
        "--index",
        "0,1",
        "--epsilon",
        "0",
        "--save-dir",
        "as they were",
    )
    files = ["as they were/test-0.png", "as they were/test-1.png", "as they were/test-0.png"]
    arguments = ("--model", model, "--epsilon", "16/255", "--output", "broken.png")
    result = run(capsys, *files, *arguments)
    assert result["clean_accuracy"] == 1  # what the network says is taken for right
    assert [entry["image"] for entry in result["pictures"]] == files
    assert [entry["saved"] for entry in result["pictures"]] == [
        "broken/test-0.png",
        "broken/test-1.png",
        "broken/test-0-2.png",
    ]
    assert result["sweep"] == []
    assert result["sweep_figure"] is None


def test_a_target(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    arguments = (
        "--model",
        model,
        "--data",
        "digits",
        "--count",
        COUNT,
        "--epsilon",
        "24/255",
        "--target",
        "3",
    )
    result = run(capsys, *arguments, "--sweep", "24/255")
    assert result["target"] == "3"
    led = [
        entry["after"]["name"] == "3"
        for entry in result["pictures"]
        if entry["label"] != "3" and entry["before"]["name"] == entry["label"]
    ]
    assert result["success_rate"] == pytest.approx(np.mean(led))
    assert any(led)
    (point,) = result["sweep"]
    assert (point["success_rate"], point["success_rate_8bit"]) == (
        result["success_rate"],
        result["success_rate_8bit"],
    )


def test_a_targeted_sweep_is_shown(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    arguments = (
        "attack",
        "fgsm",
        "--model",
        str(model),
        "--data",
        "digits",
        "--count",
        "20",
        "--target",
        "3",
    )
    assert main([*arguments, "--sweep", "0,24/255"]) == 0
    shown = capsys.readouterr().out
    assert "taken for the target" in shown
    assert "fgsm-sweep.png: accuracy and success over epsilon" in shown
    assert main([*arguments[:-2], "--sweep", "0", "--output", "away.png"]) == 0
    assert "taken for the target" not in capsys.readouterr().out


def test_figures_say_what_made_them(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    result = run(
        capsys, "--model", model, "--data", "digits", "--count", 20, "--epsilon", "24/255", "--target", "3"
    )
    facts = (f"model {model}", "data digits, test", "20 pictures at even distances", "FGSM", "towards 3")
    with Image.open(result["figure"]) as figure, Image.open(result["sweep_figure"]) as sweep:
        for fact in facts:
            assert fact in figure.text["Description"]
            assert fact in sweep.text["Description"]
        assert "epsilon 24/255" in figure.text["Description"]
        assert "shown: " in figure.text["Description"]
    result = run(capsys, "--model", model, "--data", "digits", "--index", "4,2", "--epsilon", "1/255")
    with Image.open(result["figure"]) as figure:
        assert "pictures 4, 2, as asked for" in figure.text["Description"]
        assert "away from the true class" in figure.text["Description"]


def test_the_panel_in_landscape(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    arguments = ("--model", model, "--data", "digits", "--index", "0-4")
    sizes = {}
    for layout in ("portrait", "landscape"):
        result = run(capsys, *arguments, "--layout", layout, "--output", f"{layout}.png")
        with Image.open(result["figure"]) as figure:
            sizes[layout] = figure.size
    assert sizes["portrait"][0] < sizes["portrait"][1]
    assert sizes["landscape"][0] > sizes["landscape"][1]


def test_what_cannot_be_asked(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    arguments = ("--model", model, "--data", "digits")
    assert "did you mean 8/255" in run(capsys, *arguments, "--epsilon", "8", code=2)["error"]["message"]
    assert "--count 0" in run(capsys, *arguments, "--count", "0", code=2)["error"]["message"]
    assert "no class 'cat'" in run(capsys, *arguments, "--target", "cat", code=2)["error"]["message"]
    assert "for --split" in run(capsys, *arguments, "--split", "tset", code=2)["error"]["message"]


def attack(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main(["attack", *map(str, arguments), "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


KEYS = {
    "clean_accuracy",
    "adversarial_accuracy",
    "adversarial_accuracy_8bit",
    "success_rate",
    "figure",
    "norms",
}
QUICK: dict[str, tuple[str, ...]] = {
    "step": ("--steps", "3"),
    "square": ("--queries", "5"),
    "ensemble": ("--steps", "2", "--wrong-classes", "1", "--queries", "3"),
    "apgd": ("--steps", "3"),
    "pgd": ("--steps", "3", "--norm", "l2"),
    "cw": ("--steps", "5", "--searches", "2"),
    "lbfgs": ("--steps", "2", "--searches", "0"),
    "patch": ("--passes", "2"),
    "universal": ("--passes", "2"),
}


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "fgsm"])
def test_every_attack_is_a_command(capsys: pytest.CaptureFixture[str], model: Path, name: str) -> None:
    options = ("--model", model, "--data", "digits", "--count", 3, "--no-checks", "--save-data", "numbers.h5")
    result = attack(capsys, name, *options, *QUICK.get(name, ()))
    assert set(result) >= KEYS
    assert result["attack"] == name
    assert result["images"] == len(result["pictures"]) == len(list(Path(result["saved"]).iterdir())) == 3
    assert set(result["norms"]) == {"l0", "l1", "l2", "linf"}
    assert result["gradients"] + result["scores"] > 0
    assert (result["path_figure"] is not None) == (name == "step")
    assert Path(result["data_file"]).is_file()


def test_several_attacks_on_one_axis(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    options = ("--model", model, "--data", "digits", "--count", 30)
    result = attack(capsys, "sweep", *options, "--attacks", "noise,fgsm", "--epsilons", "0,32/255")
    noise, fgsm = (curve["points"] for curve in result["curves"])
    assert noise[0]["adversarial_accuracy"] == result["clean_accuracy"]
    assert fgsm[1]["adversarial_accuracy"] < noise[1]["adversarial_accuracy"]
    assert fgsm[1]["low"] < fgsm[1]["adversarial_accuracy"] < fgsm[1]["high"]
    alone = attack(capsys, "fgsm", *options, "--epsilon", "32/255", "--sweep", "32/255")
    assert alone["sweep"] == [fgsm[1]]
    assert "'pdg'" in attack(capsys, "sweep", "--attacks", "pdg", code=2)["error"]["message"]
    assert "has no epsilon" in attack(capsys, "sweep", "--attacks", "patch", code=2)["error"]["message"]
    assert (
        "takes linf"
        in attack(capsys, "sweep", "--attacks", "square", "--norm", "l0", code=2)["error"]["message"]
    )


def test_smallest_epsilons_transfers_and_certificates(
    capsys: pytest.CaptureFixture[str], model: Path
) -> None:
    options = ("--data", "digits", "--count", 12)
    result = attack(capsys, "minimal", "--model", model, *options, "--attack", "fgsm", "--halvings", 4)
    found = [entry["epsilon"] for entry in result["pictures"] if entry["epsilon"] is not None]
    assert result["fooled"] == len(found) > 0
    assert all(epsilon <= 64 / 255 for epsilon in found)
    result = attack(capsys, "transfer", model, PACKAGED_MODEL, *options, "--epsilon", "32/255")
    assert len(result["rows"]) == 4
    assert result["rows"][0]["success_rate"] >= result["rows"][1]["success_rate"]
    assert "two or more" in attack(capsys, "transfer", model, code=2)["error"]["message"]
    result = attack(capsys, "certify", "--model", model, *options, "--samples", 50, "--sigma", "0.1")
    shares = [entry["accuracy"] for entry in result["certified"]]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == result["smoothed_accuracy"] > 0.3
    assert "--sigma 0" in attack(capsys, "certify", "--sigma", 0, code=2)["error"]["message"]

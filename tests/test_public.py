from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numbacnn
import numbacnn.errors
from numbacnn.graph import Graph
from numbacnn.layers import Dense, Flatten, Softmax
from numbacnn.network import Network
from numbacnn_cli.__main__ import main


def test_every_public_name_is_there_and_the_list_is_sorted() -> None:
    assert list(numbacnn.__all__) == sorted(numbacnn.__all__)
    for name in numbacnn.__all__:
        assert getattr(numbacnn, name) is not None


def test_the_import_alone_loads_nothing_heavy() -> None:
    code = "import numbacnn, sys; print(sorted({'numba', 'h5py', 'matplotlib', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert numbacnn.__version__ == version("numbacnn")


def test_a_network_is_saved_and_loaded(tmp_path: Path) -> None:
    network = numbacnn.architectures.build("digits", class_names=[f"class {index}" for index in range(10)])
    numbacnn.save(tmp_path / "model.h5", network)
    for path in (tmp_path / "model.h5", str(tmp_path)):  # the file, and a run's folder
        loaded = numbacnn.load(path)
        assert loaded.class_names == network.class_names
        assert (loaded.parameter("conv1", "weights") == network.parameter("conv1", "weights")).all()
    with pytest.raises(numbacnn.errors.ModelError, match="absent"):
        numbacnn.load(tmp_path / "absent.h5")


def test_networks_and_data_sets_show_what_is_in_them() -> None:
    layers = [("flatten", Flatten()), ("scores", Dense(3)), ("softmax", Softmax())]
    network = Network(Graph(layers, (2, 2, 1)), ["<b>", "cat", "dog"])
    assert repr(network).splitlines() == [
        "Network: pictures of 2x2x1, 3 classes, 15 parameters, on cpu",
        "  layer    kind     output  parameters",
        "  pixels   pixels    2x2x1",
        "  flatten  flatten       4",
        "  scores   dense         3          15",
        "  softmax  softmax       3",
    ]
    assert "<td>scores</td><td>dense</td><td>3</td><td>15</td>" in network._repr_html_()
    pictures = np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1)
    dataset = numbacnn.Dataset.from_arrays(
        "tiny", train=(pictures, [0, 1, 2]), class_names=network.class_names
    )
    assert "tiny: pictures of 2x2x1, 3 classes (<b>, cat, dog)" in repr(dataset)
    assert "(&lt;b&gt;, cat, dog)" in dataset._repr_html_()
    assert "<td>train</td><td>3</td>" in dataset._repr_html_()


def test_the_readmes_example_gives_what_the_terminal_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    example, *_ = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    made: dict[str, Any] = {}
    exec(example, made)
    network, images, labels = made["network"], made["images"], made["labels"]
    assert main(["train", "--epochs", "5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    trained, record = numbacnn.load_model(result["model"])
    assert made["settings"].as_dict() == record["settings"]
    theirs = trained.graph.snapshot()
    for name, array in network.graph.snapshot().items():
        assert array.tobytes() == theirs[name].tobytes()

    assert network.predict(images).shape == (8, 10)
    assert numbacnn.analysis.saliency(network, images, labels).shape == (8, 8, 8)
    attacked = numbacnn.attacks.FGSM(epsilon=8 / 255)(network, images, labels)
    assert abs(attacked - images / 255).max() <= 8 / 255 + 1e-6

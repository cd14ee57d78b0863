from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import numbacnn
from numbacnn_cli.__main__ import main


def test_every_public_name_is_there_and_the_list_is_sorted() -> None:
    assert list(numbacnn.__all__) == sorted(numbacnn.__all__)
    for name in numbacnn.__all__:
        assert getattr(numbacnn, name) is not None


def test_the_import_alone_loads_nothing_heavy() -> None:
    code = "import numbacnn, sys; print(sorted({'numba', 'h5py', 'matplotlib', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_readmes_example_gives_what_the_terminal_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    made: dict[str, Any] = {}
    exec(example, made)
    network, images, labels = made["network"], made["images"], made["labels"]
    assert main(["train", "--epochs", "5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    trained, record = numbacnn.load_model(result["model"])
    assert made["settings"].as_dict() == record["settings"]
    for (_, _, ours), (_, _, theirs) in zip(
        network.graph.parameters(), trained.graph.parameters(), strict=True
    ):
        assert ours.tobytes() == theirs.tobytes()

    assert network.predict(images).shape == (8, 10)
    assert numbacnn.analysis.saliency(network, images, labels).shape == (8, 8, 8)
    attacked = numbacnn.attacks.FGSM(epsilon=8 / 255)(network, images, labels)
    assert abs(attacked - images / 255).max() <= 8 / 255 + 1e-6

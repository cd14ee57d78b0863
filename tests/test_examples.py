"""The examples in docs/examples run, and print what they are about."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
PRINTED = {
    "two_heads": "auxiliary classifier is right about",
    "shared_convolution": "parameters: once/weights, once/bias, scores/weights",
    "frozen_half": "as it was, frozen",
    "numpy_layer": "pixels of 5:",
    "other_inputs": "text (6 tokens below 11), 3 classes",
    "larger_pictures": "softmax: (10,) -> (5, 5, 10)",
}


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert PRINTED[name] in capsys.readouterr().out

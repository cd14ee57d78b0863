"""The examples in docs/examples run, and print what they are about."""

from __future__ import annotations

import subprocess
import sys
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
def test_an_example(name: str, command_line, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        cwd=tmp_path,
        env=command_line[1],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert PRINTED[name] in done.stdout, done.stdout

"""The table of the CUDA kernels, where nothing can be compiled: what it says is missing."""

from __future__ import annotations

import importlib.util
import sys

import kernel_report
import pytest


def refused(monkeypatch, *arguments):
    """What the program says when it ends with a message."""
    monkeypatch.setattr(sys, "argv", ["kernel_report.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        kernel_report.main()
    return str(ended.value.code)


def test_without_numba_cuda_it_names_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'numbacnn[cuda13,cuda-checks]'" in refused(monkeypatch)


@pytest.mark.parametrize("capability", ["9", "8.x", "sm_90"])
def test_a_capability_is_two_numbers(capability, monkeypatch, capsys):
    assert refused(monkeypatch, "--capability", capability) == "2"
    assert f"--capability {capability}: two numbers with a point" in capsys.readouterr().err

"""Changing pictures until a network errs. A new attack is a file here and its line in `registry.ENTRIES`.

FGSM(epsilon=8 / 255)(network, images, labels) gives changed pictures, float32 in [0, 1]; `run` scores them. Names are
loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .registry import ATTACKS as ATTACKS
from .registry import ENTRIES

_HOMES = {
    "Attack": "base",
    "AttackResult": "result",
    "Goal": "goal",
    "MaskingSign": "masking",
    "Smoothed": "smoothing",
    "SweepPoint": "scoring",
    "Transfer": "transferability",
    "certify": "smoothing",
    "masking_signs": "masking",
    "SmallestEpsilons": "minimal",
    "smallest_epsilons": "minimal",
    "sweep": "scoring",
    "transfer": "transferability",
    "wilson_interval": "scoring",
} | {entry.kind: entry.module for entry in ENTRIES.values()}
"""Public name -> the module that it lives in."""

__all__ = sorted([*_HOMES, *("ATTACKS", "ENTRIES")])  # noqa: PLE0605 - the tables are the one list


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module 'numbacnn.attacks' has no attribute '{name}'")

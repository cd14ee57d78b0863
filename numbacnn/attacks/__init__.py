"""Changing pictures until a network errs. A new attack is a file here and its name in ATTACKS.

FGSM(epsilon=8 / 255)(network, images, labels) gives changed pictures, float32 in [0, 1]; `run` scores them.
"""

from .base import Attack, Goal
from .fgsm import FGSM
from .result import AttackResult
from .scoring import SweepPoint, sweep

ATTACKS: dict[str, type[Attack]] = {attack.name: attack for attack in (FGSM,)}
"""Name -> class."""

__all__ = ["ATTACKS", "FGSM", "Attack", "AttackResult", "Goal", "SweepPoint", "sweep"]

"""The attacks by name, known without loading any of them: the command line is built from this table.

A new attack is a file in this folder and a line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .base import Attack


class Entry(NamedTuple):
    """An entry of the registry: the attack's module in this folder, its class, and a line on what it does."""

    module: str
    kind: str
    help: str


ENTRIES: dict[str, Entry] = {
    "fgsm": Entry("fgsm", "FGSM", "One step along the sign of the gradient."),
    "step": Entry("ascent", "Ascent", "The lecture's x <- x + alpha dE/dx, step by step."),
    "bim": Entry("iterative", "BIM", "Small steps along the sign of the gradient."),
    "pgd": Entry("iterative", "PGD", "Small steps from random starts, in a ball of any norm."),
    "mifgsm": Entry("iterative", "MIFGSM", "Small steps with momentum, whose pictures transfer better."),
    "apgd": Entry("apgd", "APGD", "Projected gradient ascent that chooses its own steps."),
    "square": Entry("square", "Square", "Random squares; looks at scores only."),
    "ensemble": Entry("ensemble", "Ensemble", "APGD on two losses, then Square: the worst of each picture."),
    "deepfool": Entry("deepfool", "DeepFool", "The nearest boundary, as if the network were linear."),
    "cw": Entry(
        "carlini_wagner", "CarliniWagner", "The smallest change in L2, by Adam (Carlini and Wagner)."
    ),
    "lbfgs": Entry("lbfgs", "LBFGS", "The smallest change in L2, by L-BFGS (Szegedy et al.)."),
    "universal": Entry("universal", "Universal", "One change for all pictures."),
    "patch": Entry("patch", "Patch", "A sticker that works wherever it is put."),
    "noise": Entry("noise", "Noise", "Random changes: what any attack has to beat."),
    "rotate": Entry("rotate", "Rotate", "Turns and shifts, without a change of a single pixel's meaning."),
}


class _Attacks(Mapping[str, "type[Attack]"]):
    """Name -> class, imported when it is asked for."""

    def __getitem__(self, name: str) -> type[Attack]:
        entry = ENTRIES[name]
        found: type[Attack] = getattr(import_module(f".{entry.module}", __package__), entry.kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(ENTRIES)

    def __len__(self) -> int:
        return len(ENTRIES)


ATTACKS: Mapping[str, type[Attack]] = _Attacks()

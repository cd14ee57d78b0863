"""Whether numbacnn's attacks succeed as often as Foolbox's on the same weights and pictures, with changes as small, and how fast.

    pip install 'numbacnn[compare]'
    python tools/compare_foolbox.py MODEL.h5 --data DATA.h5 [--count 200] [--epsilon 8/255] [--attacks fgsm,pgd,…]
        [--autoattack FOLDER] [--json FILE.json]

Both get the same pictures, labels, epsilon, steps and step sizes, in float32; the network is computed by PyTorch for Foolbox.
FOLDER holds the package `autoattack` (github.com/fra31/auto-attack), whose parts are compared too. L-BFGS, which Foolbox has no
more, is compared with Foolbox's Carlini-Wagner. A row is said, and FILE.json written again, as soon as it is measured. Success is
the share of the pictures that were right before; norms are medians over the pictures that were fooled. Ends with 1 where success is more than one
point below Foolbox's, or a median norm above 1.02 of it. Seconds are those of one run each, on as many threads as both are given.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import foolbox
import numpy as np
import torch  # before numbacnn, so that PyTorch's threads wait as it likes best
from attribution.theirs import Theirs
from comparison.machine import machine

from numbacnn.attacks import APGD, FGSM, LBFGS, PGD, Attack, CarliniWagner, DeepFool, Square
from numbacnn.attacks.norms import sizes
from numbacnn.network import Network
from numbacnn.ops.compilation import threads
from numbacnn.replacing import replacing
from numbacnn.storage import load_model, open_dataset

POINT, LONGER = 0.01, 1.02
HEADERS = (
    "attack",
    "success",
    "theirs",
    "median norm",
    "theirs",
    "ratio",
    "seconds",
    "theirs",
    "times as fast",
)
Run = Callable[[Any, Any], Any]
"""Pictures (N,C,H,W) and labels as tensors -> changed pictures."""


class FromPixels(torch.nn.Module):
    """The network on pictures from 0 to 1."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.inner = Theirs(network.graph)
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x * 255)


def foolboxes(model: Any, attack: Any, epsilon: float | None) -> Run:
    """One of Foolbox's attacks; without an epsilon as far as it goes."""

    def run(images: Any, labels: Any) -> Any:
        raw, clipped, _ = attack(model, images, labels, epsilons=epsilon)
        return raw if epsilon is None else clipped

    return run


def originals(module: Any, folder: Path, epsilon: float) -> Iterator[tuple[str, Attack, Run]]:
    """The published code of AutoAttack's parts."""
    sys.path.insert(0, str(folder))
    from autoattack.autopgd_base import APGDAttack
    from autoattack.square import SquareAttack

    shared = {"eps": epsilon, "norm": "Linf", "device": "cpu", "seed": 0}
    for name, loss in (("cross-entropy", "ce"), ("dlr", "dlr")):
        theirs = APGDAttack(module, loss=loss, n_iter=100, n_restarts=1, **shared)
        yield f"apgd {name}", APGD(epsilon, objective=name), theirs.perturb
    square = SquareAttack(module, n_queries=500, p_init=0.8, n_restarts=1, **shared)
    yield "square", Square(epsilon, queries=500), square.perturb


def pairs(module: Any, epsilon: float, folder: Path | None) -> Iterator[tuple[str, Attack, Run]]:
    """Ours, and theirs with the same options."""
    model = foolbox.PyTorchModel(module, bounds=(0, 1))
    attacks = foolbox.attacks
    steps = {
        "steps": 40,
        "rel_stepsize": 0.1,
        "random_start": False,
    }  # where it begins moves rates by a point
    yield "fgsm", FGSM(epsilon), foolboxes(model, attacks.LinfFastGradientAttack(), epsilon)
    yield (
        "pgd",
        PGD(epsilon, step_size=epsilon / 10, random_start=False),
        foolboxes(model, attacks.LinfPGD(**steps), epsilon),
    )
    wide = 16 * epsilon
    yield (
        "pgd l2",
        PGD(wide, norm="l2", step_size=wide / 10, random_start=False),
        foolboxes(model, attacks.L2PGD(**steps), wide),
    )
    yield "deepfool", DeepFool(), foolboxes(model, attacks.L2DeepFoolAttack(), None)
    yield "deepfool linf", DeepFool(norm="linf"), foolboxes(model, attacks.LinfDeepFoolAttack(), None)
    wagner = attacks.L2CarliniWagnerAttack(binary_search_steps=7, steps=300, stepsize=0.02, initial_const=0.1)
    yield "cw", CarliniWagner(), foolboxes(model, wagner, None)
    yield "lbfgs", LBFGS(candidates=3), foolboxes(model, wagner, None)
    if folder is not None:
        yield from originals(module, folder, epsilon)


def compared(
    network: Network, module: Any, attack: Attack, theirs: Run, images: Any, labels: Any
) -> dict[str, Any]:
    """A row: success, median norms and seconds of either side."""
    first = images[:4]
    attack(network, first, labels[:4])  # compiles
    begun = time.perf_counter()
    ours = attack(network, images, labels)
    seconds = [time.perf_counter() - begun]
    tensors = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))), torch.from_numpy(labels)
    begun = time.perf_counter()
    found = theirs(*tensors)
    seconds.append(time.perf_counter() - begun)
    with torch.no_grad():
        named = module(found).argmax(1).numpy()
    moved = found.detach().numpy().transpose(0, 2, 3, 1)
    row: dict[str, Any] = {"seconds": seconds, "success": [], "norm": []}
    for pictures, after in ((ours, network.predict(ours).argmax(1)), (moved, named)):
        fooled = after != labels
        changed = sizes(pictures - images, attack.norm)[fooled]
        row["success"].append(float(fooled.mean()))
        row["norm"].append(float(np.median(changed)) if len(changed) else float("nan"))
    return row


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--epsilon", type=Fraction, default=Fraction(8, 255))
    parser.add_argument("--attacks", default="", help="names, with commas between them; left out, all")
    parser.add_argument("--autoattack", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    network, _ = load_model(given.model)
    torch.set_num_threads(threads())
    torch.manual_seed(0)
    split = open_dataset(given.data).with_classes_of(network).split("test")
    chosen = np.arange(min(2 * given.count, len(split))) * len(split) // min(2 * given.count, len(split))
    images = (network.as_images(split.read(chosen)) / 255).astype(np.float32)
    labels = np.asarray(split.labels[chosen]).astype(np.int64)
    right = np.flatnonzero(network.predict(images).argmax(1) == labels)[: given.count]
    images, labels = images[right], labels[right]
    module = FromPixels(network)
    wanted = [name for name in given.attacks.split(",") if name]
    rows: dict[str, Any] = {}
    failed = False
    print(f"{len(labels)} pictures, epsilon {given.epsilon}, {threads()} threads")
    print("  ".join(HEADERS), flush=True)
    for name, attack, theirs in pairs(module, float(given.epsilon), given.autoattack):
        if wanted and name not in wanted:
            continue
        rows[name] = row = compared(network, module, attack, theirs, images, labels)
        (ours, their), (small, large), (one, other) = row["success"], row["norm"], row["seconds"]
        bounded = attack.needs_epsilon
        worse = ours < their - POINT or (not bounded and small > LONGER * large)
        failed |= worse
        print(
            f"{name:14} {ours:7.1%} {their:7.1%}  {small:8.4f} {large:8.4f} {small / large:6.3f}  "
            f"{one:7.2f} {other:7.2f} {other / one:6.2f}{'  WORSE' if worse else ''}",
            flush=True,
        )
        if given.json is not None:
            with replacing(given.json) as partial:
                facts = {**machine(), "foolbox": foolbox.__version__, "torch": torch.__version__}
                Path(partial).write_text(json.dumps({"machine": facts, "rows": rows}, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Szegedy's attack once more, with PyTorch's gradients and one picture after the other: no package has it any longer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch.nn.functional import cross_entropy


def smallest_changes(
    module: Any, images: Any, labels: Any, *, candidates: int, steps: int, searches: int, factors: int
) -> Any:
    """Pictures (N,C,H,W) in [0, 1] and their labels (N,) -> the nearest pictures found that are taken for another class.

    min c |r|^2 + loss(x + r, t) within [0, 1] by L-BFGS, for each of the `candidates` likeliest wrong classes t. c begins with
    1 and goes by factors of ten, `factors` of them, until it leads to t and ten times as large does not, or the other way
    round; then its logarithm is bisected `searches` times. Of all pictures that are taken for t the nearest is kept.
    """
    with torch.no_grad():
        order = module(images).argsort(1, descending=True)
    found = images.clone()
    for row, picture in enumerate(images):
        wrong = [int(each) for each in order[row] if each != labels[row]][:candidates]
        tries = [_towards(module, picture, target, steps, searches, factors) for target in wrong]
        changes = [change for change in tries if change is not None]
        if changes:
            found[row] += min(changes, key=lambda change: float(change.norm()))
    return found


def _towards(
    module: Any, picture: torch.Tensor, target: int, steps: int, searches: int, factors: int
) -> torch.Tensor | None:
    nearest: torch.Tensor | None = None
    start = torch.zeros_like(picture)

    def leads(exponent: float) -> bool:
        nonlocal nearest, start
        change = _minimum(module, picture, target, 10.0**exponent, steps, start)
        with torch.no_grad():
            fooled = int(module((picture + change)[None]).argmax()) == target
        if fooled and (nearest is None or change.norm() < nearest.norm()):
            nearest = start = change
        return fooled

    first = leads(0.0)
    low, high = (0.0, None) if first else (None, 0.0)  # exponents that lead there, and that do not
    for place in range(1, factors):
        exponent = float(place if first else -place)
        if leads(exponent):
            low = exponent
        else:
            high = exponent
        if low is not None and high is not None:
            break
    if low is None or high is None:
        return nearest
    for _ in range(searches):
        middle = (low + high) / 2
        low, high = (middle, high) if leads(middle) else (low, middle)
    return nearest


def _minimum(
    module: Any, picture: torch.Tensor, target: int, c: float, steps: int, start: torch.Tensor
) -> torch.Tensor:
    flat = picture.double().numpy().ravel()
    aim = torch.tensor([target])

    def value(change: Any) -> tuple[float, Any]:
        shown = torch.from_numpy(np.clip(flat + change, 0, 1)).to(picture.dtype).reshape(picture.shape)
        shown.requires_grad_()
        loss = cross_entropy(module(shown[None]), aim)
        (gradient,) = torch.autograd.grad(loss, shown)
        return float(loss.detach()) + c * float(
            change @ change
        ), gradient.double().numpy().ravel() + 2 * c * change

    box = np.stack([-flat, 1 - flat], axis=1)
    done = minimize(
        value, start.double().numpy().ravel(), jac=True, method="L-BFGS-B", bounds=box,
        options={"maxiter": steps, "maxfun": 2 * steps},
    )  # fmt: skip
    change = np.clip(flat + done.x, 0, 1) - flat
    return torch.from_numpy(change).to(picture.dtype).reshape(picture.shape)

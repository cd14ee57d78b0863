"""Each method twice: numbacnn's, and Captum's with the same options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from captum.attr import (
    Deconvolution,
    GuidedBackprop,
    GuidedGradCam,
    InputXGradient,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
    NoiseTunnel,
    Saliency,
)
from captum.attr import Occlusion as TheirOcclusion

from numbacnn import analysis
from numbacnn.network import Network

from .deconvolution import walked_back
from .theirs import Theirs, as_ours, as_theirs

STEPS, SAMPLES, NOISE = 20, 10, 0.15
Act = Callable[[], Any]


@dataclass(frozen=True)
class Subject:
    """A network on both sides, pictures (N,H,W,C) uint8 and their classes (N,)."""

    network: Network
    theirs: Theirs
    images: Any
    classes: Any
    batch_size: int

    @property
    def x(self) -> torch.Tensor:
        return as_theirs(self.images, torch.from_numpy(np.zeros(1, self.network.graph.dtype)).dtype)

    @property
    def targets(self) -> torch.Tensor:
        return torch.from_numpy(self.classes)


def pairs(on: Subject) -> dict[str, tuple[Act, Act]]:
    """Method -> (ours, theirs), each giving values (N,H,W,C) or (N,H,W,1)."""
    x, targets, net, count = on.x, on.targets, on.theirs, on.batch_size

    def ours(method: analysis.Attribution) -> Act:
        return lambda: method(on.network, on.images, on.classes, batch_size=count).values

    def each(act: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Act:
        """Picture by picture, as methods of many passes go on our side."""
        return lambda: np.concatenate([as_ours(act(x[n : n + 1], targets[n : n + 1])) for n in range(len(x))])

    layer = analysis.GradCAM().settled(on.network).layer  # type: ignore[attr-defined]
    height, width, channels = on.network.input_shape
    occlusion: Any = analysis.Occlusion().settled(on.network)
    camera = LayerGradCam(net, net.module(layer))

    def grad_cam() -> torch.Tensor:
        coarse = camera.attribute(x, targets, relu_attributions=True)
        return LayerAttribution.interpolate(coarse, (height, width), "bilinear")

    return {
        "saliency": (
            ours(analysis.Saliency()),
            lambda: as_ours(Saliency(net).attribute(x.clone(), targets, abs=False)),
        ),
        "gradient times input": (
            ours(analysis.GradientTimesInput("black")),
            lambda: as_ours(InputXGradient(net).attribute(x.clone(), targets)),
        ),
        "guided backpropagation": (
            ours(analysis.GuidedBackpropagation()),
            lambda: as_ours(GuidedBackprop(net).attribute(x.clone(), targets)),
        ),
        "deconvnet": (
            ours(analysis.Deconvnet()),
            lambda: as_ours(Deconvolution(net).attribute(x.clone(), targets)),
        ),
        "deconvnet by hand": (ours(analysis.Deconvnet()), lambda: _by_hand(net, x, targets)),
        "integrated gradients": (
            ours(analysis.IntegratedGradients("black", STEPS)),
            each(
                lambda one, target: IntegratedGradients(net).attribute(
                    one, 0.0, target, n_steps=STEPS, method="riemann_middle", internal_batch_size=count
                )
            ),
        ),
        "SmoothGrad": (
            ours(analysis.SmoothGrad(SAMPLES, NOISE)),
            each(lambda one, target: _smoothgrad(net, one, target, count)),
        ),
        "Grad-CAM": (ours(analysis.GradCAM()), lambda: as_ours(grad_cam())),
        "guided Grad-CAM": (
            ours(analysis.GuidedGradCAM()),
            lambda: as_ours(
                GuidedGradCam(net, net.module(layer)).attribute(
                    x.clone(), targets, interpolate_mode="bilinear"
                )
            ),
        ),
        "occlusion": (
            ours(analysis.Occlusion()),
            each(
                lambda one, target: TheirOcclusion(net).attribute(
                    one,
                    (channels, occlusion.window, occlusion.window),
                    (channels, occlusion.stride, occlusion.stride),
                    127.5,
                    target,
                    perturbations_per_eval=count,
                )[:, :1]
            ),
        ),
    }


def _by_hand(net: Theirs, x: torch.Tensor, targets: torch.Tensor) -> Any:
    with torch.no_grad():
        return as_ours(walked_back(net, x, targets))


def _smoothgrad(net: Theirs, one: torch.Tensor, target: torch.Tensor, count: int) -> torch.Tensor:
    spread = NOISE * float(one.max() - one.min())
    with _our_noise():
        return NoiseTunnel(Saliency(net)).attribute(
            one, "smoothgrad", SAMPLES, min(count, SAMPLES), spread, target=target, abs=False
        )


@contextmanager
def _our_noise() -> Iterator[None]:
    """Captum draws what SmoothGrad draws here, copy after copy of one picture."""
    method, drawn = analysis.SmoothGrad(SAMPLES, NOISE), 0

    def normal(_: float, spread: torch.Tensor) -> torch.Tensor:
        nonlocal drawn
        count, channels, height, width = spread.shape
        copies = [method.noise_of(drawn + number, (height, width, channels)) for number in range(count)]
        drawn += count
        return as_theirs(np.stack(copies), spread.dtype) * spread

    with patch.object(torch, "normal", normal):
        yield

"""PyTorch's side of a network. Nothing of numbacnn is imported, so that a process can measure this alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


class Theirs:
    """A network as plain data (description.py), with pictures (N,H,W,C), already scaled, and labels (N,)."""

    def __init__(
        self,
        modules: Iterable[Sequence[Any]],
        images: NDArray[np.float32],
        labels: NDArray[Any],
        layout: str,
        device: str = "cpu",
    ) -> None:
        self._form = LAYOUTS[layout]
        layers = [getattr(nn, name)(*arguments, **options) for name, arguments, options in modules]
        self.model: Any = nn.Sequential(*layers).to(device, memory_format=self._form)
        pictures = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
        self.images = pictures.contiguous(memory_format=self._form)
        self.labels = torch.from_numpy(labels).to(device)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 1e-5, momentum=0.9, weight_decay=5e-4)

    def set_parameters(self, parameters: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> None:
        """Weights and bias of each layer that has them."""
        with torch.no_grad():
            for layer, (weights, bias) in zip(self.learning, parameters, strict=True):
                layer.weight.copy_(torch.from_numpy(weights))
                layer.bias.copy_(torch.from_numpy(bias))

    @property
    def learning(self) -> list[Any]:
        """The layers with parameters."""
        return [layer for layer in self.model if hasattr(layer, "weight")]

    def to_float64(self) -> None:
        """Parameters and pictures in twice the digits."""
        self.model.double()
        self.images = self.images.double()

    def gradients(self, *, training: bool = True) -> float:
        """One walk forward and back; returns the mean loss."""
        self.model.train(training)
        return float(self._walk())

    def _walk(self) -> Any:
        self.optimizer.zero_grad(set_to_none=True)
        loss: Any = nn.functional.cross_entropy(self.model(self.images), self.labels)
        loss.backward()
        return loss.detach()

    def train(self) -> None:
        """One training step."""
        self.model.train()
        self._walk()
        self.optimizer.step()

    def forward(self) -> NDArray[Any]:
        """The scores (N,K)."""
        self.model.eval()
        with torch.inference_mode():
            scores: NDArray[Any] = self.model(self.images).numpy()
        return scores

    def frozen(self, *, optimised: bool) -> Callable[[], NDArray[Any]]:
        """`forward` as a traced, frozen program; `optimised` for inference on this processor."""
        self.model.eval()
        program = torch.jit.freeze(torch.jit.trace(self.model, self.images))
        if optimised:
            program = torch.jit.optimize_for_inference(program)

        def forward() -> NDArray[Any]:
            with torch.inference_mode():
                scores: NDArray[Any] = program(self.images).numpy()
            return scores

        return forward

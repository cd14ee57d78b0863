"""PyTorch's side of a network. Nothing of numbacnn is imported, so that a process can measure this alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


class Add(nn.Module):
    """The sum of two volumes."""

    def forward(self, one: Any, other: Any) -> Any:
        return one + other


class Concatenate(nn.Module):
    """Volumes with their channels one after the other."""

    def forward(self, *volumes: Any) -> Any:
        return torch.cat(volumes, 1)


class Subsample(nn.Module):
    """Every `stride`-th row and column; half of the channels that are new before the old ones, zeros."""

    def __init__(self, channels: int, wanted: int, stride: int) -> None:
        super().__init__()
        before = (wanted - channels) // 2
        self._around, self._stride = (0, 0, 0, 0, before, wanted - channels - before), stride

    def forward(self, volume: Any) -> Any:
        return nn.functional.pad(volume[:, :, :: self._stride, :: self._stride], self._around)


class Factor(nn.Module):
    """Everything times a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self._factor = factor

    def forward(self, volume: Any) -> Any:
        return volume * self._factor


class BatchNormOfOne(nn.BatchNorm2d):
    """A batch normalisation whose scale is not learned."""

    def __init__(self, channels: int, **options: float) -> None:
        super().__init__(channels, **options)
        self.weight.requires_grad_(False)


class Net(nn.Module):
    """Modules that read each other's outputs; the last one's is the network's."""

    def __init__(self, layers: Sequence[nn.Module], inputs: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self._inputs = [tuple(places) for places in inputs]

    def forward(self, images: Any) -> Any:
        outputs: list[Any] = []
        for layer, places in zip(self.layers, self._inputs, strict=True):
            outputs.append(layer(*(images if place < 0 else outputs[place] for place in places)))
        return outputs[-1]


OWN = {each.__name__: each for each in (Add, BatchNormOfOne, Concatenate, Factor, Subsample)}


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
        described = list(modules)
        self._layers = [
            (OWN.get(name) or getattr(nn, name))(*arguments, **options)
            for name, arguments, options, _ in described
        ]
        inputs = [places for *_, places in described]
        is_chain = inputs == [[place - 1] for place in range(len(inputs))]
        model = nn.Sequential(*self._layers) if is_chain else Net(self._layers, inputs)
        self.model: Any = model.to(device, memory_format=self._form)
        self.compiled: Any = None
        """The model as `torch.compile` makes it, once it was asked for."""
        pictures = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
        self.images = pictures.contiguous(memory_format=self._form)
        self.labels = torch.from_numpy(labels).to(device)
        self.optimizer = torch.optim.SGD(
            [each for each in self.model.parameters() if each.requires_grad],
            1e-5,
            momentum=0.9,
            weight_decay=5e-4,
        )

    def set_parameters(self, parameters: Iterable[tuple[NDArray[Any], NDArray[Any] | None]]) -> None:
        """Weights and bias of each layer that has them."""
        with torch.no_grad():
            for layer, (weights, bias) in zip(self.learning, parameters, strict=True):
                layer.weight.copy_(torch.from_numpy(weights))
                if bias is not None:
                    layer.bias.copy_(torch.from_numpy(bias))

    @property
    def learning(self) -> list[Any]:
        """The layers with parameters."""
        return [layer for layer in self._layers if hasattr(layer, "weight")]

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

    def compile(self) -> None:
        """Lets `torch.compile` make C++ of the model, which is then launched by C++ too."""
        torch._inductor.config.cpp_wrapper = True
        self.compiled = torch.compile(self.model, dynamic=False)

    def train_compiled(self) -> None:
        """`train` by the compiled model."""
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(self.compiled(self.images), self.labels).backward()  # type: ignore[no-untyped-call, unused-ignore]
        self.optimizer.step()

    def forward_compiled(self) -> NDArray[Any]:
        """`forward` by the compiled model."""
        self.model.eval()
        with torch.no_grad():
            scores: NDArray[Any] = self.compiled(self.images).numpy()
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

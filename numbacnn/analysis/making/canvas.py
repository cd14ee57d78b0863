"""What is optimised in place of a picture: its pixels, or its frequencies in decorrelated colours (Olah et al., 2017)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

CANVASES = ("fourier", "pixels")

_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
"""Independent colours -> RGB: the square root of the covariance of ImageNet's colours, after Olah et al. (2017)."""

_COLOURS /= np.sqrt((_COLOURS**2).sum(axis=0)).max()


class Canvas(ABC):
    """Numbers `values` (float32) that stand for pictures (N,H,W,C) in [0, 1]."""

    values: Any

    @abstractmethod
    def pictures(self) -> Any:
        """(N,H,W,C) float32 in [0, 1]."""

    @abstractmethod
    def pull(self, gradient: Any) -> Any:
        """A gradient with respect to the pictures that were asked for last -> with respect to `values`."""

    @abstractmethod
    def settle(self) -> None:
        """Brings `values` back to where they stand for pictures, after a step."""


class PixelCanvas(Canvas):
    """The pixels themselves, clipped to [0, 1] after each step."""

    def __init__(self, start: Any) -> None:
        self.values = np.array(start, np.float32)

    def pictures(self) -> Any:
        return self.values

    def pull(self, gradient: Any) -> Any:
        return gradient

    def settle(self) -> None:
        np.clip(self.values, 0, 1, out=self.values)


class FourierCanvas(Canvas):
    """Frequencies of colours that are independent in photographs, each of a weight as in photographs, 1 / f.

    So a step changes what is large and what is small alike. The start is noise of `seed`, almost grey. Pictures of other than
    three channels have no colours to decorrelate.
    """

    def __init__(self, shape: tuple[int, int, int, int], seed: int, spread: float = 0.01) -> None:
        count, height, width, channels = shape
        self._shape = shape
        down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
        frequencies = np.sqrt(down**2 + across**2)
        weights = np.sqrt(height * width) / np.maximum(frequencies, 1 / max(height, width))
        self._weights = (weights / 4).astype(np.float32)[None, :, :, None]
        # Columns that stand for two frequencies each, +f and -f.
        twice = np.full(width // 2 + 1, 2.0)
        twice[0] = 1.0
        if width % 2 == 0:
            twice[-1] = 1.0
        self._twice = twice.astype(np.float32)[None, None, :, None]
        generator = np.random.Generator(np.random.Philox(key=seed))
        size = (2, count, height, width // 2 + 1, channels)
        self.values = (spread * generator.standard_normal(size, np.float32)).astype(np.float32)
        self._colours = _COLOURS if channels == 3 else np.eye(channels, dtype=np.float32)
        self._last: Any = None

    def pictures(self) -> Any:
        _, height, width, _ = self._shape
        spectrum = (self.values[0] + 1j * self.values[1]) * self._weights
        plain = np.fft.irfft2(spectrum, (height, width), axes=(1, 2)).astype(np.float32) @ self._colours.T
        self._last = 1 / (1 + np.exp(-np.clip(plain, -30, 30)))
        return self._last

    def pull(self, gradient: Any) -> Any:
        _, height, width, _ = self._shape
        plain = (gradient * self._last * (1 - self._last)) @ self._colours
        spectrum = np.fft.rfft2(plain, axes=(1, 2)) * (self._twice * self._weights / (height * width))
        return np.stack([spectrum.real, spectrum.imag]).astype(np.float32)

    def settle(self) -> None:
        """Any numbers stand for pictures."""

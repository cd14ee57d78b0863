"""Are a convolution's filters good? Smooth and diverse ones are a sign that training went well; noisy ones are a sign of an
unconverged network, a learning rate that does not fit, or too little regularisation (lecture: visualization of CNNs).

What is measured, of each filter over all its channels:

- the share of high-frequency energy: of its squared Fourier transform beyond a quarter of a cycle a pixel, over what white
  noise has there. 1: as rough as random numbers; 0: nothing but slow changes. A filter of one row or column, or of a
  single pixel, has no such share.
- whether it is dead: its norm is less than a twentieth of the layer's 90th percentile.
- whether it is a near duplicate: its cosine with an earlier filter is above 0.95.
- of all that live, their diversity: how many directions they span (the exponential of the entropy of their normalised Gram
  matrix's eigenvalues) over how many they could.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError

CUT_OFF = 0.25
"""Cycles a pixel; half of the fastest that pixels can show."""
_GRID = 32
"""The Fourier transform's rows and columns; kernels are padded with zeros to it."""
_COMPARED = 4096
"""Filters that are compared with each other, at most."""


@dataclass(frozen=True)
class Thresholds:
    """Where one verdict ends and the next begins."""

    dead_norm: float = 0.05
    """A filter is dead whose norm is below this share of the layer's 90th percentile."""
    dead_share: float = 0.5
    """A layer is dead of whose filters at least this share is."""
    duplicate_cosine: float = 0.95
    noisy: float = 0.5
    """A layer is noisy whose median share of high-frequency energy is at least this share of white noise's."""
    random: float = 0.8
    """From here on it cannot be told from the random numbers that it started with: unconverged."""
    still_falling: float = 0.15
    """Over a run: the share still falls if it fell by this share of itself over the last quarter of the epochs."""
    duplicate_share: float = 0.25
    """Filters are alike of which more than this share are near duplicates,"""
    diversity: float = 0.1
    """or that span less than this share of the directions that they could."""


THRESHOLDS = Thresholds()


class Measures(NamedTuple):
    """Of K filters: `roughness` (K), the share of high-frequency energy over white noise's (NaN where there is none),
    `norms` (K), `dead` (K) bool, `twins` (K), the first filter that it nearly equals (-1: none), and their `diversity`.
    """

    roughness: Any
    norms: Any
    dead: Any
    twins: Any
    diversity: float

    @property
    def median_roughness(self) -> float:
        """Of the filters that live; NaN where no filter has one."""
        alive = self.roughness[~self.dead & np.isfinite(self.roughness)]
        return float(np.median(alive)) if alive.size else float("nan")


class Cause(NamedTuple):
    """A likely cause, what speaks for it, and what to do."""

    cause: str
    evidence: str
    advice: str


class Judgement(NamedTuple):
    """`verdict` is one of VERDICTS; `reason` says it in a sentence with the numbers."""

    verdict: str
    reason: str
    causes: list[Cause]
    measures: Measures
    trend: list[tuple[int, float]]
    """Over a run's epochs, the median roughness."""
    thresholds: Thresholds

    def summary(self) -> dict[str, Any]:
        """Plain values for programs."""
        measures = self.measures
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "causes": [cause._asdict() for cause in self.causes],
            "high_frequency": measures.roughness,
            "median_high_frequency": measures.median_roughness,
            "dead": np.flatnonzero(measures.dead).tolist(),
            "duplicates": [[int(unit), int(twin)] for unit, twin in enumerate(measures.twins) if twin >= 0],
            "diversity": measures.diversity,
            "trend": [{"epoch": epoch, "median_high_frequency": value} for epoch, value in self.trend],
            "thresholds": asdict(self.thresholds),
        }


SMOOTH, ALIKE, NOISY, DEAD, UNCONVERGED, UNJUDGED = (
    "smooth and diverse", "smooth but alike", "noisy", "dead", "unconverged", "not judged",
)  # fmt: skip
VERDICTS = (SMOOTH, ALIKE, NOISY, DEAD, UNCONVERGED, UNJUDGED)


def measure_filters(kernels: Any, thresholds: Thresholds = THRESHOLDS) -> Measures:
    """The measures above of kernels (R,S,C,K). Raises ShapeError for another shape."""
    values = np.asarray(kernels, np.float64)
    if values.ndim != 4 or not values.size:
        raise ShapeError(f"kernels of shape {values.shape}; expected (rows, columns, channels, filters)")
    flat = values.reshape(-1, values.shape[3])
    norms = np.linalg.norm(flat, axis=0)
    dead = norms <= thresholds.dead_norm * np.percentile(norms, 90)
    unit = flat / np.where(norms > 0, norms, 1)
    return Measures(
        roughness=_roughness(values), norms=norms, dead=dead, twins=_twins(unit, dead, thresholds),
        diversity=_diversity(unit[:, ~dead]),
    )  # fmt: skip


def _roughness(kernels: Any) -> Any:
    rows, columns, channels, filters = kernels.shape
    if min(rows, columns) == 1:
        return np.full(filters, np.nan)
    beyond = np.hypot(*np.meshgrid(np.fft.fftfreq(_GRID), np.fft.fftfreq(_GRID), indexing="ij")) > CUT_OFF
    high, total = np.zeros(filters), np.zeros(filters)
    size = max(_GRID, rows), max(_GRID, columns)
    if size != (_GRID, _GRID):
        beyond = (
            np.hypot(*np.meshgrid(np.fft.fftfreq(size[0]), np.fft.fftfreq(size[1]), indexing="ij")) > CUT_OFF
        )
    for channel in range(channels):  # one at a time: the transforms of all would be large
        for first in range(0, filters, 256):
            part = slice(first, first + 256)
            energy = np.abs(np.fft.fft2(kernels[:, :, channel, part], size, axes=(0, 1))) ** 2
            high[part] += energy[beyond].sum(axis=0)
            total[part] += energy.sum(axis=(0, 1))
    return np.divide(high, total, out=np.full(filters, np.nan), where=total > 0) / beyond.mean()


def _twins(unit: Any, dead: Any, thresholds: Thresholds) -> Any:
    twins = np.full(unit.shape[1], -1)
    alive = np.flatnonzero(~dead)[:_COMPARED]
    if unit.shape[0] < 2:  # a single number: all are alike by nature
        return twins
    alike = unit[:, alive].T @ unit[:, alive] > thresholds.duplicate_cosine
    first = alike.argmax(axis=1)
    found = first < np.arange(len(alive))
    twins[alive[found]] = alive[first[found]]
    return twins


def _diversity(unit: Any) -> float:
    most = min(unit.shape)
    if most < 1:
        return 0.0
    energy = np.linalg.svd(unit, compute_uv=False) ** 2
    shares = energy[energy > 0] / energy.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()) / most)


def judge(
    kernels: Any,
    history: Sequence[tuple[int, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    thresholds: Thresholds = THRESHOLDS,
) -> Judgement:
    """A verdict on kernels (R,S,C,K), with its likely causes.

    `history` are a run's kernels, (epoch, (R,S,C,K)) in order: a layer that is still losing its noise is unconverged.
    `settings` are those of the training (`learning_rate`, `weight_decay`, `epochs`) where they are known; they decide which
    causes come first. Raises ShapeError for another shape.
    """
    measures = measure_filters(kernels, thresholds)
    trend = [(epoch, measure_filters(each, thresholds).median_roughness) for epoch, each in history]
    falls = _still_falling(trend, thresholds)
    verdict, reason = _verdict(measures, falls, thresholds)
    return Judgement(
        verdict, reason, _causes(verdict, falls, trend, settings or {}), measures, trend, thresholds
    )


def _still_falling(trend: Sequence[tuple[int, float]], thresholds: Thresholds) -> float:
    """By which share of itself the roughness fell over the last quarter of a run; 0 where that is unknown or little."""
    if len(trend) < 3:
        return 0.0
    first, last = trend[-1 - max(1, len(trend) // 4)][1], trend[-1][1]
    fell = 1 - last / first if first > 0 else 0.0
    return fell if fell >= thresholds.still_falling else 0.0


def _verdict(measures: Measures, falls: float, thresholds: Thresholds) -> tuple[str, str]:
    count, dead = len(measures.dead), int(measures.dead.sum())
    twins, rough = int((measures.twins >= 0).sum()), measures.median_roughness
    if dead >= thresholds.dead_share * count or not measures.norms.any():
        return DEAD, f"{dead} of {count} filters have next to no weights"
    if not np.isfinite(rough):
        return UNJUDGED, "filters of one row or column have no frequencies to be judged by"
    as_noise = f"high frequencies have {rough:.0%} of the energy that they have in white noise"
    if rough >= thresholds.random:
        return UNCONVERGED, f"{as_noise}: the filters can hardly be told from random numbers"
    if falls and rough >= thresholds.noisy:
        return (
            UNCONVERGED,
            f"{as_noise}, and that still falls: by {falls:.0%} over the last quarter of the run",
        )
    if rough >= thresholds.noisy:
        return NOISY, as_noise
    if twins > thresholds.duplicate_share * count:
        return ALIKE, f"{as_noise}, but {twins} of {count} filters nearly equal an earlier one"
    if measures.diversity < thresholds.diversity:
        return ALIKE, f"{as_noise}, but they span {measures.diversity:.0%} of the directions that they could"
    few = f"; {dead} dead, {twins} near duplicates" if dead or twins else ""
    return SMOOTH, f"{as_noise}; they span {measures.diversity:.0%} of the directions that they could{few}"


def _causes(
    verdict: str, falls: float, trend: Sequence[tuple[int, float]], settings: Mapping[str, Any]
) -> list[Cause]:
    """The lecture's likely causes, those that the settings or the trend speak for first."""
    if verdict in (SMOOTH, UNJUDGED):
        return []
    epochs, rate, decay = (settings.get(key) for key in ("epochs", "learning_rate", "weight_decay"))
    short = isinstance(epochs, int) and epochs <= 3
    evidence = f"the noise fell by {falls:.0%} over the last epochs" if falls else ""
    if not evidence and epochs is not None:
        evidence = f"trained for {epochs} epoch{'' if epochs == 1 else 's'}"
    not_converged = Cause("not converged", evidence, "train longer: more --epochs, or --resume the run")
    high = isinstance(rate, float) and rate >= 0.05
    learning_rate = Cause(
        "learning rate",
        "" if rate is None else f"the learning rate is {rate:g}",
        "try a third of --learning-rate; or, where the loss hardly falls, three times as much",
    )
    without = decay == 0
    regularisation = Cause(
        "weight regularisation",
        "" if decay is None else f"the weight decay is {decay:g}",
        "raise --weight-decay, or start from smaller weights (--initialise glorot): what is not learned then fades",
    )
    if verdict == ALIKE:
        return [
            Cause(
                "more filters than needed, or one start for all",
                "",
                "fewer filters, or another --initialise or --seed",
            )
        ]
    if verdict == DEAD:
        return [
            learning_rate,
            Cause("too strong a weight decay", regularisation.evidence, "lower --weight-decay"),
        ]
    ranked = [(not (falls or short), not_converged), (not high, learning_rate), (not without, regularisation)]
    if verdict == NOISY and not (falls or short) and len(trend) >= 3:
        ranked[0] = (True, not_converged)
    return [cause for _, cause in sorted(ranked, key=lambda pair: pair[0])]

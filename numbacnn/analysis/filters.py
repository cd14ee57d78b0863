"""Are a convolution's filters good? Smooth and diverse ones are a sign that training went well; noisy ones are a sign of an
unconverged network, a learning rate that does not fit, or too little regularisation (lecture: visualization of CNNs).

What is measured, of each filter over all its channels:

- the share of high-frequency energy: of its squared Fourier transform beyond 0.35 cycles a pixel, over what white noise has
  there. 1: as rough as random numbers; 0: nothing but slow changes. Filters of fewer than 5 pixels a side have hardly
  anything but high frequencies, good ones too, and are not judged by it.
- whether it is dead: its norm is less than a twentieth of the layer's 90th percentile.
- whether it is a near duplicate: its cosine with an earlier filter is above 0.95.
- of all that live, their diversity: how many directions they span (the exponential of the entropy of their normalised Gram
  matrix's eigenvalues) over how many they could.

And over a run, where models of its epochs are there: how the first share changes, and by which share of its norm the layer's
weights move in an epoch. What still moves much is unconverged, however smooth it is: a learning rate that is too high for
the weights to come to rest, or a training that was ended too early.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError

CUT_OFF = 0.35
"""Cycles a pixel; seven tenths of the fastest that pixels can show."""
LEAST_SIDE = 5
"""Pixels; smaller filters are not judged by their frequencies."""
_GRID = 32
"""The Fourier transform's rows and columns; kernels are padded with zeros to it."""
_COMPARED = 4096
"""Filters that are compared with each other, at most."""


@dataclass(frozen=True)
class Thresholds:
    """The thresholds between verdicts."""

    dead_norm: float = 0.05
    """A filter is dead whose norm is below this share of the layer's 90th percentile."""
    dead_share: float = 0.5
    """A layer is dead of whose filters at least this share is."""
    duplicate_cosine: float = 0.95
    noisy: float = 0.5
    """A layer is noisy whose median share of high-frequency energy is at least this share of white noise's."""
    random: float = 0.8
    """From here on it cannot be told from the random numbers that it started with: unconverged, unless it was trained for long"""
    long: int = 4
    """epochs, or its weights have come to rest: noisy then."""
    still_moving: float = 0.15
    """Over a run: a layer is unconverged whose weights changed by this share of their norm over the last epoch."""
    slowing: float = 0.85
    """It slows down if it moves by less than this share of what the epoch before moved."""
    largest_part: float = 0.3
    """Filters that cover more than this part of a picture's side are not judged: its lines are as fine as its pixels."""
    duplicate_share: float = 0.25
    """Filters are alike of which more than this share are near duplicates,"""
    diversity: float = 0.1
    """or that span less than this share of the directions that they could."""


THRESHOLDS = Thresholds()


class Measures(NamedTuple):
    """The measurements of K filters: `roughness` (K), the share of high-frequency energy over white noise's (NaN of a filter of zeros),
    `norms` (K), `dead` (K) bool, `twins` (K), the first filter that it nearly equals (-1: none), and their `diversity`.
    """

    roughness: Any
    norms: Any
    dead: Any
    twins: Any
    diversity: float

    @property
    def median_roughness(self) -> float:
        """The median over the filters that live; NaN where no filter has a roughness."""
        alive = self.roughness[~self.dead & np.isfinite(self.roughness)]
        return float(np.median(alive)) if alive.size else float("nan")


class Moment(NamedTuple):
    """A layer after an epoch: its median roughness, and by which share of its norm an epoch moved its weights (NaN: the first)."""

    epoch: int
    roughness: float
    moved: float


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
    trend: list[Moment]
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
            "trend": [
                {"epoch": each.epoch, "median_high_frequency": each.roughness, "moved": each.moved}
                for each in self.trend
            ],
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
    high, total = np.zeros(filters), np.zeros(filters)
    size = max(_GRID, rows), max(_GRID, columns)
    beyond = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, size), indexing="ij")) > CUT_OFF
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
    if unit.shape[0] < 2 or not alive.size:  # of a single number all are alike by nature
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
    side: int | None = None,
    thresholds: Thresholds = THRESHOLDS,
) -> Judgement:
    """A verdict on kernels (R,S,C,K), with its likely causes.

    `history` are a run's kernels, (epoch, (R,S,C,K)) in order. `settings` are those of the training (`learning_rate`,
    `weight_decay`, `epochs`) where they are known; they decide which causes come first. `side` is the
    shorter side in pixels of the pictures that filters of the first layer see. Raises ShapeError for another shape.
    """
    measures = measure_filters(kernels, thresholds)
    trend = _trend(history, thresholds)
    moved = trend[-1].moved if trend and trend[-1].moved >= thresholds.still_moving else 0.0
    resting = len(trend) >= 3 and not moved
    long = resting or (not trend and (settings or {}).get("epochs", 0) >= thresholds.long)
    verdict, reason = _verdict(measures, np.shape(kernels), moved, long, side, thresholds)
    return Judgement(
        verdict,
        reason,
        _causes(verdict, trend, moved, settings or {}, thresholds),
        measures,
        trend,
        thresholds,
    )


def _trend(history: Sequence[tuple[int, Any]], thresholds: Thresholds) -> list[Moment]:
    trend: list[Moment] = []
    before: tuple[int, Any] | None = None
    for epoch, kernels in history:
        moved = float("nan")
        if before is not None and epoch > before[0]:
            norm = float(np.linalg.norm(kernels)) or 1.0
            moved = float(np.linalg.norm(np.asarray(kernels) - before[1])) / norm / (epoch - before[0])
        trend.append(Moment(epoch, measure_filters(kernels, thresholds).median_roughness, moved))
        before = epoch, np.asarray(kernels)
    return trend


def _verdict(
    measures: Measures,
    shape: tuple[int, ...],
    moved: float,
    long: bool,
    side: int | None,
    thresholds: Thresholds,
) -> tuple[str, str]:
    count, dead = len(measures.dead), int(measures.dead.sum())
    twins, rough = int((measures.twins >= 0).sum()), measures.median_roughness
    if dead >= thresholds.dead_share * count or not measures.norms.any():
        return DEAD, f"{dead if measures.norms.any() else count} of {count} filters have next to no weights"
    restless = f"an epoch still moves the weights by {moved:.0%} of their norm"
    few = f"; {dead} dead, {twins} near duplicates" if dead or twins else ""
    diverse = f"they span {measures.diversity:.0%} of the directions that they could{few}"
    too_small = min(shape[:2]) < LEAST_SIDE
    if too_small or (side is not None and max(shape[:2]) > thresholds.largest_part * side):
        if moved:
            return UNCONVERGED, restless
        size = f"filters of {shape[0]}x{shape[1]}"
        size += " are too small" if too_small else f" cover too much of pictures of {side} pixels"
        size += " to tell smooth ones from noise"
        return _alike(measures, size, thresholds) or (UNJUDGED, f"{size}; {diverse}")
    as_noise = f"high frequencies have {rough:.0%} of the energy that they have in white noise"
    if rough >= thresholds.random:
        as_random = f"{as_noise}: the filters can hardly be told from random numbers"
        return (
            (NOISY, f"{as_random}, though they were trained for long") if long else (UNCONVERGED, as_random)
        )
    if moved:
        return UNCONVERGED, f"{restless}; {as_noise}"
    if rough >= thresholds.noisy:
        return NOISY, as_noise
    return _alike(measures, as_noise, thresholds) or (SMOOTH, f"{as_noise}; {diverse}")


def _alike(measures: Measures, said: str, thresholds: Thresholds) -> tuple[str, str] | None:
    """The verdict on filters that say the same thing again and again."""
    count, twins = len(measures.dead), int((measures.twins >= 0).sum())
    if twins > thresholds.duplicate_share * count:
        return ALIKE, f"{said}, and {twins} of {count} filters nearly equal an earlier one"
    if measures.diversity < thresholds.diversity:
        return ALIKE, f"{said}, and they span {measures.diversity:.0%} of the directions that they could"
    return None


def _causes(
    verdict: str,
    trend: Sequence[Moment],
    moved: float,
    settings: Mapping[str, Any],
    thresholds: Thresholds,
) -> list[Cause]:
    """The lecture's likely causes, those that the settings or the trend speak for first."""
    if verdict in (SMOOTH, UNJUDGED):
        return []
    epochs, rate, decay = (settings.get(key) for key in ("epochs", "learning_rate", "weight_decay"))
    known = {
        "epochs": "" if epochs is None else f"trained for {epochs} epoch{'' if epochs == 1 else 's'}",
        "rate": "" if rate is None else f"the learning rate is {rate:g}",
        "decay": "" if decay is None else f"the weight decay is {decay:g}",
    }
    if verdict == ALIKE:
        few = "take fewer filters, or another --initialise or --seed"
        return [Cause("more filters than there is to learn, or too like a start", "", few)]
    lower = "lower --learning-rate to a third, or let it fall (--schedule cosine)"
    either = "try a third of --learning-rate where the loss jumps, three times as much where it hardly falls"
    high = Cause("learning rate", known["rate"], lower if moved or verdict == DEAD else either)
    if verdict == DEAD:
        return [
            high,
            Cause(
                "weight regularisation", known["decay"], "lower --weight-decay: it has eaten the filters up"
            ),
        ]
    # Epoch after epoch moves the weights as far: more of the same would not bring them to rest.
    settled = bool(moved) and len(trend) >= 3 and trend[-1].moved > thresholds.slowing * trend[-2].moved
    early = Cause("not converged", known["epochs"], "train longer: more --epochs, with --resume")
    decayed = Cause(
        "weight regularisation",
        known["decay"],
        "raise --weight-decay, or begin with smaller weights (--initialise glorot): what is not learned then fades",
    )
    ranked = [
        (0 if (moved and not settled) or (epochs or 99) <= 3 else 2, early),
        (0 if settled else 3, high),
        (1 if decay == 0 else 3, decayed),
    ]
    if moved and not settled:
        ranked = ranked[:2]
    return [cause for _, cause in sorted(ranked, key=lambda pair: pair[0])]

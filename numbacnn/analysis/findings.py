"""Findings: faults of a network's layers, by what `diagnose` measured, each with a remedy."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .diagnosis import Diagnosis, LayerHealth

DEAD_SHARE = 0.1
"""Of a layer's units: fewer dead ones do no harm."""

SATURATED_SHARE = 0.5
OFF_SHARE = 0.95
"""Of a layer's outputs."""

LARGEST_UPDATE, SMALLEST_UPDATE = 1e-1, 1e-6
"""How far a step may move weights, as a share of their size. About 1e-3 is usual (CS231n, "Neural networks part 3"); a
hundred times more forgets what was learned, a thousand times less learns nothing."""

VANISHED, EXPLODED = 1e-3, 1e3
"""A layer's gradient beside the last layer's, each as a share of its weights' size."""

SHRUNK, GROWN = 1e-2, 1e2
"""The spread of what a layer puts out beside the first layer's."""

LEARNED = 0.5
"""A loss below this share of guessing's: such a network has learned something, and its gradients may well be small."""

WORSE_THAN_GUESSING = 1.5
"""A loss above so many times guessing's is worse than knowing nothing."""

ONE_CLASS = 0.95


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: in which layer, of which kind, in words, and what to do about it.

    `value` is what was measured, `limit` what it is held against.
    """

    layer: str
    kind: str
    message: str
    advice: str
    value: float
    limit: float


def findings(diagnosis: Diagnosis) -> list[Finding]:
    """Everything that is wrong, layer by layer, and at last what is wrong with the whole network.

    Kinds: `not-finite`, `dead-units`, `mostly-off`, `saturated`, `vanishing-gradient`, `exploding-gradient`,
    `large-updates`, `small-updates`, `shrinking-activations`, `growing-activations`, `worse-than-guessing`, `one-class`.
    """
    broken = [layer for layer in diagnosis.layers if not layer.finite]
    # Every number behind the first of them is spoiled, and every gradient before the last whose gradient overflows.
    broken = (
        broken[:1]
        or [
            layer
            for layer in diagnosis.layers
            if layer.gradient is not None and not math.isfinite(layer.gradient)
        ][-1:]
    )
    if broken:
        return [_not_finite(broken[0])]
    found: list[Finding] = []
    for layer in diagnosis.layers:
        found += _stuck(layer)
        found += _updates(layer, diagnosis)
    found += _gradients(diagnosis)
    found += _spreads(diagnosis)
    found.sort(key=lambda each: [layer.layer for layer in diagnosis.layers].index(each.layer))
    return found + _whole(diagnosis)


def _not_finite(layer: LayerHealth) -> Finding:
    return Finding(
        layer.layer,
        "not-finite",
        f"{layer.layer} has or puts out numbers that are not finite",
        "The training diverged. Start again with a tenth of the learning rate, or with --clip-norm 1; check that the "
        "pictures are scaled.",
        math.nan,
        0.0,
    )


def _stuck(layer: LayerHealth) -> list[Finding]:
    found = []
    if layer.dead is not None and len(layer.dead) >= max(1, DEAD_SHARE * layer.units):
        found.append(
            Finding(
                layer.layer,
                "dead-units",
                f"{len(layer.dead)} of {layer.units} units of {layer.layer} are off for every picture",
                "No gradient reaches a dead rectifier, so it stays dead. Train again with a lower learning rate or "
                "smaller first weights (He's initialisation, biases of 0), or with leaky rectifiers or batch normalisation.",
                len(layer.dead) / layer.units,
                DEAD_SHARE,
            )
        )
    elif layer.off is not None and layer.off > OFF_SHARE:
        found.append(
            Finding(
                layer.layer,
                "mostly-off",
                f"{layer.off:.1%} of what {layer.layer} puts out is 0",
                "Hardly any gradient passes. Look at the biases of the layer before it, and use smaller first weights, a "
                "lower learning rate or batch normalisation.",
                layer.off,
                OFF_SHARE,
            )
        )
    if layer.saturated is not None and layer.saturated > SATURATED_SHARE:
        found.append(
            Finding(
                layer.layer,
                "saturated",
                f"{layer.saturated:.1%} of what {layer.layer} ({layer.kind}) puts out lies where its curve is flat",
                "A flat curve passes no gradient. Use smaller first weights (Glorot's initialisation), pictures with "
                "their mean subtracted and scaled, batch normalisation before it, or rectifiers in its place.",
                layer.saturated,
                SATURATED_SHARE,
            )
        )
    return found


def _updates(layer: LayerHealth, diagnosis: Diagnosis) -> list[Finding]:
    if layer.update is None:
        return []
    if layer.update > LARGEST_UPDATE:
        return [
            Finding(
                layer.layer,
                "large-updates",
                f"a step moves the weights of {layer.layer} by {layer.update:.2g} of their size; about 0.001 is usual",
                f"Lower the learning rate ({diagnosis.steps.learning_rate:g}), or shorten long gradients with --clip-norm.",
                layer.update,
                LARGEST_UPDATE,
            )
        ]
    if layer.update < SMALLEST_UPDATE and not _has_learned(diagnosis):
        return [
            Finding(
                layer.layer,
                "small-updates",
                f"a step moves the weights of {layer.layer} by {layer.update:.2g} of their size; about 0.001 is usual",
                f"Raise the learning rate ({diagnosis.steps.learning_rate:g}); if only the first layers hardly move, the "
                "gradient vanishes on its way: see the layers behind them.",
                layer.update,
                SMALLEST_UPDATE,
            )
        ]
    return []


def _has_learned(diagnosis: Diagnosis) -> bool:
    return diagnosis.loss < LEARNED * math.log(diagnosis.classes)


def _gradients(diagnosis: Diagnosis) -> list[Finding]:
    """Layers whose gradient is far smaller or larger than the last layer's."""
    shares = {
        layer.layer: layer.gradient / layer.weights
        for layer in diagnosis.layers
        if layer.gradient is not None and layer.weights
    }
    if len(shares) < 2:
        return []
    last = next(reversed(shares))
    found = []
    for name, share in shares.items():
        ratio = share / shares[last] if shares[last] else (1.0 if not share else math.inf)
        if ratio < VANISHED:
            found.append(
                Finding(
                    name,
                    "vanishing-gradient",
                    f"the gradient of {name} is {ratio:.2g} of {last}'s, each beside its weights",
                    "Something between the two passes no gradient: saturated or dead layers, or weights that are too "
                    "small. Use rectifiers, He's initialisation, batch normalisation or shortcuts (residual blocks).",
                    ratio,
                    VANISHED,
                )
            )
        elif ratio > EXPLODED:
            found.append(
                Finding(
                    name,
                    "exploding-gradient",
                    f"the gradient of {name} is {ratio:.2g} times {last}'s, each beside its weights",
                    "The layers between the two enlarge it. Use smaller first weights, batch normalisation or --clip-norm.",
                    ratio,
                    EXPLODED,
                )
            )
    return found


def _spreads(diagnosis: Diagnosis) -> list[Finding]:
    """Layers with weights that put out far less, or far more, than the first one."""
    weighted = [layer for layer in diagnosis.layers if layer.weights is not None]
    if not weighted or not weighted[0].spread:
        return []
    first = weighted[0]
    for layer in weighted[1:]:
        ratio = layer.spread / first.spread
        if ratio < SHRUNK:
            words, advice = "shrinking-activations", "Use larger first weights"
        elif ratio > GROWN:
            words, advice = "growing-activations", "Use smaller first weights"
        else:
            continue
        return [  # those behind it follow from it
            Finding(
                layer.layer,
                words,
                f"what {layer.layer} puts out spreads by {layer.spread:.2g}, that of {first.layer} by {first.spread:.2g}",
                f"{advice} (He's initialisation with rectifiers, Glorot's with sigmoids and tanh), or batch "
                "normalisation, which brings every layer to a spread of 1.",
                ratio,
                SHRUNK if ratio < SHRUNK else GROWN,
            )
        ]
    return []


def _whole(diagnosis: Diagnosis) -> list[Finding]:
    found = []
    last = diagnosis.layers[-1].layer if diagnosis.layers else ""
    chance = math.log(diagnosis.classes)
    if diagnosis.loss > WORSE_THAN_GUESSING * chance:
        found.append(
            Finding(
                last,
                "worse-than-guessing",
                f"the loss is {diagnosis.loss:.3g}; a network that knows nothing has {chance:.3g}, log of {diagnosis.classes} "
                "classes",
                "The scores are too sure of what is wrong. Before training: use smaller first weights. After it: lower the "
                "learning rate, and check that the labels and the preprocessing are those of the training.",
                diagnosis.loss,
                WORSE_THAN_GUESSING * chance,
            )
        )
    most = float(diagnosis.predicted.max()) / diagnosis.images
    if most > ONE_CLASS and diagnosis.error > 1 - most:
        found.append(
            Finding(
                last,
                "one-class",
                f"{most:.0%} of the pictures are taken for one and the same class",
                "The network has not learned to tell pictures apart. Overfit twenty pictures first, without "
                "regularisation; if that fails, change the learning rate by factors of 10.",
                most,
                ONE_CLASS,
            )
        )
    return found

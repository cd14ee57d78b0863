"""What an attack's command draws and says: the panel, the way of the probabilities, accuracy over epsilon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..captions import joined
from ..figure_options import FigureTarget
from ..output import Output
from .subjects import as_levels, percent

if TYPE_CHECKING:
    from numbacnn import Network
    from numbacnn.attacks import Attack, AttackResult, SweepPoint

ROWS, NAMED_ROWS = 5, 16
"""The most pictures in the panel: of a data set, and of pictures that were named one by one."""
PATHS = 6
"""The most pictures whose path of probabilities is drawn."""


def described(attack: Attack) -> str:
    """Returns a figure's description of the attack and its options."""
    loss = f", {attack.loss}" if attack.uses_loss else ""
    return f"{title(attack)}: {attack.formula}{loss}"


def title(attack: Attack) -> str:
    """Returns the attack's name as people write it."""
    short = ("fgsm", "bim", "pgd", "mifgsm", "apgd", "cw", "lbfgs")
    name: str = attack.name
    return name.upper() if name in short else name


def rows_to_show(result: AttackResult, *, named: bool) -> tuple[list[int], str]:
    """Returns the pictures for the panel, and how they were chosen: those that were named; else pictures that were
    right before and fooled after, the classes in turn, the most confident errors first; or the first pictures if none
    was fooled.
    """
    import numpy as np

    if named:
        return list(range(len(result.labels)))[:NAMED_ROWS], ""
    before, after = result.before.argmax(axis=1), result.after_eight_bit.argmax(axis=1)
    reached = after != result.labels
    if result.targets is not None:
        reached &= after == result.targets
    certainty = result.after_eight_bit.max(axis=1)
    fooled = np.flatnonzero((before == result.labels) & reached)
    turns: Counter[int] = Counter()
    ranks = []
    for place, row in enumerate(sorted(fooled.tolist(), key=lambda row: -certainty[row])):
        ranks.append((turns[result.labels[row]], place, row))
        turns[result.labels[row]] += 1
    best = [row for *_, row in sorted(ranks)[:ROWS]]
    if best:
        return (
            best,
            "shown: pictures that were right and are fooled, the classes in turn, the surest error first",
        )
    return list(range(len(after)))[:ROWS], "shown: the first, as none that was right is fooled"


def draw_panel(
    drawn: FigureTarget,
    network: Network,
    result: AttackResult,
    rows: list[int],
    truths: list[str] | None,
    layout: Literal["portrait", "landscape"],
    made: str,
    say: str,
    *,
    rounded: bool,
) -> dict[str, Any]:
    """Draws the lecture's panel, of the pictures as they were saved (`rounded`) or before rounding, and returns its
    JSON.
    """
    from numbacnn.attacks.norms import TITLES, sizes
    from numbacnn.figures import attack_panel

    after = result.after_eight_bit if rounded else result.after
    saved = result.eight_bit[rows] / 255 if rounded else result.images[rows]
    changes = saved - result.originals[rows]
    changes[abs(changes) < 1e-6] = 0  # a level and its float32 are not quite the same
    measured = [
        {
            TITLES[norm]: float(sizes(changes[place : place + 1], norm)[0])
            for norm in ("l0", "l1", "l2", "linf")
        }
        for place in range(len(rows))
    ]
    figure = attack_panel(
        result.originals[rows],
        changes,
        saved,
        [_shown(network, result.before[row]) for row in rows],
        [_shown(network, after[row]) for row in rows],
        truths=truths,
        sizes=measured,
        notes=[] if rounded else [_with_8_bits(network, result, row) for row in rows],
        layout=layout,
        provenance=made,
    )
    numbers = {
        "originals": (result.originals, "pictures, rows, columns, channels; 0 to 1"),
        "images": (result.images, "the same after the attack, before rounding; 0 to 1"),
        "changes": (result.changes, "the second minus the first"),
        "changed": (result.eight_bit, "the same as they were saved; levels of 255"),
        "labels": ([network.class_names[label] for label in result.labels], "the true classes"),
        "before": (result.before, "probabilities before: pictures, classes"),
        "after": (result.after, "probabilities after, before rounding: pictures, classes"),
        "after_8bit": (result.after_eight_bit, "probabilities of the saved pictures: pictures, classes"),
        "gradients": (result.gradients, "passes back, a picture"),
        "scores": (result.scores, "passes forward, a picture"),
        "class_names": (network.class_names, "the classes in order"),
    }
    if result.path is not None:
        numbers["path"] = (result.path, "probabilities on the way: pictures, steps, classes")
    return drawn.save(figure, numbers, say=say)


def draw_path(
    drawn: FigureTarget,
    network: Network,
    result: AttackResult,
    rows: list[int],
    names: Sequence[str],
    made: str,
) -> Path | None:
    """Draws the probabilities step by step, for an attack that records them; returns the file, or None."""
    if result.path is None:
        return None
    import numpy as np

    from numbacnn.data.classes import short_name
    from numbacnn.figures import confidence_path

    shown = rows[:PATHS]
    ends = result.path[:, -1].argmax(axis=1)
    curves = []
    for row in shown:
        way = result.path[row]
        likeliest = np.unique(np.concatenate([way.argmax(axis=1), [result.labels[row], ends[row]]]))
        order = sorted(likeliest.tolist(), key=lambda each: (each != result.labels[row], -way[:, each].max()))
        curves.append([(short_name(network.class_names[each]), way[:, each]) for each in order[:4]])
    drawing = confidence_path(curves, [Path(names[row]).name for row in shown], provenance=made)
    return drawn.beside(drawing, "path", {}, say="the probabilities after each step")


def top(network: Network, probabilities: Any) -> tuple[str, float]:
    """Returns the likeliest class and its probability."""
    best = int(probabilities.argmax())
    return network.class_names[best], float(probabilities[best])


def _shown(network: Network, probabilities: Any) -> tuple[str, float]:
    """Returns the same with the class's short name."""
    from numbacnn.data.classes import short_name

    name, share = top(network, probabilities)
    return short_name(name), share


def _with_8_bits(network: Network, result: AttackResult, row: int) -> str:
    name, share = _shown(network, result.after_eight_bit[row])
    return f"8 bits: {name} {100 * share:.0f} %"


def named(network: Network, probabilities: Any) -> dict[str, Any]:
    """Returns the likeliest class for JSON."""
    name, share = top(network, probabilities)
    return {"index": int(probabilities.argmax()), "name": name, "probability": share}


def say_sweep(points: list[SweepPoint], norm: str, *, targeted: bool, out: Output) -> None:
    """Shows the table of a sweep."""
    headers = ["epsilon", "right", "95 % interval", "right with 8 bits"]
    if targeted:
        headers += ["taken for the target", "so with 8 bits"]
    rows = []
    for point in points:
        row = [
            as_levels(point.epsilon) if norm == "linf" else f"{point.epsilon:.4g}",
            percent(point.adversarial_accuracy),
            f"{point.low:.1%} to {point.high:.1%}",
            percent(point.adversarial_accuracy_8bit),
        ]
        if targeted:
            row += [percent(point.success_rate), percent(point.success_rate_8bit)]
        rows.append(row)
    out.table(headers, rows)


def draw_sweep(
    drawn: FigureTarget,
    points: list[SweepPoint],
    attack: Attack,
    result: AttackResult,
    target: str,
    made: str,
) -> Path:
    """Draws accuracy over epsilon, with a target also its success, and returns the file."""
    from numbacnn.figures import epsilon_sweep

    figure = epsilon_sweep(
        [point.epsilon for point in points],
        result.clean_accuracy,
        [point.adversarial_accuracy for point in points],
        [point.adversarial_accuracy_8bit for point in points],
        title=f"{title(attack)} on {len(result.labels)} pictures",
        intervals=[(point.low, point.high) for point in points],
        norm=attack.norm,
        target=target,
        success=[point.success_rate for point in points],
        success_8bit=[point.success_rate_8bit for point in points],
        provenance=joined(
            made, "success: of the pictures that were right and of another class" if target else ""
        ),
    )
    say = f"accuracy{' and success' if target else ''} over epsilon"
    return drawn.beside(figure, "sweep", sweep_numbers(points), say=say)


def sweep_numbers(points: Sequence[SweepPoint]) -> dict[str, tuple[Any, str]]:
    """Returns the arrays of a sweep that --save-data writes."""
    return {
        name: ([getattr(point, name) for point in points], meaning)
        for name, meaning in (
            ("epsilon", "the largest change, in the attack's norm"),
            ("adversarial_accuracy", "share of pictures that are still right, 0 to 1"),
            ("low", "the lower end of its 95 % confidence interval"),
            ("high", "the upper end of it"),
            ("adversarial_accuracy_8bit", "the same once they are saved with 8 bits"),
            ("success_rate", "share of the pictures that were right for which the attack succeeds, 0 to 1"),
            ("success_rate_8bit", "the same once they are saved with 8 bits"),
        )
    }

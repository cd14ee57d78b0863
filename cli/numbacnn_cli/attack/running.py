"""What every attack's command does: attack, save, read back, score, look for masking, draw."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..captions import joined
from ..figure_options import FigureOptions
from ..opening import open_model
from ..options import Compute, Given, Ranges
from ..output import Output
from . import showing
from .subjects import Subjects, as_size, check_subjects, find_subjects, percent, target_name, target_of

if TYPE_CHECKING:
    from numbacnn import Network
    from numbacnn.attacks import Attack, AttackResult

    from ..destination import Destination

SWEEP = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)
CHECKED_SIDE = 64
"""Pictures of up to so many pixels a side are checked for masking without being asked; larger ones take minutes."""


@dataclass(frozen=True)
class Asked:
    """The options of an attack's command that are not the attack's own."""

    images: tuple[Path, ...]
    model: Path | None
    data: str | None
    split: str
    index: Ranges | None
    count: int
    target: str | None
    sweep: tuple[float, ...] | None
    batch_size: int
    checks: bool | None
    layout: Literal["portrait", "landscape"]
    save_dir: Path | None
    as_is: bool


def run(
    attack: Attack, asked: Asked, figure: FigureOptions, compute: Compute, given: Given, out: Output
) -> dict[str, Any]:
    """Runs an attack's command, and returns its JSON."""
    from numbacnn.attacks import sweep
    from numbacnn.data.classes import short_name
    from numbacnn.errors import UsageError, need_whole

    if asked.sweep and not attack.norms:
        raise UsageError(f"--sweep: {attack.name} has no epsilon; leave it out")
    for epsilon in asked.sweep or ():
        replace(attack, epsilon=epsilon)
    need_whole("--batch-size", asked.batch_size)
    drawn = figure.target(out, attack.name, reads=[*asked.images, asked.model])
    folder = drawn.to.folder(asked.save_dir, drawn.path.with_suffix(""))
    check_subjects(asked.images, given)
    opened = open_model(asked.model, out, compute)
    network = opened.network
    found = find_subjects(
        opened,
        asked.images,
        asked.data,
        asked.split,
        asked.index,
        asked.count,
        as_is=asked.as_is,
        given=given,
        out=out,
    )
    pictures, labels = found.pictures, found.labels
    targets = target_of(network, asked.target)
    result = attack.run(
        network, pictures.images, labels, targets, batch_size=asked.batch_size, watch=out.progress
    )
    files = _save(drawn.to, folder, pictures.names, result)
    read_back = _read_back(network, files)
    result = replace(
        result, eight_bit=read_back, after_eight_bit=network.predict(read_back, asked.batch_size)
    )

    aim = f"towards {target_name(network, targets)}" if targets is not None else "away from the true class"
    if found.from_files:
        aim = aim.replace("the true class", "what the network says")
    made = joined(opened.fact, found.source, showing.described(attack), aim)
    _say(attack, result, out)
    rows, how = showing.rows_to_show(result, named=found.from_files or asked.index is not None)
    truths = None if found.from_files else [short_name(network.class_names[labels[row]]) for row in rows]
    rounded = attack.epsilon is not None or not attack.norms or attack.one_pass or result.path is not None
    panel = joined(
        made,
        f"epsilon {as_size(attack.epsilon, attack.norm)}",
        "saved with 8 bits" if rounded else "before rounding to 8 bits",
        how,
    )
    say = f"{len(rows)} of {len(files)} pictures; the changed pictures are in {folder}"
    saved = showing.draw_panel(
        drawn, network, result, rows, truths, asked.layout, panel, say, rounded=rounded
    )
    path_figure = showing.draw_path(drawn, network, result, rows, pictures.names, made)
    points, sweep_figure = [], None
    unasked = SWEEP if attack.one_pass and attack.norm == "linf" and not found.from_files else ()
    epsilons = asked.sweep if asked.sweep is not None else unasked
    if epsilons:
        steps = sweep(
            attack, network, pictures.images, labels, epsilons, targets, batch_size=asked.batch_size
        )
        points = list(out.progress(steps, "sweep", len(epsilons)))
        goal = target_name(network, targets) or ""
        showing.say_sweep(points, attack.norm, targeted=bool(goal), out=out)
        sweep_figure = showing.draw_sweep(drawn, points, attack, result, goal, made)
    return {
        "clean_accuracy": result.clean_accuracy,
        "adversarial_accuracy": result.adversarial_accuracy,
        "adversarial_accuracy_8bit": result.adversarial_accuracy_8bit,
        "success_rate": result.success_rate,
        "success_rate_8bit": result.success_rate_8bit,
        "attack": attack.name,
        "epsilon": attack.epsilon,
        "norm": attack.norm if attack.norms else None,
        "options": dataclasses.asdict(attack),
        "norms": result.norms,
        "gradients": float(result.gradients.mean()),
        "scores": float(result.scores.mean()),
        "masking": _masking(attack, network, found, result, asked.checks, out),
        "images": len(files),
        "target": target_name(network, targets),
        "model": opened.path,
        **saved,
        "saved": folder,
        "pictures": _of_pictures(network, pictures.names, labels, files, result),
        "sweep": points,
        "sweep_figure": sweep_figure,
        "path_figure": path_figure,
    }


def _save(to: Destination, folder: Path, names: list[str], result: AttackResult) -> list[Path]:
    """Writes the changed pictures as PNG under their own names, and returns the files; a name that is taken gets a
    number, NAME-2.
    """
    from numbacnn.data.pictures import save
    from numbacnn.provenance import CHANGED_PICTURE

    to.empty(folder)
    files = [to.picture(folder, Path(name).stem) for name in names]
    for file, changed in zip(files, result.eight_bit, strict=True):
        save(file, changed, software=CHANGED_PICTURE)
    return files


def _read_back(network: Network, files: list[Path]) -> Any:
    import numpy as np

    from numbacnn.data.pictures import load

    return network.as_images(np.stack([load(file) for file in files]))


def _of_pictures(
    network: Network, names: list[str], labels: Any, files: list[Path], result: AttackResult
) -> list[dict[str, Any]]:
    from numbacnn.attacks.norms import NORMS, sizes

    each_norm = {norm: sizes(result.changes, norm) for norm in NORMS}
    return [
        {
            "image": name,
            "label": network.class_names[labels[row]],
            "saved": files[row],
            "norms": {norm: float(values[row]) for norm, values in each_norm.items()},
            "before": showing.named(network, result.before[row]),
            "after": showing.named(network, result.after[row]),
            "after_8bit": showing.named(network, result.after_eight_bit[row]),
        }
        for row, name in enumerate(names)
    ]


def _say(attack: Attack, result: AttackResult, out: Output) -> None:
    from numbacnn.attacks.norms import TITLES

    count = len(result.labels)
    after = f"after, epsilon {as_size(attack.epsilon, attack.norm)}" if attack.norms else "after"
    out.table(
        ["", "right", f"of {count}"],
        [
            [when, percent(share), round(share * count)]
            for when, share in (
                ("before", result.clean_accuracy),
                (after, result.adversarial_accuracy),
                ("after, saved with 8 bits and read back", result.adversarial_accuracy_8bit),
            )
        ],
    )
    aim = "no longer right" if result.targets is None else "taken for the target"
    if result.success_rate == result.success_rate:
        out.say(
            f"of the pictures that were right, {result.success_rate:.1%} are {aim}; "
            f"with 8 bits {result.success_rate_8bit:.1%}"
        )
    sizes = ", ".join(f"{TITLES[norm]} {value:.4g}" for norm, value in result.norms.items() if value == value)
    if sizes:
        out.say(f"median change of those that were changed: {sizes} (values from 0 to 1)")
    out.say(
        f"a picture took {result.gradients.mean():.4g} passes back and {result.scores.mean():.4g} forward, on average"
    )


def _masking(
    attack: Attack, network: Network, found: Subjects, result: AttackResult, checks: bool | None, out: Output
) -> list[dict[str, str]] | None:
    """Shows the signs of gradient masking, and returns them for JSON; None if they were not looked for."""
    from numbacnn.attacks import masking_signs

    small = max(network.input_shape[:2]) <= CHECKED_SIDE
    if not (checks if checks is not None else small and not found.from_files):
        return None
    norm = attack.norm if attack.norm in ("linf", "l2") else "l2"
    epsilon = attack.epsilon if attack.norms and attack.norm == norm else None
    if epsilon is None:
        epsilon = result.norms[norm]
    if not epsilon or epsilon != epsilon:
        return []
    signs = masking_signs(
        network,
        found.pictures.images,
        found.labels,
        min(epsilon, 1.0) if norm == "linf" else epsilon,
        norm=norm,
    )
    if not signs:
        out.note("no sign that gradients are masked (5 checks)")
    for sign in signs:
        out.warn(f"gradients may be masked ({sign.name}): {sign.message}")
    return [dataclasses.asdict(sign) for sign in signs]

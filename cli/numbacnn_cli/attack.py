"""numbacnn attack: change pictures until the network errs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import Data, Epsilon, Epsilons, Images, Model, Out, Picture
from .pictures import Index, Pictures, class_index, from_data, from_files
from .runs import open_data, open_model

if TYPE_CHECKING:
    from numbacnn import Network
    from numbacnn.attacks import Attack, AttackResult, SweepPoint

ROWS = 5
"""Pictures in the panel."""

SWEEP = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)


def fgsm(
    images: Images = (),
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: str = "test",
    index: Index = None,
    count: int = 200,
    epsilon: Epsilon = 8 / 255,
    target: str | None = None,
    sweep: Epsilons | None = None,
    output: Picture = None,
    save_dir: Path | None = None,
    out: Out,
) -> dict[str, Any]:
    """Add epsilon times the sign of dE/dx to pictures (Goodfellow et al., 2015) and see what the network makes of them.

    Without IMAGE, pictures of the data set are attacked. The changed pictures are saved as PNG, read back and
    scored again. Of IMAGE files the label is not known: what the network says of each is taken for right.

    JSON: `clean_accuracy`, `adversarial_accuracy` (before rounding to 8 bits), `adversarial_accuracy_8bit` (of the PNG
    files), `success_rate`, `success_rate_8bit` (of the pictures that were right), `epsilon`, `images` (how many),
    `target`, `model`, `figure`, `saved` (folder), `pictures[]` with `.image`, `.label`, `.saved`, and `.before`, `.after`,
    `.after_8bit`, each with `.index`, `.name`, `.probability`; `sweep[]` with `.epsilon`, `.adversarial_accuracy`,
    `.adversarial_accuracy_8bit`; `sweep_figure` (null without a sweep).

    Parameters
    ----------
    split
        train, validation or test.
    count
        How many pictures of the data set, taken at even distances.
    target
        Class that the network is to be led to, by name or index; left out, any but the right one.
    sweep
        Epsilons of the second picture, accuracy over epsilon; left out, 0 to 16/255 for pictures of a data set
        and none for IMAGE files.
    save_dir
        Folder for the changed pictures; left out, one named like the picture.
    """
    from dataclasses import replace

    from numbacnn.attacks import FGSM
    from numbacnn.figures import attack_panel, save

    opened = open_model(model, out)
    network = opened.network
    if images:
        pictures = from_files(network, images)
        out.note("no labels are known: what the network says of each picture is taken for right")
    else:
        dataset = open_data(data, opened, out)
        chosen = index or _spread(len(dataset.split(split)), count)
        pictures = from_data(network, dataset, split, chosen)
    labels = network.predict(pictures.images).argmax(axis=1) if pictures.labels is None else pictures.labels
    targets = None if target is None else class_index(network, target)
    attack = FGSM(epsilon)
    result = attack.run(network, pictures.images, labels, targets)

    path = output or Path("fgsm.png")
    folder = save_dir or path.with_suffix("")
    files = _save(folder, pictures, result)
    read_back = _read_back(network, files)
    result = replace(result, eight_bit=read_back, after_eight_bit=network.predict(read_back))

    rows = _examples(result)
    save(
        attack_panel(
            result.originals[rows],
            result.eight_bit[rows] / 255 - result.originals[rows],
            result.eight_bit[rows],
            [_top(network, result.before[row]) for row in rows],
            [_top(network, result.after_eight_bit[row]) for row in rows],
        ),
        path,
    )
    _say(result, out)
    out.say(f"{path}: {len(rows)} of {len(files)} pictures; the changed pictures are in {folder}")
    points: list[SweepPoint] = []
    sweep_path = None
    epsilons = sweep if sweep is not None else () if images else SWEEP
    if epsilons:
        sweep_path = path.with_name(f"{path.stem}-sweep{path.suffix}")
        points = _sweep(attack, network, pictures, labels, targets, epsilons, result, sweep_path, out)
    return {
        "clean_accuracy": result.clean_accuracy,
        "adversarial_accuracy": result.adversarial_accuracy,
        "adversarial_accuracy_8bit": result.adversarial_accuracy_8bit,
        "success_rate": result.success_rate,
        "success_rate_8bit": result.success_rate_8bit,
        "epsilon": epsilon,
        "images": len(files),
        "target": None if targets is None else network.class_names[targets],
        "model": opened.path,
        "figure": path,
        "saved": folder,
        "pictures": [
            {
                "image": name,
                "label": network.class_names[labels[row]],
                "saved": files[row],
                "before": _named(network, result.before[row]),
                "after": _named(network, result.after[row]),
                "after_8bit": _named(network, result.after_eight_bit[row]),
            }
            for row, name in enumerate(pictures.names)
        ],
        "sweep": points,
        "sweep_figure": sweep_path,
    }


def _spread(size: int, count: int) -> tuple[int, ...]:
    """`count` indices at even distances, so that a data set sorted by class gives pictures of every class."""
    from numbacnn.errors import UsageError

    if count < 1:
        raise UsageError(f"--count {count}: at least 1 picture is expected")
    count = min(count, size)
    return tuple(place * size // count for place in range(count))


def _save(folder: Path, pictures: Pictures, result: AttackResult) -> list[Path]:
    """Writes the changed pictures as PNG: NAME.png, or NAME-2.png where two files have one name."""
    from numbacnn.data.pictures import save

    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for name, changed in zip(pictures.names, result.eight_bit, strict=True):
        stem = Path(name).stem.replace(" ", "-")
        same = sum(file.stem.rpartition("+")[0] == stem for file in files)
        files.append(folder / f"{stem}+{same + 1}.png")
        save(files[-1], changed)
    return files


def _read_back(network: Network, files: list[Path]) -> Any:
    import numpy as np
    from numbacnn.data.pictures import load

    return network.as_images(np.stack([load(file) for file in files]))


def _examples(result: AttackResult) -> list[int]:
    """Pictures for the panel: right before and fooled after, the most certain error first; then the others."""
    before, after = result.before.argmax(axis=1), result.after_eight_bit.argmax(axis=1)
    reached = after != result.labels if result.targets is None else after == result.targets
    right = before == result.labels
    certainty = result.after_eight_bit.max(axis=1)
    order = sorted(range(len(after)), key=lambda row: (not right[row], not reached[row], -certainty[row]))
    return order[:ROWS]

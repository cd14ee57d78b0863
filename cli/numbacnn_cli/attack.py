"""numbacnn attack: change pictures until the network errs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from .captions import chosen_fact, data_fact, joined
from .destination import Destination
from .figure_options import FIGURE, FigureOptions, FigureTarget
from .opening import open_data, open_model
from .options import (
    CPU,
    OUTPUTS,
    AsIs,
    Compute,
    Data,
    Epsilon,
    Epsilons,
    Given,
    Images,
    Model,
    Origins,
    Out,
    Ranges,
    SplitName,
)
from .pictures import Index, Pictures, class_index, from_data, from_files, indices_of, only_data, only_files

if TYPE_CHECKING:
    from numbacnn import Dataset, Network
    from numbacnn.attacks import Attack, AttackResult, SweepPoint

ROWS, NAMED_ROWS = 5, 16
"""Pictures in the panel, at most: of a set, and of those that were named one by one."""

SWEEP_HELP = (
    "Largest changes of a pixel in the second picture, accuracy over epsilon: 0,1/255,2/255. "
    "Left out: 0 to 16/255 for pictures of a data set, none for IMAGE files."
)
SWEEP = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)


def as_levels(value: float) -> str:
    """8/255 where it is a whole number of levels, else 0.0123."""
    levels = value * 255
    return f"{levels:.0f}/255" if abs(levels - round(levels)) < 1e-6 else f"{value:.4g}"


def fgsm(
    images: Images = (),
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    count: int = 200,
    epsilon: Annotated[Epsilon, Parameter(show_default=as_levels)] = 8 / 255,
    target: str | None = None,
    sweep: Annotated[Epsilons | None, Parameter(help=SWEEP_HELP)] = None,
    layout: Annotated[Literal["portrait", "landscape"], Parameter(group=OUTPUTS)] = "portrait",
    save_dir: Annotated[Path | None, Parameter(group=OUTPUTS)] = None,
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Add epsilon times the sign of dE/dx to pictures (Goodfellow et al., 2015) and see what the network makes of them.

    Without IMAGE, pictures of the data set are attacked. The changed pictures are saved as PNG, read back and
    scored again. Of IMAGE files the label is not known: what the network says of each is taken for right.

    JSON: `clean_accuracy`, `adversarial_accuracy` (before rounding to 8 bits), `adversarial_accuracy_8bit` (of the PNG
    files), `success_rate`, `success_rate_8bit` (of the pictures that were right), `epsilon`, `images` (how many),
    `target`, `model`, `figure`, `data_file`, `saved` (folder), `pictures[]` with `.image`, `.label`, `.saved`, and `.before`, `.after`,
    `.after_8bit`, each with `.index`, `.name`, `.probability`; `sweep[]` with `.epsilon`, `.adversarial_accuracy`,
    `.adversarial_accuracy_8bit`, `.success_rate`, `.success_rate_8bit`; `sweep_figure` (null without a sweep).

    Parameters
    ----------
    count
        How many pictures of the data set, taken at even distances.
    target
        Class that the network is to be led to, by name or index; left out, any but the right one.
    layout
        The figure's: a column of rows (portrait), or rows side by side, about as wide as a slide (landscape).
    save_dir
        Folder for the changed pictures; left out, one named like the picture.
    """
    from dataclasses import replace

    from numbacnn.attacks import FGSM

    drawn = figure.target(out, "fgsm", reads=[*images, model])
    folder = drawn.to.folder(save_dir, drawn.path.with_suffix(""))
    if images:
        only_files(given, "data", "split", "index", "count")
    else:
        only_data(given)
    opened = open_model(model, out, compute)
    network = opened.network
    if images:
        pictures, source = from_files(network, images, out, as_is=as_is)
        out.note("no labels are known: what the network says of each picture is taken for right")
    else:
        dataset = open_data(data, opened, out)
        chosen = _chosen(dataset, split, index, count, given, out)
        pictures = from_data(network, dataset, split, chosen)
        which = chosen_fact(chosen, asked=index is not None, how=f"{len(chosen)} pictures at even distances")
        source = joined(data_fact(dataset, split), which)
    labels = network.predict(pictures.images).argmax(axis=1) if pictures.labels is None else pictures.labels
    targets = None if target is None else class_index(network, target)
    attack = FGSM(epsilon)
    result = attack.run(network, pictures.images, labels, targets)

    files = _save(drawn.to, folder, pictures, result)
    read_back = _read_back(network, files)
    result = replace(result, eight_bit=read_back, after_eight_bit=network.predict(read_back))

    aim = f"towards {network.class_names[targets]}" if targets is not None else "away from the true class"
    if images:
        aim = aim.replace("the true class", "what the network says")
    made = joined(opened.fact, source, f"FGSM: epsilon x sign(d loss / d pixel), {attack.loss}, {aim}")
    rows, how = (list(range(len(files)))[:NAMED_ROWS], "") if images or index else _examples(result)
    truths = None if images else [network.class_names[labels[row]] for row in rows]
    panel = joined(made, f"epsilon {as_levels(epsilon)}", "saved with 8 bits", how)
    _say(result, out)
    say = f"{len(rows)} of {len(files)} pictures; the changed pictures are in {folder}"
    saved = _draw_panel(drawn, network, result, rows, truths, layout, panel, say)
    points: list[SweepPoint] = []
    sweep_path = None
    epsilons = sweep if sweep is not None else () if images else SWEEP
    if epsilons:
        points = _sweep(attack, network, pictures, labels, targets, epsilons, out)
        goal = "" if targets is None else network.class_names[targets]
        sweep_path = _draw_sweep(drawn, points, result, goal, made)
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
        **saved,
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


def _chosen(
    dataset: Dataset, split: str, index: Ranges | None, count: int, given: Given, out: Out
) -> list[int]:
    """The pictures of --index; or --count at even distances, so that a set sorted by class gives some of every class."""
    from numbacnn.errors import UsageError

    if index is not None:
        if given.place("count") != "default":
            raise UsageError("--index and --count: both say which pictures are meant; leave out one")
        return indices_of(index, dataset, split)
    size = len(dataset.split(split))
    taken = given.count(count, size, f"the {split} split", out)
    return [place * size // taken for place in range(taken)]


def _save(to: Destination, folder: Path, pictures: Pictures, result: AttackResult) -> list[Path]:
    """Writes the changed pictures as PNG, each under its own name; of two that have one name, under NAME-2."""
    from numbacnn.data.pictures import save
    from numbacnn.provenance import CHANGED_PICTURE

    to.empty(folder)
    files = [to.picture(folder, Path(name).stem) for name in pictures.names]
    for file, changed in zip(files, result.eight_bit, strict=True):
        save(file, changed, software=CHANGED_PICTURE)
    return files


def _read_back(network: Network, files: list[Path]) -> Any:
    import numpy as np

    from numbacnn.data.pictures import load

    return network.as_images(np.stack([load(file) for file in files]))


def _examples(result: AttackResult) -> tuple[list[int], str]:
    """Pictures of a set for the panel: right before and fooled after, every class in turn, the surest error first.

    If none was fooled, the first ones. The second of the two says how they were chosen.
    """
    import numpy as np

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


def _draw_panel(
    drawn: FigureTarget,
    network: Network,
    result: AttackResult,
    rows: list[int],
    truths: list[str] | None,
    layout: Literal["portrait", "landscape"],
    made: str,
    say: str,
) -> dict[str, Any]:
    """The lecture's panel, of the pictures as they were saved."""
    from numbacnn.figures import attack_panel

    saved = result.eight_bit[rows]
    before = [_top(network, result.before[row]) for row in rows]
    after = [_top(network, result.after_eight_bit[row]) for row in rows]
    figure = attack_panel(
        result.originals[rows],
        saved / 255 - result.originals[rows],
        saved,
        before,
        after,
        truths=truths,
        layout=layout,
        provenance=made,
    )
    numbers = {
        "originals": (result.originals, "pictures, rows, columns, channels; 0 to 1"),
        "changed": (result.eight_bit, "the same as they were saved; levels of 255"),
        "labels": ([network.class_names[label] for label in result.labels], "the true classes"),
        "before": (result.before, "probabilities before: pictures, classes"),
        "after_8bit": (result.after_eight_bit, "probabilities of the saved pictures: pictures, classes"),
        "class_names": (network.class_names, "the classes in order"),
    }
    return drawn.save(figure, numbers, say=say)


def _top(network: Network, probabilities: Any) -> tuple[str, float]:
    """The likeliest class and its probability."""
    best = int(probabilities.argmax())
    return network.class_names[best], float(probabilities[best])


def _named(network: Network, probabilities: Any) -> dict[str, Any]:
    name, share = _top(network, probabilities)
    return {"index": int(probabilities.argmax()), "name": name, "probability": share}


def _say(result: AttackResult, out: Out) -> None:
    count = len(result.labels)
    out.table(
        ["", "right", f"of {count}"],
        [
            [when, f"{share:.1%}", round(share * count)]
            for when, share in (
                ("before", result.clean_accuracy),
                (f"after, epsilon {as_levels(result.epsilon)}", result.adversarial_accuracy),
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


def _sweep(
    attack: Attack, network: Network, pictures: Pictures, labels: Any, targets: Any, epsilons: Any, out: Out
) -> list[SweepPoint]:
    from numbacnn.attacks import sweep

    points = sweep(attack, network, pictures.images, labels, epsilons, targets)
    found = list(out.progress(points, "sweep", len(epsilons)))
    headers, shares = (
        ["epsilon", "right", "right with 8 bits"],
        ["adversarial_accuracy", "adversarial_accuracy_8bit"],
    )
    if targets is not None:
        headers += ["taken for the target", "so with 8 bits"]
        shares += ["success_rate", "success_rate_8bit"]
    out.table(
        headers,
        [
            [as_levels(point.epsilon), *(_percent(getattr(point, share)) for share in shares)]
            for point in found
        ],
    )
    return found


def _percent(share: float) -> str:
    return "-" if share != share else f"{share:.1%}"


def _draw_sweep(
    drawn: FigureTarget, points: list[SweepPoint], result: AttackResult, target: str, made: str
) -> Path:
    from numbacnn.figures import epsilon_sweep

    figure = epsilon_sweep(
        [point.epsilon for point in points],
        result.clean_accuracy,
        [point.adversarial_accuracy for point in points],
        [point.adversarial_accuracy_8bit for point in points],
        title=f"FGSM on {len(result.labels)} pictures",
        target=target,
        success=[point.success_rate for point in points],
        success_8bit=[point.success_rate_8bit for point in points],
        provenance=joined(
            made, "success: of the pictures that were right and of another class" if target else ""
        ),
    )
    numbers = {
        name: ([getattr(point, name) for point in points], meaning)
        for name, meaning in (
            ("epsilon", "the largest change of a pixel, of full scale 1"),
            ("adversarial_accuracy", "share of pictures that are still right, 0 to 1"),
            ("adversarial_accuracy_8bit", "the same once they are saved with 8 bits"),
            ("success_rate", "share of the pictures that were right for which the attack succeeds, 0 to 1"),
            ("success_rate_8bit", "the same once they are saved with 8 bits"),
        )
    }
    say = f"accuracy{' and success' if target else ''} over epsilon"
    return drawn.beside(figure, "sweep", numbers, say=say)

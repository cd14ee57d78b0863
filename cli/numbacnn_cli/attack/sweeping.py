"""numbacnn attack sweep: accuracy over epsilon, several attacks on one axis."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, AsIs, Compute, Data, Epsilons, Images, Model, Origins, Out, SplitName, Target
from ..pictures import Index
from .subjects import as_levels, attack_named, check_subjects, find_subjects, percent, target_name, target_of

EPSILONS = {
    "linf": tuple(level / 255 for level in (0, 1, 2, 4, 8, 16, 32)),
    "l2": (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0),
    "l1": (0.0, 5.0, 10.0, 20.0, 40.0),
    "l0": (0.0, 1.0, 2.0, 5.0, 10.0, 20.0),
}


def sweep(
    images: Images = (),
    /,
    *,
    attacks: Annotated[
        str, Parameter(help="Attacks, by name and with commas between them.")
    ] = "noise,fgsm,pgd",
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    count: int = 200,
    epsilons: Annotated[
        Epsilons | None,
        Parameter(help="Epsilons: 0,1/255,2/255. Left out: 0 to 32/255, or as many in another norm."),
    ] = None,
    norm: Literal["linf", "l2", "l1", "l0"] = "linf",
    target: Target = None,
    seed: int = 0,
    batch_size: int = 64,
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Attack the same pictures with several attacks and several epsilons: how far the network holds, as curves and as a table.

    Bands are 95 % confidence intervals of the share of pictures that are still right (Wilson). Attacks that look for the
    smallest change run once; at each epsilon those count whose change is within it. Each attack has the options that its
    own command has where none is given.

    JSON: `model`, `norm`, `clean_accuracy`, `images` (how many), `target`, `curves[]` with `.attack` and `.points[]`, each with `.epsilon`,
    `.adversarial_accuracy` between `.low` and `.high`, `.adversarial_accuracy_8bit`, `.success_rate`, `.success_rate_8bit`; `figure`, `data_file`.

    Parameters
    ----------
    count
        How many pictures of the data set, taken at even distances.
    norm
        What epsilon measures: the largest change of a value (linf), the root of the sum of squares (l2), the sum of absolute
        values (l1), the number of pixels (l0).
    seed
        What random numbers are drawn from.
    batch_size
        Pictures in a pass: fewer take less memory.
    """
    from numbacnn import attacks as library
    from numbacnn.errors import UsageError, need_whole
    from numbacnn.figures import robustness_curves

    from .showing import sweep_numbers, title

    named = {name: attack_named(name, "--attacks") for name in map(str.strip, attacks.split(","))}
    need_whole("--batch-size", batch_size)
    values = epsilons or EPSILONS[norm]
    kinds = []
    for name, kind in named.items():
        if not kind.norms:
            raise UsageError(f"--attacks: {name} has no epsilon; leave it out")
        if norm not in kind.norms:
            raise UsageError(f"--norm {norm}: {name} takes {' or '.join(kind.norms)}")
        checked = [kind(epsilon=epsilon, norm=norm, seed=seed) for epsilon in values]
        kinds.append(checked[0])
    drawn = figure.target(out, "robustness", reads=[*images, model])
    check_subjects(images, given)
    opened = open_model(model, out, compute)
    network = opened.network
    found = find_subjects(opened, images, data, split, index, count, as_is=as_is, given=given, out=out)
    pictures, labels, targets = found.pictures.images, found.labels, target_of(network, target)
    clean = float((network.predict(pictures, batch_size).argmax(axis=1) == labels).mean())
    curves = []
    for attack in kinds:
        steps = library.sweep(attack, network, pictures, labels, values, targets, batch_size=batch_size)
        curves.append(list(out.progress(steps, attack.name, len(values))))
    out.table(
        ["epsilon", *(attack.name for attack in kinds)],
        [
            [
                as_levels(epsilon) if norm == "linf" else f"{epsilon:.4g}",
                *(
                    f"{percent(curve[place].adversarial_accuracy)} ({curve[place].low:.0%}-{curve[place].high:.0%})"
                    for curve in curves
                ),
            ]
            for place, epsilon in enumerate(values)
        ],
    )
    aim = "away from the right class" if target is None else f"towards {target_name(network, targets)}"
    made = joined(
        opened.fact, found.source, aim, "bands: 95 % confidence intervals of the share that is still right"
    )
    drawing = robustness_curves(
        [
            (
                title(attack),
                [point.adversarial_accuracy for point in curve],
                [(point.low, point.high) for point in curve],
            )
            for attack, curve in zip(kinds, curves, strict=True)
        ],
        values,
        clean,
        norm=norm,
        title=f"{len(labels)} pictures under attack",
        provenance=made,
    )
    numbers = {
        f"{attack.name}/{key}": value
        for attack, curve in zip(kinds, curves, strict=True)
        for key, value in sweep_numbers(curve).items()
    }
    return {
        **drawn.save(drawing, numbers, say=f"accuracy over epsilon of {len(kinds)} attacks"),
        "model": opened.path,
        "norm": norm,
        "clean_accuracy": clean,
        "images": len(labels),
        "target": target_name(network, targets),
        "curves": [
            {"attack": attack.name, "points": curve} for attack, curve in zip(kinds, curves, strict=True)
        ],
    }

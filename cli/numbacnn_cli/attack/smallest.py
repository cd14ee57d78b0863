"""numbacnn attack minimal: the smallest epsilon that fools, picture by picture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, AsIs, Compute, Data, Images, Model, Origins, Out, SplitName, Target, amount
from ..pictures import Index
from .subjects import as_size, attack_named, check_subjects, find_subjects, target_name, target_of


def minimal(
    images: Images = (),
    /,
    *,
    attack: Annotated[str, Parameter(help="The attack, by name.")] = "deepfool",
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    count: int = 200,
    norm: Literal["linf", "l2", "l1", "l0"] | None = None,
    most: Annotated[float | None, Parameter(converter=amount, n_tokens=1, show_default=False)] = None,
    halvings: int = 7,
    target: Target = None,
    seed: int = 0,
    batch_size: int = 64,
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Find the smallest change that fools the network, picture by picture, and draw how it is distributed.

    Attacks that look for the smallest change (deepfool, cw, lbfgs) are asked for its size; of another one the smallest epsilon
    that succeeds is found by bisection. Pictures that the network gets wrong anyway are not counted.

    JSON: `model`, `attack`, `norm`, `most`, `images` (that are counted), `fooled`, `median`, `mean` (of those that were fooled), `quartiles`, `target`,
    `pictures[]` with `.image`, `.label` and `.epsilon` (null where it withstood or is not counted), `figure`, `data_file`.

    Parameters
    ----------
    count
        How many pictures of the data set, taken at even distances.
    norm
        What epsilon measures; left out, the attack's own.
    most
        Largest epsilon that is tried: 32/255. [default: 64/255, or 4 in L2; any for an attack that looks for the smallest change]
    halvings
        The bisection's accuracy: 2 to this power steps up to the largest epsilon.
    seed
        What random numbers are drawn from.
    batch_size
        Pictures in a pass: fewer take less memory.
    """
    import numpy as np

    from numbacnn import attacks as library
    from numbacnn.attacks.norms import TITLES
    from numbacnn.errors import UsageError, need_whole
    from numbacnn.figures import epsilon_distribution

    from .showing import described

    kind = attack_named(attack)
    if not kind.norms:
        raise UsageError(f"--attack {attack} has no epsilon, and so no smallest one")
    chosen = norm or kind.norms[0]
    largest = most
    if most is None and kind.needs_epsilon:
        largest = {"linf": 64 / 255, "l2": 4.0, "l1": 100.0, "l0": 64.0}[chosen]
    plain = kind(epsilon=largest, norm=chosen, seed=seed)
    need_whole("--batch-size", batch_size)
    need_whole("--halvings", halvings, 1, 20)
    drawn = figure.target(out, "minimal", reads=[*images, model])
    check_subjects(images, given)
    opened = open_model(model, out, compute)
    network = opened.network
    found = find_subjects(opened, images, data, split, index, count, as_is=as_is, given=given, out=out)
    targets = target_of(network, target)
    answer = library.smallest_epsilons(
        plain, network, found.pictures.images, found.labels, targets, most=largest, halvings=halvings,
        batch_size=batch_size, watch=out.progress,
    )  # fmt: skip
    counted = answer.epsilons[~np.isnan(answer.epsilons)]
    fooled = counted[np.isfinite(counted)]
    if not len(counted):
        out.say("no picture is counted: the network is right about none of them")
    elif not len(fooled):
        out.say(f"none of {len(counted)} pictures was fooled within {as_size(largest, chosen)}")
    else:
        quartiles = ", ".join(as_size(float(value), chosen) for value in np.percentile(fooled, (25, 50, 75)))
        out.say(
            f"{len(fooled)} of {len(counted)} pictures are fooled; quartiles of the smallest change: {quartiles}"
        )
    made = joined(opened.fact, found.source, described(plain))
    drawing = epsilon_distribution(
        counted, norm=chosen, title=f"the smallest change that fools: {attack}", provenance=made
    )
    numbers = {
        "epsilons": (answer.epsilons, f"smallest {TITLES[chosen]} change; inf: not fooled, nan: not counted"),
        "images": (answer.images, "the pictures changed so much; 0 to 1"),
    }
    finite = [float(value) if np.isfinite(value) else None for value in answer.epsilons]
    return {
        **drawn.save(drawing, numbers, say=f"the distribution over {len(counted)} pictures"),
        "model": opened.path,
        "attack": attack,
        "norm": chosen,
        "most": largest,
        "images": len(counted),
        "fooled": len(fooled),
        "median": answer.median,
        "mean": float(fooled.mean()) if len(fooled) else None,
        "quartiles": np.percentile(fooled, (25, 50, 75)) if len(fooled) else None,
        "target": target_name(network, targets),
        "pictures": [
            {"image": name, "label": network.class_names[label], "epsilon": epsilon}
            for name, label, epsilon in zip(found.pictures.names, found.labels, finite, strict=True)
        ],
    }

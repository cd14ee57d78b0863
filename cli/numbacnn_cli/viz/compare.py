"""numbacnn viz compare: attribution methods beside each other, and what can be measured of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..captions import joined
from ..figure_options import FIGURE, FigureOptions
from ..opening import open_model
from ..options import CPU, AsIs, Compute, Data, Images, Model, Origins, Out, SplitName
from ..pictures import Index
from .asked import Class, check_asked, find_asked
from .methods import DEFAULTS, MethodOptions

if TYPE_CHECKING:
    from numbacnn import Network
    from numbacnn.analysis import Attributed, Attribution, Randomised

QUICKER = {"samples": 20, "steps": 20}
"""Options where they are left out: every method is asked again for each stage of random weights."""


def compare(
    image: Images = (),
    /,
    *,
    model: Model = None,
    data: Data = None,
    split: SplitName = "test",
    index: Index = None,
    class_: Class = None,
    options: MethodOptions = DEFAULTS,
    deletion_steps: int = 50,
    stages: int = 4,
    check_seed: Annotated[int, Parameter(name="--check-seed")] = 0,
    batch_size: int = 16,
    as_is: AsIs = False,
    figure: FigureOptions = FIGURE,
    compute: Compute = CPU,
    given: Origins,
    out: Out,
) -> dict[str, Any]:
    """Put all attribution methods beside each other for one picture, and measure which of them can be trusted.

    Deletion takes pixels away, insertion gives them back, the most important first (Petsiuk et al., 2018): a map that is right
    has a small area below the first curve of the class's probability, and a large one below the second. The check of random
    weights (Adebayo et al., 2018) makes the weights of more and more layers random, from the last one on: a method whose map
    stays alike (a mean rank correlation of 0.7 or more) shows the picture, not what the network has learned, and is
    marked UNCHANGED.

    Without IMAGE, the first picture of the data set is taken. SmoothGrad and integrated gradients take 20 passes unless
    --samples and --steps say otherwise. JSON: `figure`, `data_file`, `model`, `picture` (as in 'viz attribute'), `stages[]` with
    `.layer` and `.layers` (how many are random), `threshold`, `random_order` and `methods[]`, each with `.deletion_area` and
    `.insertion_area`, a method also with `.method`, `.title`, `.options`, `.correlations` (one a stage), `.unchanged_by_random_weights`
    (null without the check).

    Parameters
    ----------
    class_
        Class to ask about, by name or index; left out, what the network predicts.
    deletion_steps
        In how many steps all pixels are taken away and given back.
    stages
        How many times the weights are made random, in more layers each time and in the end in all; 0 leaves the check out.
    check_seed
        What random weights and the random order of pixels are drawn from.
    batch_size
        Pictures, or noisy or hidden copies of one, in a pass: fewer take less memory.
    """
    import dataclasses

    import numpy as np

    from numbacnn.analysis import UNCHANGED, deletion_insertion
    from numbacnn.errors import need_whole
    from numbacnn.figures import Compared, Reference, attribution_comparison
    from numbacnn.graph import MAX_SEED

    wanted = options.all_methods(QUICKER)
    need_whole("--batch-size", batch_size)
    need_whole("--deletion-steps", deletion_steps, 1, 1000)
    need_whole("--stages", stages, 0, 100)
    need_whole("--check-seed", check_seed, 0, MAX_SEED)
    target = figure.target(out, "compare", reads=[*image, model])
    check_asked(image, given, 1)
    opened = open_model(model, out, compute)
    network = opened.network
    methods = [method.settled(network) for method in wanted]
    found = find_asked(opened, image, data, split, index, class_, as_is=as_is, out=out, shown=1, most=1)
    pictures, classes = found.pictures.images, found.classes

    def explained(method: Attribution) -> Attributed:
        return method(network, pictures, classes, batch_size=batch_size)

    maps = [
        explained(method).maps[0] for method in out.progress(methods, "attribution methods", len(methods))
    ]
    generator = np.random.Generator(np.random.Philox(key=check_seed))
    ranked = [*maps, generator.random(maps[0].shape, np.float32)]
    *curves, chance = [
        deletion_insertion(network, pictures, one[None], classes, steps=deletion_steps, batch_size=batch_size)
        for one in out.progress(ranked, "deletion and insertion", len(ranked))
    ]
    checks = _checks(network, pictures, classes, methods, stages, check_seed, batch_size, out)
    reached = list(dict.fromkeys((check.layer, check.layers) for check in checks))
    compared = []
    for place, method in enumerate(methods):
        own = checks[place :: len(methods)]
        alike = [float(check.correlations[0]) for check in own]
        compared.append(
            Compared(
                method.title,
                maps[place],
                method.signed,
                curves[place].deletion[0],
                curves[place].insertion[0],
                (float(curves[place].deletion_area[0]), float(curves[place].insertion_area[0])),
                [check.maps[0] for check in own],
                alike,
                float(np.mean(alike)) >= UNCHANGED if own else None,
            )
        )
    layers = [count for _, count in reached]
    reference = Reference(chance.shares, chance.deletion[0], chance.insertion[0], layers, UNCHANGED)
    caption = found.captions("score")[0].replace("\n", ", ")
    made = joined(
        opened.fact,
        found.source,
        "; ".join(f"{name} {value}" for name, value in {**QUICKER, **options.given()}.items()),
        "deletion: pixels become the mean that the network subtracts; insertion: into the blurred picture",
        f"seed {check_seed}" if stages else "without the check of random weights",
    )
    drawing = attribution_comparison(
        found.pictures.shown()[0],
        compared,
        reference,
        caption,
        part=(*found.parts, (0.0, 0.0, 1.0, 1.0))[0],
        provenance=made,
    )
    _tell(compared, reference, caption, out)
    numbers = {
        **found.numbers(),
        "methods": ([method.name for method in methods], "names of the methods"),
        "maps": (np.stack(maps), "methods, rows, columns"),
        "shares": (chance.shares, "shares of the pixels that were taken away or given back"),
        "deletion": (np.stack([each.deletion for each in compared]), "probability: methods, shares"),
        "insertion": (np.stack([each.insertion for each in compared]), "probability: methods, shares"),
    }
    if checks:
        numbers["random_maps"] = (
            np.stack([each.random for each in compared]),
            "maps of random weights: methods, stages, rows, columns",
        )
        numbers["correlations"] = (
            np.array([each.correlations for each in compared]),
            "rank correlation with them: methods, stages",
        )
    return {
        **target.save(drawing, numbers, say=f"{len(methods)} methods"),
        "model": opened.path,
        "picture": found.results()[0],
        "stages": [{"layer": layer, "layers": count} for layer, count in reached],
        "threshold": UNCHANGED,
        "random_order": {
            "deletion_area": float(chance.deletion_area[0]),
            "insertion_area": float(chance.insertion_area[0]),
        },
        "methods": [
            {
                "method": method.name,
                "title": method.title,
                "options": dataclasses.asdict(method),
                "deletion_area": each.areas[0],
                "insertion_area": each.areas[1],
                "correlations": each.correlations,
                "unchanged_by_random_weights": each.unchanged,
            }
            for method, each in zip(methods, compared, strict=True)
        ],
    }


def _checks(
    network: Network,
    pictures: Any,
    classes: Any,
    methods: list[Attribution],
    stages: int,
    seed: int,
    batch_size: int,
    out: Out,
) -> list[Randomised]:
    from numbacnn.analysis import check_randomisation

    if not stages:
        return []
    found = check_randomisation(
        network, pictures, classes, methods, stages=stages, seed=seed, batch_size=batch_size
    )
    return list(out.progress(found, "with random weights", stages * len(methods)))


def _tell(compared: list[Any], reference: Any, caption: str, out: Out) -> None:
    out.say(caption)
    headers = ["method", "deletion", "insertion"]
    if reference.stages:
        headers += ["likeness to random weights", ""]
    rows = [
        [
            each.title,
            *(f"{area:.3f}" for area in each.areas),
            *(
                [
                    f"{sum(each.correlations) / len(each.correlations):.2f}",
                    "UNCHANGED" if each.unchanged else "",
                ]
                if reference.stages
                else []
            ),
        ]
        for each in compared
    ]
    out.table(headers, rows)
    unchanged = [each.title for each in compared if each.unchanged]
    if unchanged:
        out.say(
            f"unchanged by random weights, so no evidence of what the network has learned: {', '.join(unchanged)}"
        )

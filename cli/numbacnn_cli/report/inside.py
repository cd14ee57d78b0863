"""What the network has learned to see: filters, what excites units, and which pixels count."""

from __future__ import annotations

from ..pages import Section, figure, paragraph, text
from ..viz.filters import judged, kernels_of, marks_of, spoken
from .subject import AT_A_TIME, Subject

LOOKED_AT = 1000
"""Pictures in which the strongest activations are looked for."""
UNITS = 8
SALIENT = 4


def section(subject: Subject) -> Section:
    elements = _filters(subject)
    if subject.pictures is not None and len(subject.pictures):
        elements += _units(subject) + _saliency(subject)
    return Section("What it has learned to see", "inside", elements)


def _filters(subject: Subject) -> list[str]:
    from numbacnn.figures import filter_mosaic

    names = _convolutions(subject)
    if not names:
        return [paragraph("The network has no convolution.")]
    kernels = kernels_of(subject.network, names[0])
    height, width, channels, count = kernels.shape
    judgement = judged(subject.opened, names[0], kernels)
    alternative = (
        f"The {count} filters of {names[0]} as small pictures, {height}x{width}x{channels} weights each. "
        f"Verdict: {judgement.verdict}."
    )
    said = [paragraph(line, "" if place else "verdict") for place, line in enumerate(spoken(judgement))]
    mosaic = filter_mosaic(kernels, marks=marks_of(judgement))
    return [f"<h3>Filters of {text(names[0])}</h3>", *said, figure(mosaic, alternative)]


def _convolutions(subject: Subject) -> list[str]:
    return [node.name for node in subject.network.graph.nodes if node.layer.kind == "convolution"]


def _units(subject: Subject) -> list[str]:
    """Units of a layer in the middle and of one near the end, with what excites them."""
    import numpy as np

    from numbacnn.analysis import scan, unit_patches
    from numbacnn.figures import LayerUnits, layers_page

    names = _convolutions(subject)
    if not names:
        return []
    if len(names) > 1 and subject.network.graph.shapes[names[-1]][-1] == subject.network.classes:
        names = names[:-1]  # its units are the classes
    chosen = list(dict.fromkeys((names[len(names) // 2], names[-1])))
    assert subject.pictures is not None
    part = subject.pictures.subset(np.array(subject.spread(LOOKED_AT)))
    batches = subject.out.progress(
        part.batches(AT_A_TIME), "strongest activations", -(-len(part) // AT_A_TIME)
    )
    layers = []
    for name, found in scan(subject.network, batches, chosen).items():
        awake = np.flatnonzero(found.values[:, 0] > 0)[:UNITS]
        if awake.size:
            units = list(unit_patches(subject.network, part.read, found.take(awake)))
            layers.append(LayerUnits(f"{name}: the first {len(units)} active units", units))
    if not layers:
        return []
    alternative = (
        f"For units of {' and of '.join(chosen)}: the nine parts of pictures that excite each most, and beside each "
        "what of it the unit answers to, walked back to pixels."
    )
    return [
        "<h3>What excites units</h3>",
        paragraph(
            f"The strongest activations in {len(part):,} pictures, walked back through the network to the pixels "
            "(Zeiler and Fergus, 2013), beside the parts of the pictures that caused them."
        ),
        figure(layers_page(layers), alternative, wide=True),
    ]


def _saliency(subject: Subject) -> list[str]:
    import numpy as np

    from numbacnn.analysis import saliency
    from numbacnn.figures import saliency_panel

    assert subject.pictures is not None
    places = subject.spread(SALIENT)
    images = subject.network.as_images(subject.pictures.read(np.array(places)))
    probabilities = subject.network.predict(images)
    classes = probabilities.argmax(axis=1)
    maps = saliency(subject.network, images, classes)
    names = [subject.class_names[index] for index in classes]
    captions = [
        f"{subject.split} {place}\n{name} ({share:.0%})"
        for place, name, share in zip(places, names, probabilities.max(axis=1), strict=True)
    ]
    alternative = f"Pictures taken for {', '.join(names)}, and which of their pixels that depends on."
    return [
        "<h3>Which pixels count</h3>",
        paragraph(
            "The gradient of the likeliest class's score with respect to the pixels (Simonyan et al., 2014)."
        ),
        figure(saliency_panel(list(images), maps, captions), alternative, wide=True),
    ]

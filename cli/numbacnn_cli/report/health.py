"""How the layers do, and what is wrong with them."""

from __future__ import annotations

from ..diagnose import counted, drawn
from ..pages import Section, figure, paragraph
from .subject import Subject

PICTURES, BATCH = 256, 64


def section(subject: Subject) -> Section | None:
    """None where the true classes are not known."""
    import numpy as np

    from numbacnn.analysis import diagnose, findings

    if subject.pictures is None or not subject.labelled:
        return None
    part = subject.pictures.subset(np.array(subject.spread(PICTURES)))
    batches = subject.out.progress(part.batches(BATCH), "how the layers do", -(-len(part) // BATCH))
    found = diagnose(subject.network, batches)
    wrong = findings(found)
    elements = [
        paragraph(f"{each.kind}, {each.layer}: {each.message}. {each.advice}", "finding") for each in wrong
    ] or [
        paragraph("Nothing is wrong that was looked for: dead units, saturation, gradients, steps.", "well")
    ]
    alternative = (
        f"A row a layer, {len(found.layers)} of them: what it puts out, which share is stuck, and the size of its "
        f"gradient and of a step beside its weights. {counted(wrong).capitalize()}."
    )
    return Section(
        "How its layers do", "health", [*elements, figure(drawn(found, wrong, ""), alternative, wide=True)]
    )

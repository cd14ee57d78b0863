"""How far it holds against an attack."""

from __future__ import annotations

from ..pages import Section, figure, paragraph
from .subject import Subject

EPSILON = 8 / 255
SWEEP = (0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)
ATTACKED, SHOWN = 60, 3


def section(subject: Subject) -> Section | None:
    """None without pictures."""
    import numpy as np

    from numbacnn.attacks import FGSM, sweep
    from numbacnn.figures import attack_panel, epsilon_sweep

    if subject.pictures is None or not len(subject.pictures):
        return None
    network, places = subject.network, np.array(subject.spread(ATTACKED))
    images = network.as_images(subject.pictures.read(places))
    predicted = network.predict(images).argmax(axis=1)
    labels = subject.pictures.labels[places] if subject.labelled else predicted
    attack = FGSM(EPSILON)
    result = attack.run(network, images, labels)
    after = result.after_eight_bit.argmax(axis=1)
    fooled = np.flatnonzero((predicted == labels) & (after != labels))
    rows = fooled[np.argsort(-result.after_eight_bit.max(axis=1)[fooled], kind="stable")][:SHOWN]
    if not rows.size:
        rows = np.arange(min(SHOWN, len(places)))
    names = subject.class_names
    before = [(names[predicted[row]], float(result.before[row].max())) for row in rows]
    then = [(names[after[row]], float(result.after_eight_bit[row].max())) for row in rows]
    saved = result.eight_bit[rows]
    panel = attack_panel(result.originals[rows], saved / 255 - result.originals[rows], saved, before, then)
    points = list(
        subject.out.progress(sweep(attack, network, images, labels, SWEEP, None), "attack", len(SWEEP))
    )
    curve = epsilon_sweep(
        [point.epsilon for point in points],
        result.clean_accuracy,
        [point.adversarial_accuracy for point in points],
        [point.adversarial_accuracy_8bit for point in points],
    )
    said = (
        f"A step of {EPSILON * 255:.0f}/255 a pixel along the sign of the loss's gradient (Goodfellow et al., 2015) leaves "
        f"{result.adversarial_accuracy_8bit:.0%} of {len(places)} pictures right; without it {result.clean_accuracy:.0%} are."
    )
    changes = "; ".join(f"{was[0]} becomes {now[0]}" for was, now in zip(before, then, strict=True))
    return Section(
        "What breaks it",
        "broken",
        [
            paragraph(said),
            figure(panel, f"Pictures, the change drawn larger, and the changed pictures: {changes}."),
            figure(curve, f"Accuracy over the size of the change, up to {SWEEP[-1] * 255:.0f}/255. {said}"),
        ],
    )

"""What the network is: its sizes, its errors, its layers."""

from __future__ import annotations

import hashlib

from ..pages import Section, facts, figure, folded, paragraph, table
from .subject import Subject


def section(subject: Subject) -> Section:
    from numbacnn import summarise
    from numbacnn.published import FACTS

    network, found = subject.network, summarise(subject.network)
    pairs: list[tuple[str, object]] = [
        ("Network", subject.name),
        ("Pictures", f"{'x'.join(map(str, network.input_shape))}"),
        ("Classes", f"{network.classes:,}"),
        ("Parameters", f"{found.parameters:,}"),
        ("Multiply-adds a picture", f"{found.multiply_adds:,}"),
    ]
    if subject.answers is not None and subject.dataset is not None:
        answers = subject.answers
        pairs.append(("Top-1 error", f"{answers.top1_error:.2%}"))
        if network.classes > 5:
            pairs.append(("Top-5 error", f"{answers.top5_error:.2%}"))
        pairs.append(
            ("Measured on", f"{len(answers.labels):,} pictures of {subject.dataset.name}, {subject.split}")
        )
    published = FACTS.get(subject.name)
    elements = [facts(pairs)]
    if published is not None:
        error = (
            ""
            if published.top5_error is None
            else f" Its top-5 error on ImageNet: {published.top5_error:g} %."
        )
        elements.append(
            paragraph(f"{subject.name} was published in {published.year}: {published.paper}.{error}")
        )
    elements += [_drawn(subject), _layers(subject)]
    digest = hashlib.sha256(subject.opened.path.read_bytes()).hexdigest()
    elements.append(paragraph(f"The model's file: {subject.opened.path.name}, SHA-256 {digest}.", "note"))
    return Section("What it is", "about", elements)


def _drawn(subject: Subject) -> str:
    from numbacnn.analysis import outline
    from numbacnn.figures import architecture

    shown = outline(subject.network.graph)
    way = ", ".join(f"{'x'.join(map(str, each.shape))} ({each.says})" for each in shown)
    return figure(architecture(shown), f"The volumes that pictures become: {way}.", wide=True)


def _layers(subject: Subject) -> str:
    from numbacnn import summarise

    rows = [
        (
            layer.name,
            layer.kind,
            "x".join(map(str, layer.output)),
            f"{layer.parameters:,}" if layer.parameters else "",
            f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
        )
        for layer in summarise(subject.network).layers
    ]
    headers = ("layer", "kind", "output", "parameters", "multiply-adds")
    return folded(f"All {len(rows)} layers", table(headers, rows, "Layers, from the pictures to the classes"))

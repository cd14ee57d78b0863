"""What it takes to make the model, and this page, again."""

from __future__ import annotations

import json
import platform
import shlex
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..pages import Section, folded, paragraph, table, verbatim
from .subject import Subject

PACKAGES = ("numpy", "numba", "llvmlite", "h5py", "matplotlib", "pillow")


def section(subject: Subject) -> Section:
    from ..app import version as own

    elements = []
    config = _config(subject)
    if config:
        command = "numbacnn train --config config.toml"
        elements += [
            paragraph("The run's config.toml, of which this command makes the same network:"),
            verbatim(command),
            verbatim(config),
        ]
    else:
        elements.append(paragraph("The model's file does not say by which settings it was trained."))
    if subject.record:
        record = json.dumps(_plain(subject.record), indent=2, ensure_ascii=False)
        elements.append(folded("What the model's file says of its making", verbatim(record)))
    elements += [paragraph("This page:"), verbatim(_command(subject))]
    versions = [("numbacnn", own()), ("Python", platform.python_version()), *_installed()]
    elements.append(table(("", "version"), versions, "Versions that made this page"))
    return Section("To make it again", "again", elements)


def _command(subject: Subject) -> str:
    model = subject.opened.path if subject.run is None else subject.run
    words = ["numbacnn", "report", str(model)]
    if subject.dataset is not None:
        words += ["--data", str(subject.dataset.path or subject.dataset.name), "--split", subject.split]
    return shlex.join(words)


def _config(subject: Subject) -> str:
    if subject.run is None:
        return ""
    try:
        return (subject.run / "config.toml").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        subject.out.warn(f"{subject.run / 'config.toml'}: left out ({error})")
        return ""


def _installed() -> list[tuple[str, str]]:
    found = []
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:  # a name under which a distribution does not list it
            continue
    return found


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))

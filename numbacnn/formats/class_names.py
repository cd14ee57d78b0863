"""Reads names of classes from files beside weights: a text file with one class a line, or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ModelError, UsageError
from ..limits import MAX_CLASSES

BESIDE = ("synset_words.txt", "class_names.txt", "classes.txt", "labels.txt", "imagenet_classes.txt")
"""The names under which such files are looked for beside the weights."""

_LARGEST = 16 << 20


def read_class_names(path: Path) -> tuple[str, ...]:
    """Returns the names of the classes by index: the lines of a text file (such as "n01440764 tench, Tinca tinca"), a
    JSON list, or a JSON object {"0": ...}.

    Raises UsageError if there is no such file, ModelError if it holds no names.
    """
    if not path.is_file():
        raise UsageError(f"--classes {path}: no such file; a text with one class a line is expected")
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(
                f"{path}: {path.stat().st_size:,} bytes; names of classes take at most {_LARGEST:,}"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{path}: byte {error.start} is no UTF-8; a text with one class a line is expected"
        ) from None
    if path.suffix.lower() == ".json":
        names = _of_json(path, text)
    else:
        names = [line.strip() for line in text.strip().splitlines()]
    if not 2 <= len(names) <= MAX_CLASSES:
        raise ModelError(f"{path}: {len(names):,} names; from 2 to {MAX_CLASSES:,} are expected, one a line")
    empty = next((index for index, name in enumerate(names, 1) if not name), None)
    if empty is not None:
        raise ModelError(f"{path}:{empty}: the line is empty; the name of a class is expected")
    return tuple(names)


def _of_json(path: Path, text: str) -> list[str]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: no JSON ({error})") from None
    if isinstance(found, dict) and all(str(index) in found for index in range(len(found))):
        found = [found[str(index)] for index in range(len(found))]
    if not isinstance(found, list):
        raise ModelError(f'{path}: a list of names, or {{"0": "name", …}}, is expected')
    return [
        " ".join(each)
        if isinstance(each, list) and all(isinstance(part, str) for part in each)
        else str(each)
        for each in found
    ]

"""Train a convolutional network, look inside it and break it.

    import numbacnn as nc

    dataset = nc.Dataset.open("digits")
    network, settings = nc.prepare(dataset, epochs=5)       # as `numbacnn train --epochs 5` does
    for event in nc.train(network, dataset, settings):
        print(event)
    network.predict(dataset.test.images[:4])                # uint8 (N,H,W,C) -> probabilities (N, classes)

Names are loaded when they are first used: `import numbacnn` alone costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Dataset": "data",
    "Graph": "graph",
    "Loss": "program",
    "Network": "network",
    "NumbacnnError": "errors",
    "Plan": "program",
    "Predictions": "predictions",
    "Program": "program",
    "Settings": "training",
    "evaluate": "training",
    "load": "storage",
    "load_model": "storage",
    "open_dataset": "storage",
    "prepare": "training",
    "save": "storage",
    "save_model": "storage",
    "summarise": "summary",
    "train": "training",
}
"""Public name -> the room it lives in."""

_ROOMS = (
    "analysis",
    "architectures",
    "attacks",
    "data",
    "fetching",
    "figures",
    "formats",
    "layers",
    "storage",
    "training",
)

__all__ = sorted([*_HOMES, *_ROOMS, "__version__"])  # noqa: PLE0605 - the two tables above are the one list


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module 'numbacnn' has no attribute '{name}'")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("numbacnn")
    except PackageNotFoundError:  # a folder of sources on Python's path
        return "not installed"


def __dir__() -> list[str]:
    return __all__

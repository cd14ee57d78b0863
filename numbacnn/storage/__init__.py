"""HDF5 files: data sets and models. The only room that imports h5py. Names are loaded when they are first used: who only reads a
data set waits for no kernel.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Checkpoint": "models",
    "Features": "features",
    "Scan": "scans",
    "StoredFeatures": "features",
    "digest_of_data": "scans",
    "digest_of_network": "scans",
    "load": "models",
    "load_checkpoint": "models",
    "load_model": "models",
    "load_record": "models",
    "open_dataset": "datasets",
    "read_features": "features",
    "read_scan": "scans",
    "save": "models",
    "save_model": "models",
    "write_dataset": "datasets",
    "write_features": "features",
    "write_numbers": "numbers",
    "write_scan": "scans",
}
"""Public name -> the module that it lives in."""

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the table is the one list


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module 'numbacnn.storage' has no attribute '{name}'")

"""HDF5 files: data sets and models. The only room that imports h5py."""

from .datasets import open_dataset, write_dataset
from .features import Features, StoredFeatures, read_features, write_features
from .models import Checkpoint, load, load_checkpoint, load_model, load_record, save, save_model
from .numbers import write_numbers
from .scans import Scan, digest_of_data, digest_of_network, read_scan, write_scan

__all__ = [
    "Checkpoint",
    "Features",
    "Scan",
    "StoredFeatures",
    "digest_of_data",
    "digest_of_network",
    "load",
    "load_checkpoint",
    "load_model",
    "load_record",
    "open_dataset",
    "read_features",
    "read_scan",
    "save",
    "save_model",
    "write_dataset",
    "write_features",
    "write_numbers",
    "write_scan",
]

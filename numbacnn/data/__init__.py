"""Data sets, pictures, and what other formats are imported from."""

from .dataset import Dataset, Images, Split

__all__ = ["Dataset", "Images", "Split"]

"""Picture files: in as uint8 (H,W,C), out as PNG."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import DataError
from ..replacing import replacing

Picture = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""What is read; others of Pillow's start programs (EPS) or are hardly tested."""

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"))

MAX_PIXELS = 100_000_000
"""Above any camera's; a file that declares more is taken for a decompression bomb."""

_GREY = ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I")


def load(path: str | Path) -> Picture:
    """The picture (H,W,C), C 3 or for grey ones 1, turned upright as its EXIF data say.

    What is transparent lies on white; of an animation the first picture is taken; 16 bits become 8.
    Raises DataError if it cannot be read or declares more than MAX_PIXELS.
    """
    with _opened(Path(path)) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
        return _as_array(upright)


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) as stored; only the header is read. Raises DataError."""
    with _opened(path) as image:
        return image.size


def is_grey(path: Path) -> bool:
    """Whether the file holds a grey picture; only its header is read. Raises DataError."""
    with _opened(path) as image:
        return image.mode in _GREY


def save(path: str | Path, picture: Picture) -> None:
    """Writes (H,W,C) uint8, C 1 or 3, as PNG, whole or not at all. Raises DataError."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise DataError(f"{path}: pictures are saved without loss, as .png")
    try:
        with replacing(path) as partial:
            _image(picture).save(partial, "PNG")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(
                    f"{path}: {image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are read"
                )
            yield image
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(f"{path}: {os.strerror(error.errno or 2)}") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: no picture that can be read; {', '.join(FORMATS)} can") from None
    except DataError:
        raise
    except Exception as error:  # a damaged file fails in whatever way its decoder happens to
        raise DataError(f"{path}: damaged, it cannot be read ({error})") from None


def _as_array(image: Any) -> Picture:
    if image.mode.startswith("I"):
        values = np.asarray(image)
        image = Image.fromarray((np.clip(values, 0, 65535) // 257).astype(np.uint8))
    elif image.mode == "F":
        raise DataError("pixels are fractions of no known scale; save it with 8 bits a channel")
    if image.has_transparency_data:
        grey = image.mode == "LA"
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert(
            "L" if grey else "RGB"
        )
    image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    pixels = np.array(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _image(picture: Picture) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)

"""Reads picture files as uint8 (H,W,C), and writes PNG."""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from ..errors import DataError
from ..limits import need_described
from ..replacing import replacing

Picture = NDArray[np.uint8]
Changed = TypeVar("Changed")

FORMATS = (
    "PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "TGA", "PCX", "SGI", "ICO", "QOI", "DDS",
)  # fmt: skip
"""Pillow's formats that are read, if this Pillow has them; its other formats start programs (EPS), need them, or hold
no picture.
"""

MAX_PIXELS = 100_000_000
"""The most pixels of a picture, more than most cameras have; a file that declares more could take all memory."""

DECODING_BYTES = 1 << 30
"""The bytes that pictures may take together while they are decoded; one that needs more is decoded alone."""

_PIXEL_BYTES = 8
"""The most bytes of a pixel while a picture is decoded: four in Pillow, and those of the result."""

_THREADS = min(8, os.cpu_count() or 1)

MOST_LISTED = 50
"""The most files that an error names."""

_LARGE = 64 << 20
"""From so many bytes on, it is checked whether memory has room for a picture."""

_STRIP_PIXELS = 1 << 20
"""The pixels that are converted at a time, so that a large picture is not copied as a whole."""

_GREY = ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I")


def load(path: str | Path) -> Picture:
    """Returns the picture (H,W,C), C 3, or 1 for grey ones, turned upright by its EXIF orientation.

    Transparent pixels lie on white; of an animation the first picture is read; 16 bits become 8. However many threads
    load pictures, those decoded at the same time take at most DECODING_BYTES. Raises DataError if the file cannot be
    read, declares more than MAX_PIXELS, or needs more memory than is free.
    """
    with _opened(Path(path)) as image, _decoding.taken(image.width * image.height * _PIXEL_BYTES):
        needed = image.width * image.height * _PIXEL_BYTES
        if needed > _LARGE:
            need_described(needed, Path(path), f"{image.width}x{image.height} pixels take", DataError)
        if image.mode == "F":
            raise DataError(f"{path}: pixels are fractions of no known scale; save it with 8 bits a channel")
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _as_array(image)


@dataclass(frozen=True)
class Header:
    """A picture's size as stored, whether it is grey, and whether the file has more pictures."""

    width: int
    height: int
    is_grey: bool
    has_more: bool


def header(path: Path) -> Header:
    """Returns a file's header; its pixels are not read. Raises DataError."""
    with _opened(path) as image:
        # A JPEG file with more pictures in it (MPO) has the photograph first and then previews of it.
        more = image.format != "MPO" and bool(getattr(image, "is_animated", False))
        return Header(*image.size, image.mode in _GREY, more)


def load_all(paths: Iterable[Path], change: Callable[[Picture], Changed]) -> Iterator[Changed | DataError]:
    """Yields `change(picture)` for every file, or the error why it cannot be read; several are decoded at a time, in
    threads.
    """

    def one(path: Path) -> Changed | DataError:
        try:
            return change(load(path))
        except DataError as error:
            return error

    with ThreadPoolExecutor(_THREADS) as pool:  # Pillow lets go of the interpreter while it decodes
        # Not all at once: what is decoded and not yet asked for takes memory.
        rest = iter(paths)
        waiting = deque(pool.submit(one, path) for path in islice(rest, 2 * _THREADS))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(one, path) for path in islice(rest, 1))


def broken(paths: Iterable[Path]) -> Iterator[DataError | None]:
    """Yields for every file the error why its picture cannot be read; None if it can."""
    for found in load_all(paths, lambda picture: picture[:1, :1]):
        yield found if isinstance(found, DataError) else None


def unreadable(paths: Sequence[Path], first: DataError, remedy: str = "") -> DataError:
    """Returns one error that lists all broken files among the paths, and the remedy.

    It is called when `first` has shown that one of them is broken, and decodes all of them.
    """
    errors = [error for error in broken(paths) if error is not None] or [first]
    ending = f"; {remedy}" if remedy else ""
    if len(errors) == 1:
        return DataError(f"{errors[0]}{ending}")
    shown = "; ".join(map(str, errors[:MOST_LISTED]))
    more = f"; and {len(errors) - MOST_LISTED} more" if len(errors) > MOST_LISTED else ""
    return DataError(f"{len(errors)} of {len(paths)} pictures cannot be read: {shown}{more}{ending}")


def save(path: str | Path, picture: Picture, *, software: str = "") -> None:
    """Writes a picture (H,W,C) uint8, C 1 or 3, as PNG, completely or not at all; `software` goes into the file's
    metadata.

    Raises DataError if the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise DataError(f"{path}: pictures are saved without loss, as .png")
    texts = PngInfo()
    if software:
        texts.add_text("Software", software)
    try:
        with replacing(path) as partial:
            _image(picture).save(partial, "PNG", pnginfo=texts)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None


@cache
def _formats() -> tuple[str, ...]:
    """Returns those of FORMATS that Pillow was built with."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=_formats()) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(
                    f"{path}: too large, {image.width}x{image.height} pixels; at most {MAX_PIXELS:,} are read: scale it "
                    "down first"
                )
            yield image
    except Image.DecompressionBombError as error:  # of Pillow's own limit, which looks before ours
        declared = re.search(r"\d+", str(error))
        pixels = (
            f"{int(declared[0]):,} pixels" if declared else "it has more pixels than any camera's pictures"
        )
        raise DataError(
            f"{path}: too large, {pixels}; at most {MAX_PIXELS:,} are read: scale it down first"
        ) from None
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError(f"{path}: {os.strerror(error.errno or 2)}") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: no picture that can be read; {', '.join(_formats())} can") from None
    except (DataError, MemoryError):
        raise
    except Exception as error:  # a damaged file fails in whatever way its decoder happens to
        raise DataError(f"{path}: damaged, it cannot be read ({error})") from None


def _as_array(image: Any) -> Picture:
    is_grey = image.mode in _GREY
    pixels = np.empty((image.height, image.width, 1 if is_grey else 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        pixels[top : top + rows] = _opaque(strip, "L" if is_grey else "RGB").reshape(-1, *pixels.shape[1:])
    return pixels


def _opaque(image: Any, mode: str) -> Any:
    """Returns pixels of 8 bits, of a grey picture ("L") or one in colour ("RGB"); transparent pixels lie on white."""
    if image.mode.startswith("I"):
        return np.clip(np.asarray(image), 0, 65535) // 257
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert(mode))


class _Allowance:
    """Bytes that threads share: a thread that needs more than are left waits; one that needs more than there are runs
    alone.
    """

    def __init__(self, total: int) -> None:
        self._total, self._taken = total, 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, count: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._taken == 0 or self._taken + count <= self._total)
            self._taken += count
        try:
            yield
        finally:
            with self._changed:
                self._taken -= count
                self._changed.notify_all()


_decoding = _Allowance(DECODING_BYTES)


def _image(picture: Picture) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)

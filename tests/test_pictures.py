"""Picture files in and out."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from numbacnn.data import pictures
from numbacnn.errors import DataError

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


@pytest.mark.parametrize("picture", [RGB, RGB[..., :1]])
def test_a_saved_picture_comes_back(tmp_path: Path, picture: np.ndarray) -> None:
    pictures.save(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(pictures.load(tmp_path / "a.png"), picture)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_only_png_keeps_every_pixel(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.jpg: pictures are saved without loss"):
        pictures.save(tmp_path / "a.jpg", RGB)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        pictures.save(tmp_path / "none" / "a.png", RGB)


def test_exif_turns_the_picture_upright(tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    image.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(pictures.load(tmp_path / "a.png"), np.rot90(RGB, -1))


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    image = np.zeros((2, 2, 4), np.uint8)
    image[0, 0] = (10, 20, 30, 255)
    Image.fromarray(image).save(tmp_path / "a.png")
    loaded = pictures.load(tmp_path / "a.png")
    assert loaded[0, 0].tolist() == [10, 20, 30]
    assert (loaded[1] == 255).all()


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257 * 7, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert pictures.load(tmp_path / "a.png").tolist() == [[[0], [7], [255]]]


def test_a_palette_becomes_colours(tmp_path: Path) -> None:
    image = Image.fromarray(RGB).quantize(256)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(pictures.load(tmp_path / "a.png"), np.asarray(image.convert("RGB")))


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + block(b"IHDR", header)
        + block(b"IDAT", zlib.compress(b""))
        + block(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(data)
    with (
        pytest.raises(DataError, match=r"bomb.png: 12000x12000"),
        pytest.warns(Image.DecompressionBombWarning),
    ):
        pictures.load(tmp_path / "bomb.png")


def test_files_that_are_no_pictures_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    pictures.save(tmp_path / "b.png", RGB)
    cut = (tmp_path / "b.png").read_bytes()[:-40]
    (tmp_path / "b.png").write_bytes(cut)
    for name, message in (
        ("a.png", "a.png: no picture"),
        ("b.png", "b.png: damaged"),
        ("c.png", "c.png: No such file"),
        ("", "Is a directory"),
    ):
        with pytest.raises(DataError, match=message):
            pictures.load(tmp_path / name)


def test_headers_tell_size_and_colour(tmp_path: Path) -> None:
    pictures.save(tmp_path / "a.png", RGB)
    pictures.save(tmp_path / "b.png", RGB[..., :1])
    assert pictures.size_of(tmp_path / "a.png") == (9, 6)
    assert [pictures.is_grey(tmp_path / name) for name in ("a.png", "b.png")] == [False, True]

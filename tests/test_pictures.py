"""Picture files in and out."""

from __future__ import annotations

import struct
import threading
import time
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
        pytest.raises(DataError, match=r"bomb.png: too large, 12000x12000"),
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
    assert pictures.header(tmp_path / "a.png") == pictures.Header(9, 6, is_grey=False, has_more=False)
    assert pictures.header(tmp_path / "b.png").is_grey


def test_headers_tell_that_more_pictures_follow(tmp_path: Path) -> None:
    first, *others = [Image.fromarray(RGB // divisor) for divisor in (1, 2, 3)]
    for name in ("a.gif", "a.tiff", "a.webp"):
        first.save(tmp_path / name, save_all=True, append_images=others)
        assert pictures.header(tmp_path / name).has_more
    first.save(tmp_path / "a.jpg")
    assert not pictures.header(tmp_path / "a.jpg").has_more


def empty_png(width: int, height: int) -> bytes:
    """A header that declares so many pixels, and none of them."""

    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    declared = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = block(b"IHDR", declared) + block(b"IDAT", zlib.compress(b"")) + block(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


@pytest.mark.parametrize("size", [(20_000, 20_000), (2_000_000, 100)])
def test_a_picture_beyond_pillows_own_limit_is_too_large_and_not_damaged(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    (tmp_path / "huge.png").write_bytes(empty_png(*size))
    with pytest.raises(DataError, match=r"huge.png: too large.*scale it down") as caught:
        pictures.load(tmp_path / "huge.png")
    assert f"{size[0] * size[1]:,} pixels" in str(caught.value)
    assert "damaged" not in str(caught.value)


def test_fractions_name_their_file(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((3, 3), np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match=r"a.tiff: pixels are fractions of no known scale"):
        pictures.load(tmp_path / "a.tiff")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "CMYK", "I;16", "I"])
def test_a_large_picture_is_converted_in_strips_to_the_same_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (17, 13, 4), np.uint8)
    if mode.startswith("I"):
        image = Image.fromarray(colours[..., 0].astype(np.uint16 if mode == "I;16" else np.int32) * 200)
    else:
        image = Image.fromarray(colours).convert(mode)
    image.save(tmp_path / "a.tiff" if mode != "P" else tmp_path / "a.png")
    path = next(tmp_path.iterdir())
    whole = pictures.load(path)
    monkeypatch.setattr(pictures, "_STRIP_PIXELS", 30)
    np.testing.assert_array_equal(pictures.load(path), whole)


def test_transparent_grey_stays_grey(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 100]], np.uint8))
    image.save(tmp_path / "a.png", transparency=0)
    assert pictures.header(tmp_path / "a.png").is_grey
    assert pictures.load(tmp_path / "a.png").tolist() == [[[255], [100]]]


def test_only_so_many_pictures_are_decoded_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_decoding", pictures._Allowance(3 * 9 * 6 * 8))
    at_once: list[int] = []
    now = 0
    lock = threading.Lock()
    converted = pictures._as_array

    def slow(image: Image.Image) -> np.ndarray:
        nonlocal now
        with lock:
            now += 1
            at_once.append(now)
        time.sleep(0.01)
        with lock:
            now -= 1
        return converted(image)

    monkeypatch.setattr(pictures, "_as_array", slow)
    monkeypatch.setattr(pictures, "_THREADS", 8)
    for index in range(12):
        pictures.save(tmp_path / f"{index:02}.png", RGB)
    found = list(pictures.load_all(sorted(tmp_path.iterdir()), lambda picture: picture))
    assert len(found) == 12
    assert 1 < max(at_once) <= 3
    pictures.save(tmp_path / "large.png", np.zeros((60, 60, 3), np.uint8))  # more than there is: alone
    assert pictures.load(tmp_path / "large.png").shape == (60, 60, 3)


def test_pictures_that_cannot_be_read_are_told_in_their_place(tmp_path: Path) -> None:
    for index in range(30):
        pictures.save(tmp_path / f"{index:02}.png", RGB)
    for index in (3, 17):
        (tmp_path / f"{index:02}.png").write_bytes(b"no picture")
    found = list(pictures.broken(sorted(tmp_path.iterdir())))
    assert [index for index, error in enumerate(found) if error is not None] == [3, 17]


def test_a_large_picture_is_refused_before_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large.png").write_bytes(empty_png(4000, 3000))
    monkeypatch.setenv("NUMBACNN_MAX_MEMORY", "50M")
    with pytest.raises(
        DataError, match=r"large.png: 4000x3000 pixels take 92 MiB of memory, and 50 MiB are allowed"
    ):
        pictures.load(tmp_path / "large.png")

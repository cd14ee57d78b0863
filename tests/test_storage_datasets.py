"""Data sets in HDF5: what is written is read, and what is damaged or forged is refused."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numbacnn.data import Dataset, Split
from numbacnn.data.contents import Contents
from numbacnn.errors import DataError, UsageError
from numbacnn.storage import datasets, open_dataset, write_dataset

SHAPE = (4, 5, 3)


def contents(train: int = 9, seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Contents:
    generator = np.random.default_rng(seed)

    def split(count: int) -> Split:
        return Split(generator.integers(0, 256, (count, *shape), np.uint8), np.arange(count) % 3)

    splits = {"train": split(train), "validation": split(4), "test": split(6)}
    return Contents("tiny", splits, ("ant", "bée", "猫"), "drawn at random", "none")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.h5"
    write_dataset(path, contents())
    return path


def everything(dataset: Dataset) -> list[Any]:
    splits = [
        (name, split.labels.tolist(), split.read(slice(None)).tobytes())
        for name, split in dataset.splits.items()
    ]
    facts = (dataset.name, dataset.source, dataset.licence, dataset.class_names, dataset.mean_rgb)
    return [*facts, dataset.standard_deviation, *splits]


def test_what_is_written_is_read(path: Path) -> None:
    dataset, given = open_dataset(path), contents()
    assert (dataset.name, dataset.source, dataset.licence) == ("tiny", "drawn at random", "none")
    assert dataset.class_names == ("ant", "bée", "猫")
    assert dataset.image_shape == SHAPE
    assert dataset.path == path
    for name, split in given.splits.items():
        np.testing.assert_array_equal(dataset.splits[name].read(slice(None)), split.images)
        np.testing.assert_array_equal(dataset.splits[name].labels, split.labels)
        assert dataset.splits[name].labels.dtype == np.int64
    arrays = Dataset.from_arrays("tiny", train=(given.splits["train"].images, given.splits["train"].labels))
    assert (dataset.mean_rgb, dataset.standard_deviation) == (arrays.mean_rgb, arrays.standard_deviation)


def test_what_is_not_known_is_empty(tmp_path: Path) -> None:
    given = contents()
    write_dataset(tmp_path / "a.h5", Contents("", given.splits, given.class_names))
    dataset = open_dataset(tmp_path / "a.h5")
    assert (dataset.name, dataset.source, dataset.licence) == ("", "", "")


def test_the_same_contents_are_the_same_bytes(tmp_path: Path, path: Path) -> None:
    write_dataset(tmp_path / "again.h5", contents())
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()


def test_dataset_open_is_the_same(path: Path) -> None:
    assert everything(Dataset.open(path)) == everything(open_dataset(str(path)))


def test_opening_reads_no_picture(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields: list[str] = []
    read = datasets.Array.read
    monkeypatch.setattr(datasets.Array, "read", lambda self: fields.append(self.field) or read(self))
    dataset = open_dataset(path)
    assert not any("images" in field for field in fields)
    dataset.train.read(slice(0, 1))
    dataset.train.read(np.array([2, 1]))
    assert [field for field in fields if "images" in field] == ["train/images"]


def test_what_is_in_memory_cannot_be_written(path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        open_dataset(path).train.read(slice(0, 2))[0] = 0


@given(
    key=st.one_of(
        st.integers(-20, 19),
        st.slices(20),
        st.lists(st.integers(-20, 19), max_size=30).map(lambda indices: np.array(indices, np.intp)),
    )
)
def test_pictures_left_in_the_file_are_read_like_an_array(
    tmp_path_factory: pytest.TempPathFactory, key: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "streamed.h5"
    given = contents(20, shape=(160, 160, 3))  # three pictures a chunk
    if not path.exists():
        write_dataset(path, given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "MEMORY_LIMIT", 0)
        np.testing.assert_array_equal(open_dataset(path).train.images[key], given.splits["train"].images[key])


def test_pictures_larger_than_a_chunk(tmp_path: Path) -> None:
    given = contents(3, shape=(1500, 1200, 3))
    write_dataset(tmp_path / "a.h5", given)
    assert (tmp_path / "a.h5").stat().st_size < 1.05 * sum(
        split.images.nbytes for split in given.splits.values()
    )
    np.testing.assert_array_equal(
        open_dataset(tmp_path / "a.h5").train.images[2], given.splits["train"].images[2]
    )


def test_an_open_set_stays_what_it_is_when_another_takes_its_place(path: Path) -> None:
    dataset = open_dataset(path)
    write_dataset(path, contents(seed=1))
    np.testing.assert_array_equal(dataset.train.images[:], contents().splits["train"].images)


def test_digits_are_scikit_learns() -> None:
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    dataset = open_dataset("digits")
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 1197,
        "validation": 300,
        "test": 300,
    }
    assert dataset.path is None
    ours = np.concatenate([split.read(slice(None))[..., 0] for split in dataset.splits.values()])
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    original = load_digits()
    theirs = np.rint(original.images / 16 * 255).astype(np.uint8)
    assert sorted(zip(map(bytes, ours), labels, strict=True)) == sorted(
        zip(map(bytes, theirs), original.target, strict=True)
    )
    for split in dataset.splits.values():
        counts = np.bincount(split.labels) / len(split)
        np.testing.assert_allclose(counts, np.bincount(original.target) / 1797, atol=0.005)


def test_digits_open_at_once() -> None:
    open_dataset("digits")
    begun = time.process_time()
    open_dataset("digits")
    assert time.process_time() - begun < 0.05


def test_names_that_are_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "some.npz").write_bytes(b"")
    (tmp_path / "some.h5").write_bytes(b"no HDF5")
    for name, message, problem in (
        (
            "digit",
            r"unknown data set 'digit'; did you mean 'digits'\?; or give a .h5 file, which 'numbacnn data import",
            UsageError,
        ),
        (tmp_path / "some.npz", "not a data set yet; 'numbacnn data import .*some.npz OUT.h5'", UsageError),
        (tmp_path, "not a data set yet", UsageError),
        (tmp_path / "some.h5", "not an HDF5 file; a numbacnn data set is expected", DataError),
        (tmp_path / "none.h5", "none.h5: no such file", UsageError),
    ):
        with pytest.raises(problem, match=message):
            open_dataset(name)


def test_writing_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none is no folder"):
        write_dataset(tmp_path / "none" / "a.h5", contents())


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path: Path) -> None:
    class Broken:
        shape = (9, *SHAPE)

        def __len__(self) -> int:
            return 9

        def __getitem__(self, key: Any) -> Any:
            raise DataError("a picture is damaged")

    before = path.read_bytes()
    broken = contents()
    broken.splits["test"] = Split(Broken(), np.zeros(9, np.int64))
    with pytest.raises(DataError, match="a picture is damaged"):
        write_dataset(path, broken)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


FULL = """
import resource, sys
sys.path[:0] = {paths!r}
import pytest
from test_storage_datasets import contents
from numbacnn.errors import DataError
from numbacnn.storage import write_dataset
for room in (1_000, 100_000, 300_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    with pytest.raises(DataError, match="cannot be written .File too large"):
        write_dataset({path!r}, contents(20_000))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reserves room and limits files")
def test_no_room_on_the_disk_leaves_the_old_file(path: Path) -> None:
    """In a process of its own, with files limited in place of a full disk: HDF5 used to crash it at its end."""
    here = Path(__file__).parent
    before = path.read_bytes()
    program = FULL.format(paths=[str(here), str(here.parent)], path=str(path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


WRITER = """
import sys
sys.path[:0] = {paths!r}
from test_storage_datasets import contents
from numbacnn.storage import write_dataset
given = contents(2000, seed=1)
print("ready", flush=True)
while True:
    write_dataset({path!r}, given)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_while_writing_leaves_a_whole_file(path: Path) -> None:
    here = Path(__file__).parent
    program = WRITER.format(paths=[str(here), str(here.parent)], path=str(path))
    whole = (everything(open_dataset(path)), contents(2000, seed=1))
    for delay in (0, 0.013, 0.05):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = open_dataset(path)
        if len(found.train) == 9:
            assert everything(found) == whole[0]
        else:
            np.testing.assert_array_equal(found.train.images[:], whole[1].splits["train"].images)


def replace(file: Any, field: str, **new: Any) -> None:
    del file[field]
    file.create_dataset(field, **new)


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((9, *SHAPE), np.uint8)
    layout[:] = h5py.VirtualSource("/etc/passwd.h5", "x", (9, *SHAPE))
    del file["train/images"]
    file.create_virtual_dataset("train/images", layout)


def external(file: Any) -> None:
    replace(file, "train/images", shape=(9, *SHAPE), dtype="u1", external=[("/etc/passwd", 0, 540)])


def link(kind: Any) -> Callable[[Any], None]:
    def forge(file: Any) -> None:
        del file["train/images"]
        file["train/images"] = kind

    return forge


def group_link(file: Any) -> None:
    del file["test"]
    file["test"] = h5py.SoftLink("/train")


def set_value(field: str, index: int, value: float) -> Callable[[Any], None]:
    def forge(file: Any) -> None:
        file[field][index] = value

    return forge


def swap(field: str, **new: Any) -> Callable[[Any], None]:
    return lambda file: replace(file, field, **new)


FORGERIES = {
    "soft link": (link(h5py.SoftLink("/test/images")), "train/images is a link; links are not followed"),
    "external link": (link(h5py.ExternalLink("/etc/passwd", "/x")), "train/images is a link"),
    "group link": (group_link, "test is a link"),
    "external storage": (external, "train/images keeps its values in other files"),
    "virtual": (virtual, "train/images keeps its values in other files"),
    "4 GB": (
        swap("train/images", shape=(1 << 20, 64, 64, 1), dtype="u1"),
        "train/images declares 4294967296 bytes",
    ),
    "4 GB in chunks": (
        swap(
            "train/images", shape=(1 << 20, 64, 64, 1), dtype="u1", chunks=(64, 64, 64, 1), compression="gzip"
        ),
        "train/images declares 4294967296 bytes",
    ),
    "4 GB a chunk": (
        swap("train/images", shape=(9, *SHAPE), dtype="u1", chunks=(1 << 20, 64, 8, 3), maxshape=(None,) * 4),
        "chunks of train/images are larger",
    ),
    "lzf": (
        swap("train/images", data=np.zeros((9, *SHAPE), "u1"), compression="lzf"),
        "a filter other than gzip",
    ),
    "text of any length": (
        swap("name", data=["tiny"], dtype=h5py.string_dtype()),
        "name is of variable length",
    ),
    "rows of any length": (
        swap("train/labels", shape=(9,), dtype=h5py.vlen_dtype("u1")),
        "train/labels is of variable length",
    ),
    "compound": (
        swap("train/labels", shape=(9,), dtype=[("a", "u1")]),
        "train/labels is of variable length, compound",
    ),
    "references": (swap("train/labels", shape=(9,), dtype=h5py.ref_dtype), "made of references"),
    "floats": (swap("train/images", data=np.zeros((9, *SHAPE), "f4")), "holds float32; uint8 is expected"),
    "no numbers": (swap("train/labels", data=np.full(9, b"a")), "train/labels holds text"),
    "no text": (swap("class_names", data=np.arange(3)), "class_names holds int64; text is expected"),
    "scalar": (swap("mean_rgb", data=1.0), r"mean_rgb has shape \(\); \(3\) is expected"),
    "three axes": (
        swap("train/images", data=np.zeros((9, 4, 5), "u1")),
        r"shape \(9, 4, 5\); \(any, any, any, any\)",
    ),
    "two channels": (
        swap("train/images", data=np.zeros((9, 4, 5, 2), "u1")),
        r"\(9, 4, 5, 2\); \(N, H, W, 1 or 3\)",
    ),
    "other size": (swap("test/images", data=np.zeros((6, 4, 4, 3), "u1")), "pictures of test are 4x4x3"),
    "too few labels": (
        swap("train/labels", data=np.zeros(8, "u1")),
        "train/labels has 8 labels for 9 pictures",
    ),
    "a label too high": (set_value("train/labels", 7, 3), r"train/labels\[7\] is 3; with 3 classes, 0 to 2"),
    "a mean of NaN": (set_value("mean_rgb", 1, np.nan), r"mean_rgb\[1\] is nan; a value from 0 to 255"),
    "no test": (lambda file: file.pop("test"), "test is missing; a data set has train, test"),
    "no labels": (lambda file: file["train"].pop("labels"), "train/labels is missing"),
    "an array for a group": (swap("train", data=np.zeros(3)), "train/images is missing"),
    "a group for an array": (
        lambda file: (file["train"].pop("images"), file.create_group("train/images")),
        "train/images is no array",
    ),
    "empty split": (
        lambda file: (
            replace(file, "test/images", shape=(0, *SHAPE), dtype="u1"),
            replace(file, "test/labels", shape=(0,), dtype="u1"),
        ),
        "the test split is empty",
    ),
    "no UTF-8": (swap("name", data=np.array([b"\xff\xfe"])), "name is no UTF-8 text"),
    "no class": (swap("class_names", shape=(0,), dtype="S3"), "class_names is empty"),
    "twice the same class": (
        swap("class_names", data=np.array([b"a", b"b", b"a"])),
        "two classes are named 'a'",
    ),
    "a model": (
        lambda file: file.attrs.modify("kind", np.bytes_("numbacnn model")),
        "this is a numbacnn model; a",
    ),
    "from the future": (lambda file: file.attrs.modify("format_version", 9), "written in format 9"),
    "no kind": (lambda file: file.attrs.pop("kind"), "not a file of numbacnn's"),
    "kind of any length": (
        lambda file: file.attrs.create("kind", "numbacnn data set"),
        "not a file of numbacnn's",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_files_are_refused_without_reading_them(path: Path, name: str) -> None:
    forge, message = FORGERIES[name]
    with h5py.File(path, "r+") as file:
        forge(file)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=message) as raised:
            open_dataset(path)
        assert str(path) in str(raised.value)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_flipped_pixel_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    pixels = contents().splits["train"].images.tobytes()
    place = data.index(pixels) + 100
    path.write_bytes(data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :])
    dataset = open_dataset(path)
    with pytest.raises(DataError, match="train/images cannot be read, the file is damaged"):
        dataset.train.read(slice(None))


FUZZ = """
import sys, random
sys.path[:0] = {paths!r}
from pathlib import Path
from {module} import everything, read
from numbacnn.errors import NumbacnnError
path = Path({path!r})
good, whole = path.read_bytes(), everything(read(path))
draw = random.Random({seed})
for index in range({rounds}):
    data = bytearray(good)
    start = draw.randrange(len(data))
    match draw.randrange(3):
        case 0: data[start] ^= 1 << draw.randrange(8)
        case 1: data[start:start + 16] = draw.randbytes(len(data[start:start + 16]))
        case 2: del data[start:]
    damaged = path.with_suffix(f".{{index}}.h5")
    damaged.write_bytes(data)
    try:
        assert everything(read(damaged)) == whole, f"round {{index}}: damage was read as data"
    except NumbacnnError:
        pass
    damaged.unlink()
"""


def fuzz(module: str, path: Path, rounds: int) -> None:
    """Damages a file in many ways and reads it, in a process of its own: HDF5 could hang or crash."""
    here = Path(__file__).parent
    paths = [str(here), str(here.parent)]
    seed = random.Random(module).randrange(1 << 30)
    program = FUZZ.format(paths=paths, module=module, path=str(path), seed=seed, rounds=rounds)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


read = open_dataset


def test_damage_is_noticed_or_does_not_matter(path: Path) -> None:
    fuzz("test_storage_datasets", path, 200)

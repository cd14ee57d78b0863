"""What a kill between any two writes of a run leaves is mended, and a folder belongs to one process."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import filelock
import numpy as np
import pytest
from few_digits import few, network_for

from numbacnn import replacing
from numbacnn.architectures import build
from numbacnn.errors import TrainingError
from numbacnn.storage import load_model
from numbacnn.training import EpochDone, RunFolder, Trainer, kept_epochs, settings_for
from numbacnn.training.claim import LOCK, claimed

FEW = few()
SETTINGS = settings_for("digits", epochs=3, batch_size=50)
RECORD = {"data": "few", "network": "digits", "settings": SETTINGS.as_dict()}


class Killed(BaseException):
    """In place of SIGKILL: no `except` of the code that writes may clear anything up."""


def trainer(folder: RunFolder | None = None) -> Trainer:
    if folder is None:
        return Trainer(network_for(FEW), FEW, SETTINGS)
    network, _, numbers, arrays = folder.load_last()
    return Trainer(network, FEW, SETTINGS, (numbers, arrays))


def follow(run: Trainer, folder: RunFolder) -> None:
    folder.mend(RECORD, run.state)
    for event in run:
        if isinstance(event, EpochDone):
            folder.save_epoch(run, RECORD, improved=event.improved)
    folder.mend(RECORD, run.state)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = RunFolder(tmp_path_factory.mktemp("whole"))
    folder.write_config({"data": "digits", "network": "digits", **SETTINGS.as_dict()})
    follow(trainer(), folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, whole: RunFolder) -> RunFolder:
    """A copy of the whole run."""
    for path in whole.path.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return RunFolder(tmp_path)


def same_model(one: RunFolder, other: RunFolder) -> bool:
    return one.model.read_bytes() == other.model.read_bytes()


# Of the model, the checkpoint and the table of three epochs: the sync of the file, the rename, the sync of the folder.
@pytest.mark.parametrize("at", range(1, 28, 2))
def test_a_kill_at_any_write_leaves_a_run_from_which_the_best_model_comes_back(
    at: int, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, count = RunFolder(tmp_path), 0
    folder.write_config({"data": "digits", "network": "digits", **SETTINGS.as_dict()})

    def counted(do):
        def call(*arguments):
            nonlocal count
            count += 1
            if count == at:
                raise Killed
            return do(*arguments)

        return call

    with monkeypatch.context() as patched:
        for name in ("replace", "fsync"):
            patched.setattr(replacing.os, name, counted(getattr(os, name)))
        patched.setattr(Path, "unlink", lambda *_, **__: None)  # a killed process removes nothing
        with pytest.raises(Killed):
            follow(trainer(), folder)
    if folder.model.exists():
        load_model(folder.model)
    assert folder.unsaved or folder.last.exists()
    folder.remove_partials()
    follow(trainer(folder if folder.last.exists() else None), folder)
    assert same_model(folder, whole)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in whole.path.iterdir()}


def test_models_of_epochs_are_kept(tmp_path: Path) -> None:
    settings = replace(SETTINGS, epochs=4, keep_every=3)
    folder = RunFolder(tmp_path)
    run = Trainer(network_for(FEW), FEW, settings)
    weights = {}
    for event in run:
        if isinstance(event, EpochDone):
            folder.save_epoch(run, {**RECORD, "settings": settings.as_dict()}, improved=event.improved)
            weights[event.epoch] = run.network.parameter("conv1", "weights").copy()
    assert list(kept_epochs(tmp_path)) == [1, 3, 4]  # the first, every third, the last
    for epoch, path in kept_epochs(tmp_path).items():
        network, record = load_model(path)
        assert record["epoch"] == epoch
        np.testing.assert_array_equal(network.parameter("conv1", "weights"), weights[epoch])
    assert not kept_epochs(tmp_path / "nowhere")
    partial = tmp_path / "epochs" / "epoch-002.h5.0123abcd.partial"
    partial.write_bytes(b"begun")
    folder.remove_partials()
    assert not partial.exists()


def test_a_model_that_is_missing_old_or_damaged_is_written_again(folder: RunFolder, whole: RunFolder) -> None:
    state = trainer(folder).state
    other = build("digits", initialise="he", seed=9)
    for spoil in (
        folder.model.unlink,
        lambda: folder.model.write_bytes(b"no model"),
        lambda: folder._save_best(other, RECORD, state),
    ):
        spoil()
        folder.mend(RECORD, state)
        assert same_model(folder, whole)
    before = folder.model.stat().st_mtime_ns
    folder.mend(RECORD, state)
    assert folder.model.stat().st_mtime_ns == before


def test_the_table_is_written_again(folder: RunFolder) -> None:
    before = folder.metrics.read_bytes()
    folder.metrics.unlink()
    folder.mend(RECORD, trainer(folder).state)
    assert folder.metrics.read_bytes() == before


def test_a_disk_that_is_full_leaves_everything_as_it_was(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run = trainer(folder)
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(Exception, match=r"model\.h5: cannot be written \(No space left on device\)"):
        folder.save_epoch(run, RECORD, improved=True)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


def test_what_a_killed_process_began_to_write_is_removed_and_nothing_else(tmp_path: Path) -> None:
    names = [
        "last.h5.0123abcd.partial",
        "curves.png.ffffffff.partial",
        "mine.partial",
        "x.0123abcd.partial.txt",
    ]
    for name in names:
        (tmp_path / name).touch()
    RunFolder(tmp_path).remove_partials()
    assert {path.name for path in tmp_path.iterdir()} == set(names[2:])


def test_a_run_that_saved_nothing_is_told_from_one_whose_checkpoint_was_removed(folder: RunFolder) -> None:
    assert not folder.unsaved
    folder.last.unlink()
    assert not folder.unsaved  # the model is somebody's: training anew would replace it
    folder.metrics.unlink()
    assert folder.unsaved
    folder.config.unlink()
    assert not folder.unsaved


def test_only_folders_that_were_made_for_a_run_go_with_it(tmp_path: Path) -> None:
    goes_on, mine, made = tmp_path / "run", tmp_path / "mine", tmp_path / "new" / "run"
    for path in (goes_on, mine, made):
        path.mkdir(parents=True)
    for folder in (RunFolder(goes_on), RunFolder(mine, []), RunFolder(made, [made, made.parent])):
        folder.write_config({"data": "digits"})
        (folder.path / LOCK).touch()
        folder.remove_if_nothing()
    assert (goes_on / "config.toml").exists()
    assert list(mine.iterdir()) == []
    assert not made.parent.exists()


HOLDS = "import sys; from pathlib import Path; from numbacnn.training.claim import claimed\n" + (
    "with claimed(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def test_a_folder_is_one_process_s_for_as_long_as_it_lives(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().split() == [b"held"]
        with (
            pytest.raises(TrainingError, match="another numbacnn is training in this folder"),
            claimed(tmp_path),
        ):
            pass
        other.kill()
    for _ in range(2):
        with claimed(tmp_path) as locked:
            assert locked


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOLCK, ""),
        OSError(errno.EOPNOTSUPP, ""),
        OSError(errno.ENOSYS, ""),
        NotImplementedError(),
    ],
)
def test_a_file_system_without_locks_is_done_without(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(filelock.FileLock, "_acquire", fail)
    with claimed(tmp_path) as locked:
        assert not locked


def test_a_folder_that_nobody_may_write_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "_acquire", fail)
    with pytest.raises(PermissionError), claimed(tmp_path):
        pass


def test_weights_of_the_mended_model_are_the_best(folder: RunFolder) -> None:
    run = trainer(folder)
    folder.model.unlink()
    folder.mend(RECORD, run.state)
    network, record = load_model(folder.model)
    assert record["best_epoch"] == run.state.best_epoch
    for name, array in network.graph.snapshot().items():
        np.testing.assert_array_equal(array, run.state.best_weights[name])

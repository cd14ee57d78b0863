"""The kill campaign, with few kills: what it finds, and that it finds what is wrong."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import kills
import pytest
from killing.system_calls import Call, available
from killing.trial import Trial, run_here

pytestmark = pytest.mark.slow
TRAIN = ["train", "--network", "digits", "--epochs", "2"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> kills.Whole:
    return kills.undisturbed(tmp_path_factory.mktemp("kills"), TRAIN)


def test_a_killed_run_ends_with_the_bits_of_one_that_nobody_killed(
    whole: kills.Whole, tmp_path: Path
) -> None:
    assert not kills.is_wrong(tmp_path, whole, None, random.Random(1))


@pytest.mark.skipif(not available(), reason="no strace, which kills at system calls")
def test_kills_at_renames_and_other_calls(whole: kills.Whole, tmp_path: Path) -> None:
    chosen = kills.spread(whole.calls, 2, random.Random(1))
    assert {call.name.startswith("rename") for call in chosen} == {True}
    other = kills.spread([call for call in whole.calls if call not in chosen], 99999, random.Random(1))[-1]
    for call in (chosen[-1], other):
        assert not kills.is_wrong(tmp_path, whole, call, random.Random(1))


def trial(whole: kills.Whole, folder: Path) -> Trial:
    """A trial whose run is a copy of the whole one."""
    shutil.copytree(whole.folder, folder / "run")
    (folder / "shown.log").touch()
    return Trial(folder, whole.train, whole.folder)


def test_what_is_wrong_is_found(whole: kills.Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = trial(whole, tmp_path)
    found._compare()
    found._check_what_is_left()
    assert found.wrong == []
    (tmp_path / "shown.log").write_text("epoch   3  train loss\n")
    found._check_what_is_left()
    (found.run / "model.h5").write_bytes((found.run / "model.h5").read_bytes()[:-9])
    found._check_what_is_left()
    (found.run / "last.h5.0123abcd.partial").touch()
    found._compare()
    said, damaged, more = (str(each) for each in (found.wrong[0], found.wrong[1], found.wrong[-1]))
    assert said == "epoch 3 was said to be done, and 2 are saved"
    assert damaged.startswith("damaged: ")
    assert more == "other files: ['last.h5.0123abcd.partial']"


def test_another_run_is_no_run_of_the_same_bits(whole: kills.Whole, tmp_path: Path) -> None:
    run_here(*TRAIN, "--seed", 1, "--run", tmp_path / "run")
    found = Trial(tmp_path, whole.train, whole.folder)
    found._compare()
    assert {"model.h5 has other bits", "velocity or best weights have other bits"} <= set(found.wrong)


def test_renames_come_first() -> None:
    calls = [Call("write", 1), Call("rename", 1), Call("write", 2), Call("rename", 2)]
    assert kills.spread(calls, 2, random.Random(0)) == [Call("rename", 1), Call("rename", 2)]
    assert set(kills.spread(calls, 9, random.Random(0))) == set(calls)

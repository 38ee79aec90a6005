"""A preparation that is killed, runs into a damaged file or a full disk, and goes on."""

import contextlib
import dataclasses
import errno
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import slow_stage
from numpy.typing import NDArray
from sandbox import ROOT

from dadist.classes import CLASS_SETS
from dadist.config.prior_sections import Camera
from dadist.config.schema import Appearance
from dadist.data import packing, preparation
from dadist.data.inventory import SplitPlan
from dadist.data.preparation import write
from dadist.data.prepared import Prepared
from dadist.data.readers import cityscapes, synthia
from dadist.data.readers import folder as own
from dadist.data.readers.base import read_image
from dadist.data.streets import render
from dadist.storage.arrays import Rows
from dadist.storage.errors import DataError

SCENES = 24
PLAN = SplitPlan("all", 40, 24, "pad", CLASS_SETS["16"], labels=True, depth=True, native=False, images=0)
NO_GAP = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=False)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shipped")
    render.write_synthia(root, NO_GAP, seed=1, images=SCENES, width=64, height=32, workers=1)
    return root


@pytest.fixture
def root(shipped: Path, tmp_path: Path) -> Path:
    shutil.copytree(shipped, tmp_path / "root")
    return tmp_path / "root"


def prepare(root: Path, folder: Path, **changes: Any) -> Prepared:
    reader, plan = synthia.reader(synthia.Options()), dataclasses.replace(PLAN, **changes)
    write(reader, root, folder, plan, names=None, workers=2)
    return Prepared(folder)


def started(root: Path, folder: Path, log: Path, **changes: Any) -> subprocess.Popen[bytes]:
    plan = dataclasses.asdict(dataclasses.replace(PLAN, **changes))
    params = json.dumps({"reader": "dadist.data.readers.synthia", "options": {}, "plan": plan})
    flags = ("--workers", "2", "--root", str(root), "--names", "--depth", "--data", str(folder))
    command = [
        sys.executable,
        "-c",
        slow_stage.SCRIPT,
        "dadist.data.packing",
        "prepare",
        "0.02",
        str(log),
        "--params",
        params,
        *flags,
    ]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def beside(folder: Path) -> list[str]:
    """What is left beside a folder; what is kept of it, and the lock, as its removal would be a race."""
    return sorted(path.name for path in folder.parent.iterdir() if path.name.startswith(f".{folder.name}."))


def marked(folder: Path) -> set[str]:
    """Scenes that are done, of a folder that is being made."""
    (journal,) = folder.parent.glob(f".{folder.name}.partial-*/journal")
    lines = [json.loads(line) for line in journal.read_bytes().split(b"\n") if line.endswith(b"}")]
    return {f"{line['scene']:07}" for line in lines if "scene" in line}


@contextlib.contextmanager
def cut(path: Path) -> Iterator[None]:
    """A file that is damaged until the block ends; what reads it there ends in an error."""
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    with pytest.raises(DataError, match=rf"{path.name}: expected a whole image file"):
        yield
    path.write_bytes(whole)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Scenes whose image was opened in this process."""
    names: list[str] = []

    def told(path: Path) -> NDArray[np.uint8]:
        names.append(path.stem)
        return read_image(path)

    monkeypatch.setattr(packing, "read_image", told)
    return names


def test_killed_again_and_again_it_ends_as_if_it_had_not_been(root: Path, tmp_path: Path) -> None:
    folder, log, dice = tmp_path / "out/split", tmp_path / "log", random.Random(1)
    log.touch()
    done: set[str] = set()
    before, kills, ended = 0, 0, False
    while not ended:
        process = started(root, folder, log, native=True)
        until = before + dice.randint(3, 10)
        while process.poll() is None and len(log.read_text().split()) < until:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.03))
        process.kill()
        ended = process.wait() == 0
        opened = log.read_text().split()
        assert not done & set(opened[before:])
        before, kills = len(opened), kills + (not ended)
        done = {f"{index:07}" for index in range(SCENES)} if folder.exists() else marked(folder)
    assert kills >= 2
    prepare(root, tmp_path / "whole", native=True)
    assert contents(folder) == contents(tmp_path / "whole")
    assert beside(folder) == [".split.kept", ".split.lock"]


def test_two_at_once_make_it_once(root: Path, tmp_path: Path) -> None:
    folder, log = tmp_path / "out/split", tmp_path / "log"
    both = [started(root, folder, log) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert sorted(log.read_text().split()) == [f"{index:07}" for index in range(SCENES)]
    assert len(Prepared(folder)) == SCENES


def test_after_a_damaged_file_is_mended_the_others_are_not_read_again(
    root: Path, tmp_path: Path, opened: list[str]
) -> None:
    folder = tmp_path / "split"
    with cut(root / "RGB/0000020.png"):
        prepare(root, folder)
    assert not folder.exists()
    done = marked(folder)
    assert len(done) >= 18
    opened.clear()
    prepare(root, folder)
    assert not done & set(opened)
    assert len(done) + len(opened) == SCENES
    prepare(root, tmp_path / "whole")
    assert contents(folder) == contents(tmp_path / "whole")


def test_an_image_that_changed_meanwhile_is_read_again(root: Path, tmp_path: Path, opened: list[str]) -> None:
    folder = tmp_path / "split"
    with cut(root / "Depth/0000020.png"):
        prepare(root, folder)
    shutil.copyfile(root / "GT/LABELS/0000003.png", root / "GT/LABELS/0000005.png")
    opened.clear()
    split = prepare(root, folder)
    assert "0000005" in opened
    assert "0000003" not in opened
    np.testing.assert_array_equal(split.labels[5], split.labels[3])


# --- bad files


def spoiled(root: Path) -> dict[str, str]:
    """Three scenes with a bad file each, and one with two: by scene what is told of it."""
    (root / "RGB/0000003.png").write_bytes(b"<html>")
    (root / "RGB/0000021.png").unlink()
    os.mkfifo(root / "RGB/0000021.png")
    assert cv2.imwrite(str(root / "GT/LABELS/0000007.png"), np.full((32, 64), 77, np.uint16))
    for folder in ("GT/LABELS", "Depth"):
        (root / folder / "0000012.png").unlink()
        (root / folder / "0000012.png").symlink_to("moved.png")
    return {
        "0000003": r"RGB/0000003\.png: expected a whole image file",
        "0000007": r"LABELS/0000007\.png: expected ids of synthia, got 77 as well",
        "0000012": r"LABELS/0000012\.png: expected a file, got a link.*\n.*Depth/0000012\.png: expected a file",
        "0000021": r"RGB/0000021\.png: expected a file, got a pipe",
    }


def test_all_bad_files_are_told_at_once_and_the_others_are_done(root: Path, tmp_path: Path) -> None:
    told = spoiled(root)
    with pytest.raises(DataError) as error:
        prepare(root, tmp_path / "split")
    lines = str(error.value)
    assert re.search(r"(.*\n)*.*".join(told.values()), lines)
    assert len(lines.splitlines()) == 5
    assert lines.endswith("; or `skip_bad: true` in the domain leaves such images out")
    assert len(marked(tmp_path / "split")) == SCENES - 4


@pytest.mark.parametrize("native", [False, True])
def test_images_with_bad_files_are_left_out_with_what_belongs_to_them(
    root: Path, tmp_path: Path, native: bool, caplog: pytest.LogCaptureFixture
) -> None:
    whole = prepare(root, tmp_path / "whole", native=native)
    told = spoiled(root)
    split = prepare(root, tmp_path / "split", native=native, skip_bad=True)
    assert split.pixels_of_each is not None
    assert len(split.pixels_of_each) == len(split)
    assert split.pixels_of_each.sum(0).tolist() == split.pixels.tolist()
    rows = [row for row, name in enumerate(whole.names) if name not in told]
    assert split.names == [whole.names[row] for row in rows]
    np.testing.assert_array_equal(split.images[:], whole.images[rows])
    np.testing.assert_array_equal(split.depth[:], whole.depth[rows])
    for new, old in enumerate(rows):
        np.testing.assert_array_equal(split.truth(new), whole.truth(old))
    left_out = json.loads((split.folder / "index.json").read_text(encoding="utf-8"))["left_out"]
    logged = [line for line in caplog.messages if line.startswith("left out ")]
    assert [*left_out] == [*told]
    for (name, why), line in zip(left_out.items(), logged, strict=True):
        assert re.search(told[name], why)
        assert line == f"left out {name}: {why}"
    assert beside(split.folder) == [".split.kept", ".split.lock"]


def test_who_is_stopped_while_bad_images_are_left_out_reads_them_alone_again(
    root: Path, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, copied = spoiled(root), packing.copied
    expected = prepare(root, tmp_path / "expected", skip_bad=True)

    def stopped(content: Path, kept: Path, rows: list[int]) -> None:
        copied(content, kept, rows[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(preparation, "copied", stopped)
    with pytest.raises(KeyboardInterrupt):
        prepare(root, tmp_path / "split", skip_bad=True)
    monkeypatch.setattr(preparation, "copied", copied)
    opened.clear()
    split = prepare(root, tmp_path / "split", skip_bad=True)
    assert sorted(opened) == [*told]
    assert contents(split.folder) == contents(expected.folder)


def test_what_was_read_before_bad_images_are_to_be_left_out_is_kept(
    root: Path, tmp_path: Path, opened: list[str]
) -> None:
    told = spoiled(root)
    with pytest.raises(DataError):
        prepare(root, tmp_path / "split")
    opened.clear()
    prepare(root, tmp_path / "split", skip_bad=True)
    assert sorted(opened) == [*told]
    with pytest.raises(DataError, match="expected a whole image file"):
        prepare(root, tmp_path / "split")


def test_a_split_of_bad_images_alone_is_refused(root: Path, tmp_path: Path) -> None:
    for path in (root / "RGB").glob("*"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="expected images beside the bad ones, which skip_bad leaves out, got none"):
        prepare(root, tmp_path / "split", skip_bad=True)


def test_where_all_seems_bad_not_all_is_read(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (root / "RGB").glob("*"):
        path.write_bytes(b"")
    monkeypatch.setattr(preparation, "MOST_BAD", 5)
    with pytest.raises(DataError) as error:
        prepare(root, tmp_path / "split")
    assert 5 <= len(str(error.value).splitlines()) < 12


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_on_a_full_disk_it_says_so_and_goes_on_once_there_is_room(
    root: Path, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    put = Rows.put

    def full(rows: Rows, first: int, array: NDArray[Any]) -> list[int]:
        if first >= 10:
            raise OSError(number, os.strerror(number))
        return put(rows, first, array)

    monkeypatch.setattr(Rows, "put", full)
    with pytest.raises(OSError, match=r"split: expected room on the disk, got '.*' \(\d+ MB free\); make room and run"):
        prepare(root, tmp_path / "split")
    monkeypatch.setattr(Rows, "put", put)
    opened.clear()
    assert len(prepare(root, tmp_path / "split")) == SCENES
    assert len(opened) == SCENES - 10


def test_work_for_another_plan_is_not_gone_on_with_and_goes(root: Path, tmp_path: Path, opened: list[str]) -> None:
    folder = tmp_path / "split"
    with cut(root / "RGB/0000020.png"):
        prepare(root, folder)
    opened.clear()
    assert prepare(root, folder, fit="stretch").content is None
    assert len(opened) == SCENES
    assert beside(folder) == [".split.kept", ".split.lock"]


def test_what_is_there_and_made_from_the_same_files_is_not_made_again(
    root: Path, tmp_path: Path, opened: list[str]
) -> None:
    prepare(root, tmp_path / "split")
    opened.clear()
    prepare(root, tmp_path / "split")
    assert opened == []
    (root / "RGB/0000003.png").touch()
    prepare(root, tmp_path / "split")
    assert len(opened) == SCENES


def test_a_folder_of_other_files_is_not_deleted(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("...")
    with pytest.raises(DataError, match=r"mine: expected no folder, an empty one or one with index\.json, got other"):
        prepare(root, tmp_path / "mine")
    assert (tmp_path / "mine/thesis.tex").exists()


def test_no_more_images_are_handed_out_than_are_soon_done() -> None:
    handed = 0

    def items() -> Iterator[int]:
        nonlocal handed
        while handed < 200:
            handed += 1
            yield handed

    for done in packing.each(lambda _: None, items(), workers=3):  # type: ignore[arg-type]
        assert handed - done < 6
    assert done == 200


def test_relative_depth_of_another_size_is_taken_if_it_shows_the_whole_image(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "rgb").mkdir()
    (tmp_path / "near").mkdir()
    assert cv2.imwrite(str(tmp_path / "rgb/0.png"), random.integers(0, 256, (48, 96, 3), np.uint8))
    assert cv2.imwrite(str(tmp_path / "near/0.png"), np.arange(24 * 48, dtype=np.uint16).reshape(24, 48))
    mine = own.Options(images={"train": "rgb/*.png"}, depth_files={"train": "near/*.png"}, depth_kind="relative")
    plan = dataclasses.replace(PLAN, split="train", width=32, height=16, labels=False, depth=True)
    write(own.reader(mine), tmp_path, tmp_path / "made", plan, names=None, workers=1)
    made = Prepared(tmp_path / "made")
    assert (made.depth_kind, made.depth.shape) == ("relative", (1, 16, 32))
    assert made.depth[0, 0, 0] < made.depth[0, -1, -1]
    assert cv2.imwrite(str(tmp_path / "near/0.png"), np.arange(24 * 30, dtype=np.uint16).reshape(24, 30))
    with pytest.raises(DataError, match=r"near/0\.png: expected 96x48 as .*rgb/0\.png, got 30x24, which is another"):
        write(own.reader(mine), tmp_path, tmp_path / "again", plan, names=None, workers=1)


def test_the_index_has_the_median_of_the_cameras_where_they_are_asked_for(tmp_path: Path) -> None:
    appearance = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=1.0, statistics=0.0, bonnet=False)
    root = tmp_path / "streets"
    render.write_cityscapes(root, appearance, seed=1, train=3, val=0, width=48, height=24, workers=1)
    plan = SplitPlan("train", 48, 24, "stretch", CLASS_SETS["16"], False, False, False, 0, cameras=True)
    reader = cityscapes.Cityscapes()
    write(reader, root, tmp_path / "with", plan, names=None, workers=1)
    each = [reader.camera(path) for path in sorted(root.rglob("*_leftImg8bit.png"))]
    middle = [float(np.median([getattr(one, name) for one in each])) for name in ("focal", "horizon", "centre")]
    assert Prepared(tmp_path / "with").camera == Camera(*middle)
    write(reader, root, tmp_path / "without", dataclasses.replace(plan, cameras=False), names=None, workers=1)
    assert Prepared(tmp_path / "without").camera is None

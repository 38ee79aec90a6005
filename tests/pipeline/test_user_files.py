"""What the user brings: what is missing is told once, and what is there has a fingerprint."""

import os
from pathlib import Path
from typing import Any

import pytest
from studies import demo, study

from dadist.config.schema import SOURCE_APPEARANCE
from dadist.data.streets import render
from dadist.pipeline.runs import Run
from dadist.pipeline.user_files import UserFiles

SOURCE, TRAIN, VAL = "synthia-all-1280x760-16", "cityscapes-train-1280x760-16", "cityscapes-val-1280x760-16"
SIZE = {"seed": 1, "width": 64, "height": 32, "workers": 1}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    render.write_cityscapes(tmp_path / "Cityscapes", SOURCE_APPEARANCE, train=2, val=1, **SIZE)
    return tmp_path


def user_files(data: Path, **change: Any) -> tuple[UserFiles, list[str]]:
    """Those of a study whose data lie there, and the lines that whoever plans sees."""
    lines = list[str]()
    return UserFiles(study({"data_root": str(data), **change}), lines.append), lines


# --- missing


def test_what_is_missing_is_told_once_each_and_planning_goes_on_without_it(data: Path) -> None:
    files, lines = user_files(data)
    run = Run("s2c16", "dada", 1)
    assert [files.root(SOURCE), files.root(SOURCE), files.init(run), files.init(run)] == [[], [], [], []]
    synthia, weights = data / "SYNTHIA", data / "DeepLab_resnet_pretrained_imagenet.pth"
    assert len(lines) == 2
    assert lines[0].startswith(
        f"{synthia}: not there (domains.synthia.root, from data_root on); expected there: SYNTHIA-RAND-CITYSCAPES"
    )
    assert lines[1] == (
        f"{weights}: not there (settings.s2c16.start, from data_root on); expected there: weights to "
        "start from; or set the key to random, pretrained or a method"
    )
    assert files.absent == [str(synthia), str(weights)]
    assert files.refusal() == f"not there: {weights}, {synthia}; what is expected there stands above"


def test_nothing_is_missing_where_all_is_there_or_will_be_made(data: Path) -> None:
    files, lines = user_files(data)
    assert files.root(VAL) == [str(data / "Cityscapes")]
    assert files.root("demo_source-all-192x96-16") == ["results/streets/demo/synthia"]
    assert (files.absent, lines) == ([], [])


# --- lists and weights


def test_a_list_of_images_is_read_by_its_split_alone(data: Path) -> None:
    files, _ = user_files(data, domains={"cityscapes": {"lists": {"train": "names.txt"}}})
    assert (files.names(TRAIN), files.names(VAL)) == ([str(data / "names.txt")], [])


def test_a_training_starts_from_a_model_from_a_file_or_from_none(data: Path) -> None:
    (data / "mine.pth").touch()
    files, _ = user_files(data, settings={"demo": {"objectives": {"clan": {"start": "mine.pth"}}}})
    assert files.init(Run("demo", "dada", 2)) == ["results/demo/warm_up/seed2/q0/model.pt"]
    assert files.init(Run("demo-no_depth", "depth_distribution", 2)) == ["results/demo/warm_up/seed2/q0/model.pt"]
    assert files.init(Run("demo", "warm_up", 2)) == []
    assert files.init(Run("demo", "clan", 2)) == [str(data / "mine.pth")]


# --- fingerprints


def test_a_fingerprint_is_another_after_any_change_of_the_split_s_own_files(data: Path) -> None:
    def taken() -> tuple[str | None, str | None]:
        files, _ = user_files(data)
        return files.fingerprint(TRAIN), files.fingerprint(VAL)

    before = taken()
    assert before == taken()
    assert None not in before
    image = next((data / "Cityscapes/leftImg8bit/train").rglob("*.png"))
    os.utime(image, ns=(0, 0))
    train, val = taken()
    assert (train != before[0], val == before[1]) == (True, True)


def test_one_planning_looks_at_the_files_once(data: Path) -> None:
    files, _ = user_files(data)
    before = files.fingerprint(TRAIN)
    next((data / "Cityscapes/leftImg8bit/train").rglob("*.png")).unlink()
    assert files.fingerprint(TRAIN) == before


def test_streets_that_are_rendered_and_what_is_not_there_have_no_fingerprint(data: Path) -> None:
    files, lines = user_files(data)
    assert files.fingerprint("demo_source-all-192x96-16") is None
    assert files.fingerprint(SOURCE) is None
    assert len(lines) == 1  # that of the missing folder


def test_a_folder_that_cannot_be_read_is_left_to_the_stage_with_a_warning(data: Path) -> None:
    (data / "SYNTHIA").mkdir()
    files, lines = user_files(data)
    assert [files.fingerprint(SOURCE), files.fingerprint(SOURCE)] == [None, None]
    assert len(lines) == 1
    assert lines[0].startswith(f"{SOURCE}: {data / 'SYNTHIA'}")


def test_weights_of_a_package_and_random_ones_are_no_file_of_the_workflow() -> None:
    for start in ("pretrained", "random"):
        lite = {"network": {"backbone": "efficientnet_lite0", "pixels": "lite"}}
        files = UserFiles(demo(start=start, adapt=lite), print)
        assert files.init(Run("demo", "source_only", 1)) == []
        assert files.absent == []

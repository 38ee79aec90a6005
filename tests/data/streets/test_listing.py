"""Rendered streets: a file that is lost or changed is told before a split is prepared without it."""

import shutil
from pathlib import Path

import damage
import pytest

from dadist.config.schema import Appearance
from dadist.data.readers import cityscapes
from dadist.data.streets import listing, render
from dadist.storage.errors import DataError

NO_GAP = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=False)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("streets") / "cityscapes"
    render.write_cityscapes(root, NO_GAP, seed=1, train=2, val=2, width=48, height=24, workers=1)
    listing.save(root)
    return root


def test_any_damage_to_a_camera_or_the_listing_is_told_or_changes_nothing(root: Path) -> None:
    files = [next((root / "camera/val").rglob("*_camera.json")), root / listing.LISTING]

    def believed() -> list[float]:
        listing.check(root, "val", cameras=True)
        return [
            number
            for path in sorted((root / "camera/val").rglob("*_camera.json"))
            for number in cityscapes._numbers(path, "extrinsic.baseline", "intrinsic.fx", least=0)
        ]

    expected, listed = believed(), files[1].read_bytes()
    told = damage.every(files[:1], believed, step=7)
    assert told[files[0].name] == -(-files[0].stat().st_size // 7) + 5
    for at in range(0, len(listed), 31):
        files[1].write_bytes(listed[:at] + bytes([listed[at] ^ 2]) + listed[at + 1 :])
        try:
            assert believed() == expected
        except DataError as error:
            assert "streets.json: expected the listing of rendered streets" in str(error)  # noqa: PT017 - either is right
    files[1].write_bytes(listed)


def test_a_camera_is_held_against_its_checksum_where_its_split_is_read(root: Path) -> None:
    file = next((root / "camera/train").rglob("*_camera.json"))
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    listing.check(root, "val", cameras=True)
    listing.check(root, "train", cameras=False)
    with pytest.raises(DataError, match=f"{file.name}: expected the file as it was rendered, got another"):
        listing.check(root, "train", cameras=True)
    file.write_bytes(content)


def test_a_file_that_is_gone_is_told_whether_its_depth_is_read_or_not(root: Path) -> None:
    for path in [path for path in root.rglob("*") if path.is_file() and path.name != listing.LISTING]:
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(
            DataError, match=rf"{path.name}: expected the file as it was rendered, got no such file; delete"
        ):
            listing.check(root, "val", cameras=False)
        path.write_bytes(content)


def test_files_that_are_added_and_trees_of_others_are_no_concern(root: Path, tmp_path: Path) -> None:
    (root / "more.txt").write_text("more")
    listing.check(root, "val", cameras=True)
    listing.check(tmp_path, "val", cameras=True)


def test_a_target_whose_labels_were_taken_away_is_whole(root: Path, tmp_path: Path) -> None:
    blind = shutil.copytree(root, tmp_path / "blind", ignore=shutil.ignore_patterns("gtFine"))
    listing.check(blind, "val", cameras=True)

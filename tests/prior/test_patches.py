from pathlib import Path

import builders
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dadist.classes import CLASS_SETS
from dadist.prior.patches import Patches


def test_patches_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    patches = builders.patches()
    patches.save(tmp_path / "prior" / "patches.npz")
    again = Patches.load(tmp_path / "prior" / "patches.npz")
    for name, value in vars(patches).items():
        assert_array_equal(getattr(again, name), value)
        assert type(getattr(again, name)) is type(value)
    assert again.centroids.dtype == np.float32
    assert [path.name for path in (tmp_path / "prior").iterdir()] == ["patches.npz"]


def test_a_file_without_patches_is_named_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "patches.npz"
    with pytest.raises(
        FileNotFoundError, match=r"patches\.npz: expected patches, found no file; run the rule cluster_"
    ):
        Patches.load(path)
    builders.mixtures().save(path)
    message = (
        "expected patches as cluster_patches writes them, got version 2 of the format, not 1; delete it and run the"
    )
    with pytest.raises(ValueError, match=message):
        Patches.load(path)
    builders.patches().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"?" + whole[len(whole) // 2 + 1 :])
    with pytest.raises(ValueError, match="got a damaged file: its checksum is wrong; delete it"):
        Patches.load(path)


@pytest.mark.parametrize(
    "changes", [{"classes": CLASS_SETS["16"]}, {"members": np.ones(4, np.int64)}, {"members": np.zeros(5, np.int64)}]
)
def test_centroids_that_do_not_fit_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(
        ValueError, match=r"centroids: expected shape \(\d, \d+\) and members, got \(5, 28\) with \d+ m"
    ):
        builders.patches(**changes)

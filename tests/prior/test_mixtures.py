from pathlib import Path

import builders
import damage
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dadist.classes import CLASS_SETS
from dadist.prior.mixtures import Mixtures
from dadist.storage.atomic import sealed


def test_mixtures_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    mixtures = builders.mixtures()
    mixtures.save(tmp_path / "prior" / "mixtures.npz")
    again = Mixtures.load(tmp_path / "prior" / "mixtures.npz")
    for name, value in vars(mixtures).items():
        assert_array_equal(getattr(again, name), value)
        assert type(getattr(again, name)) is type(value) or name == "numerator"
    assert [path.name for path in (tmp_path / "prior").iterdir()] == ["mixtures.npz"]


def test_a_file_without_mixtures_is_named_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "mixtures.npz"
    with pytest.raises(
        FileNotFoundError, match=r"mixtures\.npz: expected mixtures, found no file; run the rule fit_gmm"
    ):
        Mixtures.load(path)
    mixtures = builders.mixtures()
    mixtures.save(path)
    whole = path.read_bytes()
    with np.load(path) as arrays:
        older = {**arrays, "version": 1}
    values = {name: getattr(mixtures, name) for name in ("weights", "means")}
    for content in (
        b"",
        b"text",
        whole[:-120],  # beyond the checksum
        whole[: len(whole) // 2],
        values,
        older,
        older | {"version": 2, "grid": 3},
        np.arange(3),
    ):
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, dict):
            np.savez(path, **content)
        else:
            with path.open("wb") as file:
                np.save(file, content)
        with pytest.raises(ValueError, match=r"mixtures\.npz: expected mixtures .* got .*; delete it and run"):
            Mixtures.load(path)


def test_any_damage_to_mixtures_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mixtures.npz"
    builders.mixtures().save(path)
    told = damage.every([path], lambda: Mixtures.load(path).means.tolist(), step=97)
    assert told["mixtures.npz"] == -(-path.stat().st_size // 97) + 5


def test_pickled_mixtures_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mixtures.npz"
    np.savez(path, version=np.array([{"any": "object"}], dtype=object))
    path.write_bytes(sealed(path.read_bytes()))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Mixtures.load(tmp_path / "mixtures.npz")


def test_mixtures_of_another_class_set_do_not_fit() -> None:
    mixtures = builders.mixtures()
    with pytest.raises(ValueError, match=r"weights: expected shape \(16, 2\) for 2 components per class, got \(7, 2\)"):
        Mixtures(**vars(mixtures) | {"classes": CLASS_SETS["16"]})

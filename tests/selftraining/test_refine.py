import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from oracles import without_small_regions

from dadist.classes import IGNORE
from dadist.selftraining import small_regions, small_regions_numba
from dadist.selftraining.pseudo_labels import PseudoLabels, filling
from dadist.selftraining.refine import refine, remove_small, thresholds
from dadist.selftraining.small_regions import Eraser

# 1 / (16 f) of each class's share f of SYNTHIA-RAND-CITYSCAPES: the authors' class weights.
WEIGHTS = """0.327 0.313 0.206 22.427 22.558 5.811 155.643 59.528
             0.586 0.882 1.423 12.871 1.488 3.955 29.164 27.563"""


def test_thresholds_are_the_papers() -> None:
    pixels = np.round(1e12 / np.array(WEIGHTS.split(), float)).astype(np.int64)
    found = thresholds(pixels, base=50, span=4950)
    assert_allclose(found[[0, 2, 6, 5, 8, 9]], [3165.9, 5000, 50, 219.1, 1785.8, 1201.1], atol=0.1)
    # The integers in the authors' code; the weights above have three digits after the point.
    code = [3165, 3311, 5000, 89, 89, 219, 50, 61, 1788, 1202, 762, 123, 730, 302, 78, 81]
    assert_allclose(found, code, atol=5.5)


def test_thresholds_span_the_classes_that_occur() -> None:
    assert_allclose(thresholds(np.array([10, 0, 30, 20]), base=8, span=40), [8, 8, 48, 28])


@pytest.mark.parametrize("pixels", [[0, 0, 0], [0, 7, 0], [5, 5, 5]])
def test_thresholds_without_a_range_are_the_base(pixels: list[int]) -> None:
    assert_allclose(thresholds(np.array(pixels), base=8, span=40), [8, 8, 8])


ways = pytest.mark.parametrize(
    "erase", [small_regions.by_class, small_regions_numba.erased], ids=["by_class", "compiled"]
)


@ways
def test_regions_that_touch_at_a_corner_are_one(erase: Eraser) -> None:
    labels = np.full((4, 6), IGNORE, np.uint8)
    labels[0, :3] = labels[1, 3:] = 1
    for touching in (labels, labels[:, ::-1], labels[::-1]):
        assert_array_equal(remove_small(touching, np.array([0, 6]), erase), touching)
        assert (remove_small(touching, np.array([0, 6.5]), erase) == IGNORE).all()


@ways
def test_a_region_of_the_threshold_stays_and_one_pixel_less_goes(erase: Eraser) -> None:
    labels = np.zeros((3, 9), np.uint8)
    labels[1, :3] = 1  # three pixels
    labels[1, 5:9] = 1  # four
    expected = labels.copy()
    expected[1, :3] = IGNORE
    assert_array_equal(remove_small(labels, np.array([1, 4]), erase), expected)
    assert_array_equal(remove_small(labels, np.array([1, 3]), erase), labels)


@ways
def test_ignored_pixels_join_nothing(erase: Eraser) -> None:
    labels = np.array([[1, IGNORE, 1]], np.uint8)
    assert (remove_small(labels, np.array([0, 2]), erase) == IGNORE).all()
    nothing = np.full((5, 4), IGNORE, np.uint8)
    assert_array_equal(remove_small(nothing, np.array([9, 9]), erase), nothing)


@ways
def test_the_labels_given_stay_as_they_are(erase: Eraser) -> None:
    labels = np.zeros((3, 3), np.uint8)
    labels.flags.writeable = False  # as a map of a file is
    assert (remove_small(labels, np.array([99]), erase) == IGNORE).all()
    assert (labels == 0).all()


def checkerboard(height: int, width: int) -> NDArray[np.uint8]:
    return (np.indices((height, width)).sum(0) % 2).astype(np.uint8)


def patches(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Noise of four classes and ignored pixels over blocks of them."""
    random = np.random.default_rng(seed)
    ids = np.array([0, 1, 2, 3, IGNORE], np.uint8)
    blocks = np.kron(random.choice(ids, (height // 4 + 1, width // 4 + 1)), np.ones((4, 4), np.uint8))[:height, :width]
    return np.where(random.random((height, width)) < 0.3, random.choice(ids, (height, width)), blocks)


def spiral(side: int) -> NDArray[np.uint8]:
    """Two classes wound into each other: a run joins the regions of its neighbours late."""
    rings = np.minimum.reduce([*np.indices((side, side)), *(side - 1 - np.indices((side, side)))])
    labels = (rings % 2).astype(np.uint8)
    for ring in range(side // 2 - 1):
        labels[ring, ring + 1] = (ring + 1) % 2
    return labels


@ways
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (40, 1), (2, 2), (17, 23), (48, 64)])
@pytest.mark.parametrize("seed", range(4))
def test_refinement_is_the_flood_fill(erase: Eraser, height: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    maps = {
        "patches": patches(height, width, seed),
        "checkerboard": checkerboard(height, width),
        "salt and pepper": random.integers(0, 4, (height, width), np.uint8),
        "two classes": random.integers(0, 2, (height, width), np.uint8),
        "one class": np.zeros((height, width), np.uint8),
        "nothing": np.full((height, width), IGNORE, np.uint8),
        "columns": np.tile(np.arange(width, dtype=np.uint8) % 2, (height, 1)),
        "spiral": spiral(max(height, width)),
        "a part of a map": patches(2 * height, 2 * width + 1, seed)[::2, 1::2],
    }
    sizes = random.choice([1.0, 3.0, 9.5, 30.0, 200.0], 4)
    for name, labels in maps.items():
        assert_array_equal(remove_small(labels, sizes, erase), without_small_regions(labels, sizes), err_msg=name)


@ways
def test_a_thousand_small_maps_are_those_of_the_flood_fill(erase: Eraser) -> None:
    random = np.random.default_rng(5)
    for _ in range(1000):
        labels = random.choice(np.array([0, 1, IGNORE], np.uint8), random.integers(1, 8, 2))
        sizes = random.integers(0, 8, 2).astype(float)
        assert_array_equal(remove_small(labels, sizes, erase), without_small_regions(labels, sizes))


def test_maps_of_many_pixels_in_all_are_refined_by_the_compiled_pass() -> None:
    assert small_regions.eraser(small_regions.COMPILED_FROM) is small_regions_numba.erased
    assert small_regions.eraser(small_regions.COMPILED_FROM - 1) is small_regions.by_class


@pytest.mark.parametrize("missing", ["numba", "numpy"])
def test_without_numba_maps_are_refined_class_by_class(missing: str) -> None:
    """As a fresh Python finds it: not installed, or refusing a NumPy that it does not know."""
    code = f"""
import sys
if {missing!r} == "numba":
    sys.modules["numba"] = None
else:
    import numpy
    numpy.__version__ = "99.0.0"
from dadist.selftraining import small_regions
assert small_regions.eraser(small_regions.COMPILED_FROM) is small_regions.by_class
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_label_without_a_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match="labels: expected train ids below 2 or 255, got 2"):
        remove_small(np.array([[0, 2]], np.uint8), np.array([1, 1]))


def given(folder: Path, areas: tuple[int, int] = (20, 20)) -> NDArray[np.uint8]:
    """Two maps of 4x5: one of class 0 but for regions of 2 and 3 pixels of class 1, the other never sure."""
    maps = np.zeros((2, 4, 5), np.uint8)
    maps[0, 0, :2] = 1
    maps[0, 2:, 4] = maps[0, 3, 3] = 1
    maps[1] = IGNORE
    with filling(folder, maps.shape, ("labels",), "any") as made:
        assert made is not None
        for row, one in enumerate(maps):
            made.put(
                row, {"labels": one}, {"labelled": np.bincount(one.ravel(), minlength=256)[:3].tolist()}, areas[row]
            )
        made.finish({})
    return maps


@pytest.mark.parametrize(
    ("prior", "thresholds", "small"),
    [
        ({"base": 3.0, "span": 5.0, "unit": "pixels", "floor": 0.0}, [8, 3, 3], True),
        ({"base": 2.0, "span": 5.0, "unit": "pixels", "floor": 0.0}, [7, 2, 2], False),
        ({"base": 0.15, "span": 0.25, "unit": "image", "floor": 0.0}, [8, 3, 3], True),  # of 20 pixels
        ({"base": 0.0, "span": 6.0, "unit": "pixels", "floor": 3.0}, [6, 3, 3], True),
        ({"base": 0.0, "span": 6.0, "unit": "pixels", "floor": 0.0}, [6, 0, 0], False),
    ],
)
def test_regions_below_their_classs_threshold_are_erased(
    tmp_path: Path, prior: dict[str, object], thresholds: list[int], small: bool
) -> None:
    before = given(tmp_path / "pseudo")
    pixels = np.array([1000, 10, 0])  # class 2 does not occur: it needs what the rarest needs
    done: list[int] = []
    refine(
        tmp_path / "pseudo",
        tmp_path / "refined",
        pixels,
        enabled=True,
        **prior,
        key="k",
        progress=done.append,
    )
    refined = PseudoLabels(tmp_path / "refined")
    expected = before.copy()
    if small:
        expected[0, 0, :2] = IGNORE
    assert np.array_equal(refined.labels, expected)
    kept = [15, 3 if small else 5, 0]
    assert refined.counts == {"labelled": [15, 5, 0], "kept": kept, "thresholds": thresholds}
    assert done == [1, 2]


SEVERE: dict[str, Any] = {"base": 9.0, "span": 90.0, "unit": "pixels", "floor": 20.0}


def test_without_refinement_every_label_stays_and_the_counts_say_so(tmp_path: Path) -> None:
    before = given(tmp_path / "pseudo")
    refine(tmp_path / "pseudo", tmp_path / "refined", np.array([1000, 10, 0]), enabled=False, key="k", **SEVERE)
    refined = PseudoLabels(tmp_path / "refined")
    assert np.array_equal(refined.labels, before)
    assert refined.counts == {"labelled": [15, 5, 0], "kept": [15, 5, 0], "thresholds": [0, 0, 0]}


def test_refining_leaves_the_pseudo_labels_as_they_were(tmp_path: Path) -> None:
    before = given(tmp_path / "pseudo")
    pixels = np.array([1000, 10, 0])
    refine(tmp_path / "pseudo", tmp_path / "refined", pixels, enabled=True, key="k", **SEVERE)
    assert np.array_equal(PseudoLabels(tmp_path / "pseudo").labels, before)
    assert (PseudoLabels(tmp_path / "refined").labels == IGNORE).all()


def test_padding_is_no_part_of_an_images_area(tmp_path: Path) -> None:
    given(tmp_path / "pseudo", areas=(10, 20))
    prior = {"base": 0.2, "span": 0.0, "unit": "image", "floor": 0.0}
    refine(tmp_path / "pseudo", tmp_path / "refined", np.array([9, 9, 0]), enabled=True, key="k", **prior)  # type: ignore[arg-type]
    refined = PseudoLabels(tmp_path / "refined")
    assert refined.counts["thresholds"] == [2, 2, 2]  # a fifth of 10 pixels, and not of 20
    assert refined.counts["kept"] == [15, 5, 0]


def test_a_refinement_that_was_stopped_goes_on_with_the_next_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(tmp_path / "pseudo")
    pixels, asked = np.array([1000, 10, 0]), []

    def stopped(labels: NDArray[np.uint8], *others: Any) -> NDArray[np.uint8]:
        if len(asked) == 1:
            raise KeyboardInterrupt
        asked.append(labels)
        return remove_small(labels, *others)

    def run(folder: str, key: str = "k") -> None:
        refine(tmp_path / "pseudo", tmp_path / folder, pixels, enabled=True, key=key, **SEVERE)

    run("whole")
    monkeypatch.setattr("dadist.selftraining.refine.remove_small", stopped)
    with pytest.raises(KeyboardInterrupt):
        run("again")
    assert not (tmp_path / "again").exists()
    monkeypatch.setattr("dadist.selftraining.refine.remove_small", lambda labels, *_: asked.append(labels) or labels)
    run("again")
    assert len(asked) == 2  # the first map once, the second once
    for name in ("labels.npy", "index.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()

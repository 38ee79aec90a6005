"""The class table against the lists it was made from."""

import numpy as np
import pytest

from dadist import classes

# Train id -> name, SYNTHIA id, Cityscapes labelId.
SIXTEEN = [
    ("road", 3, 7),
    ("sidewalk", 4, 8),
    ("building", 2, 11),
    ("wall", 21, 12),
    ("fence", 5, 13),
    ("pole", 7, 17),
    ("light", 15, 19),
    ("sign", 9, 20),
    ("vegetation", 6, 21),
    ("sky", 1, 23),
    ("person", 10, 24),
    ("rider", 17, 25),
    ("car", 8, 26),
    ("bus", 19, 28),
    ("motorcycle", 12, 32),
    ("bicycle", 11, 33),
]
SEVEN = [
    ("flat", {3, 4, 22}, {7, 8}),
    ("construction", {2, 5}, {11, 12, 13}),
    ("object", {7, 9, 15}, {17, 19, 20}),
    ("nature", {6}, {21, 22}),
    ("sky", {1}, {23}),
    ("human", {10}, {24, 25}),
    ("vehicle", {8, 11}, {26, 27, 28, 29, 30, 31, 32, 33}),
]
# The row "Ours" of the poster's first table, SYNTHIA to Cityscapes.
OURS = [85.3, 40.2, 79.7, 19.6, 1.3, 29.4, 29.7, 32.2, 82.5, 79.2, 64.3, 26.7, 85.2, 49.4, 22.7, 44.9]


def ids(dataset: str, class_set: str) -> list[set[int]]:
    """Raw ids of each train id, and that every other id is ignored."""
    table = classes.lookup(dataset, class_set)
    count = len(classes.names(class_set))
    assert set(np.unique(table)) <= {*range(count), classes.IGNORE}
    return [set(np.flatnonzero(table == index).tolist()) for index in range(count)]


def test_the_sixteen_classes_have_the_published_ids() -> None:
    assert classes.names("16") == [name for name, _, _ in SIXTEEN]
    assert ids("synthia", "16") == [{raw} for _, raw, _ in SIXTEEN]
    assert ids("cityscapes", "16") == [{raw} for _, _, raw in SIXTEEN]


def test_the_seven_classes_have_the_published_ids() -> None:
    assert classes.names("7") == [name for name, _, _ in SEVEN]
    assert ids("synthia", "7") == [raw for _, raw, _ in SEVEN]
    assert ids("cityscapes", "7") == [raw for _, _, raw in SEVEN]


def test_four_things_are_ignored_in_synthia_but_counted_in_cityscapes_with_seven_classes() -> None:
    for name, group in {"wall": 1, "rider": 5, "bus": 6, "motorcycle": 6}.items():
        row = next(row for row in classes.TABLE if row.name == name)
        assert classes.lookup("synthia", "7")[row.synthia] == classes.IGNORE
        assert classes.lookup("cityscapes", "7")[row.cityscapes] == group


def test_lane_marking_is_flat_with_seven_classes_and_ignored_with_sixteen() -> None:
    assert classes.lookup("synthia", "7")[22] == 0
    assert classes.lookup("synthia", "16")[22] == classes.IGNORE


def test_known_ids_are_exactly_those_that_a_data_set_defines() -> None:
    assert np.flatnonzero(classes.known("synthia")).tolist() == list(range(23))
    assert np.flatnonzero(classes.known("cityscapes")).tolist() == [*range(34), 255]


def test_the_starred_mean_leaves_out_wall_fence_and_pole() -> None:
    assert classes.starred("16") == [0, 1, 2, *range(6, 16)]
    assert classes.starred("7") == list(range(7))


def test_the_published_row_averages_to_the_published_means() -> None:
    assert np.mean(OURS) == pytest.approx(48.27, abs=0.005)
    assert np.mean([OURS[index] for index in classes.starred("16")]) == pytest.approx(55.54, abs=0.005)


@pytest.mark.parametrize("class_set", classes.CLASS_SETS)
def test_a_palette_has_one_colour_a_class(class_set: str) -> None:
    palette = classes.colours(class_set)
    assert palette.shape == (len(classes.names(class_set)), 3)
    assert palette.dtype == np.uint8
    assert len(np.unique(palette, axis=0)) == len(palette)


def test_labels_are_painted_in_their_colours_and_ignored_pixels_black() -> None:
    painted = classes.colourise(np.array([[0, 15, classes.IGNORE]], np.uint8), "16")
    assert painted.tolist() == [[[128, 64, 128], [119, 11, 32], [0, 0, 0]]]


@pytest.mark.parametrize("function", [classes.names, classes.colours, classes.starred])
def test_an_unknown_class_set_is_refused(function: object) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match="classes: expected one of 16, 7, got '19'"):
        function("19")

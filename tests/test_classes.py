"""The class table against the lists it was made from."""

import numpy as np
import pytest

from dadist import classes
from dadist.classes import CLASS_SETS, Category, ClassSet
from dadist.evaluation.confusion import mean_iou

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
    chosen = CLASS_SETS[class_set]
    table = chosen.lookup(dataset, classes.ids(dataset))
    assert set(np.unique(table)) <= {*range(len(chosen)), classes.IGNORE}
    return [set(np.flatnonzero(table == index).tolist()) for index in range(len(chosen))]


def test_the_sixteen_classes_have_the_published_ids() -> None:
    assert CLASS_SETS["16"].names == [name for name, _, _ in SIXTEEN]
    assert ids("synthia", "16") == [{raw} for _, raw, _ in SIXTEEN]
    assert ids("cityscapes", "16") == [{raw} for _, _, raw in SIXTEEN]


def test_the_seven_classes_have_the_published_ids() -> None:
    assert CLASS_SETS["7"].names == [name for name, _, _ in SEVEN]
    assert ids("synthia", "7") == [raw for _, raw, _ in SEVEN]
    assert ids("cityscapes", "7") == [raw for _, _, raw in SEVEN]


def test_the_thirteen_classes_are_the_sixteen_without_wall_fence_and_pole() -> None:
    assert CLASS_SETS["13"].names == [name for name in CLASS_SETS["16"].names if name not in ("wall", "fence", "pole")]
    assert ids("cityscapes", "13") == [{raw} for name, _, raw in SIXTEEN if name not in ("wall", "fence", "pole")]


def test_the_nineteen_classes_are_in_the_order_of_cityscapes() -> None:
    official = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
    assert ids("cityscapes", "19") == [{raw} for raw in official]


def test_things_that_synthia_ignores_with_seven_classes_are_counted_in_cityscapes() -> None:
    for name, group in {"wall": 1, "rider": 5, "bus": 6, "motorcycle": 6, "terrain": 3, "truck": 6}.items():
        assert CLASS_SETS["7"].train_id("synthia", name) == classes.IGNORE
        assert CLASS_SETS["7"].train_id("cityscapes", name) == group


def test_terrain_is_flat_in_vistas_and_nature_in_cityscapes() -> None:
    assert CLASS_SETS["7"].train_id("mapillary", "terrain") == 0
    assert CLASS_SETS["7"].train_id("cityscapes", "terrain") == 3


def test_what_a_class_set_does_to_one_data_set_alone_is_told_in_a_sentence_each() -> None:
    told = CLASS_SETS["7"].asymmetries(["synthia", "mapillary", "synthia", "cityscapes"])
    assert told == [
        "class set 7 takes synthia unlike other data sets: wall ignored, rider ignored, bus ignored, "
        "motorcycle ignored, terrain ignored, truck ignored, train ignored",
        "class set 7 takes mapillary unlike other data sets: terrain flat",
    ]
    assert CLASS_SETS["16"].asymmetries(["synthia", "cityscapes"]) == []


def test_lane_marking_is_flat_with_seven_classes_and_ignored_with_sixteen() -> None:
    assert CLASS_SETS["7"].train_id("synthia", "lane marking") == 0
    assert CLASS_SETS["16"].train_id("synthia", "lane marking") == classes.IGNORE


def test_known_ids_are_exactly_those_that_a_data_set_defines() -> None:
    assert sorted(classes.ids("synthia")) == list(range(23))
    assert sorted(classes.ids("cityscapes")) == [*range(34), 255]


def test_the_starred_mean_leaves_out_wall_fence_and_pole() -> None:
    assert CLASS_SETS["16"].starred == [0, 1, 2, *range(6, 16)]
    assert CLASS_SETS["7"].starred == list(range(7))


def test_the_published_row_averages_to_the_published_means() -> None:
    assert mean_iou(np.array(OURS)) == pytest.approx(48.27, abs=0.005)  # printed: 48.2
    assert mean_iou(np.array(OURS), CLASS_SETS["16"].starred) == pytest.approx(55.54, abs=0.005)  # printed: 55.5


@pytest.mark.parametrize("class_set", CLASS_SETS.values(), ids=lambda one: one.name)
def test_a_palette_has_one_colour_a_class(class_set: ClassSet) -> None:
    palette = class_set.colours
    assert palette.shape == (len(class_set), 3)
    assert palette.dtype == np.uint8
    assert len(np.unique(palette, axis=0)) == len(palette)


def test_labels_are_painted_in_their_colours_and_ignored_pixels_black() -> None:
    painted = classes.colourise(np.array([[0, 15, classes.IGNORE]], np.uint8), CLASS_SETS["16"])
    assert painted.tolist() == [[[128, 64, 128], [119, 11, 32], [0, 0, 0]]]


def test_a_class_set_comes_back_from_its_text() -> None:
    assert ClassSet.from_json(CLASS_SETS["7"].as_json()) == CLASS_SETS["7"]


def test_a_label_of_one_data_set_goes_before_the_label_of_all() -> None:
    rows = (Category("road", (1, 2, 3), ("road", "vistas/kerb"), True), Category("rest", (4, 5, 6), ("kerb",), True))
    own = ClassSet("own", rows, ("vistas/road",))
    assert own.lookup("vistas", {0: "road", 1: "kerb", 2: None, 3: "sky"})[:4].tolist() == [255, 0, 255, 255]
    assert own.lookup("other", {0: "road", 1: "kerb", 2: None, 3: "sky"})[:4].tolist() == [0, 1, 255, 255]


def test_a_label_in_two_classes_is_refused() -> None:
    rows = (Category("road", (1, 2, 3), ("road",), True), Category("flat", (4, 5, 6), ("road",), True))
    with pytest.raises(ValueError, match="class set own: expected each label once, got 'road' twice"):
        ClassSet("own", rows, ())


def test_a_single_class_is_refused() -> None:
    with pytest.raises(ValueError, match="class set own: expected 2 to 254 classes, got 1"):
        ClassSet("own", (Category("road", (1, 2, 3), ("road",), True),), ())

"""The Mapillary reader: both versions, three layouts, palettes and colours, and the published 7 classes."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import trees
from PIL import Image

from dadist.classes import CLASS_SETS, IGNORE, TABLE
from dadist.data.readers.base import Reader
from dadist.data.readers.mapillary import NAMES, Options, reader
from dadist.storage.errors import DataError

ONE, TWO = reader(Options("v1.2")), reader(Options("v2.0"))

# Ids of the 66 labels in the authors' 7 classes.
SEVEN = [
    {7, 8, 9, 10, 11, 12, 13, 14, 15, 23, 24, 29},
    {2, 3, 4, 5, 6, 16, 17, 18},
    {43, 44, 45, 46, 47, 48, 49, 50},
    {30},
    {27},
    {19, 20, 21, 22},
    {52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62},
]
WITHOUT = {0, 1, 25, 26, 28, 31, *range(32, 43), 51, 63, 64, 65}


def train_ids(tmp_path: Path, version: str, classes: str) -> dict[str, str]:
    """Class of each name of a version, "-" for none."""
    trees.write_config(tmp_path / f"config_{version}.json", version)
    chosen = CLASS_SETS[classes]
    table = chosen.lookup("mapillary", {"v1.2": ONE, "v2.0": TWO}[version].ids(tmp_path))
    names = [name for name, _ in trees.labels_of(version)]
    return {name: [*chosen.names, "-"][min(table[raw], len(chosen))] for raw, name in enumerate(names)}


def refused(error: pytest.ExceptionInfo[Exception], *parts: str) -> bool:
    return all(part in str(error.value) for part in parts)


# --- labels and classes


def test_the_66_labels_have_the_published_7_classes(tmp_path: Path) -> None:
    trees.write_config(tmp_path / "config_v1.2.json", "v1.2")
    ids = ONE.ids(tmp_path)
    assert len(ids) == 66
    table = CLASS_SETS["7"].lookup("mapillary", ids)
    assert [set(np.flatnonzero(table == index).tolist()) for index in range(7)] == SEVEN
    assert {raw for raw in ids if table[raw] == IGNORE} == WITHOUT
    assert len(WITHOUT) == 21


def test_terrain_is_flat_and_pothole_an_object_in_mapillary_alone() -> None:
    seven = CLASS_SETS["7"]
    assert seven.names[seven.train_id("mapillary", "terrain")] == "flat"
    assert seven.names[seven.train_id("cityscapes", "terrain")] == "nature"
    assert seven.names[seven.train_id("mapillary", "pothole")] == "object"


def test_a_label_that_both_versions_have_has_the_same_class_in_both(tmp_path: Path) -> None:
    for classes in CLASS_SETS:
        one, two = (train_ids(tmp_path, version, classes) for version in ("v1.2", "v2.0"))
        assert {name: two[name] for name in two if name in one} == {name: one[name] for name in one if name in two}


@pytest.mark.parametrize(
    ("name", "seven", "sixteen"),
    [
        ("human--person--person-group", "human", "person"),
        ("marking--discrete--arrow--left", "flat", "road"),
        ("marking-only--discrete--crosswalk-zebra", "flat", "road"),
        ("construction--flat--traffic-island", "flat", "sidewalk"),
        ("construction--flat--driveway", "flat", "-"),
        ("construction--barrier--concrete-block", "construction", "-"),
        ("construction--structure--garage", "construction", "building"),
        ("object--support--pole-group", "object", "pole"),
        ("object--traffic-light--pedestrians", "object", "light"),
        ("object--traffic-sign--direction-front", "object", "sign"),
        ("object--traffic-sign--temporary-back", "object", "-"),
        ("object--sign--advertisement", "-", "-"),
        ("object--vehicle--vehicle-group", "vehicle", "car"),
        ("object--parking-meter", "-", "-"),
        ("void--ground", "-", "-"),
    ],
)
def test_names_of_version_2_go_where_they_belong(tmp_path: Path, name: str, seven: str, sixteen: str) -> None:
    assert train_ids(tmp_path, "v2.0", "7")[name] == seven
    assert train_ids(tmp_path, "v2.0", "16")[name] == sixteen


@pytest.mark.parametrize("version", ["v1.2", "v2.0"])
@pytest.mark.parametrize("classes", ["16", "13", "19"])
def test_every_class_of_the_larger_sets_occurs_in_vistas(tmp_path: Path, version: str, classes: str) -> None:
    assert set(train_ids(tmp_path, version, classes).values()) == {*CLASS_SETS[classes].names, "-"}


def test_every_name_stands_for_a_label_of_the_class_table() -> None:
    assert {label for _, label in NAMES} <= {row.name for row in TABLE} | {None}


def test_a_name_that_vistas_does_not_have_is_refused(tmp_path: Path) -> None:
    rows = [{"name": "nature--sky", "color": [0, 0, 0]}, {"name": "space--mars", "color": [1, 1, 1]}]
    (tmp_path / "config.json").write_text(json.dumps({"labels": rows, "version": 1.1}), encoding="utf-8")
    with pytest.raises(DataError, match=r"config\.json: expected names of Mapillary Vistas, got 'space--mars'"):
        ONE.ids(tmp_path)


# --- layouts


@pytest.mark.parametrize(("version", "old"), [("v1.2", False), ("v1.2", True), ("v2.0", False)])
def test_the_published_layouts_are_read(tmp_path: Path, version: str, old: bool) -> None:
    trees.write_mapillary(tmp_path, version=version, old=old)
    chosen = reader(Options(version))  # type: ignore[arg-type]
    scenes = chosen.files(tmp_path, "val", labels=True, depth=False)
    assert [scene.name for scene in scenes] == ["val_0000", "val_0001"]
    sky = next(raw for raw, label in chosen.ids(tmp_path).items() if label == "sky")
    for scene, (width, height) in zip(scenes, [(64, 48), (80, 40)], strict=True):
        assert scene.labels is not None
        ids = chosen.read_labels(scene.labels)
        assert ids.dtype == np.uint8
        assert ids.shape == (height, width)
        assert (ids == sky).any()
    assert len(chosen.files(tmp_path, "train", labels=False, depth=False)) == 3


def test_the_authors_folder_names_are_read(tmp_path: Path) -> None:
    trees.write_mapillary(tmp_path, old=True)
    (tmp_path / "training").rename(tmp_path / "train")
    assert len(ONE.files(tmp_path, "train", labels=False, depth=False)) == 3


def test_labels_are_looked_for_only_if_asked(tmp_path: Path) -> None:
    trees.write_mapillary(tmp_path)
    shutil.rmtree(tmp_path / "validation/v1.2")
    (tmp_path / "config_v1.2.json").unlink()
    assert all(scene.labels is None for scene in ONE.files(tmp_path, "val", labels=False, depth=False))


# --- label files


@pytest.mark.parametrize(("version", "chosen"), [("v1.2", ONE), ("v2.0", TWO)])
def test_colours_and_palette_indices_say_the_same(tmp_path: Path, version: str, chosen: Reader) -> None:
    trees.write_config(tmp_path / f"config_{version}.json", version)
    ids = chosen.ids(tmp_path)
    drawn = np.array([[raw for raw, label in ids.items() if label in ("sky", "car", "road", "building")]], np.uint8)
    written = {name: tmp_path / "validation" / "labels" / f"{name}.png" for name in ("indices", "colours")}
    for name, path in written.items():
        trees.write_labels(path, drawn, version, palette=name == "indices")
    np.testing.assert_array_equal(chosen.read_labels(written["indices"]), drawn)
    seen = chosen.read_labels(written["colours"])
    assert [ids[raw] for raw in seen.ravel().tolist()] == [ids[raw] for raw in drawn.ravel().tolist()]


@pytest.mark.parametrize(("version", "chosen"), [("v1.2", ONE), ("v2.0", TWO)])
def test_a_palette_in_another_order_is_read_by_its_colours(tmp_path: Path, version: str, chosen: Reader) -> None:
    trees.write_config(tmp_path / f"config_{version}.json", version)
    rows, ids = trees.labels_of(version), chosen.ids(tmp_path)
    names = [name for name, _ in rows]
    drawn = [names.index(name) for name in ("nature--sky", "construction--flat--road", "nature--water")]
    path = tmp_path / "validation/labels/x.png"
    path.parent.mkdir(parents=True)
    image = Image.fromarray(np.array([[2, 0, 1]], np.uint8))
    image.putpalette([value for raw in drawn for value in rows[raw][1]])
    image.save(path)
    assert chosen.read_labels(path).tolist() == [[drawn[2], drawn[0], drawn[1]]]
    image.save(path, transparency=bytes([255, 0, 255]))
    assert [ids[raw] for raw in chosen.read_labels(path)[0].tolist()] == [ids[drawn[2]], "sky", None]
    image.putpalette([1, 2, 3] * 3)
    image.save(path)
    with pytest.raises(DataError, match=r"x\.png: expected colours that stand for a label, got \(1, 2, 3\) as well"):
        chosen.read_labels(path)


def test_an_index_that_the_config_lacks_is_no_label_whatever_its_colour(tmp_path: Path) -> None:
    trees.write_config(tmp_path / "config_v1.2.json", "v1.2")
    path = tmp_path / "validation/labels/x.png"
    trees.write_labels(path, np.array([[27, 200]], np.uint8), "v1.2")
    assert ONE.read_labels(path).tolist() == [[27, 200]]
    assert 200 not in ONE.ids(tmp_path)  # so whoever prepares refuses it


def test_a_palette_whose_colours_two_labels_have_is_read_only_in_the_order_of_the_config(tmp_path: Path) -> None:
    trees.write_config(tmp_path / "config_v2.0.json", "v2.0")
    rows = trees.labels_of("v2.0")
    separator = [name for name, _ in rows].index("construction--barrier--separator")  # or the frame of a sign
    path = tmp_path / "validation/v2.0/labels/x.png"
    trees.write_labels(path, np.full((1, 1), separator, np.uint8), "v2.0")
    assert TWO.read_labels(path).tolist() == [[separator]]
    image = Image.fromarray(np.zeros((1, 1), np.uint8))
    image.putpalette(rows[separator][1])
    image.save(path)
    with pytest.raises(DataError, match=r"got \(128, 128, 128\) as well; take the palette PNGs of labels/ of version"):
        TWO.read_labels(path)


def test_a_colour_that_the_config_lacks_is_refused(tmp_path: Path) -> None:
    trees.write_config(tmp_path / "config_v1.2.json", "v1.2")
    path = tmp_path / "validation/v1.2/labels/x.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.array([[[70, 130, 180], [1, 2, 3]]], np.uint8)).save(path)
    with pytest.raises(DataError) as error:
        ONE.read_labels(path)
    assert refused(error, "x.png: expected colours that stand for a label, got (1, 2, 3) as well", "palette PNGs")


def test_a_colour_of_two_labels_is_refused(tmp_path: Path) -> None:
    trees.write_config(tmp_path / "config_v2.0.json", "v2.0")
    path = tmp_path / "validation/v2.0/labels/x.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.full((1, 1, 3), 128, np.uint8)).save(path)  # a separator, or the frame of a sign
    with pytest.raises(DataError, match=r"got \(128, 128, 128\) as well; take the palette PNGs of labels/ of version"):
        TWO.read_labels(path)


def test_instances_are_refused_as_labels(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "x.png"), np.full((2, 2), 256 * 13, np.uint16))
    with pytest.raises(DataError) as error:
        ONE.read_labels(tmp_path / "x.png")
    assert refused(error, "x.png: expected a palette PNG of label ids, got 16-bit with 1 channel", "not instances/")


@pytest.mark.parametrize("palette", [True, False])
def test_a_truncated_label_file_is_named(tmp_path: Path, palette: bool) -> None:
    trees.write_config(tmp_path / "config_v1.2.json", "v1.2")
    path = tmp_path / "validation/v1.2/labels/x.png"
    noise = np.random.default_rng(0).integers(0, 66, (50, 50), np.uint8)
    trees.write_labels(path, noise, "v1.2", palette=palette)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(DataError, match=r"x\.png: expected a whole image file"):
        ONE.read_labels(path)


# --- what is missing or another version


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    trees.write_mapillary(tmp_path)
    (tmp_path / "config_v1.2.json").unlink()
    for asked in (lambda: ONE.ids(tmp_path), lambda: ONE.files(tmp_path, "val", labels=True, depth=False)):
        with pytest.raises(FileNotFoundError) as error:
            asked()
        assert refused(error, "config_v1.2.json: expected the names of the labels, found no such file", "unpack")


@pytest.mark.parametrize(("written", "chosen", "wanted"), [("v1.2", TWO, "v2.0"), ("v2.0", ONE, "v1.2")])
def test_labels_of_the_other_version_are_named_with_the_key(
    tmp_path: Path, written: str, chosen: Reader, wanted: str
) -> None:
    trees.write_mapillary(tmp_path, version=written)
    with pytest.raises(FileNotFoundError) as error:
        chosen.files(tmp_path, "val", labels=True, depth=False)
    assert refused(error, f"config_{wanted}.json", f"the folder has labels of {written}: set `version: {written}`")
    trees.write_config(tmp_path / f"config_{wanted}.json", wanted)  # as both packages unpacked, but for the labels
    with pytest.raises(FileNotFoundError) as error:
        chosen.files(tmp_path, "val", labels=True, depth=False)
    assert refused(error, f"{wanted}/labels: expected a folder with *.png", f"set `version: {written}` in the domain")


def test_a_config_of_the_other_version_is_refused(tmp_path: Path) -> None:
    trees.write_config(tmp_path / "config.json", "v2.0")
    with pytest.raises(DataError, match=r"expected labels of version 1\.2, got 2\.0; set `version: v2\.0`"):
        ONE.ids(tmp_path)


def test_a_damaged_config_is_named(tmp_path: Path) -> None:
    (tmp_path / "config_v1.2.json").write_text('{"labels": [', encoding="utf-8")
    with pytest.raises(DataError, match=r"config_v1\.2\.json: expected the config of Vistas, got JSONDecodeError"):
        ONE.ids(tmp_path)


def test_a_missing_label_file_is_named(tmp_path: Path) -> None:
    trees.write_mapillary(tmp_path)
    (tmp_path / "validation/v1.2/labels/val_0001.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"val_0001\.png: expected a file for each of 2 images, 1 missing"):
        ONE.files(tmp_path, "val", labels=True, depth=False)


def test_a_missing_image_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"training/images: expected a folder with \*\.jpg"):
        ONE.files(tmp_path, "train", labels=False, depth=False)


def test_depth_and_the_testing_split_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="depth of Mapillary: expected depth = False"):
        ONE.files(tmp_path, "val", labels=False, depth=True)
    with pytest.raises(ValueError, match="expected one of train, val, got 'testing'"):
        ONE.files(tmp_path, "testing", labels=False, depth=False)

"""The rendered street scenes: the same everywhere, right in space, and laid out like the published data sets."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dadist import classes
from dadist.config.schema import SOURCE_APPEARANCE as SOURCE
from dadist.config.schema import Appearance
from dadist.data.readers.cityscapes import Options, reader
from dadist.data.streets import rasterize
from dadist.data.streets.appearance import Dice, air, camera
from dadist.data.streets.render import LANE, RenderedScene, render, write_cityscapes, write_synthia
from dadist.data.streets.scene import Camera, Scene
from dadist.data.streets.shading import colour
from dadist.data.streets.stereo import disparity

TARGET = replace(SOURCE, palette=0.6, haze=0.6, light=0.6, noise=0.6)
VARIED = replace(SOURCE, variety=1.0)
HARD = replace(TARGET, camera=1, statistics=1, bonnet=True)
SIZE = {"width": 96, "height": 48}
READER = reader(Options())
NAMES = classes.CLASS_SETS["16"].names
PLAIN_CAMERA = Camera(focal=1.0, column=0.5, row=0.5, height_m=2.0)


def digest(street: RenderedScene) -> str:
    arrays = (street.image, street.labels, street.instances, street.depth_m)
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


def read(path: Path) -> NDArray[np.generic]:
    """A file as it is on disk, channels turned to red, green, blue."""
    array = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert array is not None
    return array[..., ::-1] if array.ndim == 3 else array


@pytest.mark.parametrize(
    ("appearance", "index", "expected"),
    [
        (SOURCE, 0, "c63c370e1234230d"),
        (SOURCE, 1, "14c00d35b402db30"),
        (HARD, 0, "f0c0684a1fb2c74d"),
        (HARD, 1, "108e8ce919d33827"),
        (VARIED, 0, "d9b42e26382bd578"),
        (VARIED, 1, "a0908fcac2c57f63"),
    ],
)
def test_a_scene_has_the_same_bytes_on_every_machine(appearance: Appearance, index: int, expected: str) -> None:
    assert digest(render(appearance, seed=1, index=index, **SIZE)) == expected


def test_rendering_twice_gives_the_same_arrays_and_another_index_another_street() -> None:
    first, again = (render(TARGET, seed=1, index=2, **SIZE) for _ in range(2))
    assert digest(first) == digest(again)
    assert digest(first) != digest(render(TARGET, seed=1, index=3, **SIZE))
    assert digest(first) != digest(render(TARGET, seed=2, index=2, **SIZE))


def test_arrays_have_their_types_and_known_ids() -> None:
    street = render(HARD, seed=1, index=0, **SIZE)
    assert (street.image.shape, street.image.dtype) == ((48, 96, 3), np.uint8)
    assert [array.dtype for array in (street.labels, street.instances, street.depth_m)] == ["u1", "u2", "f4"]
    assert set(np.unique(street.labels)) <= {*range(16), LANE, classes.IGNORE}


@pytest.mark.parametrize("appearance", [SOURCE, VARIED])
def test_every_class_occurs_often_and_instances_are_things(appearance: Appearance) -> None:
    seen = np.zeros(256)
    things = [NAMES.index(name) for name in ("person", "rider", "car", "bus", "motorcycle", "bicycle")]
    for index in range(20):
        street = render(appearance, seed=3, index=index, **SIZE)
        seen[np.unique(street.labels)] += 1
        assert np.array_equal(street.instances > 0, np.isin(street.labels, things))
        for number in np.unique(street.instances)[1:]:
            assert np.unique(street.labels[street.instances == number]).size == 1
    assert seen[:16].min() >= 2, dict(zip(NAMES, seen, strict=False))
    assert seen[LANE] >= 10
    assert seen[classes.IGNORE] == 0


def test_a_photometric_gap_moves_colours_alone() -> None:
    source, target = (render(appearance, seed=4, index=0, **SIZE) for appearance in (SOURCE, TARGET))
    assert np.array_equal(source.labels, target.labels)
    assert np.array_equal(source.depth_m, target.depth_m)
    assert np.abs(source.image.astype(int) - target.image).mean() > 8


@pytest.mark.parametrize("appearance", [SOURCE, VARIED])
def test_the_bonnet_hides_the_lowest_rows_and_nothing_else(appearance: Appearance) -> None:
    bare, covered = (render(replace(appearance, bonnet=bonnet), seed=4, index=0, **SIZE) for bonnet in (False, True))
    hidden = covered.labels == classes.IGNORE
    assert hidden[-2:].all()
    assert not hidden[: int(0.9 * 48)].any()
    assert np.array_equal(bare.labels[~hidden], covered.labels[~hidden])
    assert np.abs(covered.depth_m[hidden] - 0.9).max() < 1e-6


@pytest.mark.parametrize("appearance", [SOURCE, HARD])
def test_road_pixels_lie_where_the_camera_sees_the_ground(appearance: Appearance) -> None:
    dice = Dice(appearance, 5, 0)
    seen = camera(dice)
    street = render(appearance, seed=5, index=0, **SIZE)
    rows, _ = np.nonzero(street.labels == NAMES.index("road"))
    # A point of the ground at distance z lies f h / z rows below the horizon; pixel centres at half integers.
    expected = seen.focal * 96 * seen.height_m / (rows + 0.5 - seen.row * 48)
    np.testing.assert_allclose(street.depth_m[street.labels == NAMES.index("road")], expected, rtol=1e-5)


def test_depth_of_hand_worked_polygons() -> None:
    scene = Scene()
    # Camera 2 m high, focal length 8 px, horizon at row 4 of 8, column 4 of 8.
    scene.add(1e6, [(-99, 0, 0), (-99, 0, 99), (99, 0, 99), (99, 0, 0)], 1, (0, 0, 0))
    scene.add(8.0, [(-1, 0, 8), (-1, 4, 8), (1, 4, 8), (1, 0, 8)], 2, (0, 0, 0))
    buffers = rasterize.rasterise(scene, PLAIN_CAMERA, 8, 8)
    depth = rasterize.depth_at(buffers.planes, buffers.ids, 2)
    assert np.isinf(depth[0]).all()  # the sky
    np.testing.assert_allclose(depth[7], 8 * 2 / 3.5)  # the ground in row 7.5
    assert depth[4, 4] == 8.0  # the wall hides ground at 32 m
    np.testing.assert_allclose(depth[4, 0], 32.0)


def test_a_near_object_hides_a_far_one_whatever_the_order_they_came_in() -> None:
    near = [(-1.0, 0.0, 5.0), (-1.0, 3.0, 5.0), (1.0, 3.0, 5.0), (1.0, 0.0, 5.0)]
    far = [(2 * x, y, 2 * z) for x, y, z in near]
    for order in ((near, far), (far, near)):
        scene = Scene()
        for points in order:
            scene.add(points[0][2], points, 1, (0, 0, 0))
        buffers = rasterize.rasterise(scene, PLAIN_CAMERA, 8, 8)
        assert rasterize.depth_at(buffers.planes, buffers.ids, 2)[4, 4] == 5.0


def test_a_long_object_hides_what_stands_beyond_it_and_not_what_stands_before_it() -> None:
    # A bus's flank at x = -2 from 6 m to 18 m; a post at 10 m on its far side, another on the near side.
    flank = [(-2.0, 0.0, 6.0), (-2.0, 3.0, 6.0), (-2.0, 3.0, 18.0), (-2.0, 0.0, 18.0)]
    for x, hidden in ((-2.5, True), (-1.5, False)):
        post = [(x - 0.1, 0.0, 10.0), (x - 0.1, 2.0, 10.0), (x + 0.1, 2.0, 10.0), (x + 0.1, 0.0, 10.0)]
        scene = Scene()
        scene.add(18.0, flank, 1, (0, 0, 0))
        scene.add(10.0, post, 2, (0, 0, 0))
        ids = rasterize.rasterise(scene, PLAIN_CAMERA, 64, 64)
        labels = np.array([surface.label for surface in ids.surfaces])[ids.ids[ids.ids > 0].astype(int) - 1]
        assert (2 not in labels) == hidden


def test_nothing_is_hidden_by_what_lies_behind_it_on_the_ground() -> None:
    for index in range(5):
        street = render(SOURCE, seed=6, index=index, **SIZE)
        dice = Dice(SOURCE, 6, index)
        seen = camera(dice)
        # Rows below the horizon at which the road would be so deep; a polygon's edge may cover a pixel more.
        row = seen.focal * 96 * seen.height_m / street.depth_m
        below = (np.arange(48) + 0.5 - seen.row * 48)[:, None]
        assert (row >= below - 1).all()  # no pixel shows anything from below the road
        assert np.array_equal(np.isinf(street.depth_m), street.labels == NAMES.index("sky"))


def test_polygons_behind_the_camera_are_left_out_and_those_across_it_are_clipped() -> None:
    scene = Scene()
    scene.add(2.0, [(-1, 0, -5), (-1, 4, -5), (1, 4, -5), (1, 0, -5)], 1, (0, 0, 0))
    scene.add(3.0, [(1, 0, -5), (1, 4, -5), (1, 4, 5), (1, 0, 5)], 2, (0, 0, 0))
    buffers = rasterize.rasterise(scene, PLAIN_CAMERA, 8, 8)
    labels = {buffers.surfaces[number - 1].label for number in np.unique(buffers.ids) if number}
    assert labels == {2}


def test_the_noise_tile_is_seamless_and_within_bounds() -> None:
    s = np.array([0.25, 256.25, -255.75], np.float32)
    values = rasterize.noise(s, s)
    assert values[0] == values[1] == values[2]
    assert np.abs(rasterize.noise_tile()).max() <= 1


def test_a_scene_of_nothing_is_sky() -> None:
    scene = Scene()
    buffers = rasterize.rasterise(scene, PLAIN_CAMERA, 8, 8)
    image = colour(buffers, PLAIN_CAMERA, air(Dice(SOURCE, 0, 0)), 8, 8)
    assert (buffers.ids == 0).all()
    assert (image[0, :, 2] > image[0, :, 0]).all()  # blue


def test_synthia_files_have_the_published_layout(tmp_path: Path) -> None:
    write_synthia(tmp_path, SOURCE, seed=1, images=2, workers=1, **SIZE)
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png"))
    assert files == [f"{kind}/{index:07d}.png" for kind in ("Depth", "GT/LABELS", "RGB") for index in range(2)]
    image, labels, depth = (read(tmp_path / kind / "0000001.png") for kind in ("RGB", "GT/LABELS", "Depth"))
    assert [array.dtype for array in (image, labels, depth)] == ["u1", "u2", "u2"]
    assert image.shape == labels.shape == depth.shape == (48, 96, 3)
    assert (labels[..., 2] == 0).all()
    assert np.array_equal(depth[..., 0], depth[..., 1])
    assert np.array_equal(depth[..., 0], depth[..., 2])
    raw = labels[..., 0]
    assert np.array_equal(depth[..., 0] == 65535, raw == 1)  # the sky is SYNTHIA's class 1 and far
    assert depth.min() > 0
    assert labels[..., 1].max() > 0
    assert {3, 4, 2, 22} <= set(np.unique(raw))  # road, sidewalk, building, lane marking
    sky = image[raw == 1].mean(axis=0)
    assert sky[2] > sky[0]  # blue is the third channel


def test_synthia_files_decode_to_what_was_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[RenderedScene] = []

    def keep(*args: object, **kwargs: object) -> RenderedScene:
        drawn.append(render(*args, **kwargs))  # type: ignore[arg-type]
        return drawn[-1]

    monkeypatch.setattr("dadist.data.streets.render.render", keep)
    write_synthia(tmp_path, SOURCE, seed=1, images=1, workers=1, **SIZE)
    labels, depth = read(tmp_path / "GT/LABELS/0000000.png"), read(tmp_path / "Depth/0000000.png")
    decoded = classes.CLASS_SETS["16"].lookup("synthia", classes.ids("synthia"))[labels[..., 0]]
    assert np.array_equal(decoded, np.where(drawn[0].labels == LANE, classes.IGNORE, drawn[0].labels))
    assert np.array_equal(labels[..., 0] == 22, drawn[0].labels == LANE)
    assert np.array_equal(labels[..., 1], drawn[0].instances)
    assert np.array_equal(read(tmp_path / "RGB/0000000.png"), drawn[0].image)
    seen = np.isfinite(drawn[0].depth_m)
    assert np.abs(depth[..., 0][seen] / 100 - drawn[0].depth_m[seen]).max() < 0.0051


def test_cityscapes_files_have_the_published_layout_and_no_training_label(tmp_path: Path) -> None:
    write_cityscapes(tmp_path, HARD, seed=1, train=4, val=3, workers=1, **SIZE)
    train = list((tmp_path / "leftImg8bit/train").glob("*/*_leftImg8bit.png"))
    val = list((tmp_path / "leftImg8bit/val").glob("*/*_leftImg8bit.png"))
    assert (len(train), len(val)) == (4, 3)
    assert not {path.parent.name for path in train} & {path.parent.name for path in val}
    assert len({path.parent.name for path in train}) > 1
    assert [path.name for path in (tmp_path / "gtFine").iterdir()] == ["val"]
    for folder, suffix, counts in (
        ("gtFine", "gtFine_labelIds.png", (0, 3)),
        ("disparity", "disparity.png", (4, 3)),
        ("camera", "camera.json", (4, 3)),
    ):
        found = [len(list((tmp_path / folder / split).glob(f"*/*_{suffix}"))) for split in ("train", "val")]
        assert tuple(found) == counts
    for path in val:
        assert path.name.startswith(path.parent.name)
        name = path.name.replace("leftImg8bit", "gtFine_labelIds")
        labels = read(tmp_path / "gtFine" / "val" / path.parent.name / name)
        assert (labels.dtype, labels.shape) == (np.uint8, (48, 96))
        assert set(np.unique(labels)) <= {7, 8, 11, 12, 13, 17, 19, 20, 21, 23, 24, 25, 26, 28, 32, 33, 1}
        assert (labels[-2:] == 1).all()  # the bonnet is the ego vehicle


def test_disparity_of_hand_worked_depths() -> None:
    # fx = 1000 x 0.5 = 500 of a 1000 pixels wide image, so d = 0.209 * 500 / z = 104.5 / z pixels.
    depth = np.full((2, 1000), np.inf, np.float32)
    depth[0, :6] = [10.45, 1.0, 104.5 * 256, 2 * 104.5 * 256 + 200, 0.4, 0.41]
    stored = disparity(depth, Camera(focal=0.5, column=0.5, row=0.5, height_m=2.0))
    assert stored.dtype == np.uint16
    # 10 px; 104.5 px; 1/256 px; less than half of that; 261 px, too many; 254.88 px
    assert stored[0, :7].tolist() == [2561, 26753, 2, 0, 0, 65250, 0]
    assert not stored[1].any()  # the sky


@pytest.mark.parametrize("appearance", [SOURCE, HARD])
def test_the_reader_of_cityscapes_gets_the_depth_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, appearance: Appearance
) -> None:
    drawn: list[RenderedScene] = []

    def keep(*args: object, **kwargs: object) -> RenderedScene:
        drawn.append(render(*args, **kwargs))  # type: ignore[arg-type]
        return drawn[-1]

    monkeypatch.setattr("dadist.data.streets.render.render", keep)
    write_cityscapes(tmp_path, appearance, seed=1, train=0, val=2, workers=1, **SIZE)
    for scene, street in zip(READER.files(tmp_path, "val", labels=True, depth=True), drawn, strict=True):
        assert scene.depth is not None
        depth_cm = READER.read_depth(scene.depth)
        product = 0.209 * street.camera.focal * 96
        measured = np.isfinite(street.depth_m)
        assert np.array_equal(depth_cm > 0, measured)  # at 600 m, the farthest, there is still a disparity
        # Half a step of disparity, and half a centimetre.
        d = product / street.depth_m[measured]
        error = np.abs(product / (depth_cm[measured] / 100) - d)
        assert (error <= 0.5 / 256 + 0.006 * d / street.depth_m[measured]).all()
        near = street.depth_m < 10
        np.testing.assert_allclose(depth_cm[near] / 100, street.depth_m[near], rtol=0.002)


def test_the_camera_file_has_the_place_of_the_horizon_and_the_keys_of_cityscapes(tmp_path: Path) -> None:
    write_cityscapes(tmp_path, HARD, seed=1, train=0, val=1, workers=1, **SIZE)
    (path,) = tmp_path.glob("camera/val/*/*_camera.json")
    camera = json.loads(path.read_text(encoding="utf-8"))
    assert {part: sorted(values) for part, values in camera.items()} == {
        "extrinsic": ["baseline", "pitch", "roll", "x", "y", "yaw", "z"],
        "intrinsic": ["fx", "fy", "u0", "v0"],
    }
    inside = camera["intrinsic"]
    assert 1.06 * 96 <= inside["fx"] == inside["fy"] <= 1.14 * 96
    assert 0.36 * 48 - 0.5 <= inside["v0"] <= 0.4 * 48 - 0.5
    # Road pixels, whose centres have whole numbers here, lie fy * height / depth below the horizon.
    (labels,) = tmp_path.glob("gtFine/val/*/*_labelIds.png")
    (stored,) = tmp_path.glob("disparity/val/*/*_disparity.png")
    rows, columns = np.nonzero(read(labels) == 7)
    depth = READER.read_depth(stored)[rows, columns] / 100
    expected = inside["fy"] * camera["extrinsic"]["z"] / (rows - inside["v0"])
    np.testing.assert_allclose(depth, expected, rtol=0.05)


def test_files_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    done: list[int] = []
    for workers in (1, 2):
        write_cityscapes(
            tmp_path / str(workers), TARGET, seed=1, train=2, val=1, workers=workers, progress=done.append, **SIZE
        )
    contents = [
        {str(path.relative_to(tmp_path / folder)): read(path).tobytes() for path in (tmp_path / folder).rglob("*.png")}
        for folder in ("1", "2")
    ]
    assert contents[0] == contents[1]
    assert done == [1, 2, 3, 1, 2, 3]


def test_the_splits_show_different_streets(tmp_path: Path) -> None:
    write_synthia(tmp_path, SOURCE, seed=1, images=2, workers=1, **SIZE)
    write_cityscapes(tmp_path, SOURCE, seed=1, train=2, val=2, workers=1, **SIZE)
    images = {read(path).tobytes() for path in [*tmp_path.glob("RGB/*.png"), *tmp_path.glob("leftImg8bit/*/*/*.png")]}
    assert len(images) == 6


def test_with_an_appearance_of_zero_the_domains_are_one_distribution() -> None:
    # Nothing but the stream of scenes differs: class shares and mean colour of two streams agree within sampling error.
    shares, colours = [], []
    for seed in (7, 8):
        streets = [render(SOURCE, seed=seed, index=index, width=48, height=24) for index in range(40)]
        labels = np.stack([street.labels for street in streets])
        shares.append([(labels == k).mean() for k in (0, 2, 8, 9)])
        colours.append(np.stack([street.image for street in streets]).mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(shares[0], shares[1], atol=0.05)
    np.testing.assert_allclose(colours[0], colours[1], atol=12)

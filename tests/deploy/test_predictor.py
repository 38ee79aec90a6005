import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import builders
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from sandbox import ROOT

import dadist
from dadist.data.readers.content import ORIENTATION
from dadist.data.resize import Frame, bicubic
from dadist.deploy import prediction, predictor
from dadist.deploy.photographs import photograph
from dadist.deploy.prediction import Prediction
from dadist.deploy.predictor import Model
from dadist.deploy.tiling import Field, whole
from dadist.model.inference import most_probable, outputs, predict
from dadist.storage.errors import DataError

PIXELS = np.kron(np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10, np.ones((8, 8, 1), np.uint8))  # (16, 32, 3)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(builders.checkpoint(("depth",)), "cpu")


def padded(model: Model) -> Model:
    frame = Frame(64, 32, "pad", (128, 64))
    other = Model(builders.checkpoint(("depth",)), "cpu")
    other.checkpoint = dataclasses.replace(model.checkpoint, frame=frame)
    return other


def noise(width: int, height: int) -> NDArray[np.uint8]:
    small = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def seen(model: Model, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes that the network is given from now on."""
    shapes: list[tuple[int, ...]] = []
    forward = model.segmenter.forward
    monkeypatch.setattr(model.segmenter, "forward", lambda x: shapes.append(tuple(x.shape)) or forward(x))
    return shapes


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, dadist; dadist.load; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_model_file_predicts_in_three_lines(tmp_path: Path) -> None:
    builders.checkpoint(("depth",)).save(tmp_path / "model.pt")
    assert cv2.imwrite(str(tmp_path / "street.png"), noise(100, 50))
    prediction = dadist.load(tmp_path / "model.pt").predict(tmp_path / "street.png")
    assert prediction.depth_m is not None
    maps = {"labels": np.uint8, "confidence": np.float32, "depth_m": np.float32}
    for name, dtype in maps.items():
        assert getattr(prediction, name).shape == (50, 100)
        assert getattr(prediction, name).dtype == dtype
    assert prediction.labels.max() < len(prediction.classes) == 7
    assert 1 / 7 <= prediction.confidence.min() <= prediction.confidence.max() <= 1
    assert dadist.load(str(tmp_path / "model.pt")).checkpoint.weights == {}


def test_depth_is_in_metres_and_no_farther_than_16_bits_of_centimetres() -> None:
    z = torch.tensor([[[10.0, 0.0, -1.0, 1e-6, 1000.0]]])  # 1000 / (cm + 1)
    found = Prediction(Field(torch.zeros(2, 1, 5), z, (4, 0)), (5, 1), 1000.0, builders.SEVEN)
    assert found.depth_m is not None
    np.testing.assert_allclose(found.depth_m, [[0.99, 655.35, 655.35, 655.35, 0.01]], rtol=1e-5)


@pytest.mark.usefixtures("float64")
def test_padding_is_left_out() -> None:
    network = builders.segmenter().eval()
    image = noise(64, 32)
    labels, confidence = predict(network, image[None])
    found = Prediction(whole(network, image, (47 / 63, 1.0)), (48, 32), 1000.0, builders.SEVEN)
    np.testing.assert_allclose(found.confidence, confidence[0, :, :48], atol=1e-12)
    np.testing.assert_array_equal(found.labels, labels[0, :, :48])


def test_a_map_is_made_once_and_only_if_asked_for(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()
    for name in ("labels", "confidences", "metres"):
        make = getattr(prediction, name)
        monkeypatch.setattr(
            prediction, name, lambda *given, name=name, make=make, **named: asked.append(name) or make(*given, **named)
        )
    found = model.predict(noise(64, 32))
    assert asked == []
    assert found.labels is found.labels
    assert asked == ["labels"]
    assert found.confidence is found.confidence
    assert asked == ["labels", "confidences"]


def test_a_model_without_a_depth_head_says_no_depth() -> None:
    model = Model(builders.checkpoint(), "cpu")
    assert not model.has_depth
    assert model.predict(noise(64, 32)).depth_m is None


@pytest.mark.parametrize("layout", ["parallel", "gated"])
def test_a_model_with_one_says_it(layout: str) -> None:
    heads = ("depth",) if layout == "parallel" else ()
    model = Model(builders.checkpoint(heads, layout=layout), "cpu")
    assert model.has_depth
    assert model.predict(noise(64, 32)).depth_m is not None


def test_an_image_of_the_targets_ratio_is_predicted_as_the_evaluation_does_it(model: Model) -> None:
    image = noise(128, 64)
    logits = outputs(model.segmenter, bicubic(image, (64, 32), (64, 32))[None]).logits[0]
    expected = most_probable(logits, (64, 128))
    assert (model.predict(image).labels == expected).mean() > 0.999


def test_with_a_padded_frame_too(model: Model) -> None:
    image = noise(90, 90)  # takes 32x32 of the frame; its 90x90 labels are the left half of 180x90
    logits = outputs(model.segmenter, bicubic(image, (32, 32), (64, 32))[None]).logits[0]
    expected = most_probable(logits, (90, 180))[:, :90]
    assert (padded(model).predict(image).labels == expected).mean() > 0.999


@pytest.mark.parametrize(
    ("size", "given"), [((200, 100), (32, 64)), ((90, 90), (45, 45)), ((60, 120), (64, 32)), ((400, 100), (22, 90))]
)
def test_an_image_of_another_ratio_is_not_squeezed(
    model: Model, size: tuple[int, int], given: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = seen(model, monkeypatch)
    assert model.predict(noise(*size)).labels.shape == size[::-1]
    assert shapes == [(1, 3, *given)]


def test_at_a_scale_of_1_tiles_see_every_pixel(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = seen(model, monkeypatch)
    assert model.predict(noise(150, 70), scale=1, batch=2).labels.shape == (70, 150)
    assert {shape[1:] for shape in shapes} == {(3, 33, 65)}
    assert [shape[0] for shape in shapes] == [2, 2, 2, 2, 1]  # 3 rows of 3


def test_a_tile_smaller_than_the_working_size_bounds_what_the_network_takes(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = seen(model, monkeypatch)
    model.predict(noise(128, 64), tile=(32, 16))
    assert set(shapes) == {(1, 3, 17, 33)}


def test_maps_may_have_a_size_of_their_own(model: Model) -> None:
    assert model.predict(noise(50, 25), size=(101, 51)).labels.shape == (51, 101)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_the_smallest_images_are_predicted(model: Model, size: tuple[int, int]) -> None:
    for one in (model, padded(model)):
        for scale in (None, 1.0):
            assert one.predict(noise(*size), scale=scale).labels.shape == size[::-1]


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_an_array_that_is_no_image_is_refused(model: Model, array: Any) -> None:
    with pytest.raises(ValueError, match=r"image: expected uint8 \(H, W, 3\), red first, got"):
        model.predict(array)


@pytest.mark.parametrize("wrong", [{"scale": 0.0}, {"scale": 9.0}, {"batch": 0}])
def test_numbers_that_make_no_sense_are_refused(model: Model, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected a scale above 0 up to 8 and a batch from 1 on, got"):
        model.predict(PIXELS, **wrong)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail] can't allocate memory"),
    ],
)
def test_too_little_memory_names_the_flags(model: Model, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> None:
        raise error

    monkeypatch.setattr(model.segmenter, "forward", fail)
    with pytest.raises(MemoryError, match=r"expected room for 1 tiles of 64x32 at once, .*; make --tile smaller"):
        model.predict(PIXELS)


def test_another_error_of_torch_stays_what_it_is(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(model.segmenter, "forward", fail)
    with pytest.raises(RuntimeError, match="something else"):
        model.predict(PIXELS)


# --- photographs


@pytest.mark.parametrize("extension", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("turned", [1, 3, 6, 8])
def test_a_photograph_is_turned_as_its_camera_noted(tmp_path: Path, extension: str, turned: int) -> None:
    image, exif = Image.fromarray(PIXELS), Image.Exif()
    exif[ORIENTATION] = turned
    path = tmp_path / f"a.{extension}"
    image.save(path, exif=exif, **({} if extension == "tif" else {"quality": 100}))
    found = photograph(path).astype(int)
    expected = np.rot90(PIXELS, {1: 0, 3: 2, 6: 3, 8: 1}[turned]).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 12  # JPEG and WebP halve the colours' size


def test_alpha_is_dropped_and_a_palette_is_seen_in_its_colours(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([PIXELS, PIXELS[..., :1]])).save(tmp_path / "alpha.png")
    Image.fromarray(PIXELS).quantize(8).save(tmp_path / "palette.png")
    for name in ("alpha", "palette"):
        np.testing.assert_array_equal(photograph(tmp_path / f"{name}.png"), PIXELS)


@pytest.mark.parametrize("extension", ["png", "jpg", "tif"])
def test_a_grey_image_has_three_equal_channels(tmp_path: Path, extension: str) -> None:
    Image.fromarray(PIXELS[..., 0]).save(
        tmp_path / f"a.{extension}", **({"quality": 100} if extension == "jpg" else {})
    )
    found = photograph(tmp_path / f"a.{extension}")
    assert np.abs(found.astype(int) - PIXELS[..., :1]).max() <= (1 if extension == "jpg" else 0)


def test_an_image_of_16_bits_is_refused_with_what_to_do(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), PIXELS.astype(np.uint16))
    with pytest.raises(DataError, match="got 16-bit with 3 channels; convert it to 8-bit RGB"):
        photograph(tmp_path / "a.png")


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
@pytest.mark.parametrize("keep", [0, 20, 0.5])
def test_a_cut_image_is_named(tmp_path: Path, extension: str, keep: float) -> None:
    path = tmp_path / f"a.{extension}"
    Image.fromarray(noise(200, 100)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if 0 < keep < 1 else int(keep)])
    with pytest.raises(DataError, match=rf"a\.{extension}: expected"):
        photograph(path)


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.png: expected a file, found no such file"):
        photograph(tmp_path / "none.png")


@pytest.mark.usefixtures("float64")
def test_without_room_the_tile_is_halved_until_there_is_some_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = Model(builders.checkpoint(("depth",)), "cpu")
    image = np.random.default_rng(3).integers(0, 256, (512, 1024, 3), np.uint8)
    taken = predictor.tiled

    def crowded(segmenter: Any, image: Any, tile: Any, batch: int) -> Any:
        if max(tile) > 256:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return taken(segmenter, image, tile, batch)

    expected = model.predict(image, scale=1.0, tile=(256, 128))
    model.checkpoint = dataclasses.replace(
        model.checkpoint, frame=dataclasses.replace(model.checkpoint.frame, width=512, height=256)
    )
    monkeypatch.setattr(predictor, "tiled", crowded)
    found = model.predict(image, scale=1.0, batch=4)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=2**-23)
    assert caplog.messages == ["no room for a tile of 512x256; going on with 256x128"]
    with pytest.raises(MemoryError, match="make --tile smaller"):
        model.predict(image, scale=1.0, tile=(512, 256))


# --- several images, and images of PIL


def test_images_of_pil_are_what_their_files_are(tmp_path: Path, model: Model) -> None:
    exif, colours = Image.Exif(), noise(50, 24)
    exif[ORIENTATION] = 6
    alpha = np.full((24, 50, 1), 9, np.uint8)
    Image.fromarray(colours).save(tmp_path / "turned.jpg", exif=exif, quality=100)
    Image.fromarray(np.dstack([colours, alpha])).save(tmp_path / "alpha.png")
    Image.fromarray(colours).quantize(8).save(tmp_path / "palette.png")
    Image.fromarray(colours[..., 0]).save(tmp_path / "grey.png")
    for path in sorted(tmp_path.iterdir()):
        with Image.open(path) as opened:
            np.testing.assert_array_equal(photograph(opened), photograph(path))
            np.testing.assert_array_equal(model.predict(opened).labels, model.predict(path).labels)
    assert photograph(Image.open(tmp_path / "turned.jpg")).shape == (50, 24, 3)


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_an_image_of_pil_with_more_than_8_bits_is_refused(model: Model, mode: str) -> None:
    with pytest.raises(ValueError, match=f"expected 8 bits per channel, got mode {mode} of PIL; convert it to RGB"):
        model.predict(Image.new(mode, (8, 8)))


@pytest.mark.usefixtures("float64")
def test_many_images_are_predicted_as_each_alone_and_neighbours_of_one_size_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(builders.checkpoint(("depth",)), "cpu")
    Image.fromarray(noise(60, 120)).save(tmp_path / "c.png")
    images = [noise(128, 64), noise(64, 32), Image.fromarray(noise(256, 128)), tmp_path / "c.png", noise(90, 45)]
    expected = [model.predict(one) for one in images]
    shapes = seen(model, monkeypatch)
    found = list(model.predict_each(iter(images), batch=2))
    assert shapes == [(2, 3, 32, 64), (1, 3, 32, 64), (1, 3, 64, 32), (1, 3, 32, 64)]
    for one, alone in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.labels, alone.labels)
        np.testing.assert_allclose(one.confidence, alone.confidence, atol=1e-6)
        np.testing.assert_allclose(one.depth_m, alone.depth_m, rtol=1e-5)  # type: ignore[arg-type]


def test_padded_images_of_several_shapes_go_together(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    images, other = [noise(90, 90), noise(128, 64)], padded(model)
    expected = [other.predict(one).labels for one in images]
    shapes = seen(other, monkeypatch)
    found = [one.labels for one in other.predict_each(images)]
    assert shapes == [(2, 3, 32, 64)]
    assert [(one == alone).mean() > 0.999 for one, alone in zip(found, expected, strict=True)] == [True, True]


def test_an_array_of_four_axes_is_a_batch(model: Model) -> None:
    batch = np.stack([noise(64, 32), noise(64, 32)[::-1]])
    assert [one.labels.shape for one in model.predict_each(batch)] == [(32, 64)] * 2
    with pytest.raises(ValueError, match=r"got uint8 \(2, 32, 64, 3\); give several to predict_each"):
        model.predict(batch)
    with pytest.raises(ValueError, match=r"an image of PIL or a file, got list; predict_each takes several"):
        model.predict([*batch])  # type: ignore[arg-type]


def test_many_images_are_read_no_sooner_than_they_are_predicted(model: Model) -> None:
    taken: list[int] = []
    each = model.predict_each((taken.append(index) or noise(64, 32) for index in range(9)), batch=2)
    next(each)
    assert taken == [0, 1]
    with pytest.raises(ValueError, match="expected a batch from 1 on, got 0"):
        next(model.predict_each([], batch=0))


def test_without_room_for_several_images_each_is_predicted_alone(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = model.segmenter.forward

    def crowded(images: torch.Tensor) -> Any:
        if len(images) > 1:
            raise RuntimeError("can't allocate memory")
        return forward(images)

    images = [noise(64, 32), noise(64, 32)[::-1]]
    expected = [model.predict(one).labels for one in images]
    monkeypatch.setattr(model.segmenter, "forward", crowded)
    for one, alone in zip(model.predict_each(images), expected, strict=True):
        np.testing.assert_array_equal(one.labels, alone)


def test_several_are_for_predict_each_and_one_for_predict(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a photograph, got a folder; `dadist predict` takes one"):
        model.predict(tmp_path)
    for one in (str(tmp_path / "a.jpg"), tmp_path, Image.new("RGB", (3, 3)), noise(8, 8)):
        with pytest.raises(ValueError, match=r"images: expected several, such as a list, got one; give it to predict$"):
            next(model.predict_each(one))  # type: ignore[arg-type]


@pytest.mark.parametrize("tile", ["320x240", (10, 10), (64,)])
def test_a_tile_is_two_numbers_and_not_tiny(model: Model, tile: Any) -> None:
    with pytest.raises(ValueError, match=r"tile: expected \(width, height\) of 16 pixels or more, got"):
        model.predict(noise(64, 32), tile=tile)


def test_a_model_says_what_it_is(model: Model) -> None:
    assert repr(model).startswith("<dadist model: ")
    assert repr(model).endswith(", 7 classes, 64x32>")

"""The prior at use: what depth files beside photographs make of a model's predictions."""

from dataclasses import replace
from pathlib import Path

import builders
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sandbox import configuration

from dadist.cli.predict import predict
from dadist.config.prior_sections import Prior
from dadist.deploy.fused import FLOOR, NOISE, PriorAtUse
from dadist.deploy.predictor import Model
from dadist.evaluation.evaluate import score
from dadist.prior.alignment import Alignment
from dadist.prior.use import PriorOf
from dadist.storage.workspace import notes


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """results/SETTING/prior of a study with depth in metres."""
    folder = tmp_path_factory.mktemp("study")
    builders.mixtures().save(folder / "mixtures.npz")
    Alignment("metric", 1.0, 0.0, NOISE, 0.0, [], [], 1).save(folder / "alignment.json")
    return folder


def image(depth: int = 3000) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    random = np.random.default_rng(4)
    pixels = cv2.resize(random.integers(0, 256, (4, 8, 3), np.uint8), (builders.WIDTH, builders.HEIGHT))
    near = random.integers(1, depth, (4, 8)).astype(np.uint16).repeat(8, 0).repeat(8, 1)
    return np.asarray(pixels, np.uint8), near


def test_the_defaults_are_those_of_the_workflow() -> None:
    section = configuration()["prior"]
    assert (list(NOISE), FLOOR) == (section["noise"], section["floor"])


def test_it_predicts_what_the_evaluation_measures(study: Path, tmp_path: Path) -> None:
    pixels, depth = image()
    checkpoint = builders.checkpoint()
    model = Model(checkpoint, "cpu", PriorAtUse(study, metres=0.01))
    found = model.predict(pixels, depth=depth)
    assert (found.labels != model.predict(pixels).labels).mean() > 0.05
    files = [study / "mixtures.npz", study / "alignment.json"]
    data = builders.split(tmp_path / "val", images=pixels[None], depth=depth[None], labels=found.labels[None])
    section = Prior(1.0, 0.5, NOISE, FLOOR, "labels", "files")
    prior = PriorOf(files, data, "cpu")
    with notes(tmp_path / "metrics.json", "k") as journal:
        (counts,), _ = score(
            checkpoint.segmenter(),
            data,
            journal,
            batch=1,
            numerator=1000.0,
            cap_m=80.0,
            prior=prior,
            ways=[prior.fusion(section)],
            progress=lambda done: None,
        )
    assert counts.trace() == counts.sum() == found.labels.size  # every pixel is of the class that was predicted


def test_depth_goes_with_a_prior_of_its_kind_and_its_classes(study: Path) -> None:
    pixels, depth = image()
    with pytest.raises(ValueError, match="depth: expected a prior to compare it with"):
        Model(builders.checkpoint(), "cpu").predict(pixels, depth=depth)
    with pytest.raises(ValueError, match=r"expected what 1 in them is in metres: .* is of metric depth"):
        PriorAtUse(study)
    other = replace(builders.mixtures(), classes=replace(builders.SEVEN, name="others"))
    prior = PriorAtUse(study, metres=1.0)
    prior.mixtures = other
    with pytest.raises(ValueError, match=r"prior: expected mixtures of class set 7 and .*, got others and inverse"):
        Model(builders.checkpoint(), "cpu", prior)


def test_depth_that_no_image_has_is_refused(study: Path) -> None:
    pixels, depth = image()
    model = Model(builders.checkpoint(), "cpu", PriorAtUse(study, metres=1.0))
    with pytest.raises(ValueError, match="depth: expected the shape of the image, 64x32, got 64x20"):
        model.predict(pixels, depth=depth[:20])
    assert (model.predict(pixels, depth=depth[::2, ::2]).labels == model.predict(pixels, depth=depth).labels).all()
    for metres in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="metres of the depth files: expected a number above 0, got"):
            PriorAtUse(study, metres=metres)


def test_the_command_takes_the_depth_file_of_each_image(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels, depth = image()
    (tmp_path / "photos").mkdir()
    (tmp_path / "near").mkdir()
    builders.checkpoint().save(tmp_path / "model.pt")
    for name in ("a", "b"):
        assert cv2.imwrite(str(tmp_path / f"photos/{name}.png"), pixels[..., ::-1])
    assert cv2.imwrite(str(tmp_path / "near/a.png"), depth)
    words = ["--model", str(tmp_path / "model.pt"), str(tmp_path / "photos"), "--out", str(tmp_path / "out")]
    words += ["--maps", "ids", "--prior", str(study), "--depth", str(tmp_path / "near"), "--depth-metres", "0.01"]
    assert predict(words) == 1
    assert "near/b.*: expected one depth file named as the image, got none" in capsys.readouterr().err
    ids = cv2.imread(str(tmp_path / "out/ids/a.png"), cv2.IMREAD_UNCHANGED)
    expected = Model(builders.checkpoint(), "cpu", PriorAtUse(study, metres=0.01)).predict(pixels, depth=depth)
    np.testing.assert_array_equal(ids, expected.labels)
    for given, weights in (("0.5,0", (0.5, 0.0)), ("1,found", (1.0, "found"))):
        assert predict([*words, "--weights", given]) == 1
        again = cv2.imread(str(tmp_path / "out/ids/a.png"), cv2.IMREAD_UNCHANGED)
        other = Model(builders.checkpoint(), "cpu", PriorAtUse(study, weights, 0.01)).predict(pixels, depth=depth)
        np.testing.assert_array_equal(again, other.labels)
        assert (other.labels != expected.labels).any()
    for wrong in ("1", "1,-1", "1,some", "nan,0"):
        with pytest.raises(SystemExit):
            predict([*words, "--weights", wrong])
    with pytest.raises(ValueError, match="--prior and --depth: expected both or neither"):
        predict(words[:-4])
    with pytest.raises(ValueError, match="--weights: expected --prior and --depth beside it"):
        predict([*words[:-6], "--weights", "1,0"])
    with pytest.raises(ValueError, match="--depth: expected neither --scale nor --tile"):
        predict([*words, "--scale", "1"])
    assert torch.is_grad_enabled()

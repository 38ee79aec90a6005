import pickle
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from dadist.classes import CLASS_SETS
from dadist.data.resize import Frame
from dadist.model.checkpoint import Checkpoint, restore, start_weights
from dadist.model.layouts import build
from dadist.model.published import Start
from dadist.model.segmenter import Architecture, Segmenter

STREET = Architecture(
    "street", CLASS_SETS["7"], ("depth", "density"), "parallel", bn="paper", rates=(1, 2), pixels="imagenet"
)
FRAME = Frame(64, 32, "pad", (128, 72))
PROTOCOL: dict[str, str | int | float] = {"method": "dada", "seed": 3, "rate": 2e-3}

EMPTY = {"format": 2, "architecture": {}, "weights": {}, "protocol": {}, "frame": {}, "settings": {}} | {
    "inverse_depth": 1.0
}


def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    segmenter = Segmenter(STREET).train()
    segmenter(torch.randn(2, 3, 16, 32))  # moves the running statistics
    return Checkpoint(STREET, segmenter.state_dict(), PROTOCOL, FRAME, 1000.0, {"rate": 2e-3, "sizes": [1, 2]})


def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    saved = checkpoint()
    saved.save(tmp_path / "deep" / "model.pt")
    loaded = Checkpoint.load(tmp_path / "deep" / "model.pt")
    assert loaded.architecture == STREET
    assert loaded.protocol == PROTOCOL
    assert loaded.frame == FRAME
    assert (loaded.inverse_depth, loaded.settings) == (1000.0, {"rate": 2e-3, "sizes": [1, 2]})
    assert list(loaded.weights) == list(saved.weights)
    assert all(torch.equal(loaded.weights[name], value) for name, value in saved.weights.items())
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model.pt"]


def test_equal_checkpoints_are_equal_bytes_under_any_name(tmp_path: Path) -> None:
    checkpoint().save(tmp_path / "a.pt")
    checkpoint().save(tmp_path / "another.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "another.pt").read_bytes()


def test_a_view_does_not_drag_its_storage_into_the_file(tmp_path: Path) -> None:
    Checkpoint(STREET, {"row": torch.zeros(1_000_000)[:4]}, {}, FRAME, 1.0, {}).save(tmp_path / "model.pt")
    assert (tmp_path / "model.pt").stat().st_size < 10_000


def test_the_segmenter_of_a_checkpoint_is_the_one_that_was_saved() -> None:
    saved = checkpoint()
    random_state = torch.get_rng_state()
    segmenter = saved.segmenter()
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not segmenter.training
    assert segmenter.architecture == STREET
    original = Segmenter(STREET).eval()
    original.load_state_dict(saved.weights)
    x = torch.randn(1, 3, 16, 32)
    assert_close(vars(segmenter(x)), vars(original(x)), rtol=0, atol=0)
    assert [p.requires_grad for p in segmenter.parameters()] == [p.requires_grad for p in original.parameters()]


def test_reading_a_checkpoint_does_not_load_the_compiler_which_takes_as_long_as_torch(tmp_path: Path) -> None:
    checkpoint().save(tmp_path / "model.pt")
    code = "import sys; from dadist.model.checkpoint import *; Checkpoint.load(Path(sys.argv[1])).segmenter(); "
    subprocess.run(
        [sys.executable, "-c", code + "sys.exit('torch._dynamo' in sys.modules)", tmp_path / "model.pt"], check=True
    )


def test_training_the_segmenter_leaves_the_checkpoint_alone() -> None:
    saved = checkpoint()
    before = {name: value.clone() for name, value in saved.weights.items()}
    segmenter = saved.segmenter().train()
    optimiser = torch.optim.SGD([p for p in segmenter.parameters() if p.requires_grad], lr=1.0)
    segmenter(torch.randn(2, 3, 16, 32)).logits.sum().backward()
    optimiser.step()
    assert all(torch.equal(saved.weights[name], value) for name, value in before.items())


def test_weights_of_another_architecture_are_refused() -> None:
    with pytest.raises(ValueError, match="expected the weights of Architecture"):
        replace(checkpoint(), architecture=replace(STREET, classes=CLASS_SETS["16"])).segmenter()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"model\.pt: expected weights, got no file; put it there, or run"):
        Checkpoint.load(tmp_path / "model.pt")


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.999])
def test_a_truncated_file_is_named(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "model.pt"
    checkpoint().save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if 0 < keep < 1 else int(keep)])
    with pytest.raises(
        ValueError,
        match=r"model\.pt: expected a checkpoint of dadist or .*, got .*; name another, or run",
    ):
        Checkpoint.load(path)


def test_a_flipped_byte_is_told_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    checkpoint().save(path)
    content = bytearray(path.read_bytes())
    for at in (0, 100, len(content) // 2, len(content) - 200, len(content) - 1):
        content[at] ^= 1
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"model\.pt: expected the weights as they were written, .*; delete it"):
            Checkpoint.load(path)
        content[at] ^= 1
    path.write_bytes(content)
    Checkpoint.load(path)


@pytest.mark.parametrize(
    "text", [b"setting,method,seed\n", b"# Changelog\n", b"{}", b"(", b"\x89PNG\r\n", b"\x80\x02.", b"cos\nsystem\n."]
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(ValueError, match=r"a\.csv: expected a checkpoint of dadist"):
        Checkpoint.load(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "content",
    [
        {"weights": {}},
        [1, 2],
        {"format": 1, "architecture": {}, "weights": {}, "protocol": {}},
        {**EMPTY, "architecture": 5},
        {**EMPTY, "inverse_depth": "far"},
    ],
)
def test_a_foreign_torch_file_is_named(tmp_path: Path, content: object) -> None:
    path = tmp_path / "model.pt"
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"model\.pt: expected a checkpoint of dadist, format 2, got"):
        Checkpoint.load(path)


@pytest.mark.parametrize("architecture", [{"backbone": "street"}, {"colour": 1}, {**asdict(STREET), "heads": 5}])
def test_an_unknown_architecture_in_a_file_is_named(tmp_path: Path, architecture: object) -> None:
    path = tmp_path / "model.pt"
    torch.save({**EMPTY, "architecture": architecture}, path)
    with pytest.raises(ValueError, match=r"model\.pt: expected an architecture this version knows, got"):
        Checkpoint.load(path)


def test_a_frame_in_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({**EMPTY, "architecture": asdict(STREET)}, path)
    with pytest.raises(ValueError, match=r"model\.pt: expected an architecture this version knows, got .*original"):
        Checkpoint.load(path)


class Trap:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "writer", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, protocol=2))]
)
def test_loading_runs_no_code_from_the_file(tmp_path: Path, writer: object) -> None:
    path = tmp_path / "model.pt"
    writer({"format": 2, "trap": Trap(tmp_path / "sprung")}, path)  # type: ignore[operator]
    with pytest.raises(ValueError, match="expected a checkpoint of dadist"):
        Checkpoint.load(path)
    assert not (tmp_path / "sprung").exists()


def started(folder: Path, weights: dict[str, Tensor] | None = None) -> Start:
    """The network's checkpoint, or one with other weights, as a start."""
    replace(checkpoint(), **({} if weights is None else {"weights": weights})).save(folder / "model.pt")
    return start_weights(folder / "model.pt", Segmenter(STREET))


def test_a_checkpoint_as_a_start_says_what_it_is_for(tmp_path: Path) -> None:
    start = started(tmp_path)
    assert (start.backbone, start.pixels, start.protocol) == ("street", "imagenet", PROTOCOL)
    assert not {"mean", "deviation"} & set(start.tensors)


def test_restoring_from_a_checkpoint_copies_what_both_have(tmp_path: Path) -> None:
    start = started(tmp_path)
    plain = Segmenter(replace(STREET, heads=()))
    came = restore(plain, start, least=1.0)
    assert came.matched == came.wanted == len([n for n in plain.state_dict() if "." in n and "tracked" not in n])
    assert came.left == {"depth.layers": 6, "density.layers": 6}
    assert came.new == []
    weights = checkpoint().weights
    assert all(torch.equal(value, weights[name]) for name, value in plain.state_dict().items())


def test_restoring_counts_backbone_and_classifier_alone(tmp_path: Path) -> None:
    weights = {name: value for name, value in checkpoint().weights.items() if name.startswith("backbone.")}
    segmenter = Segmenter(STREET)
    head = segmenter.segmentation.branches[0].weight.clone()
    came = restore(segmenter, started(tmp_path, weights), least=0.9)
    assert came.wanted - came.matched == 4  # two branches, each with weight and bias
    assert came.new == ["segmentation", "depth", "density"]
    assert torch.equal(segmenter.segmentation.branches[0].weight, head)


def test_too_few_matching_tensors_are_refused_and_nothing_is_copied(tmp_path: Path) -> None:
    segmenter = Segmenter(STREET)
    before = {name: value.clone() for name, value in segmenter.state_dict().items()}
    some = {name: value for name, value in checkpoint().weights.items() if name.startswith("backbone.stem.")}
    with pytest.raises(ValueError, match=r"expected at least 95% of the \d+ tensors of backbone, segmentation, got 5"):
        restore(segmenter, started(tmp_path, some), least=0.95)
    assert all(torch.equal(value, before[name]) for name, value in segmenter.state_dict().items())


def test_a_classifier_of_other_classes_does_not_match(tmp_path: Path) -> None:
    came = restore(Segmenter(replace(STREET, classes=CLASS_SETS["16"])), started(tmp_path), least=0.5)
    assert came.wanted - came.matched == 4
    assert came.left == {"segmentation.branches": 4}


def test_a_further_classifier_of_other_classes_stays_behind_too(tmp_path: Path) -> None:
    seven = build(replace(STREET, heads=(), layout="joint"))
    Checkpoint(seven.architecture, seven.state_dict(), {}, FRAME, 1000.0, {}).save(tmp_path / "model.pt")
    sixteen = build(replace(seven.architecture, classes=CLASS_SETS["16"]))
    came = restore(sixteen, start_weights(tmp_path / "model.pt", sixteen), least=0.5)
    assert came.left == {"segmentation.branches": 4, "refined.branches": 4}
    assert came.new == ["segmentation", "refined"]


def test_a_start_without_training_has_to_bring_every_part_of_the_network(tmp_path: Path) -> None:
    plain = {name: value for name, value in checkpoint().weights.items() if not name.startswith("d")}
    restore(Segmenter(STREET), started(tmp_path, plain), least=0.95)
    with pytest.raises(ValueError, match=r"at least 100% of the \d+ tensors of backbone, segmentation, depth, density"):
        restore(Segmenter(STREET), started(tmp_path, plain), least=1.0)


def test_a_network_whose_classifier_reads_other_features_takes_the_backbone_alone(tmp_path: Path) -> None:
    distilled = build(replace(STREET, heads=(), layout="distilled"))
    came = restore(distilled, started(tmp_path), least=1 - 1e-9)
    weights = {name: value for name, value in checkpoint().weights.items() if name.startswith("backbone.")}
    assert came.matched == came.wanted == len([name for name in weights if not name.endswith("_tracked")])
    assert came.left == {"segmentation.branches": 4, "depth.layers": 6, "density.layers": 6}
    assert came.new == ["tasks", "initial", "exchange", "final"]
    assert all(torch.equal(distilled.state_dict()[name], value) for name, value in weights.items())
    stem = {name: value for name, value in weights.items() if "stem" in name}
    with pytest.raises(ValueError, match=r"expected at least 95% of the \d+ tensors of backbone, got 5"):
        restore(distilled, started(tmp_path, stem), least=0.95)


def test_anything_but_weights_is_refused_as_a_start(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match=r"list\.pth: expected one of: a checkpoint of dadist, .*; got list; put"):
        start_weights(tmp_path / "list.pth", Segmenter(STREET))

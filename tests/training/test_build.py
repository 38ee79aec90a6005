import dataclasses
import hashlib
from pathlib import Path

import builders
import pytest
import torch
from torch import Tensor

from dadist.config.records import ConfigError
from dadist.data.resize import Frame
from dadist.model.inference import device_name
from dadist.model.segmenter import Segmenter, batch_norms
from dadist.training import build

SIZE = (builders.WIDTH, builders.HEIGHT)


@dataclasses.dataclass(frozen=True)
class Stage:
    """What a training stage was told."""

    sizes: tuple[int, ...] = (1, 2)


def saved(folder: Path, *heads: str, **protocol: int) -> Path:
    builders.checkpoint(heads, seed=8, protocol={"iterations": 480, **protocol}).save(folder / "a.pt")
    return folder / "a.pt"


def state(segmenter: Segmenter) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in segmenter.state_dict().items()}


def test_a_network_without_a_start_is_the_random_one_of_the_seed() -> None:
    torch.manual_seed(6)
    segmenter, made = build.start(builders.architecture(), "random", [], grid=builders.GRID, size=SIZE, iterations=1)
    expected = builders.segmenter(seed=6).state_dict()
    assert made == {}
    assert all(torch.equal(value, expected[name]) for name, value in segmenter.state_dict().items())


def test_a_start_brings_backbone_and_classifier_and_leaves_new_heads_random(tmp_path: Path) -> None:
    architecture = builders.architecture(("depth",))
    segmenter, made = build.start(
        architecture, "warm_up", [saved(tmp_path)], grid=builders.GRID, size=SIZE, iterations=1
    )
    expected = builders.segmenter(seed=8).state_dict()
    mine = segmenter.state_dict()
    assert made == {"iterations": 480}
    assert all(torch.equal(mine[name], value) for name, value in expected.items())
    assert {name.split(".")[0] for name in set(mine) - set(expected)} == {"depth"}


def test_a_grid_that_is_not_the_networks_is_refused_with_the_one_that_is() -> None:
    with pytest.raises(ValueError, match=r"grid: street has \(8, 4\) cells at \(64, 32\), got \(24, 12\); set it so"):
        build.start(builders.architecture(), "random", [], grid=(24, 12), size=SIZE, iterations=1)


def test_weights_for_other_pixels_are_refused(tmp_path: Path) -> None:
    caffe = builders.architecture(pixels="caffe")
    with pytest.raises(ValueError, match=r"a\.pt: expected weights for pixels caffe, .* for imagenet; set"):
        build.start(caffe, "warm_up", [saved(tmp_path)], grid=builders.GRID, size=SIZE, iterations=1)


def test_too_few_weights_are_refused(tmp_path: Path) -> None:
    weights = {name: value for name, value in builders.segmenter().state_dict().items() if "layer4" not in name}
    dataclasses.replace(builders.checkpoint(), weights=weights).save(tmp_path / "a.pt")
    with pytest.raises(ValueError, match="expected at least 95% of"):
        build.start(
            builders.architecture(), "warm_up", [tmp_path / "a.pt"], grid=builders.GRID, size=SIZE, iterations=1
        )


def test_a_round_of_self_training_goes_on_from_the_whole_network(tmp_path: Path) -> None:
    segmenter, made = build.resume(saved(tmp_path, "depth", "density", iterations=7))
    expected = builders.segmenter(("depth", "density"), seed=8)
    assert segmenter.architecture == expected.architecture
    assert made == {"iterations": 7}
    assert all(torch.equal(a, b) for a, b in zip(state(segmenter).values(), state(expected).values(), strict=True))
    assert all(weight.requires_grad for weight in segmenter.parameters())


def test_the_context_weighs_classes_by_the_sources_pixels(tmp_path: Path) -> None:
    source = builders.split(tmp_path / "source")
    source.pixels[:] = [8, 2, 0, 0, 0, 0, 0]  # C f = 5.6, 1.4
    weighed = builders.training(class_weight_power=1.0, class_weight_cap=0.5)
    made = build.context(weighed, source, [], seed=9, horizon=50, device="cpu")
    assert made.class_weights is not None
    assert made.class_weights.tolist() == pytest.approx([1 / 5.6, 0.5, 0, 0, 0, 0, 0])
    assert (made.classes, made.artefacts, made.seed, made.numerator, made.horizon) == (7, {}, 9, 1000, 50)


def test_a_power_of_0_leaves_the_cross_entropy_plain(tmp_path: Path) -> None:
    source = builders.split(tmp_path / "source")
    made = build.context(builders.training(), source, [], seed=9, horizon=None, device="cpu")
    assert made.class_weights is None
    assert made.horizon == 300  # the training's own length


def test_the_context_carries_the_mixtures_of_the_file(tmp_path: Path) -> None:
    builders.mixtures(median=0.125).save(tmp_path / "mixtures.npz")
    files = [tmp_path / "mixtures.npz"]
    source = builders.split(tmp_path / "source")
    made = build.context(builders.training(), source, files, seed=9, horizon=50, device="cpu")
    assert made.artefacts["mixtures"].median == 0.125


def test_hyperparameters_are_the_keys_of_the_method_s_section() -> None:
    values = {"start": None, "iterations": 5, "statistics": "running", "rare_classes": None}
    own = {"depth": 0.125, "adversarial": 0.5, "critic_lr": 0.25, "critic_scale": 1.0, "critic_width": 4}
    assert dataclasses.asdict(build.hyperparameters("dada", {**values, **own})) == {**values, **own}
    assert dataclasses.asdict(build.hyperparameters("source_only", values)) == values
    with pytest.raises(ConfigError, match=r"objectives\.dada\.critic_width: missing"):
        build.hyperparameters("dada", {**values, **{key: own[key] for key in own if key != "critic_width"}})


def test_a_model_says_how_it_came_about(tmp_path: Path) -> None:
    source, target = builders.split(tmp_path / "source", 3), builders.unlabelled(tmp_path / "target", 2)
    before = {"iterations": 480, "code": "def"}
    made = build.protocol(builders.training(round="q1"), source, target, before)
    assert made == {
        "setting": "demo",
        "method": "dada",
        "seed": 3,
        "round": "q1",
        "iterations": 780,
        "protocol": "unified",
        "selection": "last",
        "init": "warm_up",
        "code": hashlib.sha256(b"def abc").hexdigest()[:16],
        "source": "3 images 64x32",
        "target": "2 images 64x32",
        "torch": str(torch.__version__),
        "device": device_name(),
    }


def test_statistics_of_the_target_replace_those_of_training_and_no_weight(tmp_path: Path) -> None:
    method, target = builders.method("source_only"), builders.unlabelled(tmp_path / "target")
    method.segmenter.train()(builders.source().images)  # moves the running statistics
    before = state(method.segmenter)
    made = build.finish(method, target, "target", 2, {"seed": 3}, numerator=250.0, settings=Stage())
    changed = {name for name, value in made.weights.items() if not torch.equal(value, before[name])}
    assert changed == {name for name in before if "running_" in name}
    assert made.protocol == {"seed": 3, "statistics": "target"}
    assert made.architecture == method.segmenter.architecture
    assert made.frame == Frame(64, 32, "stretch", (128, 64))
    assert (made.inverse_depth, made.settings) == (250, {"sizes": (1, 2)})


@pytest.mark.usefixtures("float64")
def test_statistics_of_the_target_are_those_of_its_images(tmp_path: Path) -> None:
    method, target = builders.method("source_only"), builders.unlabelled(tmp_path / "target", 5)
    seen: list[Tensor] = []
    method.segmenter.backbone.stem[0].register_forward_hook(lambda _, __, output: seen.append(output.detach().clone()))
    build.finish(method, target, "target", 3, {}, numerator=250.0, settings=Stage())
    assert [len(output) for output in seen] == [3]
    mean = batch_norms(method.segmenter)[0].running_mean
    assert mean is not None
    torch.testing.assert_close(mean, seen[0].mean((0, 2, 3)), rtol=1e-9, atol=1e-12)


def test_running_statistics_leave_everything_and_open_no_image(tmp_path: Path) -> None:
    method, target = builders.method("source_only"), builders.unlabelled(tmp_path / "target")
    target.images = None  # type: ignore[assignment]
    before = state(method.segmenter)
    made = build.finish(method, target, "running", 2, {}, numerator=250.0, settings=Stage())
    assert all(torch.equal(made.weights[name], value) for name, value in before.items())
    assert made.protocol == {"statistics": "running"}


def test_a_round_with_an_average_keeps_the_average(tmp_path: Path) -> None:
    method = builders.method("class_mix")
    with torch.no_grad():
        for weight in method.teacher.parameters():
            weight.fill_(0.25)
    made = build.finish(
        method, builders.unlabelled(tmp_path / "target"), "running", 2, {}, numerator=250.0, settings=Stage()
    )
    assert all((made.weights[name] == 0.25).all() for name, _ in method.teacher.named_parameters())

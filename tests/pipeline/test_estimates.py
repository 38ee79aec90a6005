"""Depth by a network of the user's: what a domain names, what is made for it, and what is missing or wrong."""

import shutil
from pathlib import Path
from typing import Any

import onnx_networks
import pytest
from sandbox import merged
from studies import study

from dadist.config.records import ConfigError
from dadist.config.schema import SOURCE_APPEARANCE, Study
from dadist.data.readers.estimated import Estimated
from dadist.data.streets import render
from dadist.pipeline import estimates, inputs, params, paths, resources, splits
from dadist.pipeline.user_files import UserFiles
from dadist.storage import seal

SMALL: dict[str, Any] = {
    "file": "nets/small.onnx",
    "width": 64,
    "height": 32,
    "mean": [0.5, 0.5, 0.5],
    "deviation": [0.25, 0.25, 0.25],
    "kind": "relative",
}
OWN = {"dataset": "cityscapes", "root": "own", "depth": True, "unlabelled_depth": True, "depth_network": "small"}
TRAIN = "own-train-64x32-16-depth"


def changed(*, network: dict[str, Any] | None = None, domain: dict[str, Any] | None = None, **more: Any) -> Study:
    size = {"width": 64, "height": 32}
    base = {
        "depth_networks": {"small": SMALL | (network or {})},
        "domains": {"own": OWN | (domain or {})},
        "settings": {"demo": {"source": size, "target": {"domain": "own", **size}}},
    }
    return study(merged(base, more))


# --- the config


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ({"kind": "deep"}, r"depth_networks\.small\.kind: expected one of metric, disparity, relative, got 'deep'"),
        ({"kind": "metric"}, r"depth_networks\.small\.metres: expected what 1 of the network is in metres"),
        (
            {"kind": "disparity", "metres": 0.0},
            r"small\.metres: expected what 1 .* of a disparity the distance where it",
        ),
        ({"metres": 1.0}, r"depth_networks\.small\.metres: expected none for relative depth"),
        ({"deviation": [1, 0, 1]}, r"depth_networks\.small\.deviation: expected more than 0, got 0"),
        ({"mean": [0, 0]}, r"depth_networks\.small\.mean: expected a list of 3, got \[0, 0\]"),
        ({"size": 3}, r"depth_networks\.small\.size: unknown key"),
        ({"width": 0}, r"depth_networks\.small\.width: expected 1 to 65535, got 0"),
    ],
)
def test_a_section_that_describes_no_network_is_refused(network: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        changed(network=network)


def test_a_network_s_name_can_be_a_folder() -> None:
    with pytest.raises(ConfigError, match=r"depth_networks\.a-b: expected letters"):
        study({"depth_networks": {"a-b": SMALL}})


def test_a_domain_names_a_network_that_there_is_and_has_no_depth_files_beside_it() -> None:
    with pytest.raises(
        ConfigError, match=r"domains\.own\.depth_network: unknown depth network; did you mean 'small'\?"
    ):
        changed(domain={"depth_network": "smal"})
    files = {"dataset": "folder", "images": {"train": "*.jpg"}, "depth_files": {"train": "*.png"}, "depth_metres": 0.01}
    with pytest.raises(
        ConfigError, match=r"either depth files or a network that makes them, got depth_files, depth_met"
    ):
        changed(domain=files)


def test_no_setting_is_called_like_the_folder_of_depth_files() -> None:
    with pytest.raises(ConfigError, match=r"settings\.depth: expected none of data, depth"):
        study({"settings": {"depth": {}}})


@pytest.mark.parametrize("kind", ["relative", "metric"])
def test_what_the_network_gives_says_whether_depth_is_relative(kind: str) -> None:
    found = changed(network={"kind": kind, "metres": None if kind == "relative" else 1.0})
    assert found.domains["own"].relative == (kind == "relative")


def test_relative_depth_of_a_network_is_no_source_s() -> None:
    with pytest.raises(ConfigError, match=r"expected a source whose depth is in metres, got domains\.demo_source"):
        changed(domains={"demo_source": {"depth_network": "small"}})


# --- what is made of what


def test_splits_with_depth_are_prepared_with_the_files_that_the_network_makes() -> None:
    found = changed()
    parts = {which: splits.prepared_split(found, "demo", which) for which in (*splits.SPLITS, splits.TRAIN_WITH_DEPTH)}
    made = {which: estimates.depth_files(found, split) for which, split in parts.items() if split is not None}
    assert made == {
        "source": [],
        "train": [],
        "val": ["results/depth/own-val-small"],
        splits.TRAIN_WITH_DEPTH: ["results/depth/own-train-small"],
    }
    assert inputs.estimated_depth(found, TRAIN) == ["results/depth/own-train-small"]


def test_a_folder_s_name_says_domain_split_and_network() -> None:
    assert estimates.estimate_named(changed(), "own-val-small") == estimates.Estimate("own", "val", "small")
    for name in ("own-val-other", "own-all-small", "demo_target-val-small", "nonsense"):
        with pytest.raises(ConfigError, match=rf"results/depth/{name}: expected DOMAIN-SPLIT-NETWORK of a domain"):
            estimates.estimate_named(changed(), name)


def test_the_stage_is_told_the_network_but_not_how_many_images_at_once() -> None:
    plain, larger = changed(), changed(network={"batch": 9})
    assert params.estimate_depth(plain, "own-val-small") == params.estimate_depth(larger, "own-val-small")
    assert params.estimate_depth(plain, "own-val-small") != params.estimate_depth(
        changed(network={"mean": [0.1, 0.5, 0.5]}), "own-val-small"
    )
    assert [resources.batch_to_estimate(one, "own-val-small") for one in (plain, larger)] == [1, 9]


def test_preparing_is_told_nothing_of_the_network() -> None:
    assert params.prepare(changed(), TRAIN) == params.prepare(changed(network={"width": 99}), TRAIN)


# --- what the user brings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    render.write_cityscapes(tmp_path / "own", SOURCE_APPEARANCE, train=2, val=1, seed=1, width=64, height=32, workers=1)
    return tmp_path


def test_a_network_that_is_missing_is_told_with_its_key(data: Path) -> None:
    lines = list[str]()
    files = UserFiles(changed(data_root=str(data)), lines.append)
    assert files.network("own-train-small") == []
    assert lines == [
        f"{data / 'nets/small.onnx'}: not there (depth_networks.small.file, from data_root on); expected there: a "
        "monocular depth network as an ONNX file (docs/own_data.md)"
    ]
    (data / "nets").mkdir()
    onnx_networks.save(data / "nets/small.onnx")
    assert files.network("own-train-small") == [str(data / "nets/small.onnx")]
    assert files.root_to_estimate("own-train-small") == [str(data / "own")]


def test_images_alone_are_looked_at_before_any_depth_is_there(data: Path) -> None:
    """Where the data set has no disparity of its training images, nobody asks for one."""
    lines = list[str]()
    found = changed(data_root=str(data))
    shutil.rmtree(data / "own/disparity/train")
    before = UserFiles(found, lines.append)
    marks = before.fingerprint(TRAIN), before.fingerprint_to_estimate("own-train-small")
    assert None not in marks
    image = next((data / "own/leftImg8bit/train").rglob("*.png"))
    image.write_bytes(image.read_bytes() + b"\0")
    after = UserFiles(found, lines.append)
    assert not {after.fingerprint(TRAIN), after.fingerprint_to_estimate("own-train-small")} & {*marks}
    assert lines == []


def test_a_list_of_images_is_one_of_depth_files_too(data: Path) -> None:
    names = sorted(path.name for path in (data / "own/leftImg8bit/train").rglob("*.png"))
    (data / "one.txt").write_text(names[0], encoding="utf-8")
    whole, one = (
        UserFiles(changed(data_root=str(data), domains={"own": {"lists": lists}}), print)
        for lists in ({}, {"train": "one.txt"})
    )
    assert one.names_to_estimate("own-train-small") == [str(data / "one.txt")]
    assert one.fingerprint_to_estimate("own-train-small") != whole.fingerprint_to_estimate("own-train-small")


def test_what_looks_at_a_split_takes_estimated_depth_once_it_is_there(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    found = changed(data_root=str(data))
    split = splits.prepared_split(found, "demo", splits.TRAIN_WITH_DEPTH)
    assert split is not None
    assert not estimates.as_it_stands(found, split)[1].depth
    folder = Path(paths.depth("own-train-small"))
    folder.mkdir(parents=True)
    seal.save({"depth_kind": "relative", "checks": {}, "left_out": {}}, folder / "index.json", version=1)
    reader, plan = estimates.as_it_stands(found, split)
    assert isinstance(reader, Estimated)
    assert plan.depth

"""The published settings on miniatures of their data sets, from the packages as they are unpacked to the table."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sandbox import Sandbox, configuration, tempt
from trees import write_mapillary

from dadist.classes import CLASS_SETS, IGNORE, ids
from dadist.config.load import study
from dadist.config.schema import Appearance
from dadist.data.prepared import Prepared
from dadist.data.readers import cityscapes
from dadist.data.readers.base import decode
from dadist.data.readers.synthia import Options, reader
from dadist.data.resize import Frame
from dadist.data.streets import render
from dadist.model.checkpoint import Checkpoint
from dadist.model.segmenter import Architecture, Segmenter

STUDY = study(configuration())
WEIGHTS = STUDY.settings["s2c16"].start  # the file that the settings start from
LOOK = Appearance(palette=0.6, haze=0.6, light=0.6, noise=0.6, camera=1.0, statistics=1.0, bonnet=True)
NATIVE = {"width": 128, "height": 64, "workers": 1}

# What a study is made of besides its data, small; the rest of each setting is as published.
SMALL = {
    "source": {"width": 64, "height": 38},
    "target": {"width": 64, "height": 38},
    "fit_gmm": {"points": 500},
    "adapt": {"iterations": 3, "network": {"backbone": "street", "rates": [1, 2]}},
    "pseudo_label": {"confidence": 0.05},
    "refine_labels": {"base": 1.0, "span": 4.0},
    "selftrain": {"rounds": [2, 2]},
}
SHORT = {**SMALL, "start": "random", "methods": ["depth_distribution"], "selftrain": {"methods": []}}
# s2c7 differs from these two by what each of them has: seven classes, and Cityscapes.
MADE = {"s2c16": SMALL, "s2m7": SHORT}
MINIATURE = {
    "domains": {"cityscapes": {"lists": {"train": "Cityscapes/train.txt"}}},
    "settings": MADE,
}
TABLES = [f"results/{name}/metrics.csv" for name in MADE]
LISTED = ["corvenia_000005_000019", "alderfurt_000000_000019", "birkenau_000003_000019", "birkenau_000002_000019"]


def write_synthia(root: Path, *, parsed: bool) -> None:
    """SYNTHIA as it is shipped, or with the labels repacked."""
    render.write_synthia(
        root, Appearance(**dict.fromkeys(vars(LOOK), 0.0) | {"bonnet": False}), seed=1, images=8, **NATIVE
    )
    if parsed:
        (root / "parsed_LABELS").mkdir()
        for path in (root / "GT/LABELS").iterdir():
            assert cv2.imwrite(str(root / "parsed_LABELS" / path.name), decode(path)[..., 0].astype(np.uint8))
            path.unlink()
        (root / "GT/LABELS").rmdir()


def write_weights(path: Path) -> None:
    """A checkpoint under the published file's name: nobody has published weights of the small network."""
    torch.manual_seed(7)
    network = Segmenter(Architecture("street", CLASS_SETS["16"], (), "parallel", "paper", (1, 2), "caffe"))
    frame = Frame(64, 32, "stretch", (64, 32))
    Checkpoint(network.architecture, network.state_dict(), {}, frame, 1000.0, {}).save(path)


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets and weights, elsewhere than the workflow."""
    root = tmp_path_factory.mktemp("miniatures") / "data sets"
    write_synthia(root / "SYNTHIA", parsed=False)
    render.write_cityscapes(root / "Cityscapes", LOOK, seed=1, train=6, val=4, **NATIVE)
    tempt(root / "Cityscapes")
    lines = [f"{name.split('_')[0]}/{name}_leftImg8bit.png" for name in LISTED]
    (root / "Cityscapes/train.txt").write_text("\n".join(lines), encoding="utf-8")
    write_mapillary(root / "Mapillary", LOOK, train=5, val=4, train_labels=True)
    write_weights(root / WEIGHTS)
    return root


@pytest.fixture(scope="module")
def studies(data_root: Path) -> Sandbox:
    """All of them in one run, watched."""
    sandbox = Sandbox(data_root.parent / "run", MINIATURE)
    sandbox.watch()
    answer = sandbox.snakemake(*TABLES, "--config", f"data_root={data_root}")
    assert answer.returncode == 0, answer.stdout
    return sandbox


def rows(sandbox: Sandbox, setting: str) -> list[dict[str, str]]:
    with (sandbox.folder / f"results/{setting}/metrics.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def prepared(sandbox: Sandbox, part: str) -> Prepared:
    (folder,) = (sandbox.folder / "results/data").glob(f"{part}*")
    return Prepared(folder)


def test_the_table_of_s2c16_starts_from_the_weights_file_and_has_its_five_rows(studies: Sandbox) -> None:
    told = [(row["method"], row["round"], row["iterations"], row["init"]) for row in rows(studies, "s2c16")]
    assert told == [
        ("source_only", "q0", "3", WEIGHTS),
        ("adabn", "q0", "3", "source_only"),
        ("depth_distribution", "q0", "3", WEIGHTS),
        ("depth_distribution", "q1", "5", WEIGHTS),
        ("depth_distribution", "q2", "7", WEIGHTS),
    ]


def test_the_table_of_s2m7_has_the_method_beside_the_floors(studies: Sandbox) -> None:
    table = rows(studies, "s2m7")
    assert [(row["method"], row["round"], row["iterations"], row["init"]) for row in table] == [
        ("source_only", "q0", "3", "random"),
        ("adabn", "q0", "3", "source_only"),
        ("depth_distribution", "q0", "3", "random"),
    ]
    assert all(set(CLASS_SETS["7"].names) <= row.keys() and 0 <= float(row["miou"]) <= 100 for row in table)


def test_every_labelled_pixel_of_the_label_files_is_counted_at_their_own_size(
    studies: Sandbox, data_root: Path
) -> None:
    lookup = CLASS_SETS["16"].lookup("cityscapes", ids("cityscapes"))
    read = cityscapes.reader(cityscapes.Options()).read_labels
    files = [lookup[read(path)] for path in sorted((data_root / "Cityscapes/gtFine/val").rglob("*.png"))]
    assert {labels.shape for labels in files} == {(64, 128)}
    metrics = json.loads((studies.folder / "results/s2c16/source_only/seed1/q0/metrics.json").read_text())
    assert np.sum(metrics["confusion"]) == sum(np.count_nonzero(labels != IGNORE) for labels in files)


def test_a_published_list_selects_and_orders_the_training_images(studies: Sandbox) -> None:
    assert prepared(studies, "cityscapes-train-64x38-16").names == LISTED
    assert len(prepared(studies, "cityscapes-val-64x38-16")) == 4  # of which there is no list


def test_no_target_label_was_touched_but_to_evaluate(studies: Sandbox, data_root: Path) -> None:
    assert len(list((data_root / "Cityscapes/gtFine/train").rglob("*.png"))) == 6
    assert len(list((data_root / "Mapillary/training").rglob("labels/*.png"))) == 5
    assert not [touch for touch in studies.touched() if touch.refused]
    for labels in ("/gtFine/", "/labels/.*png"):
        assert {one.actor for one in studies.touched(labels)} <= {"prepare val", "evaluate"}
        assert studies.touched(labels)
    assert not studies.touched("/gtFine/train|/training/.*labels")


def test_repacked_labels_of_synthia_prepare_to_the_same_arrays(studies: Sandbox, tmp_path: Path) -> None:
    write_synthia(tmp_path / "data/SYNTHIA", parsed=True)
    (first, *_) = reader(Options()).files(tmp_path / "data/SYNTHIA", "all", labels=True, depth=True)
    assert first.labels == tmp_path / "data/SYNTHIA/parsed_LABELS/0000000.png"
    box = Sandbox(tmp_path / "run", MINIATURE)
    answer = box.snakemake("results/data/synthia-all-64x38-16", "--config", f"data_root={tmp_path / 'data'}")
    assert answer.returncode == 0, answer.stdout
    shipped, repacked = (prepared(one, "synthia-all-64x38-16") for one in (studies, box))
    assert len(shipped) == 8
    np.testing.assert_array_equal(shipped.labels, repacked.labels)
    np.testing.assert_array_equal(shipped.depth, repacked.depth)


# --- before there is any data


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return Sandbox(tmp_path_factory.mktemp("fresh") / "run", {})


@pytest.mark.parametrize("setting", ["s2c16", "s2m7_authors"])
def test_a_fresh_clone_plans_every_job_and_names_what_is_missing(fresh: Sandbox, setting: str) -> None:
    answer = fresh.snakemake(f"results/{setting}/metrics.csv", "--dry-run")
    assert answer.returncode == 0, answer.stdout
    jobs = [line.removeprefix("rule ").rstrip(":") for line in answer.stdout.splitlines() if line.startswith("rule ")]
    rounds = len(STUDY.settings[setting].selftrain.rounds)  # the authors' code has one
    assert {rule: jobs.count(rule) for rule in jobs} == {
        "prepare": 3,
        "fit_gmm": 1,
        "adapt": 3,
        **dict.fromkeys(("pseudo_label", "refine_labels", "selftrain"), rounds),
        "evaluate": 3 + rounds,
        "collect": 1,
    }
    views = STUDY.settings[setting].source, STUDY.settings[setting].target
    missing = {f"data/{STUDY.domains[view.domain].root}": f"domains.{view.domain}.root" for view in views}
    for path, key in (missing | {f"data/{WEIGHTS}": f"settings.{setting}.start"}).items():
        assert answer.stdout.count(f"{path}: not there ({key}, from data_root on); expected there: ") == 1

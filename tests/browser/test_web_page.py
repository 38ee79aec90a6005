"""The page of `dadist export --web` in a real browser: it segments as `Model.predict` does, asking its server alone."""

import base64
import contextlib
import dataclasses
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import builders
import cv2
import numpy as np
import pytest
from chromium import Tab, browser, complaints, executable, requests
from contrast import CONTRAST
from numpy.typing import NDArray
from PIL import Image

from dadist.cli.main import main
from dadist.config.schema import Appearance
from dadist.data.readers.content import ORIENTATION
from dadist.data.resize import Frame
from dadist.data.streets.render import render
from dadist.deploy.predictor import Model

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="no npm, which brings onnxruntime-web"),
]
LOOK = Appearance(palette=0.3, haze=0.3, light=0.3, noise=0.3, camera=0.0, statistics=0.0, bonnet=True)
MODEL = builders.checkpoint(("depth",), seed=1)  # untrained, but sees four classes in the street
PADDED = dataclasses.replace(MODEL, frame=Frame(4 * builders.WIDTH, 4 * builders.HEIGHT, "pad", (480, 240)))
RESIZED = """import("./photograph.js").then(({ bicubic }) => {
  const given = Uint8ClampedArray.from({ length: 4 * %d * %d }, (_, at) => (at * at * 31) %% 251);
  return Array.from(bicubic(given, [%d, %d], [%d, %d]));
})"""
SIZES = {"wide": (320, 180), "same": (2 * builders.WIDTH, 2 * builders.HEIGHT), "tall": (90, 200)}


class Served(NamedTuple):
    address: str
    folder: Path
    runtime: Path  # of onnxruntime-web


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An export, with streets beside it that a browser may take for dropped ones."""
    root = tmp_path_factory.mktemp("web")
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "onnxruntime-web@1"]
    if subprocess.run(npm, cwd=root, capture_output=True, check=False).returncode:
        pytest.skip("npm cannot install onnxruntime-web")
    runtime, model, folder = root / "node_modules/onnxruntime-web/dist", root / "model.pt", root / "page"
    MODEL.save(model)
    assert main(["export", "--model", str(model), "--web", str(folder), "--runtime", str(runtime)]) == 0
    for name, (width, height) in SIZES.items():
        assert cv2.imwrite(str(folder / f"{name}.png"), street(width, height)[:, :, ::-1])
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    address = re.findall(r"http://[\d.:]+/", server.stdout.readline())
    try:
        yield Served(address[0], folder, runtime)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.fixture(scope="module")
def tab(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.call("Page.navigate", url=served.address)
        wait(opened, "document.getElementById('told')?.textContent.startsWith('The model is loaded')")
        yield opened


def street(width: int, height: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(render(LOOK, seed=1, index=0, width=width, height=height).image)


def wait(tab: Tab, truth: str) -> None:
    end = time.monotonic() + 60
    while not tab.run(truth):
        assert time.monotonic() < end, (
            tab.run("document.body.innerText"),
            [str(one["params"])[:600] for one in complaints(tab)],
        )
        time.sleep(0.05)


def drop(tab: Tab, name: str) -> str:
    """Drop a file of the server on the page; what the page tells at the end."""
    tab.run(f"""(async () => {{
      const blob = await (await fetch('{name}')).blob();
      const given = new DataTransfer();
      given.items.add(new File([blob], '{name}', {{ type: blob.type }}));
      document.body.dispatchEvent(new DragEvent('drop', {{ dataTransfer: given, bubbles: true, cancelable: true }}));
    }})()""")
    wait(tab, "!document.getElementById('told').textContent.includes('at work')")
    return str(tab.run("document.getElementById('told').textContent"))


def shown(tab: Tab, layer: str) -> NDArray[np.uint8]:
    """Pixels of a layer, (H, W, 4)."""
    width, height, text = tab.run(f"""(() => {{
      const canvas = document.getElementById('{layer}');
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      let text = '';
      for (let at = 0; at < pixels.length; at += 8192) text += String.fromCharCode(...pixels.subarray(at, at + 8192));
      return [canvas.width, canvas.height, btoa(text)];
    }})()""")
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


@pytest.mark.parametrize("name", SIZES)
def test_its_classes_are_those_of_predict(tab: Tab, name: str) -> None:
    width, height = SIZES[name]
    expected = Model(MODEL, "cpu").predict(street(width, height)).labels
    assert len(np.unique(expected)) >= 3
    assert re.fullmatch(rf"{name}\.png: {width}×{height} pixels in [\d.]+ s", drop(tab, f"{name}.png"))
    colours = np.array([row.colour for row in MODEL.architecture.classes.categories])
    found = shown(tab, "classes")
    assert found.shape == (height, width, 4)
    assert np.mean((found[:, :, :3] == colours[expected]).all(2)) >= 0.99
    np.testing.assert_array_equal(shown(tab, "photograph")[:, :, :3], street(width, height))


@pytest.mark.parametrize("name", ["a.jpg", "c.png"])
def test_a_photograph_of_a_camera_on_its_side_is_turned_as_predict_turns_it(
    tab: Tab, served: Served, name: str
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(street(400, 300)).save(served.folder / name, exif=exif, quality=92)
    expected = Model(MODEL, "cpu").predict(served.folder / name).labels
    assert drop(tab, name).startswith(f"{name}: 300×400 pixels in")
    colours = np.array([row.colour for row in MODEL.architecture.classes.categories])
    assert np.mean((shown(tab, "classes")[:, :, :3] == colours[expected]).all(2)) >= 0.99


@pytest.mark.parametrize("name", SIZES)
def test_where_the_frame_pads_its_classes_are_those_of_predict_too(tab: Tab, served: Served, name: str) -> None:
    about, (width, height) = served.folder / "model.json", SIZES[name]
    kept = about.read_text(encoding="utf-8")
    frame = {**json.loads(kept), "frame": dataclasses.asdict(PADDED.frame)}
    about.write_text(json.dumps(frame), encoding="utf-8")
    expected = Model(PADDED, "cpu").predict(street(width, height)).labels
    try:
        tab.call("Page.reload", ignoreCache=True)
        wait(tab, "document.getElementById('told')?.textContent.startsWith('The model is loaded')")
        assert drop(tab, f"{name}.png").startswith(f"{name}.png: {width}×{height} pixels in")
        colours = np.array([row.colour for row in MODEL.architecture.classes.categories])
        assert np.mean((shown(tab, "classes")[:, :, :3] == colours[expected]).all(2)) >= 0.99
    finally:
        about.write_text(kept, encoding="utf-8")
        tab.call("Page.reload", ignoreCache=True)
        wait(tab, "document.getElementById('told')?.textContent.startsWith('The model is loaded')")


@pytest.mark.parametrize(
    ("size", "to"), [((480, 360), (320, 240)), ((90, 120), (45, 60)), ((40, 30), (120, 90)), ((64, 32), (64, 32))]
)
def test_it_resizes_to_the_bytes_of_pillow(tab: Tab, size: tuple[int, int], to: tuple[int, int]) -> None:
    at = np.arange(4 * size[0] * size[1], dtype=np.int64)
    given = (at * at * 31 % 251).astype(np.uint8).reshape(size[1], size[0], 4)[..., :3]
    expected = np.asarray(Image.fromarray(np.ascontiguousarray(given)).resize(to, Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(tab.run(RESIZED % (*size, *size, *to)), expected.ravel())


def test_the_legend_tells_the_shares_and_the_slider_how_much_one_sees_through(tab: Tab) -> None:
    drop(tab, "wide.png")
    labels = Model(MODEL, "cpu").predict(street(*SIZES["wide"])).labels
    told = tab.run("[...document.querySelectorAll('.legend li')].map(one => one.textContent)")
    for index, (name, text) in enumerate(zip(MODEL.architecture.classes.names, told, strict=True)):
        share = 100 * float(np.mean(labels == index))
        assert text.startswith(name)
        percent = text.removeprefix(name).strip().removesuffix(" %")
        assert share < 2 if percent == "< 1" else abs(float(percent) - share) < 1.6
    tab.run("document.getElementById('strength').focus()")
    tab.press("Home", 36)
    assert tab.run("getComputedStyle(document.getElementById('classes')).opacity") == "0"


def test_a_file_that_is_no_photograph_is_told(tab: Tab) -> None:
    assert drop(tab, "model.json").startswith("model.json: expected a photograph that a browser shows")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_can_be_read(tab: Tab, width: int, scheme: str) -> None:
    drop(tab, "wide.png")
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    assert tab.run(CONTRAST) == []


def test_nothing_but_its_own_server_is_asked(tab: Tab, served: Served) -> None:
    asked = requests(tab)
    assert served.address in asked
    assert not [url for url in asked if not url.startswith((served.address, f"blob:{served.address}"))]
    # This test reads the canvas, which the page does not.
    assert not [one for one in complaints(tab) if "willReadFrequently" not in str(one)]
    tab.run("fetch('http://127.0.0.2:9/').catch(() => null)")
    wait(tab, "new Promise(done => setTimeout(() => done(true), 100))")
    assert any("Content Security Policy" in str(one) for one in complaints(tab))  # the page's own rule refuses others


@contextlib.contextmanager
def refused(capsys: pytest.CaptureFixture[str], text: str) -> Iterator[None]:
    yield
    assert text in capsys.readouterr().err


def test_what_is_missing_or_in_the_way_is_told_with_what_to_do(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = served.folder.parent / "model.pt"
    words = ["export", "--model", str(model), "--web", str(tmp_path / "page")]
    with refused(capsys, "run `npm install onnxruntime-web`, and give its folder"):
        assert main([*words, "--runtime", str(tmp_path)]) == 2
    (tmp_path / "page").mkdir()
    (tmp_path / "page/mine.txt").touch()
    with refused(capsys, "expected an empty folder or an earlier export, found mine.txt"):
        assert main([*words, "--runtime", str(served.runtime)]) == 2
    with refused(capsys, "--outputs: expected none beside --web"):
        assert main([*words, "--outputs", "logits"]) == 2
    with refused(capsys, "--runtime: expected none beside --out"):
        assert main([*words[:3], "--out", str(tmp_path / "a.onnx"), "--runtime", str(served.runtime)]) == 2


def test_the_page_knows_of_its_model_what_it_needs(served: Served) -> None:
    about: dict[str, Any] = json.loads((served.folder / "model.json").read_text(encoding="utf-8"))
    assert about["fixed"] is None
    assert about["colours"] == [[*row.colour, 255] for row in MODEL.architecture.classes.categories]
    assert (about["frame"]["width"], about["frame"]["height"]) == (builders.WIDTH, builders.HEIGHT)

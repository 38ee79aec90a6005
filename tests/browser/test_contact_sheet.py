"""The contact sheet of predictions in a real browser, as it lies on the disk."""

from collections.abc import Iterator
from pathlib import Path

import builders
import numpy as np
import pytest
from chromium import Tab, browser, complaints, executable, requests
from contrast import CONTRAST

from dadist.deploy.contact_sheet import ContactSheet, Seen
from dadist.deploy.shares import Shares

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three files, wide, tall and small."""
    sheet = ContactSheet(tmp_path_factory.mktemp("sheet"), builders.SEVEN, 3)
    for number, (height, width) in enumerate(((300, 600), (600, 300), (30, 40))):
        labels = np.repeat(np.arange(width) * 7 // width, height).reshape(width, height).T.astype(np.uint8)
        found = builders.prediction(labels)
        shares = Shares(Path(f"{number}.jpg"), builders.SEVEN)
        shares.add(found)
        sheet.add(number, f"{number}", Seen(shares, np.full((height, width, 3), 200, np.uint8), found, None))
    return sheet.save(0, "model.pt")


@pytest.fixture(scope="module")
def tab(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.open(page)
        yield opened


def test_every_picture_is_shown_from_the_disk_without_an_error(tab: Tab, page: Path) -> None:
    tab.run("new Promise(done => setTimeout(done, 200))")
    assert tab.run("document.images.length") == 6
    assert tab.run("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    assert complaints(tab) == []
    assert all(url.startswith(page.parent.resolve().as_uri()) for url in requests(tab))


def test_a_slider_moves_the_line_of_its_picture_and_that_above_those_of_all(tab: Tab) -> None:
    tab.run("document.querySelector('.pair input').focus()")
    for _ in range(10):
        tab.press("ArrowLeft", 37)
    clips = "[...document.querySelectorAll('.png')].map(one => getComputedStyle(one).clipPath)"
    assert tab.run(clips) == ["inset(0px 0px 0px 40%)", *2 * ["inset(0px 0px 0px 50%)"]]
    tab.run("document.getElementById('line').focus()")
    tab.press("Home", 36)
    assert tab.run(clips) == 3 * ["inset(0px 0px 0px 0%)"]
    tab.run("document.getElementById('strength').focus()")
    tab.press("End", 35)
    assert tab.run("getComputedStyle(document.querySelector('.png')).opacity") == "1"


def test_a_drag_of_the_pointer_moves_the_line(tab: Tab) -> None:
    left, top, width, height = tab.run(
        "(b => [b.left, b.top, b.width, b.height])(document.querySelector('.pair').getBoundingClientRect())"
    )
    at = {"x": left + 0.25 * width, "y": top + height / 2, "button": "left", "clickCount": 1}
    for kind in ("mousePressed", "mouseReleased"):
        tab.call("Input.dispatchMouseEvent", type=kind, **at)
    assert 20 <= int(tab.run("document.querySelector('.pair input').value")) <= 30


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read_light_and_dark_on_a_phone_and_on_a_desk(tab: Tab, page: Path, system: str, width: int) -> None:
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": system}])
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
    tab.open(page)
    assert tab.run("document.scrollingElement.scrollWidth") <= width
    assert tab.run(CONTRAST) == []
    assert tab.run("[...document.querySelectorAll('input')].every(one => one.labels.length || one.ariaLabel)")
    tab.call("Emulation.clearDeviceMetricsOverride")

"""The page in a real browser: it loads without an error, works by keyboard, and can be read by who sees little."""

import base64
import contextlib
import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builders
import numpy as np
import pages
import pytest
from chromium import Tab, browser, complaints, executable, requests
from contrast import CONTRAST
from numpy.typing import NDArray
from PIL import Image

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium: apt-get install chromium"),
]

# Widths of what stands in the sections: charts but the first and matrices, and grids of pictures, beside the section's.
WIDTHS = """[...document.querySelectorAll('section:not(#overview, #confusion) .frame svg, .pictures')]
  .filter(one => one.checkVisibility())
  .map(one => one.getBoundingClientRect().width / one.closest('section').getBoundingClientRect().width)"""

# Of what scrolls sideways: whether a line says so, and whether the side with more fades out.
CUES = """[...document.querySelectorAll('.scroll, .frame')].filter(one => one.checkVisibility()).map(one => [
  one.scrollWidth > one.clientWidth + 1,
  one.previousElementSibling.checkVisibility() && one.previousElementSibling.textContent.includes('scroll sideways'),
  getComputedStyle(one).maskImage !== 'none'])"""

# Names of the elements that stand in a tree for who cannot see, by what they are.
NAMED = {"button", "link", "image", "img", "region", "navigation", "table", "heading", "DisclosureTriangle"}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pages.page(tmp_path_factory.mktemp("page"), mixtures=builders.mixtures())


@pytest.fixture(scope="module")
def tab(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.open(page)
        yield opened


def value(node: dict[str, Any], key: str) -> Any:
    return node.get(key, {}).get("value")


def column(tab: Tab, index: int) -> list[str]:
    table = "document.querySelectorAll('#results table')[0]"
    return list(tab.run(f"[...{table}.tBodies[0].rows].map(row => row.cells[{index}].dataset.value)"))


def test_the_page_loads_without_an_error_and_asks_nothing_of_the_network(tab: Tab, page: Path) -> None:
    tab.run("new Promise(done => setTimeout(done, 200))")
    assert complaints(tab) == []
    assert requests(tab) == {page.resolve().as_uri()}


def test_every_image_is_there_and_every_chart_has_a_size(tab: Tab) -> None:
    tab.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert tab.run("document.images.length") == 5  # the panel, and four of labels
    assert tab.run("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    sizes = tab.run("[...document.querySelectorAll('svg')].map(one => [one.clientWidth, one.clientHeight])")
    assert len(sizes) == 10  # scores, bars, two matrices, plane, depth, joint spaces, curves of three trainings
    assert all(width > 200 and height > 50 for width, height in sizes)


def test_a_table_sorts_by_a_click_either_way_and_says_so(tab: Tab) -> None:
    head = "document.querySelectorAll('#results th[aria-sort]')[2]"  # behind method and round
    for expected, rising in (("descending", False), ("ascending", True)):
        tab.run(f"{head}.querySelector('button').click()")
        assert tab.run(f"{head}.getAttribute('aria-sort')") == expected
        numbers = [float(one) for one in column(tab, 2) if one]
        assert numbers == sorted(numbers, reverse=not rising)
        assert len(numbers) == 7
    assert tab.run("document.querySelectorAll('#results table')[0].querySelectorAll('[aria-sort$=ending]').length") == 1
    tab.run("document.querySelector('#results th button').click()")
    assert column(tab, 0) == sorted(column(tab, 0), key=str.lower)


def test_empty_cells_stay_last_either_way(tab: Tab) -> None:
    last = builders.CLASSES + 2
    for _ in range(2):
        tab.run(f"document.querySelectorAll('#results th button')[{last}].click()")
        assert column(tab, last)[-3:] == ["", "", ""]  # ours: a class that occurs nowhere


@pytest.mark.parametrize("system", ["light", "dark"])
def test_light_and_dark_follow_the_system_until_the_button_says_otherwise(tab: Tab, page: Path, system: str) -> None:
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": system}])
    tab.open(page)
    tab.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    colour = "getComputedStyle(document.body).backgroundColor"
    pressed = "document.getElementById('theme').getAttribute('aria-pressed')"
    before = tab.run(colour)
    assert before == ("rgb(255, 255, 255)" if system == "light" else "rgb(20, 23, 27)")
    assert tab.run(pressed) == ("false" if system == "light" else "true")
    assert tab.run(CONTRAST) == []
    tab.run("document.getElementById('theme').click()")
    assert tab.run(colour) != before
    assert tab.run(CONTRAST) == []


@contextlib.contextmanager
def screen(tab: Tab, width: int, look: str) -> Iterator[None]:
    """A screen of this width, light or dark."""
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": look}])
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    try:
        yield
    finally:
        tab.call("Emulation.clearDeviceMetricsOverride")
        tab.call("Emulation.setEmulatedMedia", features=[])


def pixels(tab: Tab) -> NDArray[np.uint8]:
    """The whole page as it looks, ``(height, width, 3)``."""
    shot = tab.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(shot))).convert("RGB"))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_page_looks_right_on_every_screen(tab: Tab, page: Path, width: int, look: str) -> None:
    with screen(tab, width, look):
        tab.open(page)
        tab.run("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert tab.run("document.scrollingElement.scrollWidth") <= width
        assert tab.run(CONTRAST) == []
        # it opens with the scores, at a size that one can read, and the pictures below
        top, bottom, letters = tab.run(
            "(() => { const chart = document.querySelector('#overview svg'), box = chart.getBoundingClientRect();"
            "return [box.top, box.bottom, Math.min(...[...chart.querySelectorAll('text')]"
            ".map(one => one.getBoundingClientRect().height))]; })()"
        )
        assert 0 < top < bottom < 900
        assert letters >= 7
        assert tab.run("document.querySelector('#overview .pictures').getBoundingClientRect().top") >= bottom
        # charts and pictures fill the width, and more than that only in a frame that says so
        assert all(share > 0.99 for share in tab.run(WIDTHS))
        cues = tab.run(CUES)
        assert all(over == said == faded for over, said, faded in cues)
        assert any(over for over, _, _ in cues) == (width == 390)
        # no slab of white on a dark page
        white = (pixels(tab) > 230).all(-1)
        assert white.mean() > 0.5 if look == "light" else white.mean() < 0.02


@pytest.mark.parametrize("width", [1280, 390])
def test_a_picture_opens_large_on_a_click_and_the_arrows_go_through_its_figure(
    tab: Tab, page: Path, width: int
) -> None:
    with screen(tab, width, "light"):
        tab.open(page)
        small = tab.run("document.querySelectorAll('#labels .pictures img')[0].getBoundingClientRect().width")
        tab.run("document.querySelectorAll('#labels .pictures button')[0].focus()")
        tab.run("document.activeElement.click()")
        title = "document.getElementById('large-title').textContent"
        assert tab.run(title) == "before, image 1 (1 of 4)"
        large = tab.run("document.querySelector('#large img').getBoundingClientRect().width")
        assert large > 1.8 * small
        assert large > 0.9 * width
        tab.press("ArrowRight", 39)
        assert tab.run(title) == "after, image 1 (2 of 4)"
        tab.press("ArrowLeft", 37)
        tab.press("ArrowLeft", 37)
        assert tab.run(title) == "after, image 2 (4 of 4)"
        assert tab.run(CONTRAST) == []
        tab.press("Escape", 27)
        assert tab.run("document.getElementById('large').open") is False
        assert tab.run("document.activeElement.matches('#labels .pictures button')")  # back where it was


def test_a_phone_shows_the_page_without_scrolling_sideways(tab: Tab) -> None:
    tab.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    assert tab.run("document.scrollingElement.scrollWidth") <= 360
    tab.call("Emulation.clearDeviceMetricsOverride")


def test_the_keyboard_reaches_the_skip_link_first_and_sorts_a_table(tab: Tab, page: Path) -> None:
    tab.open(page)
    tab.press("Tab", 9)
    assert tab.run("document.activeElement.className") == "skip"
    assert tab.run("document.activeElement.getBoundingClientRect().left") >= 0
    for _ in range(60):
        tab.press("Tab", 9)
        if tab.run("document.activeElement.closest('th') !== null"):
            break
    tab.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    assert tab.run("document.activeElement.closest('th').getAttribute('aria-sort')") == "ascending"


def test_whatever_a_screen_reader_stops_at_has_a_name(tab: Tab) -> None:
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    seen = [(value(node, "role"), value(node, "name")) for node in nodes if not node.get("ignored")]
    kinds = {role for role, _ in seen}
    assert {"button", "link", "table", "heading", "main", "navigation", "columnheader", "rowheader"} <= kinds
    assert [(role, name) for role, name in seen if role in NAMED and not (name or "").strip()] == []
    regions = [name for role, name in seen if role == "region"]
    assert len(set(regions)) == len(regions)
    assert tab.run("document.documentElement.lang") == "en"
    assert tab.run("document.title") == "dadist: made_up"


def test_headings_descend_step_by_step_and_ids_are_unique(tab: Tab) -> None:
    levels = tab.run("[...document.querySelectorAll('h1,h2,h3,h4')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - before <= 1 for before, later in itertools.pairwise(levels))
    ids = tab.run("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(set(ids)) == len(ids)
    assert tab.run("[...document.querySelectorAll('table')].every(t => t.caption && t.querySelector('th[scope=col]'))")


def test_what_scrolls_can_be_reached_by_keyboard(tab: Tab) -> None:
    tab.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    script = """[...document.querySelectorAll('body *:not(svg *)')].filter(one =>
      one.scrollWidth > one.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(one).overflowX)
      && one.tabIndex < 0).map(one => one.outerHTML.slice(0, 80))"""
    assert tab.run(script) == []
    tab.call("Emulation.clearDeviceMetricsOverride")

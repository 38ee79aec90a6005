"""The page in a real browser: it loads without an error, works by keyboard, and can be read by who sees little."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builders
import pages
import pytest
from chromium import Tab, browser, complaints, executable, requests
from contrast import CONTRAST

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None, reason="no Chromium: apt-get install chromium"),
]

# What the figures that need white paper are drawn on.
PAPER = "[...new Set([...document.querySelectorAll('.light')].map(one => getComputedStyle(one).backgroundColor))]"

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
    assert tab.run("document.images.length") == 2
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
    assert tab.run(PAPER) == ["rgb(255, 255, 255)"]
    tab.run("document.getElementById('theme').click()")
    assert tab.run(colour) != before
    assert tab.run(CONTRAST) == []
    assert tab.run(PAPER) == ["rgb(255, 255, 255)"]


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

import re
from pathlib import Path

import builders
import numpy as np
import pytest

from dadist.data.readers.base import read_image
from dadist.deploy import contact_sheet
from dadist.deploy.contact_sheet import ContactSheet, Seen
from dadist.deploy.shares import Shares

IMAGE = np.full((40, 80, 3), 200, np.uint8)


def seen(classes: int = 2, name: str = "a.png", image: np.ndarray = IMAGE, link: str | None = None) -> Seen:
    """Of which the first class takes three quarters, and the next one the rest."""
    labels = np.zeros(image.shape[:2], np.uint8)
    labels[:, 3 * labels.shape[1] // 4 :] = classes - 1
    found = builders.prediction(labels)
    shares = Shares(Path(name), builders.SEVEN)
    shares.add(found)
    return Seen(shares, image, found, link)


def test_small_pictures_are_the_photograph_and_its_classes_in_their_colours(tmp_path: Path) -> None:
    sheet = ContactSheet(tmp_path, builders.SEVEN, 1)
    sheet.add(0, "large", seen(image=np.full((1000, 2000, 3), 200, np.uint8)))
    sheet.save(0, "model.pt")
    photograph, coloured = (read_image(tmp_path / f"sheet/000000.{kind}") for kind in ("jpg", "png"))
    assert photograph.shape == (400, 800, 3)
    assert np.ptp(photograph) == 0
    np.testing.assert_array_equal(coloured[0, [0, 599, 600]], builders.SEVEN.colours[[0, 0, 1]])


def test_of_many_files_some_are_shown_from_the_first_to_the_last_and_the_page_says_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_sheet, "SHOWN", 3)
    sheet = ContactSheet(tmp_path, builders.SEVEN, 2001)
    for number in range(2001):
        sheet.add(number, f"{number}", seen())
    page = sheet.save(0, "model.pt").read_text(encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "sheet").glob("*.jpg")) == [
        *("000000.jpg", "001000.jpg", "002000.jpg")
    ]
    assert "2,001 files predicted by model.pt. 3 of them are shown, evenly spread" in page
    assert (tmp_path / "shares.csv").read_text(encoding="utf-8").count("\n") == 2002


def test_a_page_of_as_many_files_as_are_shown_is_small(tmp_path: Path) -> None:
    sheet = ContactSheet(tmp_path, builders.SEVEN, contact_sheet.SHOWN)
    for number in range(contact_sheet.SHOWN):
        sheet.add(number, f"folder/of/some/name/{number}", seen(link=f"overlay/folder/of/some/name/{number}.jpg"))
    assert sheet.save(0, "model.pt").stat().st_size < 200_000


def test_names_that_are_no_text_or_markup_are_shown_and_linked(tmp_path: Path) -> None:
    sheet, odd = ContactSheet(tmp_path, builders.SEVEN, 2), b"caf\xe9 #1".decode("utf-8", "surrogateescape")
    sheet.add(0, odd, seen(name=f"{odd}.png", link=f"overlay/{odd}.jpg"))
    sheet.add(1, "<b>", seen(name="=1+2.png"))
    page = sheet.save(0, "model.pt").read_text(encoding="utf-8")
    assert '<a href="overlay/caf%E9%20%231.jpg">caf\ufffd #1</a>' in page
    assert "&lt;b&gt;" in page
    table = (tmp_path / "shares.csv").read_bytes().splitlines()
    assert table[1] == b"caf\xe9 #1.png,1,0.750000,0.250000" + 5 * b",0.000000"
    assert table[2].startswith(b"'=1+2.png,1,")


def test_classes_are_named_by_what_they_take_and_the_legend_has_their_mean(tmp_path: Path) -> None:
    sheet = ContactSheet(tmp_path, builders.SEVEN, 2)
    sheet.add(0, "a", seen(classes=2))
    sheet.add(1, "b", seen(classes=1))
    page = sheet.save(0, "model.pt").read_text(encoding="utf-8")
    first, second, third = builders.SEVEN.names[:3]
    assert f"{first} 75 % · {second} 25 % · {third} 0 %" in page
    assert re.findall(r"<small> (.*?) %</small>", page) == ["88", "12", *5 * "0"]

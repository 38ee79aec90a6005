"""Which scenes a list of names takes, and which it cannot mean."""

from pathlib import Path

import pytest

from dadist.data.readers.base import Files
from dadist.data.readers.listing import chosen
from dadist.storage.errors import DataError

# --- lists of names


ROOT = Path("/data/cityscapes")
SCENES = [
    Files(name, ROOT / f"leftImg8bit/train/{name.split('_')[0]}/{name}_leftImg8bit.png", None, None)
    for name in ("aachen_000000_000019", "aachen_000001_000019", "bochum_000000_000313")
]


def chosen_by(folder: Path, text: str) -> list[str]:
    """The names of the scenes that a list takes."""
    (folder / "names.txt").write_bytes(text.encode())
    return [scene.name for scene in chosen(SCENES, folder / "names.txt", ROOT)]


@pytest.mark.parametrize(
    "style",
    [
        "{city}/{name}_leftImg8bit.png",  # as lists are published for Cityscapes
        "leftImg8bit/train/{city}/{name}_leftImg8bit.png",
        "{name}_leftImg8bit.png",
        "{name}_leftImg8bit",
        "{name}",
    ],
)
def test_a_list_takes_the_images_it_names_in_its_order(tmp_path: Path, style: str) -> None:
    wanted = [SCENES[2].name, SCENES[0].name]
    lines = [style.format(city=name.split("_")[0], name=name) for name in wanted]
    assert chosen_by(tmp_path, "\n".join(lines)) == wanted  # without a last line end, as one published list is


def test_blanks_empty_lines_and_line_ends_of_windows_do_not_count(tmp_path: Path) -> None:
    text = f"\r\n  {SCENES[1].name} \r\n\r\n{SCENES[0].name}\r\n"
    assert chosen_by(tmp_path, text) == [SCENES[1].name, SCENES[0].name]


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.txt: expected a list of names, found no file; see `lists`"):
        chosen(SCENES, tmp_path / "no.txt", ROOT)


def test_a_name_that_the_data_set_lacks_is_told_with_its_line(tmp_path: Path) -> None:
    text = f"{SCENES[0].name}\n\nzurich/zurich_000000_000019_leftImg8bit.png\n"
    with pytest.raises(DataError) as error:
        chosen_by(tmp_path, text)
    assert str(error.value) == (
        f"{tmp_path / 'names.txt'}, line 3: expected a name like aachen_000000_000019, "
        "got zurich/zurich_000000_000019_leftImg8bit.png, which the data set does not have; "
        "a list of another data set or split?"
    )


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_list_is_refused_with_the_way_to_have_all_images(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        DataError, match=r"names\.txt: expected one name per line, .*; remove it from `lists` for all images"
    ):
        chosen_by(tmp_path, text)


def test_a_name_that_comes_twice_is_refused_in_whatever_style(tmp_path: Path) -> None:
    text = f"{SCENES[1].name}\n{SCENES[0].name}\naachen/{SCENES[1].name}_leftImg8bit.png\n"
    with pytest.raises(DataError, match=r"expected each name once, got aachen_000001_000019 twice; remove one"):
        chosen_by(tmp_path, text)


def test_a_list_may_begin_with_the_mark_of_its_encoding(tmp_path: Path) -> None:
    assert chosen_by(tmp_path, f"\ufeff{SCENES[1].name}\n") == [SCENES[1].name]


def test_a_list_in_another_encoding_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes("Zürich_000001\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"names\.txt: expected a text file in UTF-8, got .*; save it as UTF-8"):
        chosen(SCENES, tmp_path / "names.txt", ROOT)


# --- frames that are numbered anew in each folder

DRIVES = [
    Files(f"{drive}/{frame}", ROOT / f"{drive}/image_02/{frame}.png", None, None)
    for drive in ("seqA", "seqB")
    for frame in ("0000", "0001")
]


def taken(folder: Path, line: str, scenes: list[Files]) -> str:
    (folder / "names.txt").write_text(line, encoding="utf-8")
    (scene,) = chosen(scenes, folder / "names.txt", ROOT)
    return scene.name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("seqA/image_02/0000.png", "seqA/0000"),
        ("seqB/image_02/0000.png", "seqB/0000"),
        ("./seqB/image_02/0001", "seqB/0001"),
        ("seqB/0001", "seqB/0001"),  # the name
        ("cityscapes/seqA/image_02/0001.png", "seqA/0001"),
        ("/data/cityscapes/seqA/image_02/0001.png", "seqA/0001"),
        ("/mnt/disk/kitti/seqA/image_02/0001.png", "seqA/0001"),  # where whoever published the list has them
    ],
)
def test_the_image_whose_path_a_line_says_is_taken(tmp_path: Path, line: str, name: str) -> None:
    assert taken(tmp_path, line, DRIVES) == name


@pytest.mark.parametrize("line", ["0000.png", "0000", "image_02/0000.png"])
def test_a_line_that_may_mean_two_images_is_refused_with_both(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError) as error:
        taken(tmp_path, line, DRIVES)
    assert str(error.value) == (
        f"{tmp_path / 'names.txt'}, line 1: expected the name of one image, got {line}, which may be "
        "seqA/image_02/0000.png or seqB/image_02/0000.png; write as much of its path as tells it from the other"
    )


@pytest.mark.parametrize(
    "line",
    ["seqC/image_02/0000.png", "image_03/0000.png", "seqA/image_02/0002.png", "seqA/image_02/0000.jpg", "/", "."],
)
def test_a_line_whose_folders_are_another_image_s_takes_none(tmp_path: Path, line: str) -> None:
    for scenes in (DRIVES, DRIVES[2:], DRIVES[:1]):
        with pytest.raises(DataError, match=r"line 1: expected a name like seq./0000, got .*, which the data set does"):
            taken(tmp_path, line, scenes)


def test_a_bare_name_below_the_root_is_not_that_of_another_folder(tmp_path: Path) -> None:
    flat = [Files("0000", ROOT / "0000.png", None, None)]
    for line in ("0000", "0000.png", "cityscapes/0000.png", "/elsewhere/cityscapes/0000.png"):
        assert taken(tmp_path, line, flat) == "0000"
    with pytest.raises(DataError, match=r"got seqA/0000\.png, which the data set does not have"):
        taken(tmp_path, "seqA/0000.png", flat)

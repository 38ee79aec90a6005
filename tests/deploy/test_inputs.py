import os
from pathlib import Path

import pytest

from dadist.deploy.inputs import gather


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "photos/b.png",
        "photos/a.JPG",
        "photos/ulm/a.png",
        "photos/ulm/._a.png",
        "photos/.hidden/c.png",
        "photos/notes.txt",
        "clip.mp4",
        "more/x/1.png",
        "more/y/1.png",
        "more/y/1.jpg",
        "empty/notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(*words: str, out: str = "out") -> list[tuple[str, str]]:
    return [(one.file.as_posix(), one.name) for one in gather(words, Path(out))]


def test_files_keep_their_names_and_folders_are_searched_through(here: Path) -> None:
    assert named("clip.mp4", "photos") == [
        ("clip.mp4", "clip"),
        ("photos/a.JPG", "a"),
        ("photos/b.png", "b"),
        ("photos/ulm/a.png", "ulm/a"),
    ]
    assert [one.moves for one in gather(["clip.mp4", "photos/b.png"], Path("out"))] == [True, False]


def test_a_pattern_names_what_is_below_its_fixed_part(here: Path) -> None:
    assert named("more/**/*.png") == [("more/x/1.png", "x/1"), ("more/y/1.png", "y/1")]
    assert named("*.mp4") == [("clip.mp4", "clip")]
    assert named(f"{here}/more/x/*.png") == [(f"{here}/more/x/1.png", "1")]


def test_a_file_that_two_words_name_is_taken_once(here: Path) -> None:
    assert named("photos/b.png", "photos/*.png") == [("photos/b.png", "b")]


def test_a_photograph_and_a_video_may_share_a_name(here: Path) -> None:
    Path("clip.jpg").touch()
    assert named("clip.jpg", "clip.mp4") == [("clip.jpg", "clip"), ("clip.mp4", "clip")]


def test_what_lies_below_the_folder_of_predictions_is_not_predicted(here: Path) -> None:
    assert [name for _, name in named("photos", out="photos/ulm")] == ["a", "b"]


def test_a_file_of_any_extension_is_taken_when_it_is_named(here: Path) -> None:
    assert named("photos/notes.txt") == [("photos/notes.txt", "notes")]


@pytest.mark.parametrize("word", ["photos", "photos/**/*.png", "photos/**"])
def test_links_to_folders_are_followed_but_not_in_circles(here: Path, word: str) -> None:
    Path("elsewhere/out").mkdir(parents=True)
    for name in ("elsewhere/c.png", "elsewhere/out/d.png"):
        Path(name).touch()
    Path("photos/linked").symlink_to("../elsewhere")
    Path("photos/linked/up").symlink_to("..")
    Path("photos/again").symlink_to("ulm")
    names = [name for _, name in named(word, out="elsewhere/out")]
    assert [name for name in names if name != "a"] == ["b", "linked/c", "ulm/a"]


def test_what_is_no_file_is_handed_on_to_whoever_names_it(here: Path) -> None:
    os.mkfifo("photos/pipe.png")
    Path("photos/gone").symlink_to("nothing")
    Path("photos/gone.png").symlink_to("nothing")
    Path("photos/self.mp4").symlink_to("self.mp4")
    assert [name for _, name in named("photos")] == ["a", "b", "gone", "gone", "pipe", "self", "ulm/a"]
    assert named("photos/pipe.png", "photos/gone.png") == [("photos/pipe.png", "pipe"), ("photos/gone.png", "gone")]


@pytest.mark.parametrize("words", [["more"], ["more/x/1.png", "more/y/1.png"], ["photos", "photos/ulm"]])
def test_two_files_of_one_name_are_refused(here: Path, words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"expected a name of its own, got that of .*: both would be written as"):
        gather(words, Path("out"))


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("none.png", "none.png: expected an image, a video, a folder or a pattern of them, found nothing"),
        ("photos/*.bmp", r"photos/\*.bmp: expected an image"),
        ("empty", "empty: expected a folder with images .* or videos, found none"),
    ],
)
def test_a_word_that_names_nothing_is_told(here: Path, word: str, text: str) -> None:
    with pytest.raises(FileNotFoundError, match=text):
        gather([word], Path("out"))

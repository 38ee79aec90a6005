"""Patterns as people write them."""

import pytest
from sandbox import configuration

from dadist.config.globs import plain
from dadist.config.load import study
from dadist.config.records import ConfigError

WHERE = ("domains", "photos", "images", "train")


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("*.jpg", "*.jpg"),
        ("./*.jpg", "*.jpg"),
        (".//val//*.jpg", "val/*.jpg"),
        ("val/./*.jpg", "val/*.jpg"),
        ("**/*.*", "**/*.*"),
        ("**/val/*", "**/val/*"),
        ("a b/ü*.jpg", "a b/ü*.jpg"),
        ("/abs/*.jpg", "/abs/*.jpg"),  # refused by the reader, which knows what its paths start from
    ],
)
def test_what_is_clear_is_taken(written: str, taken: str) -> None:
    assert plain(written, WHERE) == taken


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("*.jpg ", "*.jpg"),
        (" *.jpg", "*.jpg"),
        ("*.{jpg,png}", "*.*"),
        ("{a,b}/*.jpg", "*/*.jpg"),
        ("**.jpg", "**/*.jpg"),
        ("photos/**", "photos/**/*"),
        ("photos/*/", "photos/*/*"),
        ("a**.jpg", "a*.jpg"),
        ("***.jpg", "**/*.jpg"),
        (r"val\*.jpg", "val/*.jpg"),
        (r".\val\**.jpg", "val/**/*.jpg"),
    ],
)
def test_what_would_fit_nothing_is_refused_with_what_was_meant(written: str, meant: str) -> None:
    with pytest.raises(ConfigError) as told:
        plain(written, WHERE)
    assert str(told.value).startswith("domains.photos.images.train: expected / between folders, ")
    assert str(told.value).endswith(f"got {written!r}; write {meant!r}")
    assert plain(meant, WHERE) == meant


def test_a_domain_has_its_patterns_so() -> None:
    config = configuration()
    own = {"dataset": "folder", "root": "x", "depth": False, "images": {"train": "./*.jpg", "val": "val//*.jpg"}}
    config["domains"]["photos"] = own
    assert study(config).domains["photos"].options["images"] == {"train": "*.jpg", "val": "val/*.jpg"}
    for wrong in ({"train": "*.{jpg,png}"}, {"train": "[a-z].jpg"}, {"train": "/abs/*.jpg"}, {"train": 3}):
        own["images"] = wrong
        with pytest.raises(ConfigError, match=r"^domains\.photos\.images\.train: expected "):
            study(config)

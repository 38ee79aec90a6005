"""What a folder of figures shows, and of which trainings; read without what draws them, which takes long to load."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dadist.storage import seal
from dadist.storage.errors import DataError

INDEX = "index.json"
VERSION = 3  # of its format
INK, FAINT = "#1b1f24", "#c9ced6"  # text and axes; grids. A page puts its own colours in their place.


@dataclass(frozen=True)
class ShownFigure:
    """One figure."""

    name: str  # of its files
    section: str  # of the page that it belongs to
    title: str
    caption: str
    alt: str  # what it shows, for who cannot see it
    pixels: bool = False  # whether it is a picture, whose SVG has nothing but its pixels


@dataclass(frozen=True)
class TrainedModel:
    """Which model a losses.csv is of."""

    method: str
    round: str
    seed: int


@dataclass(frozen=True)
class LabelledRound:
    """Which round labels were made for."""

    method: str
    round: str


def save(shown: Sequence[ShownFigure], folder: Path) -> None:
    """Write a folder's index, with the checksums of the figures' files."""
    files = {path.name: _checksum(path) for one in shown for path in _files(folder, one)}
    seal.save({"figures": [asdict(one) for one in shown], "files": files}, folder / INDEX, version=VERSION)


def opened(folder: Path) -> list[ShownFigure]:
    """What a folder's index lists.

    Raises:
        DataError: The index or a figure's file is not there or damaged.
    """
    remedy = f"delete {folder} and run the same command again"
    index = seal.load(folder / INDEX, version=VERSION, what="the index of figures", remedy=remedy)
    for name, checksum in index["files"].items():
        path = folder / name
        if not path.is_file() or _checksum(path) != checksum:
            got = "another checksum (damaged)" if path.is_file() else "no such file"
            raise DataError(f"{path}: expected the figure as it was drawn, got {got}; {remedy}")
    return [ShownFigure(**one) for one in index["figures"]]


def _files(folder: Path, shown: ShownFigure) -> list[Path]:
    return [folder / f"{shown.name}.{kind}" for kind in ("svg", "png")]


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_losses(path: Path) -> list[dict[str, float]]:
    """Rows of a losses.csv: step, lr and the terms that its window has.

    Raises:
        DataError: It is not there or damaged.
    """
    remedy = "delete it and run the same command again"
    table = seal.load_table(path, what="the losses of a training", remedy=remedy)
    return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(io.StringIO(table))]

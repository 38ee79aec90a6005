"""What a folder of figures shows, and of which trainings; read without what draws them, which takes long to load."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

INDEX = "index.json"
INK, FAINT = "#1b1f24", "#c9ced6"  # text and axes; grids. A page puts its own colours in their place.


@dataclass(frozen=True)
class ShownFigure:
    """One figure."""

    name: str  # of its files
    section: str  # of the page that it belongs to
    title: str
    caption: str
    alt: str  # what it shows, for who cannot see it
    light: bool  # whether it needs white paper: it has colours that a dark page would swallow
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


def opened(folder: Path) -> list[ShownFigure]:
    """What a folder's index lists."""
    return [ShownFigure(**one) for one in json.loads((folder / INDEX).read_text(encoding="utf-8"))]


def read_losses(path: Path) -> list[dict[str, float]]:
    """Rows of a losses.csv: step, lr and the terms that its window has."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]

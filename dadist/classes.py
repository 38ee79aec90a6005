"""The class table: one row per label, with its ids in the data sets and its class in each class set.

The look-ups are made from it.

Sources: SYNTHIA-RAND-CITYSCAPES README (raw ids), Cityscapes label definitions (labelIds, colours, the 19 classes), the
16-, 13- and 7-class tasks of SPIGAN, DADA and CTRL, which the method keeps with their asymmetries, and the authors'
7-class map of Mapillary Vistas, whose labels have names (dadist/data/readers/mapillary.py) and no numbers.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dadist.config.records import Record, parse

IGNORE = 255

Colour = tuple[int, int, int]  # RGB


@dataclass(frozen=True)
class Label:
    """One row: a thing that data sets label."""

    name: str
    synthia: int | None  # raw id, 0..22
    cityscapes: int | None  # labelId, 0..33
    sixteen: int | None  # train id of the 16-class task
    nineteen: int | None  # trainId of Cityscapes
    seven: int | None  # train id of the 7-class task
    starred: bool  # whether mIoU* counts it (the 13 of 16)
    colour: Colour  # of the Cityscapes palette


#          name                 SYN   CS    16    19    7     mIoU*  colour
TABLE = (
    Label("road", 3, 7, 0, 0, 0, True, (128, 64, 128)),
    Label("sidewalk", 4, 8, 1, 1, 0, True, (244, 35, 232)),
    Label("building", 2, 11, 2, 2, 1, True, (70, 70, 70)),
    Label("wall", 21, 12, 3, 3, 1, False, (102, 102, 156)),
    Label("fence", 5, 13, 4, 4, 1, False, (190, 153, 153)),
    Label("pole", 7, 17, 5, 5, 2, False, (153, 153, 153)),
    Label("light", 15, 19, 6, 6, 2, True, (250, 170, 30)),
    Label("sign", 9, 20, 7, 7, 2, True, (220, 220, 0)),
    Label("vegetation", 6, 21, 8, 8, 3, True, (107, 142, 35)),
    Label("sky", 1, 23, 9, 10, 4, True, (70, 130, 180)),
    Label("person", 10, 24, 10, 11, 5, True, (220, 20, 60)),
    Label("rider", 17, 25, 11, 12, 5, True, (255, 0, 0)),
    Label("car", 8, 26, 12, 13, 6, True, (0, 0, 142)),
    Label("bus", 19, 28, 13, 15, 6, True, (0, 60, 100)),
    Label("motorcycle", 12, 32, 14, 17, 6, True, (0, 0, 230)),
    Label("bicycle", 11, 33, 15, 18, 6, True, (119, 11, 32)),
    Label("terrain", 16, 22, None, 9, 3, False, (152, 251, 152)),
    Label("truck", 18, 27, None, 14, 6, False, (0, 0, 70)),
    Label("train", 20, 31, None, 16, 6, False, (0, 80, 100)),
    Label("caravan", None, 29, None, None, 6, False, (0, 0, 90)),
    Label("trailer", None, 30, None, None, 6, False, (0, 0, 110)),
    Label("lane marking", 22, None, None, None, 0, False, (255, 255, 255)),
    # Mapillary Vistas alone. [D] Classes of the 16 and 19 follow Cityscapes: its road has service lanes and crosswalks,
    # its sidewalk curbs and pedestrian areas; parking, rail tracks, guard rails, bridges and backs of signs have none.
    Label("bike lane", None, None, None, None, 0, False, (128, 64, 255)),
    Label("crosswalk", None, None, 0, 0, 0, False, (140, 140, 200)),
    Label("curb cut", None, None, 1, 1, 0, False, (170, 170, 170)),
    Label("parking", None, None, None, None, 0, False, (250, 170, 160)),
    Label("pedestrian area", None, None, 1, 1, 0, False, (96, 96, 96)),
    Label("rail track", None, None, None, None, 0, False, (230, 150, 140)),
    Label("service lane", None, None, 0, 0, 0, False, (110, 110, 110)),
    Label("curb", None, None, 1, 1, 1, False, (196, 196, 196)),
    Label("guard rail", None, None, None, None, 1, False, (180, 165, 180)),
    Label("barrier", None, None, None, None, 1, False, (90, 120, 150)),
    Label("bridge", None, None, None, None, 1, False, (150, 100, 100)),
    Label("tunnel", None, None, None, None, 1, False, (150, 120, 90)),
    Label("pothole", None, None, None, None, 2, False, (70, 100, 150)),
    Label("street light", None, None, None, None, 2, False, (210, 170, 100)),
    Label("utility pole", None, None, 5, 5, 2, False, (0, 0, 80)),
    Label("sign frame", None, None, None, None, 2, False, (128, 128, 128)),
    Label("sign back", None, None, None, None, 2, False, (192, 192, 192)),
    Label("boat", None, None, None, None, 6, False, (150, 0, 255)),
    Label("other vehicle", None, None, None, None, 6, False, (128, 64, 64)),
)

# Ids that a data set defines without a row above: void, parking, road work and the like.
UNLABELLED = {"synthia": (0, 13, 14), "cityscapes": (0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 255)}

SEVEN: tuple[tuple[str, Colour], ...] = (
    ("flat", (128, 64, 128)),
    ("construction", (70, 70, 70)),
    ("object", (220, 220, 0)),
    ("nature", (107, 142, 35)),
    ("sky", (70, 130, 180)),
    ("human", (220, 20, 60)),
    ("vehicle", (0, 0, 142)),
)

# Where one data set's label goes elsewhere than its row says; None: it is ignored. Those of the 7 classes are the
# authors' (and DADA's, CTRL's, SPIGAN's); that Vistas' markings lie on the road is this project's choice.
ASYMMETRIES: dict[str, dict[str, str | None]] = {
    "16": {"mapillary/lane marking": "road"},
    "19": {"mapillary/lane marking": "road"},
    "7": {
        "synthia/wall": None,
        "synthia/rider": None,
        "synthia/bus": None,
        "synthia/motorcycle": None,
        "synthia/terrain": None,
        "synthia/truck": None,
        "synthia/train": None,
        "mapillary/terrain": "flat",
    },
}


@dataclass(frozen=True)
class Category(Record):
    """One class of a class set."""

    name: str
    colour: Colour
    of: tuple[str, ...]  # labels that it holds; "mapillary/terrain": that data set's alone
    starred: bool  # whether mIoU* counts it


@dataclass(frozen=True)
class ClassSet(Record):
    """What a network tells apart, in train-id order; files carry it whole, so that they explain themselves."""

    name: str
    categories: tuple[Category, ...]
    ignored: tuple[str, ...]  # "synthia/wall": labels of one data set that stay without a class

    def __post_init__(self) -> None:
        if not 2 <= len(self.categories) < IGNORE:
            raise ValueError(f"class set {self.name}: expected 2 to {IGNORE - 1} classes, got {len(self.categories)}")
        for what, listed in (("class", self.names), ("label", [one for row in self.categories for one in row.of])):
            if double := next((one for one in listed if listed.count(one) > 1), None):
                raise ValueError(f"class set {self.name}: expected each {what} once, got {double!r} twice")

    def __len__(self) -> int:
        return len(self.categories)

    @property
    def names(self) -> list[str]:
        """Class names."""
        return [one.name for one in self.categories]

    @property
    def colours(self) -> NDArray[np.uint8]:
        """Palette, ``(C, 3)`` RGB."""
        return np.array([one.colour for one in self.categories], np.uint8)

    @property
    def starred(self) -> list[int]:
        """Train ids that mIoU* averages: 13 of the 16 (no wall, fence, pole), all of most others."""
        return [index for index, one in enumerate(self.categories) if one.starred]

    def train_id(self, dataset: str, label: str) -> int:
        """Class of a data set's label; ``IGNORE`` if the set has none for it."""
        qualified = f"{dataset}/{label}"
        if qualified in self.ignored:
            return IGNORE
        for wanted in (qualified, label):
            for index, one in enumerate(self.categories):
                if wanted in one.of:
                    return index
        return IGNORE

    def lookup(self, dataset: str, ids: Mapping[int, str | None]) -> NDArray[np.uint8]:
        """Table ``(256,)`` from a raw id to a train id, ``IGNORE`` where there is no class.

        Args:
            dataset: Name that qualifies its labels.
            ids: Raw id → label, as `ids` or a reader gives them.
        """
        table = np.full(256, IGNORE, np.uint8)
        for raw, label in ids.items():
            if label is not None:
                table[raw] = self.train_id(dataset, label)
        return table

    def asymmetries(self, datasets: Sequence[str]) -> list[str]:
        """What this class set does to labels of one of ``datasets`` and not to others', one sentence per data set."""
        sentences = []
        for dataset in dict.fromkeys(datasets):
            moved = {key: one.name for one in self.categories for key in one.of if "/" in key}
            told = [
                f"{label} {what}"
                for key, what in {**dict.fromkeys(self.ignored, "ignored"), **moved}.items()
                for owner, _, label in [key.partition("/")]
                if owner == dataset
            ]
            if told:
                sentences.append(f"class set {self.name} takes {dataset} unlike other data sets: {', '.join(told)}")
        return sentences

    def as_json(self) -> str:
        """All of it as text, for a file to carry."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ClassSet":
        """What `as_json` wrote; ValueError for anything else."""
        return parse(cls, json.loads(text), "classes")


def _built_in(name: str, column: str, titles: Sequence[tuple[str, Colour, bool]]) -> ClassSet:
    odd = ASYMMETRIES[name]
    categories = []
    for index, (title, colour, starred) in enumerate(titles):
        rows = [row.name for row in TABLE if getattr(row, column) == index]
        extra = [label for label, goes in odd.items() if goes == title]
        categories.append(Category(title, colour, (*rows, *extra), starred))
    return ClassSet(name, tuple(categories), tuple(label for label, goes in odd.items() if goes is None))


def _titles(column: str) -> list[tuple[str, Colour, bool]]:
    """Name, colour and star of each class of a column: those of its first row."""
    first: dict[int, Label] = {}
    for row in TABLE:
        if (index := getattr(row, column)) is not None:
            first.setdefault(index, row)
    rows = [first[index] for index in sorted(first)]
    return [(row.name, row.colour, row.starred or column != "sixteen") for row in rows]


def _starred_of(whole: ClassSet) -> ClassSet:
    return ClassSet("13", tuple(one for one in whole.categories if one.starred), whole.ignored)


_SIXTEEN = _built_in("16", "sixteen", _titles("sixteen"))
CLASS_SETS = {
    "16": _SIXTEEN,
    "13": _starred_of(_SIXTEEN),
    "7": _built_in("7", "seven", [(name, colour, True) for name, colour in SEVEN]),
    "19": _built_in("19", "nineteen", _titles("nineteen")),
}


def ids(dataset: str) -> dict[int, str | None]:
    """Raw id → label of the rows above, for "synthia" or "cityscapes"; None: defined, but void or the like."""
    table: dict[int, str | None] = dict.fromkeys(UNLABELLED[dataset])
    return table | {raw: row.name for row in TABLE if (raw := getattr(row, dataset)) is not None}


def colourise(labels: NDArray[np.uint8], classes: ClassSet) -> NDArray[np.uint8]:
    """Train ids ``(H, W)`` as RGB ``(H, W, 3)``; ignored pixels are black."""
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(classes)] = classes.colours
    return palette[labels]

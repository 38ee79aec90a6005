"""The class table: one row a class, its ids in every data set; every look-up is derived from it.

Sources: SYNTHIA-RAND-CITYSCAPES README (raw ids), Cityscapes label definitions (labelIds, colours), and the
16- and 7-class tasks of SPIGAN, DADA and CTRL, which the method keeps with their asymmetries: in the 7-class task
wall, rider, bus and motorcycle are ignored on SYNTHIA although Cityscapes counts them, and lane marking is ignored
in the 16-class task but flat in the 7-class one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IGNORE = 255


@dataclass(frozen=True)
class Class:
    """One row: a thing that a data set labels."""

    name: str
    synthia: int | None  # raw id, 0..22
    cityscapes: int | None  # labelId, 0..33
    sixteen: int | None  # train id of the 16-class task
    seven: int | None  # train id of the 7-class task
    synthia_seven: bool  # whether SYNTHIA counts it in the 7-class task
    starred: bool  # whether mIoU* counts it (the 13 of 16)
    colour: tuple[int, int, int]  # RGB of the Cityscapes palette


#          name            SYN   CS    16    7   SYN7   mIoU*  colour
TABLE = (
    Class("road", 3, 7, 0, 0, True, True, (128, 64, 128)),
    Class("sidewalk", 4, 8, 1, 0, True, True, (244, 35, 232)),
    Class("building", 2, 11, 2, 1, True, True, (70, 70, 70)),
    Class("wall", 21, 12, 3, 1, False, False, (102, 102, 156)),
    Class("fence", 5, 13, 4, 1, True, False, (190, 153, 153)),
    Class("pole", 7, 17, 5, 2, True, False, (153, 153, 153)),
    Class("light", 15, 19, 6, 2, True, True, (250, 170, 30)),
    Class("sign", 9, 20, 7, 2, True, True, (220, 220, 0)),
    Class("vegetation", 6, 21, 8, 3, True, True, (107, 142, 35)),
    Class("sky", 1, 23, 9, 4, True, True, (70, 130, 180)),
    Class("person", 10, 24, 10, 5, True, True, (220, 20, 60)),
    Class("rider", 17, 25, 11, 5, False, True, (255, 0, 0)),
    Class("car", 8, 26, 12, 6, True, True, (0, 0, 142)),
    Class("bus", 19, 28, 13, 6, False, True, (0, 60, 100)),
    Class("motorcycle", 12, 32, 14, 6, False, True, (0, 0, 230)),
    Class("bicycle", 11, 33, 15, 6, True, True, (119, 11, 32)),
    Class("lane marking", 22, None, None, 0, True, False, (255, 255, 255)),
    Class("terrain", 16, 22, None, 3, False, False, (152, 251, 152)),
    Class("truck", 18, 27, None, 6, False, False, (0, 0, 70)),
    Class("caravan", None, 29, None, 6, False, False, (0, 0, 90)),
    Class("trailer", None, 30, None, 6, False, False, (0, 0, 110)),
    Class("train", 20, 31, None, 6, False, False, (0, 80, 100)),
)

# Ids that a data set defines without a row above: void, parking, road work and the like.
UNLABELLED = {"synthia": (0, 13, 14), "cityscapes": (0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 255)}

SEVEN = (
    ("flat", (128, 64, 128)),
    ("construction", (70, 70, 70)),
    ("object", (220, 220, 0)),
    ("nature", (107, 142, 35)),
    ("sky", (70, 130, 180)),
    ("human", (220, 20, 60)),
    ("vehicle", (0, 0, 142)),
)

CLASS_SETS = ("16", "7")


def names(classes: str) -> list[str]:
    """Class names of the set ``"16"`` or ``"7"``, in train-id order."""
    if classes == "7":
        return [name for name, _ in SEVEN]
    return [row.name for row in _sixteen(classes)]


def colours(classes: str) -> NDArray[np.uint8]:
    """Palette of a class set, ``(C, 3)`` RGB."""
    if classes == "7":
        return np.array([colour for _, colour in SEVEN], np.uint8)
    return np.array([row.colour for row in _sixteen(classes)], np.uint8)


def starred(classes: str) -> list[int]:
    """Train ids that mIoU* averages: 13 of the 16 (no wall, fence, pole); all of the 7."""
    if classes == "7":
        return list(range(len(SEVEN)))
    return [index for index, row in enumerate(_sixteen(classes)) if row.starred]


def lookup(dataset: str, classes: str) -> NDArray[np.uint8]:
    """Table from a raw id of ``dataset`` ("synthia" or "cityscapes") to a train id.

    Returns:
        ``(256,)``; ``IGNORE`` where the class set has no such class.

    Raises:
        ValueError: for an unknown class set.
    """
    names(classes)
    table = np.full(256, IGNORE, np.uint8)
    for row in TABLE:
        raw = getattr(row, dataset)
        train = row.sixteen if classes == "16" else row.seven
        if classes == "7" and dataset == "synthia" and not row.synthia_seven:
            train = None
        if raw is not None and train is not None:
            table[raw] = train
    return table


def known(dataset: str) -> NDArray[np.bool_]:
    """Which raw ids ``dataset`` defines at all, ``(256,)``; any other in a label file is a fault."""
    table = np.zeros(256, bool)
    table[list(UNLABELLED[dataset])] = True
    table[[raw for row in TABLE if (raw := getattr(row, dataset)) is not None]] = True
    return table


def colourise(labels: NDArray[np.uint8], classes: str) -> NDArray[np.uint8]:
    """Train ids ``(H, W)`` as RGB ``(H, W, 3)``; ignored pixels are black."""
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(names(classes))] = colours(classes)
    return palette[labels]


def _sixteen(classes: str) -> list[Class]:
    if classes != "16":
        raise ValueError(f"classes: expected one of {', '.join(CLASS_SETS)}, got {classes!r}")
    return [row for row in TABLE if row.sixteen is not None]

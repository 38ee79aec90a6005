"""Published numbers, as their papers quote them: never measured here, and never under one protocol.

Source of all rows: Wu & Liu, NeurIPS 2022, poster, Tables 1 and 2, percent. The means are as printed there; where the
classes of a row average to another number, its note says so. Numbers of the methods' own papers and repositories that
differ from the poster's stand in the notes.
"""

from dataclasses import dataclass

Rates = tuple[float | None, ...]


@dataclass(frozen=True)
class Quoted:
    """One row of a published table."""

    target: str  # data set
    classes: str  # name of the class set
    size: str  # of the network's input: "full" or "small" (640x320)
    method: str
    rates: Rates  # IoU of each class, percent; None where there is none
    miou: float | None  # as printed
    miou_star: float | None  # of the 13 of 16, as printed
    note: str  # protocol: what makes it differ from the others


def _iou(text: str) -> Rates:
    return tuple(None if one == "-" else float(one) for one in text.split())


_VGG = "FCN8s on VGG16, not DeepLab on ResNet-101; uses depth"
_COCO = "started from weights of ImageNet and COCO; 13 classes only"
_OURS = (
    "the method of this project by its authors: target input of 1280x760 where the others have 1024x512, "
    "class-weighted source loss, self-training, the best snapshot by target labels"
)
_SEVEN = "7 classes; numbers of Mapillary depend on the size the labels are compared at, which is not stated"

# fmt: off
TABLE = (
    Quoted("cityscapes", "16", "full", "SPIGAN",
           _iou("71.1 29.8 71.4 3.7 0.3 33.2 6.4 15.6 81.2 78.9 52.7 13.1 75.9 25.5 10.0 20.5"),
           36.8, 42.4, _VGG),
    Quoted("cityscapes", "16", "full", "AdaptSegNet",
           _iou("79.2 37.2 78.8 - - - 9.9 10.5 78.2 80.5 53.5 19.6 67.0 29.5 21.6 31.3"),
           None, 45.9, f"{_COCO}; the single-level variant, its paper's multi-level one has 46.7"),
    Quoted("cityscapes", "16", "full", "AdaptPatch",
           _iou("82.2 39.4 79.4 - - - 6.5 10.8 77.8 82.0 54.9 21.1 67.7 30.7 17.8 32.2"),
           None, 46.3, "13 classes only; the first preprint, the ICCV paper has 40.0 (46.5)"),
    Quoted("cityscapes", "16", "full", "CLAN",
           _iou("81.3 37.0 80.1 - - - 16.1 13.7 78.2 81.5 53.4 21.2 73.0 32.9 22.6 30.7"),
           None, 47.8, f"{_COCO}; a classifier of 19"),
    Quoted("cityscapes", "16", "full", "ADVENT",
           _iou("87.0 44.1 79.7 9.6 0.6 24.3 4.8 7.2 80.1 83.6 56.4 23.7 72.7 32.6 12.8 33.7"),
           40.8, 47.6, "without the ensemble with MinEnt, which has 41.2 (48.0)"),
    Quoted("cityscapes", "16", "full", "DADA",
           _iou("89.2 44.8 81.4 6.8 0.3 26.2 8.6 11.1 81.8 84.0 54.7 19.3 79.7 40.7 14.0 38.8"),
           42.6, 49.8, "uses depth"),
    Quoted("cityscapes", "16", "full", "CTRL",
           _iou("86.9 43.0 80.7 19.2 0.9 27.2 11.6 12.6 81.3 83.2 60.7 24.0 84.2 46.2 22.0 44.2"),
           45.5, 52.4, "uses depth; its repository has 44.9 (51.3) at best"),
    Quoted("cityscapes", "16", "full", "Depth Distribution",
           _iou("85.3 40.2 79.7 19.6 1.3 29.4 29.7 32.2 82.5 79.2 64.3 26.7 85.2 49.4 22.7 44.9"),
           48.2, 55.5, f"uses depth; {_OURS}; the classes average to 48.27"),
    Quoted("cityscapes", "7", "small", "SPIGAN",
           _iou("91.2 66.4 9.6 56.8 71.5 17.7 60.3"),
           53.4, None, _VGG),
    Quoted("cityscapes", "7", "small", "ADVENT",
           _iou("86.3 72.7 12.0 70.4 81.2 29.8 62.9"),
           59.4, None, "7 classes"),
    Quoted("cityscapes", "7", "small", "DADA",
           _iou("89.6 76.0 16.3 74.4 78.3 43.8 65.7"),
           63.4, None, "uses depth"),
    Quoted("cityscapes", "7", "small", "CTRL",
           _iou("90.8 77.5 15.7 77.1 82.9 45.3 68.6"),
           65.4, None, "uses depth"),
    Quoted("cityscapes", "7", "small", "Depth Distribution",
           _iou("92.6 78.2 23.4 77.2 82.9 49.6 69.8"),
           67.7, None, f"uses depth; {_OURS}"),
    Quoted("cityscapes", "7", "full", "ADVENT",
           _iou("89.6 77.8 22.1 76.3 81.4 54.7 68.7"),
           67.2, None, "7 classes"),
    Quoted("cityscapes", "7", "full", "DADA",
           _iou("92.3 78.3 25.0 75.5 82.2 58.7 72.4"),
           69.2, None, "uses depth; 70.4 is printed, but the classes average to 69.2, as CTRL's repository has"),
    Quoted("cityscapes", "7", "full", "CTRL",
           _iou("92.4 80.7 27.7 78.1 83.6 59.0 78.6"),
           71.4, None, "uses depth; its repository has 72.3 at best"),
    Quoted("cityscapes", "7", "full", "Depth Distribution",
           _iou("92.4 81.8 34.3 78.9 82.0 64.5 74.1"),
           72.6, None, f"uses depth; {_OURS}"),
    Quoted("mapillary", "7", "small", "SPIGAN",
           _iou("74.1 47.1 6.8 43.3 83.7 11.2 42.2"),
           44.1, None, f"{_VGG}; {_SEVEN}"),
    Quoted("mapillary", "7", "small", "ADVENT",
           _iou("82.7 51.8 18.4 67.8 79.5 22.7 54.9"),
           54.0, None, _SEVEN),
    Quoted("mapillary", "7", "small", "DADA",
           _iou("83.8 53.7 20.5 62.1 84.5 26.6 59.2"),
           55.8, None, f"uses depth; {_SEVEN}"),
    Quoted("mapillary", "7", "small", "CTRL",
           _iou("86.6 57.4 19.7 73.0 87.5 45.1 68.1"),
           62.5, None, f"uses depth; its repository has 61.9; {_SEVEN}"),
    Quoted("mapillary", "7", "small", "Depth Distribution",
           _iou("86.2 58.7 19.4 68.9 86.1 40.4 62.4"),
           60.3, None, f"uses depth; {_OURS}; {_SEVEN}"),
    Quoted("mapillary", "7", "full", "ADVENT",
           _iou("86.9 58.8 30.5 74.1 85.1 48.3 72.5"),
           65.2, None, _SEVEN),
    Quoted("mapillary", "7", "full", "DADA",
           _iou("86.7 62.1 34.9 75.9 88.6 51.1 73.8"),
           67.6, None, f"uses depth; input of 1024x768; {_SEVEN}"),
    Quoted("mapillary", "7", "full", "CTRL",
           _iou("88.5 59.2 27.8 79.4 85.7 64.4 79.6"),
           69.2, None, f"uses depth; its repository has 71.8 at best; input of 1024x768; {_SEVEN}"),
    Quoted("mapillary", "7", "full", "Depth Distribution",
           _iou("87.7 68.6 33.7 74.8 93.0 61.4 73.4"),
           70.4, None, f"uses depth; {_OURS}; {_SEVEN}"),
)
# fmt: on


def quoted(source: str, target: str, classes: str, size: tuple[int, int]) -> list[Quoted]:
    """The rows of one task, in the poster's order; none for a task that it does not have.

    Args:
        source: Data set.
        target: Data set.
        classes: Name of the class set.
        size: Width and height of the network's input; up to 640x320 the rows of the small input are taken.
    """
    small = "small" if size[0] * size[1] <= 640 * 320 and classes == "7" else "full"
    return [
        row for row in TABLE if source == "synthia" and (row.target, row.classes, row.size) == (target, classes, small)
    ]

"""What the test servers of benchmarks want: the number of a class, the size of an image, the name of a file.

Sources: cityscapesScripts; the devkit of KITTI's semantics; the documentation of BDD100K (evaluation, format); README
and helpers/anue_labels.py of AutoNUE/public-code for IDD; acdc.vision.ee.ethz.ch/submit, as papers' code tells.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dadist.classes import TABLE, ClassSet, ids

LABEL_IDS = {row.name: row.cityscapes for row in TABLE if row.cityscapes is not None}
TRAIN_IDS = {row.name: row.nineteen for row in TABLE if row.cityscapes is not None and row.nineteen is not None}
# level3Ids of IDD, of labels with a csTrainId: terrain is "non-drivable fallback", a train one of the vehicles.
LEVEL_3_IDS = {
    **{"road": 0, "sidewalk": 2, "terrain": 3, "person": 4, "rider": 5, "motorcycle": 6, "bicycle": 7, "car": 9},
    **{"truck": 10, "bus": 11, "train": 12, "wall": 14, "fence": 15, "sign": 18, "light": 19, "pole": 20},
    **{"building": 22, "vegetation": 24, "sky": 25},
}


@dataclass(frozen=True)
class Server:
    """A benchmark's."""

    format: str  # the word for it
    owner: str  # of the images
    what: str  # a number is, in words
    numbers: Mapping[str, int]  # label of Cityscapes → number of its class
    image: str  # a name of an image, as an example
    name: str  # regular expression of such names, of the end of a path; its groups are what the file is called by
    file: str  # the file's name, made of these groups
    shown: tuple[int, int] | None = None  # pixels across and down, or the shape of them; None: any
    size: tuple[int, int] | None = None  # pixels of what is written; None: those of the image

    def file_of(self, name: str) -> str:
        """What the prediction of an image is called, by its name without extension.

        Raises:
            ValueError: The name is none of this benchmark's.
        """
        found = re.search(rf"(?:^|/){self.name}$", name)
        if found is None:
            raise ValueError(
                f"{name}: expected a name like {self.image}, for --format {self.format}, got another; "
                f"give images of {self.owner}"
            )
        return found.expand(self.file)

    def require_size(self, width: int, height: int) -> None:
        """Raise ValueError for an image of a shape, or of a size, that this benchmark's have not."""
        if self.shown is None:
            return
        fits = (width, height) == self.shown if self.size is None else width * self.shown[1] == height * self.shown[0]
        if not fits:
            wanted = "x".join(map(str, self.shown)) + ("" if self.size is None else " or of that shape")
            raise ValueError(f"expected an image of {self.owner}, {wanted}, got {width}x{height}")

    def numbers_of(self, classes: ClassSet) -> NDArray[np.uint8]:
        """Number of each train id, ``(C,)``.

        Raises:
            ValueError: A class holds several labels that have one, or none.
        """
        found = []
        labels = [label for label in ids("cityscapes").values() if label in self.numbers]
        for index, name in enumerate(classes.names):
            own = sorted(self.numbers[one] for one in labels if one and classes.train_id("cityscapes", one) == index)
            if len(own) != 1:
                got = f"{len(own)} ({', '.join(map(str, own))})" if own else "none"
                raise ValueError(
                    f"class {name!r} of class set {classes.name}: expected one {self.what}, got {got}; "
                    f"--format {self.format} needs a model of the 19 or 16 classes"
                )
            found.append(own[0])
        return np.array(found, np.uint8)


SERVERS = {
    one.format: one
    for one in (
        Server(
            format="cityscapes",
            owner="Cityscapes",
            what="label id of Cityscapes",
            numbers=LABEL_IDS,
            image="berlin_000000_000019_leftImg8bit",
            name=r"([^_/]+_\d{6}_\d{6})(?:_[^/]*)?",  # city, sequence, frame
            file=r"\1_pred.png",
            shown=(2048, 1024),
            size=(2048, 1024),
        ),
        Server(
            format="kitti",
            owner="KITTI",
            what="label id of Cityscapes",
            numbers=LABEL_IDS,
            image="000000_10",
            name=r"(\d{6}_\d{2})",
            file=r"\1.png",
        ),
        Server(
            format="bdd100k",
            owner="BDD100K",
            what="train id of Cityscapes",
            numbers=TRAIN_IDS,
            image="cabc30fc-e7726578",
            name=r"([0-9a-f]{8}-[0-9a-f]{8})",
            file=r"\1.png",
        ),
        Server(
            format="acdc",
            owner="ACDC",
            what="train id of Cityscapes",
            numbers=TRAIN_IDS,
            image="GOPR0475_frame_000247_rgb_anon",
            name=r"([^/]+_rgb_anon)",
            file=r"\1.png",
            shown=(1920, 1080),
        ),
        Server(
            format="idd",
            owner="IDD",
            what="level3Id of IDD",
            numbers=LEVEL_3_IDS,
            image="0/005506_leftImg8bit",
            name=r"([^/]+/[^/]+)_leftImg8bit",  # drive, frame
            file=r"\1_gtFine_labellevel3Ids.png",
        ),
    )
}

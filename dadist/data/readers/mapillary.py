"""Mapillary Vistas: street scenes of the world in many sizes; 18000 images to train, 2000 to validate.

    config_v1.2.json, config_v2.0.json                    names of the labels, in the order of their ids, and colours
    {training,validation}/images/*.jpg
    {training,validation}/{v1.2,v2.0}/labels/*.png        palette PNGs whose index is the id

The package 1.1 has ``config.json`` and ``{training,validation}/labels/``; a folder ``train`` does for ``training``.
Without ``labels`` no label folder is looked at.

Source: the config files of the packages (66 and 124 labels).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from dadist.config.records import Record, key
from dadist.data.readers.base import Files, Reader, WrongPackageError
from dadist.data.readers.label_files import Colour, Drawn, decode_labels, ids_of
from dadist.data.readers.listing import listing, require
from dadist.storage.errors import DataError

# A name, or what names begin with, and the label of classes.py that it is; None: it has no class anywhere. The longest
# that fits counts. The 66 labels of version 1.2 go where the authors' 7 classes have them. [D] marks names of 2.0
# alone: they go with the name of 1.2 that held them, or where Cityscapes has them (a traffic island is sidewalk).
NAMES: tuple[tuple[str, str | None], ...] = (
    ("animal", None),
    ("construction--barrier", "barrier"),  # [D] concrete blocks, road sides, separators and the like
    ("construction--barrier--curb", "curb"),
    ("construction--barrier--fence", "fence"),
    ("construction--barrier--guard-rail", "guard rail"),
    ("construction--barrier--wall", "wall"),
    ("construction--flat--bike-lane", "bike lane"),
    ("construction--flat--crosswalk-plain", "crosswalk"),
    ("construction--flat--curb-cut", "curb cut"),
    ("construction--flat--driveway", "parking"),  # [D] neither road nor sidewalk
    ("construction--flat--parking", "parking"),
    ("construction--flat--parking-aisle", "parking"),  # [D]
    ("construction--flat--pedestrian-area", "pedestrian area"),
    ("construction--flat--rail-track", "rail track"),
    ("construction--flat--road", "road"),
    ("construction--flat--road-shoulder", "service lane"),  # [D] has the colour of the service lane
    ("construction--flat--service-lane", "service lane"),
    ("construction--flat--sidewalk", "sidewalk"),
    ("construction--flat--traffic-island", "pedestrian area"),  # [D]
    ("construction--structure--bridge", "bridge"),
    ("construction--structure--building", "building"),
    ("construction--structure--garage", "building"),  # [D]
    ("construction--structure--tunnel", "tunnel"),
    ("human--person", "person"),
    ("human--rider", "rider"),
    ("marking", "lane marking"),
    ("marking-only", "lane marking"),  # [D]
    ("nature", None),
    ("nature--sky", "sky"),
    ("nature--terrain", "terrain"),
    ("nature--vegetation", "vegetation"),
    ("object", None),
    ("object--pothole", "pothole"),
    ("object--street-light", "street light"),
    ("object--support--pole", "pole"),
    ("object--support--pole-group", "pole"),  # [D]
    ("object--support--traffic-sign-frame", "sign frame"),
    ("object--support--utility-pole", "utility pole"),
    ("object--traffic-light", "light"),
    ("object--traffic-sign", "sign"),
    ("object--traffic-sign--ambiguous", "sign back"),  # [D] has the colour of the back
    ("object--traffic-sign--back", "sign back"),
    ("object--traffic-sign--direction-back", "sign back"),  # [D]
    ("object--traffic-sign--temporary-back", "sign back"),  # [D]
    ("object--vehicle--bicycle", "bicycle"),
    ("object--vehicle--boat", "boat"),
    ("object--vehicle--bus", "bus"),
    ("object--vehicle--car", "car"),
    ("object--vehicle--caravan", "caravan"),
    ("object--vehicle--motorcycle", "motorcycle"),
    ("object--vehicle--on-rails", "train"),
    ("object--vehicle--other-vehicle", "other vehicle"),
    ("object--vehicle--trailer", "trailer"),
    ("object--vehicle--truck", "truck"),
    ("object--vehicle--vehicle-group", "car"),  # [D] has the colour of the car
    ("object--vehicle--wheeled-slow", "other vehicle"),
    ("void", None),
)
FOLDERS = {"train": ("training", "train"), "val": ("validation", "val")}
CONFIGS = {"v1.2": ("config_v1.2.json", "config.json"), "v2.0": ("config_v2.0.json",)}
LABELS = {"v1.2": ("v1.2/labels", "labels"), "v2.0": ("v2.0/labels",)}
UNPACK = "unpack the package mapillary-vistas-dataset_public there"
Row = tuple[str, str | None, Colour]  # name, label and colour of an id


@dataclass(frozen=True)
class Options(Record):
    """The domain's own keys."""

    version: Annotated[Literal["v1.2", "v2.0"], key("Of the labels: 66 or 124.")]


class Mapillary(Reader):
    """Reads the packages as they are shipped.

    Args:
        version: Of the labels.
    """

    dataset = "mapillary"
    splits = ("train", "val")  # the labels of "testing" are not public
    labelled = ("train", "val")
    counts = MappingProxyType({"train": 18000, "val": 2000})
    shipped = """Mapillary Vistas, research edition (mapillary.com/dataset/vistas), unpacked so that the folder holds
    config_v1.2.json (version: v1.2; or config.json, of package 1.1), config_v2.0.json (version: v2.0)
    {training,validation}/images/*.jpg                    18000 and 2000 images
    validation/{v1.2,v2.0}/labels/*.png                   or validation/labels/; training/…/labels is not needed"""

    def __init__(self, version: str) -> None:
        self.version = version
        self.other = next(one for one in CONFIGS if one != version)
        self._configs: dict[Path, list[Row]] = {}

    def ids(self, root: Path) -> dict[int, str | None]:
        """One id per label of the config file, in its order.

        Raises:
            FileNotFoundError: There is no config file of this version.
            DataError: It names something else than labels of Vistas.
        """
        return dict(enumerate(label for _, label, _ in self._config(root)))

    def files(self, root: Path, split: str, *, labels: bool, depth: bool) -> list[Files]:
        """The scenes of ``"train"`` or ``"val"``, named like the images."""
        if split not in self.splits:
            raise ValueError(f"split of Mapillary: expected one of {', '.join(self.splits)}, got {split!r}")
        if depth:
            raise ValueError(
                "depth of Mapillary: expected depth = False, got True; Vistas has none: "
                "take a source with depth, such as SYNTHIA"
            )
        folder = _first([root / name for name in FOLDERS[split]])
        images = listing(folder / "images", "*.jpg", UNPACK)
        if not labels:
            return [Files(image.stem, image, None, None) for image in images]
        self._config_file(root)
        place = self._label_folder(folder)
        found = require([place / f"{image.stem}.png" for image in images], f"the copy is not complete: {UNPACK}")
        return [Files(image.stem, image, path, None) for image, path in zip(images, found, strict=True)]

    def read_labels(self, path: Path) -> NDArray[np.uint8]:
        """Label ids: numbers; the indices of a palette PNG; or those whose colours in the config file are seen.

        An index is an id where the palette has the colour of the config file for it. A program that has sorted the
        palette anew changes all indices, and no colour.

        Raises:
            DataError: It is 16-bit, or has a colour that stands for no label or for more than one.
        """
        drawn = decode_labels(path)
        if drawn.bits > 8:
            raise DataError(
                f"{path}: expected a palette PNG of label ids, got {drawn.kind}; "
                "take the folder labels/ of the package, not instances/ or panoptic/"
            )
        if drawn.numbers and drawn.alpha is None:
            return drawn.void(drawn.values, 0)
        rows = self._config_of(path)
        void = max((raw for raw, (_, label, _) in enumerate(rows) if label is None), default=255)
        if drawn.numbers or _palette_of(rows, drawn):
            return drawn.void(drawn.values, void)
        ids = ids_of(path, drawn, _alone(rows), f"take the palette PNGs of labels/ of version {self.version}")
        return drawn.void(ids, void)

    def read_depth(self, path: Path) -> NDArray[np.uint16]:
        """Never called: `files` gives no depth."""
        raise ValueError(f"{path}: expected no depth to be asked of Mapillary; Vistas has none")

    def _config_of(self, labels: Path) -> list[Row]:
        """The config of the package that a label file lies in, read once."""
        names = CONFIGS[self.version]
        root = next((up for up in labels.parents[1:4] if any((up / name).is_file() for name in names)), None)
        if root is None:
            raise FileNotFoundError(f"{labels}: expected {names[0]} above it for its colours, found none; {UNPACK}")
        if root not in self._configs:
            self._configs[root] = self._config(root)
        return self._configs[root]

    def _config(self, root: Path) -> list[Row]:
        """Name, label and colour of each id."""
        path = self._config_file(root)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            rows = [(str(row["name"]), tuple(map(int, row["color"]))) for row in content["labels"]]
            version = str(content.get("version", self.version[1:]))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: expected the config of Vistas, got {error!r}; {UNPACK} again") from error
        if version[0] != self.version[1]:
            raise DataError(
                f"{path}: expected labels of version {self.version[1:]}, got {version}; "
                f"set `version: {self.other}` in the domain"
            )
        return [(name, _label(path, name), (colour[0], colour[1], colour[2])) for name, colour in rows]

    def _config_file(self, root: Path) -> Path:
        path = _first([root / name for name in CONFIGS[self.version]])
        if not path.is_file():
            said = f"{path}: expected the names of the labels, found no such file"
            if any((root / name).is_file() for name in CONFIGS[self.other]):
                meant = f"set `version: {self.other}` in the domain"
                raise WrongPackageError(f"{said}; the folder has labels of {self.other}: {meant}, or {UNPACK}")
            raise FileNotFoundError(f"{said}; {UNPACK}")
        return path

    def _label_folder(self, split: Path) -> Path:
        place = _first([split / name for name in LABELS[self.version]])
        if not place.is_dir():
            remedy = UNPACK
            if any((split / name).is_dir() for name in LABELS[self.other]):
                remedy = (
                    f"the folder has labels of {self.other}: set `version: {self.other}` in the domain, or {UNPACK}"
                )
            raise FileNotFoundError(f"{place}: expected a folder with *.png, found no such folder; {remedy}")
        return place


def _palette_of(rows: list[Row], drawn: Drawn) -> bool:
    """Whether a file has a palette with the colours of the config, as far as it is used and the config goes."""
    if drawn.palette is None:
        return False
    listed, used = drawn.palette.tolist(), np.unique(drawn.values[drawn.seen()]).tolist()
    return all(listed[raw : raw + 1] == [[*rows[raw][2]]] for raw in used if raw < len(rows))


def _alone(rows: list[Row]) -> dict[Colour, int]:
    """Id of each colour that stands for one label: 2.0 gives some to several names."""
    meant: dict[Colour, set[str | None]] = {}
    for _, label, colour in rows:
        meant.setdefault(colour, set()).add(label)
    return {colour: raw for raw, (_, _, colour) in enumerate(rows) if len(meant[colour]) == 1}


def _first(paths: list[Path]) -> Path:
    """The first that exists, or else the first."""
    return next((path for path in paths if path.exists()), paths[0])


def _label(path: Path, name: str) -> str | None:
    """The label of a name: of the longest row that it is or begins with."""
    fits = [(len(row), label) for row, label in NAMES if name == row or name.startswith(f"{row}--")]
    if not fits:
        raise DataError(f"{path}: expected names of Mapillary Vistas, got {name!r}; {UNPACK} again")
    return max(fits, key=lambda fit: fit[0])[1]


def reader(options: Options) -> Reader:
    """For one version of the labels."""
    return Mapillary(options.version)

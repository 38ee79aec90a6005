"""Miniature Mapillary Vistas packages of rendered streets, laid out as the published ones are, for the tests to read.

Names, order and colours of the labels are those of the packages' config files (versions 1.2 and 2.0).
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.classes import CLASS_SETS, IGNORE
from dadist.config.schema import SOURCE_APPEARANCE, Appearance
from dadist.data.streets.render import LANE, render

# What the renderer draws, by the names of either version: of each, the first that the version has.
NAMES = {
    "road": ["construction--flat--road"],
    "sidewalk": ["construction--flat--sidewalk"],
    "building": ["construction--structure--building"],
    "wall": ["construction--barrier--wall"],
    "fence": ["construction--barrier--fence"],
    "pole": ["object--support--pole"],
    "light": ["object--traffic-light", "object--traffic-light--general-upright"],
    "sign": ["object--traffic-sign--front"],
    "vegetation": ["nature--vegetation"],
    "sky": ["nature--sky"],
    "person": ["human--person", "human--person--individual"],
    "rider": ["human--rider--bicyclist"],
    "car": ["object--vehicle--car"],
    "bus": ["object--vehicle--bus"],
    "motorcycle": ["object--vehicle--motorcycle"],
    "bicycle": ["object--vehicle--bicycle"],
    "lane marking": ["marking--general", "marking--continuous--solid"],
    "nothing": ["void--ego-vehicle"],
}
FOLDERS = {"train": "training", "val": "validation"}


def labels_of(version: str) -> list[tuple[str, tuple[int, int, int]]]:
    """Name and colour of each label of a version, in the order of the ids."""
    rows = [line.split() for line in LABELS.split("\n") if line]
    return [
        (name, (int(hexa[:2], 16), int(hexa[2:4], 16), int(hexa[4:], 16)))
        for name, hexa, *alone in rows
        if alone in ([], [version])
    ]


def write_config(path: Path, version: str) -> None:
    """The file that names the labels, such as ``config_v1.2.json``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"color": list(colour), "name": name} for name, colour in labels_of(version)]
    path.write_text(json.dumps({"labels": rows, "version": version.removeprefix("v")}), encoding="utf-8")


def write_labels(path: Path, ids: NDArray[np.uint8], version: str, *, palette: bool = True) -> None:
    """A label file: a PNG whose palette index is the id, or the same colours as RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(labels_of(version))] = [colour for _, colour in labels_of(version)]
    if palette:
        image = Image.fromarray(ids)
        image.putpalette(colours.ravel().tolist())
        image.save(path)
    else:
        Image.fromarray(colours[ids]).save(path)


def write_mapillary(
    root: Path,
    appearance: Appearance = SOURCE_APPEARANCE,
    *,
    version: str = "v1.2",
    seed: int = 1,
    train: int = 3,
    val: int = 2,
    sizes: Sequence[tuple[int, int]] = ((64, 48), (80, 40), (48, 64)),
    train_labels: bool = False,
    old: bool = False,
) -> None:
    """A package: ``{training,validation}/images/*.jpg``, its palette PNGs, its config.

    Args:
        root: Folder to write in.
        appearance: Of the streets.
        version: Of the labels, "v1.2" or "v2.0", in ``{split}/{version}/labels``.
        seed: Of the streets.
        train: Images of the training split.
        val: Images of the validation split.
        sizes: (width, height) of the images, taken in turn.
        train_labels: Whether the training split has labels too.
        old: The layout of the package 1.1: ``config.json`` and ``{split}/labels``.
    """
    write_config(root / ("config.json" if old else f"config_{version}.json"), version)
    names, ids = [name for name, _ in labels_of(version)], np.zeros(256, np.uint8)
    rows = [*enumerate(CLASS_SETS["16"].names), (LANE, "lane marking"), (IGNORE, "nothing")]
    for drawn, label in rows:
        ids[drawn] = names.index(next(name for name in NAMES[label] if name in names))
    for split, images, first in (("train", train, 0), ("val", val, 1_000_000)):
        folder = root / FOLDERS[split]
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for index in range(images):
            width, height = sizes[index % len(sizes)]
            street = render(appearance, seed=seed, index=first + index, width=width, height=height)
            name = f"{split}_{index:04}"
            Image.fromarray(street.image).save(folder / "images" / f"{name}.jpg", quality=95)
            if split == "val" or train_labels:
                place = folder if old else folder / version
                write_labels(place / "labels" / f"{name}.png", ids[street.labels], version)


# Name, colour, and the version where only one has it; a version numbers its own in this order.
LABELS = """
animal--bird a52a2a
animal--ground-animal 00c000
construction--barrier--ambiguous faaa1f v2.0
construction--barrier--concrete-block faaa20 v2.0
construction--barrier--curb c4c4c4
construction--barrier--fence be9999
construction--barrier--guard-rail b4a5b4
construction--barrier--other-barrier 5a7896
construction--barrier--road-median faaa21 v2.0
construction--barrier--road-side faaa22 v2.0
construction--barrier--separator 808080 v2.0
construction--barrier--temporary faaa23 v2.0
construction--barrier--wall 66669c
construction--flat--bike-lane 8040ff
construction--flat--crosswalk-plain 8c8cc8
construction--flat--curb-cut aaaaaa
construction--flat--driveway faaa24 v2.0
construction--flat--parking faaaa0
construction--flat--parking-aisle faaa25 v2.0
construction--flat--pedestrian-area 606060
construction--flat--rail-track e6968c
construction--flat--road 804080
construction--flat--road-shoulder 6e6e6e v2.0
construction--flat--service-lane 6e6e6e
construction--flat--sidewalk f423e8
construction--flat--traffic-island 80c480 v2.0
construction--structure--bridge 966464
construction--structure--building 464646
construction--structure--garage 969696 v2.0
construction--structure--tunnel 96785a
human--person dc143c v1.2
human--person--individual dc143c v2.0
human--person--person-group dc143c v2.0
human--rider--bicyclist ff0000
human--rider--motorcyclist ff0064
human--rider--other-rider ff00c8
marking--continuous--dashed ffffff v2.0
marking--continuous--solid ffffff v2.0
marking--continuous--zigzag faaa1d v2.0
marking--crosswalk-zebra c88080 v1.2
marking--discrete--ambiguous faaa1c v2.0
marking--discrete--arrow--left faaa1a v2.0
marking--discrete--arrow--other faaa19 v2.0
marking--discrete--arrow--right faaa18 v2.0
marking--discrete--arrow--split-left-or-straight faaa16 v2.0
marking--discrete--arrow--split-right-or-straight faaa15 v2.0
marking--discrete--arrow--straight faaa14 v2.0
marking--discrete--crosswalk-zebra ffffff v2.0
marking--discrete--give-way-row faaa13 v2.0
marking--discrete--give-way-single faaa12 v2.0
marking--discrete--hatched--chevron faaa0c v2.0
marking--discrete--hatched--diagonal faaa0b v2.0
marking--discrete--other-marking ffffff v2.0
marking--discrete--stop-line ffffff v2.0
marking--discrete--symbol--bicycle faaa10 v2.0
marking--discrete--symbol--other faaa0f v2.0
marking--discrete--text faaa0f v2.0
marking--general ffffff v1.2
marking-only--continuous--dashed ffffff v2.0
marking-only--discrete--crosswalk-zebra ffffff v2.0
marking-only--discrete--other-marking ffffff v2.0
marking-only--discrete--text ffffff v2.0
nature--mountain 40aa40
nature--sand e6a032
nature--sky 4682b4
nature--snow beffff
nature--terrain 98fb98
nature--vegetation 6b8e23
nature--water 00aa1e
object--banner ffff80
object--bench fa001e
object--bike-rack 648cb4
object--billboard dcdcdc v1.2
object--catch-basin dc8080
object--cctv-camera de2828
object--fire-hydrant 64aa1e
object--junction-box 282828
object--mailbox 212121
object--manhole 6480a0
object--parking-meter 1414ff v2.0
object--phone-booth 8e0000
object--pothole 466496
object--sign--advertisement faab1e v2.0
object--sign--ambiguous faac1e v2.0
object--sign--back faad1e v2.0
object--sign--information faae1e v2.0
object--sign--other faaf1e v2.0
object--sign--store fab01e v2.0
object--street-light d2aa64
object--support--pole 999999
object--support--pole-group 999999 v2.0
object--support--traffic-sign-frame 808080
object--support--utility-pole 000050
object--traffic-cone d23c3c v2.0
object--traffic-light faaa1e v1.2
object--traffic-light--cyclists faaa1e v2.0
object--traffic-light--general-horizontal faaa1e v2.0
object--traffic-light--general-single faaa1e v2.0
object--traffic-light--general-upright faaa1e v2.0
object--traffic-light--other faaa1e v2.0
object--traffic-light--pedestrians faaa1e v2.0
object--traffic-sign--ambiguous c0c0c0 v2.0
object--traffic-sign--back c0c0c0
object--traffic-sign--direction-back c0c0c0 v2.0
object--traffic-sign--direction-front dcdc00 v2.0
object--traffic-sign--front dcdc00
object--traffic-sign--information-parking 0000c4 v2.0
object--traffic-sign--temporary-back c0c0c0 v2.0
object--traffic-sign--temporary-front dcdc00 v2.0
object--trash-can 8c8c14
object--vehicle--bicycle 770b20
object--vehicle--boat 9600ff
object--vehicle--bus 003c64
object--vehicle--car 00008e
object--vehicle--caravan 00005a
object--vehicle--motorcycle 0000e6
object--vehicle--on-rails 005064
object--vehicle--other-vehicle 804040
object--vehicle--trailer 00006e
object--vehicle--truck 000046
object--vehicle--vehicle-group 00008e v2.0
object--vehicle--wheeled-slow 0000c0
object--water-valve aaaaaa v2.0
void--car-mount 202020
void--dynamic 6f4a00 v2.0
void--ego-vehicle 780a0a
void--ground 510051 v2.0
void--static 6f6f00 v2.0
void--unlabeled 000000
"""

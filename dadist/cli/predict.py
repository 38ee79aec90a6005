"""`dadist predict`: a model's predictions for images and videos of anyone's."""

import argparse
import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dadist.config.records import hint
from dadist.deploy.servers import SERVERS

if TYPE_CHECKING:
    from dadist.config.prior_sections import Place
    from dadist.deploy.inputs import Input
    from dadist.deploy.many import Asked
    from dadist.deploy.predictor import Model

MOST = 8  # times an image's own size: beyond, a mistake


def predict(words: Sequence[str]) -> int:
    """What does a model see? Predicts images, folders, globs and videos; needs nothing but the model file."""
    given = _parser().parse_args(words)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")

    from dadist.deploy import many, predictor
    from dadist.deploy.fused import WEIGHTS, PriorAtUse
    from dadist.deploy.inputs import gather
    from dadist.deploy.outputs import claim, earlier

    drawings, server = _drawings(given.maps), SERVERS.get(given.format)
    if server and drawings:
        raise ValueError(f"--maps: expected none beside --format {server.format}, which writes its numbers alone")
    if (given.prior is None) != (given.depth is None):
        raise ValueError("--prior and --depth: expected both or neither, got one")
    if given.weights is not None and given.prior is None:
        raise ValueError("--weights: expected --prior and --depth beside it, got neither")
    inputs = gather(given.inputs, *([given.out] if given.out else []), *earlier(given.inputs))
    weights = given.weights or WEIGHTS
    prior = PriorAtUse(given.prior, weights, given.depth_metres) if given.prior else None
    model = predictor.load(given.model, prior=prior)
    asked = many.Asked(drawings, server, given.scale, given.tile, given.batch, given.depth)
    _check(model, inputs, asked)
    out = given.out or claim()
    if given.out and out.is_dir() and any(out.iterdir()):
        logging.warning("%s holds files already; those of the same names are replaced", out)
    return int(many.predict_files(model, inputs, asked, out, str(given.model)) > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("dadist predict", description=predict.__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a model.pt")
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="image, video, folder, or quoted pattern")
    parser.add_argument(
        "--out", type=Path, help="folder to write to (predictions, predictions-2, ...: the first that is not there)"
    )
    parser.add_argument(
        "--maps", help="some of overlay,ids,palette,confidence,depth (all; of a video the overlay, others as frames)"
    )
    parser.add_argument("--format", choices=SERVERS, help="numbers and names that this benchmark's test server wants")
    parser.add_argument(
        "--scale",
        type=_scale,
        help="look at images at this share of their own size, by tiles; 1: at all of their pixels",
    )
    parser.add_argument(
        "--tile", type=_size, metavar="WxH", help="pixels that the network takes at once (the size it was trained at)"
    )
    parser.add_argument("--batch", type=_count, default=1, help="tiles at once (%(default)s)")
    parser.add_argument("--prior", type=Path, help="folder `prior` of the model's study, to weigh depth files by")
    parser.add_argument(
        "--weights",
        type=_weights,
        help="of depth and place beside --prior (1,0.5); found for the place: how unsure align_depth found the network",
    )
    parser.add_argument("--depth", type=Path, help="folder of depth files named as the images, beside --prior")
    parser.add_argument(
        "--depth-metres", type=float, help="what 1 in files of distances is; left out for relative depth"
    )
    return parser


def _check(model: "Model", inputs: Sequence["Input"], asked: "Asked") -> None:
    """Raise ValueError for what no file could change, before the first is predicted."""

    if "depth" in (asked.drawings or ()) and not model.has_depth:
        raise ValueError("--maps depth: expected a model with a depth head, got one without; leave depth out")
    if asked.depth is not None:
        if asked.scale is not None or asked.tile is not None:
            raise ValueError("--depth: expected neither --scale nor --tile beside it: places are of whole images")
        for one in inputs:
            if one.moves:
                raise ValueError(f"{one.file}: expected images beside --depth, got a video; leave it out")
    if asked.server:
        asked.server.numbers_of(model.classes)
        taken: dict[str, Path] = {}
        for one in inputs:
            if one.moves:
                raise ValueError(
                    f"{one.file}: expected images for --format {asked.server.format}, got a video; leave it out"
                )
            other = taken.setdefault(asked.server.file_of(one.name), one.file)
            if other != one.file:
                raise ValueError(f"{one.file}: expected a frame of its own, got that of {other}; leave one out")


def _drawings(maps: str | None) -> list[str] | None:
    from dadist.deploy.writers import DRAWINGS

    chosen = None if maps is None else maps.split(",")
    for name in chosen or ():
        if name not in DRAWINGS:
            raise ValueError(f"--maps: unknown map {name!r}{hint(name, DRAWINGS)}")
    return chosen


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 768x384, got {text!r}")
    return int(width), int(height)


def _weights(text: str) -> "tuple[float, Place]":
    first, _, second = text.partition(",")
    depth, place = float(first), 0.0 if second == "found" else float(second)
    if not (0 <= depth < math.inf and 0 <= place < math.inf):
        raise argparse.ArgumentTypeError(f"expected two numbers of 0 or more such as 1,0.5, got {text!r}")
    return depth, "found" if second == "found" else place


def _scale(text: str) -> float:
    if not 0 < (scale := float(text)) <= MOST:
        raise argparse.ArgumentTypeError(f"expected a number above 0 up to {MOST}, got {text}")
    return scale


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text}")
    return count

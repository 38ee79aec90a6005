"""A folder of photographs of one's own: how many, of which sizes, which patterns fit them, and what else is there."""

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dadist.config.records import ConfigError
from dadist.data.readers.base import Files
from dadist.data.readers.content import IMAGES
from dadist.data.readers.patterns import check_glob, fits
from dadist.data.resize import Size
from dadist.data.walk import folders
from dadist.doctor.faults import Finding
from dadist.doctor.headers import scan

SQUEEZED = 1.25  # the published settings squeeze Cityscapes by 1.19
STRIDE = 8  # pixels, of most backbones

# How people call what lies beside photographs: a folder's name, or the last word of a file's.
LABELS = {"label", "labels", "labelids", "gt", "mask", "masks", "annotation", "annotations", "segmentation"}
DEPTH = {"depth", "depths", "disparity", "disparities"}
VAL = {"val", "valid", "validation", "checked", "test"}
DEPTH_FILES = (".npy", ".exr")


@dataclass(frozen=True)
class Group:
    """Files of one kind, by their paths below the folder."""

    files: tuple[str, ...]  # sorted
    pattern: str  # fits as many of them as one pattern can, and nothing else; "" if none does
    fitted: tuple[str, ...]  # those


@dataclass(frozen=True)
class Photographs:
    """What lies in a folder."""

    train: Group  # photographs
    val: Group  # photographs that have labels, in a folder of their own
    labels: Group
    depth: Group
    sizes: Counter[Size]  # of those that the pattern of `train` fits and that can be read, upright
    bad: list[Finding]  # of those that it fits, what is no whole image file

    @property
    def size(self) -> Size:
        """That of the photograph of the middle aspect ratio."""
        shapes = sorted(self.sizes.elements(), key=lambda size: (size[0] / size[1], size))
        return shapes[len(shapes) // 2]

    def squeezed(self, size: Size) -> int:
        """How many of the photographs ``size`` would squeeze by more than the published settings do."""
        return sum(count for one, count in self.sizes.items() if squeeze(one, size) > SQUEEZED)


def squeeze(size: Size, frame: Size) -> float:
    """By how much an image is squeezed, in one direction or the other, when stretched to a frame; 1 for not at all."""
    factor = (frame[0] * size[1]) / (frame[1] * size[0])
    return max(factor, 1 / factor)


def fitting(size: Size, pixels: int) -> Size:
    """About so many ``pixels`` in the shape of ``size``, in sides that a backbone divides."""
    side = math.sqrt(pixels / (size[0] * size[1])) / STRIDE
    width, height = (max(2, round(one * side)) * STRIDE for one in size)
    return width, height


def look(folder: Path, workers: int) -> Photographs:
    """Lists a folder and all below it, and reads the headers of its photographs.

    Args:
        folder: That is searched; links are followed.
        workers: Threads.

    Raises:
        FileNotFoundError: It is no folder, or has no photograph that can be read.
        OSError: A folder cannot be listed.
        ValueError: Two photographs differ in the case of their extension alone, or no pattern fits the photographs and
            nothing else.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder of photographs, found none; check its path")
    there = _files(folder)
    kinds: dict[str, set[str]] = {
        kind: {path for path in there if _kind(path) == kind} for kind in ("", "labels", "depth")
    }
    images = {path for path in kinds[""] if path.lower().endswith(IMAGES)}
    val = {path for path in images if VAL & _folders(path)} if kinds["labels"] else set[str]()
    seen: dict[str, str] = {}
    for path in sorted(images):
        alike = str(PurePosixPath(path).with_suffix(PurePosixPath(path).suffix.lower()))
        if (other := seen.setdefault(alike, path)) != path:
            raise ValueError(f"{folder}: expected one photograph of each name, got {other} and {path}; rename one")
    train = _group(images - val, there)
    scenes = [Files(path, folder / path, None, None) for path in train.fitted or train.files]
    headers, bad = scan(scenes, workers)
    sizes = Counter((one.width, one.height) for one in headers.values())
    if not sizes:
        got = f"{len(bad)} that are damaged, first {bad[0].message}" if bad else _told(sorted(there - val))
        raise FileNotFoundError(f"{folder}: expected photographs ({' '.join(IMAGES)}), found {got}")
    if not train.pattern:
        raise ValueError(
            f"{folder}: expected photographs of one ending in folders of their own, got {_told(train.files)} among "
            "others; move them, or what else is there, into a folder"
        )
    labels, depth = (_group(kinds[kind], there, tails=True) for kind in ("labels", "depth"))
    return Photographs(train, _group(val, there), labels, depth, sizes, bad)


def _files(top: Path) -> set[str]:
    """All files below a folder, by their paths from there on."""
    found = set[str]()
    for folder in folders(top):
        if folder.error:
            raise folder.error
        below = os.path.relpath(folder.path, top)
        found |= {(PurePosixPath(below) / one.name).as_posix() for one in folder.entries if one.kind != "folder"}
    return found


def _folders(path: str) -> set[str]:
    return {part.lower() for part in PurePosixPath(path).parent.parts}


def _kind(path: str) -> str:
    """What a file is by its name and its folders': "labels", "depth", or "" for neither."""
    words = _folders(path) | {re.split(r"[_\-. ]", PurePosixPath(path).stem.lower())[-1]}
    if words & DEPTH or path.lower().endswith(DEPTH_FILES):
        return "depth"
    return "labels" if words & LABELS else ""


def _group(files: Set[str], there: Set[str], *, tails: bool = False) -> Group:
    """Files, and the pattern that fits most of them and nothing else that is there."""
    found, best = "", tuple[str, ...]()
    for pattern in _patterns(files, tails=tails):
        fitted = {path: match.groups() for path in sorted(files) if (match := fits(pattern, path))}
        names = ["/".join(part for part in groups if part) for groups in fitted.values()]
        others = any(fits(pattern, path) for path in there - files)
        if not others and len(set(names)) == len(names) > len(best):
            found, best = pattern, tuple(fitted)
    return Group(tuple(sorted(files)), found, best)


def _patterns(files: Set[str], *, tails: bool) -> Iterable[str]:
    """Patterns to try, those that say most first; with ``tails`` those with a last word that all names share."""
    within = Counter("" if (parent := str(PurePosixPath(path).parent)) == "." else f"{parent}/" for path in files)
    common = os.path.commonpath(within) if within else ""
    endings = [*(one for one, _ in Counter(PurePosixPath(path).suffix.lower() for path in files).most_common()), ".*"]
    words = {found[0] if (found := re.search(r"[_-][A-Za-z]+\.\w+$", path)) else "" for path in files}
    if tails and len(words) == 1 and "" not in words:
        endings = [*words, *endings]
    for folder in (*(f"{one}*" for one, _ in within.most_common(10)), f"{common}/**/*".removeprefix("/"), "**/*"):
        for ending in endings:
            try:
                check_glob(("images", "train"), f"{folder}{ending}")
            except ConfigError:  # a folder's name has what a pattern has a meaning for
                continue
            yield f"{folder}{ending}"


def _told(files: Iterable[str]) -> str:
    """Some files by name."""
    names = list(files)
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' * (len(names) > 3)}" if names else "nothing"

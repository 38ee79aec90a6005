"""What lies in the folders of a split, against what its reader makes of them; only to tell copies is a file opened."""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from dadist.data.inventory import SplitPlan
from dadist.data.readers.base import Files, Reader
from dadist.data.readers.listing import chosen
from dadist.data.walk import Folder, folders
from dadist.doctor.faults import Finding, error_finding, finding, not_found
from dadist.doctor.headers import ROLES
from dadist.storage.errors import DataError

PICTURES = (".png", ".jpg", ".jpeg")
MIDDLE = 4096  # bytes that tell most images of one size apart
CITYSCAPES_NAME = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*_\d{6}_\d{6}")  # aachen_000000_000019
# Data sets that people give the reader of Cityscapes for: a folder that only they have, and the domain that they are.
OTHERS = (("rgb_anon", "ACDC", "acdc"), ("training/image_2", "KITTI", "kitti"), ("images/10k", "BDD100K", "bdd100k"))


@dataclass(frozen=True)
class Split:
    """A split of a data set as `prepare` takes it."""

    reader: Reader
    root: Path
    plan: SplitPlan
    names: Path | None  # text file that names its scenes
    folder: Path  # where `prepare` writes
    shipped: int | None  # images that the data set's owner ships; None where that is not to be held against it
    depth: bool = False  # whether depth files are looked at that the plan does without: another plan has them


@dataclass(frozen=True)
class Listing:
    """The scenes of a split, and what is wrong with the folders that they were found in."""

    scenes: list[Files]  # those to prepare
    findings: list[Finding]


def list_split(split: Split) -> Listing:
    """Asks the reader for images, then labels, then depth, each only if the plan wants it, and looks around them."""
    plan, findings = split.plan, []
    try:
        scenes = split.reader.files(split.root, plan.split, labels=False, depth=False)
    except (OSError, ValueError) as error:
        return Listing([], [_other(split) or not_found(error)])
    if split.reader.dataset == "cityscapes" and not CITYSCAPES_NAME.fullmatch(scenes[0].name):
        what = f"expected names of Cityscapes, like aachen_000000_000019, got {scenes[0].name}: another data set (IDD?)"
        findings.append(finding("other-names", scenes[0].image, what))
    for role, wanted in (("labels", plan.labels), ("depth", plan.depth or split.depth)):
        if wanted:
            ask = {"labels": False, "depth": False, role: True}
            try:
                found = split.reader.files(split.root, plan.split, **ask)
                scenes = [
                    replace(one, **{role: getattr(other, role)}) for one, other in zip(scenes, found, strict=True)
                ]
            except (OSError, ValueError) as error:
                findings.append(not_found(error))
    if split.shipped is not None and len(scenes) != split.shipped:
        what = f"expected {split.shipped} images in {plan.split!r}, as shipped, got {len(scenes)}"
        findings.append(finding("count", split.root, what))
    twice = next((one for one, many in Counter(scene.name for scene in scenes).items() if many > 1), None)
    if twice is not None:
        first, second, *_ = (scene.image for scene in scenes if scene.name == twice)
        findings.append(finding("duplicate-name", second, f"expected one scene {twice}, got another in {first}"))
    files = {role: [path for scene in scenes if (path := getattr(scene, role)) is not None] for role in ROLES}
    used = {str(path) for role in ROLES for path in files[role]}
    for role in ROLES:
        if files[role]:
            findings += _around(role, files[role], used, scenes[0].name, split)
    try:
        scenes = chosen(scenes, split.names, split.root) if split.names else scenes
    except (OSError, DataError) as error:
        findings.append(error_finding("bad-list", error))
    return Listing(scenes[: plan.images or None], findings)


def _other(split: Split) -> Finding | None:
    """Another data set where the reader of Cityscapes looks, if its folders tell which."""
    for folder, name, domain in OTHERS if split.reader.dataset == "cityscapes" else ():
        if (split.root / folder).is_dir():
            remedy = f"take the domain {domain}, which config/domains.yaml has, or describe it with `dataset: folder`"
            return Finding("other-data-set", str(split.root), f"expected Cityscapes, got the folders of {name}", remedy)
    return None


def _around(role: str, files: Sequence[Path], used: Set[str], name: str, split: Split) -> Iterator[Finding]:
    """What else lies in the folders of images, labels or depth; ``name`` is the first scene's."""
    tail = files[0].name.removeprefix(name) if files[0].name.startswith(name) else files[0].suffix
    unused, meant = [], {str(file.parent) for file in files}  # a pattern of the user's own says in which folders
    for folder in folders(_top(files, split)):
        yield from _of_folder(folder)
        names = [one.name for one in folder.entries if one.kind != "folder"]
        yield from _alike(folder.path, names, used, tail)
        if split.reader.dataset != "folder" or folder.path in meant:
            unused += [path for one in names if one.endswith(tail) and (path := f"{folder.path}/{one}") not in used]
    # By another path, through a link; or by another split, where one lies in the other's folder.
    taken = {os.path.realpath(path) for path in (*used, *map(str, _elsewhere(role, split)))} if unused else set()
    unused = [path for path in unused if os.path.realpath(path) not in taken]
    if unused:
        what = f"expected a scene to each file like it, got none for {len(unused)} of them"
        yield finding("unused-file", unused[0], what)


def _elsewhere(role: str, split: Split) -> Iterator[Path]:
    """What the other splits of the data set take of this kind."""
    for other in set(split.reader.splits) - {split.plan.split}:
        with contextlib.suppress(OSError, ValueError):  # the other split's own findings say so
            scenes = split.reader.files(split.root, other, labels=role == "labels", depth=role == "depth")
            yield from (path for scene in scenes if (path := getattr(scene, role)) is not None)


def _top(files: Sequence[Path], split: Split) -> Path:
    """The folder that all of a split's images, labels or depth lie in, and no other split's."""
    common = Path(os.path.commonpath({file.parent for file in files}))
    above = [one for one in (common, *common.parents) if one.is_relative_to(split.root) and one != split.root]
    return next((one for one in above if one.name == split.plan.split), common)


def _of_folder(folder: Folder) -> Iterator[Finding]:
    if folder.error:
        yield error_finding("unreadable-file", folder.error)
    elif not folder.entries:
        yield finding("empty-folder", folder.path, "expected files, got none")
    for circle in folder.circles:
        found = finding("symlink-loop", circle, f"expected data, got a link back to {os.path.realpath(circle)}")
        yield replace(found, left_out=True)  # no walk follows it


def _alike(folder: str, names: Sequence[str], used: Set[str], tail: str) -> Iterator[Finding]:
    """Files that the reader passes over as their names differ in case, and files that could be the same image."""
    for name in names:
        passed = f"{folder}/{name}" not in used
        if passed and name.lower().endswith(tail.lower()) and not name.endswith(tail):
            yield finding("case-differs", f"{folder}/{name}", f"expected a name that ends in {tail}, got {name}")
    stems: dict[str, str] = {}
    for name in names:
        stem, extension = os.path.splitext(name)  # noqa: PTH122
        if extension.lower() not in PICTURES:
            continue
        other = stems.setdefault(stem.casefold(), name)
        if other != name and not {f"{folder}/{name}", f"{folder}/{other}"} <= used:
            fault = "case-differs" if other.casefold() == name.casefold() else "duplicate-stem"
            yield finding(fault, f"{folder}/{name}", f"expected one file of this name, got {other} too")


def overlap(scenes: Sequence[Files], others: Sequence[Files]) -> Iterator[Finding]:
    """Images that another split has too, whatever they are called: of the same bytes."""
    sized: dict[int, list[Path]] = {}
    for scene in others:
        sized.setdefault(_size(scene.image), []).append(scene.image)
    parted: dict[int, dict[bytes, list[Path]]] = {}
    digests: dict[Path, bytes] = {}
    for path in (scene.image for scene in scenes):
        size = _size(path)
        if size <= 0 or size not in sized:
            continue
        if size not in parted:
            parted[size] = {}
            for other in sized[size]:
                parted[size].setdefault(_middle(other, size), []).append(other)
        for other in parted[size].get(_middle(path, size), []):
            if _digest(path, digests) == _digest(other, digests):
                what = f"expected an image of one split alone, got the same content in {other}"
                yield finding("split-overlap", path, what)


def _size(path: Path) -> int:
    """Bytes; -1 for what is no file."""
    return path.stat().st_size if path.is_file() else -1


def _middle(path: Path, size: int) -> bytes:
    """Some bytes of the middle: images without compression are all of one size, and to read them takes long."""
    with path.open("rb") as file:
        file.seek(size // 2)
        return file.read(MIDDLE)


def _digest(path: Path, known: dict[Path, bytes]) -> bytes:
    if path not in known:
        known[path] = sha256(path.read_bytes()).digest()
    return known[path]

"""What lies in the folders of a split, against what its reader makes of them; only to tell copies is a file opened."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from dadist.data.inventory import SplitPlan
from dadist.data.readers.base import Files, Reader, chosen
from dadist.doctor.faults import Finding, finding, not_found, told
from dadist.doctor.headers import ROLES
from dadist.storage.errors import DataError

PICTURES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Split:
    """A split of a data set as `prepare` takes it."""

    reader: Reader
    root: Path
    plan: SplitPlan
    names: Path | None  # text file that names its scenes
    folder: Path  # where `prepare` writes
    shipped: int | None  # images that the data set's owner ships; None where that is not to be held against it


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
        return Listing([], [not_found(error)])
    for role, wanted in (("labels", plan.labels), ("depth", plan.depth)):
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
            findings += _around(files[role], used, scenes[0].name, split)
    try:
        scenes = chosen(scenes, split.names) if split.names else scenes
    except (OSError, DataError) as error:
        findings.append(told("bad-list", error))
    return Listing(scenes[: plan.images or None], findings)


def _around(files: Sequence[Path], used: Set[str], name: str, split: Split) -> Iterator[Finding]:
    """What else lies in the folders of images, labels or depth; ``name`` is the first scene's."""
    tail = files[0].name.removeprefix(name) if files[0].name.startswith(name) else files[0].suffix
    unused = []
    for folder, names, findings in _walk(_top(files, split)):
        yield from findings
        yield from _alike(folder, names, used, tail)
        unused += [path for one in names if one.endswith(tail) and (path := os.path.join(folder, one)) not in used]  # noqa: PTH118
    if unused:
        what = f"expected a scene to each file like it, got none for {len(unused)} of them"
        yield finding("unused-file", unused[0], what)


def _top(files: Sequence[Path], split: Split) -> Path:
    """The folder that all of a split's images, labels or depth lie in, and no other split's."""
    common = Path(os.path.commonpath({file.parent for file in files}))
    above = [one for one in (common, *common.parents) if one.is_relative_to(split.root) and one != split.root]
    return next((one for one in above if one.name == split.plan.split), common)


def _walk(top: Path) -> Iterator[tuple[str, list[str], list[Finding]]]:
    """Each folder from ``top`` down with the names of its files, links followed but not in circles."""
    pending, seen = [str(top)], {os.path.realpath(top)}
    while pending:
        folder = pending.pop()
        names, findings, real = [], [], os.path.realpath(folder)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield folder, [], [finding("unreadable-file", folder, f"expected a folder to list, got {error.strerror}")]
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not (entry.is_symlink() or entry.is_dir()):
                names.append(entry.name)
                continue
            inside = os.path.realpath(entry.path)
            if f"{real}/".startswith(f"{inside.rstrip('/')}/"):
                findings.append(finding("symlink-loop", entry.path, f"expected data, got a link back to {inside}"))
            elif not os.path.isdir(inside):  # noqa: PTH112
                names.append(entry.name)
            elif inside not in seen:
                seen.add(inside)
                pending.append(entry.path)
        if not entries:
            findings.append(finding("empty-folder", folder, "expected files, got none"))
        yield folder, names, findings


def _alike(folder: str, names: Sequence[str], used: Set[str], tail: str) -> Iterator[Finding]:
    """Files that the reader passes over as their names differ in case, and files that could be the same image."""
    for name in names:
        if name.lower().endswith(tail.lower()) and not name.endswith(tail):
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
    """Images that another split has too: of the same name, or of the same bytes."""
    named = {scene.name: scene.image for scene in others}
    sized: dict[int, list[Path]] = {}
    for scene in others:
        sized.setdefault(_size(scene.image), []).append(scene.image)
    digests: dict[Path, bytes] = {}
    for scene in scenes:
        if scene.name in named:
            what = f"expected an image of one split alone, got the same name in {named[scene.name]}"
            yield finding("split-overlap", scene.image, what)
            continue
        for other in sized.get(_size(scene.image), []):
            if _size(other) > 0 and _digest(scene.image, digests) == _digest(other, digests):
                what = f"expected an image of one split alone, got the same content in {other}"
                yield finding("split-overlap", scene.image, what)


def _size(path: Path) -> int:
    """Bytes; -1 for what is no file."""
    return path.stat().st_size if path.is_file() else -1


def _digest(path: Path, known: dict[Path, bytes]) -> bytes:
    if path not in known:
        known[path] = sha256(path.read_bytes()).digest()
    return known[path]

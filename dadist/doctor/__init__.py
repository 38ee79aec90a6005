"""Is the data all right? Faults by name, in which file, with what was expected and the remedy.

`before_prepare` is the part of it that is quick enough to stand before every `prepare`; `examine` looks at a whole
setting, reads a sample too, and is what `dadist doctor` prints.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dadist.data.inventory import SplitPlan
from dadist.data.prepared import INDEX
from dadist.data.readers.base import Files, Reader
from dadist.doctor.depth import judge_depth
from dadist.doctor.disk import check_disk, prepared_bytes
from dadist.doctor.faults import FAULTS, Fault, Finding, not_found
from dadist.doctor.headers import Header, formats, scan, sizes
from dadist.doctor.photographs import SQUEEZED, fitting, squeeze
from dadist.doctor.sample import Seen, judge, look, pick
from dadist.doctor.tree import Split, list_split, overlap
from dadist.storage.errors import DataError

TOLD = 10  # findings that `before_prepare` tells of one split

__all__ = ["FAULTS", "Fault", "Finding", "Report", "Split", "before_prepare", "examine"]


@dataclass
class Report:
    """What was found in a setting."""

    findings: dict[str, list[Finding]] = field(default_factory=dict)  # by part
    images: dict[str, int] = field(default_factory=dict)  # by part: files of the split that `prepare` will read
    seen: dict[str, list[Seen]] = field(default_factory=dict)  # by part: the sample
    need_bytes: int = 0  # what `prepare` has still to write

    @property
    def errors(self) -> int:
        """How many findings would stop `prepare`, or are worse."""
        return sum(one.level == "error" for found in self.findings.values() for one in found)


def examine(
    splits: Mapping[str, Split],
    *,
    sample: int,
    seed: int,
    workers: int,
    free_bytes: int | None = None,
) -> Report:
    """Looks at every split: listing, headers, a decoded sample, the target's splits against each other, the disk.

    Args:
        splits: By part; "train" and "val" must have no image in common.
        sample: Scenes to decode per split.
        seed: Of the choice of the sample.
        workers: Threads.
        free_bytes: Free on the disk; None: ask it.
    """
    report, scenes = Report(), {}
    for part, split in splits.items():
        scenes[part], headers, found = _outside(split, workers)
        bad = {one.file for one in found if one.level == "error" or one.left_out}
        sound = [one for one in scenes[part] if not bad & {str(one.image), str(one.labels), str(one.depth)}]
        kinds = {one.fault for one in found if one.alike or one.fault == "grey-image"}  # told for all files alike
        try:
            seen = look(split, [sound[index] for index in pick(len(sound), sample, seed)], workers)
            of_sample = [*judge(split, seen), *judge_depth(split, [one for one in seen if not one.findings])]
            found += _judged(split, [one for one in of_sample if one.fault not in kinds])
        except (OSError, ValueError) as error:  # the table of ids, which some data sets have in a file
            seen = []
            found.append(not_found(error))
        report.findings[part], report.images[part], report.seen[part] = found, len(scenes[part]), seen
        if not (split.folder / INDEX).is_file():
            report.need_bytes += prepared_bytes(split.plan, len(scenes[part]), _label_size(scenes[part], headers))
    if {"train", "val"} <= scenes.keys():
        report.findings["val"] += overlap(scenes["val"], scenes["train"])
    folder = next(iter(splits.values())).folder.parent
    report.findings["disk"] = list(check_disk(folder, report.need_bytes, free_bytes=free_bytes))
    return report


def before_prepare(
    reader: Reader, root: Path, plan: SplitPlan, names: Path | None, folder: Path, *, workers: int
) -> list[Files]:
    """Looks at one split, decodes three files of each kind alone, and tells the scenes to prepare.

    Of the target's other split it lists the images alone. Warnings are logged.

    A file that is bad by itself stops nothing yet: whoever prepares reads the others too, and names all that are bad.

    Raises:
        DataError: With all other errors.
    """
    split = Split(reader, root, plan, names, folder, shipped=None)
    scenes, headers, findings = _outside(split, workers)
    if names is None:  # one folder may serve both splits, each with its list; the doctor sees both lists
        for other in set(reader.splits) - {plan.split}:
            findings += overlap(scenes, _images(reader, root, other))
    findings += check_disk(folder, prepared_bytes(plan, len(scenes), _label_size(scenes, headers)))
    whole = len(scenes) - 1  # files that are like the one that is named, if all are bad
    errors = [one for one in findings if one.level == "error" and (one.alike >= whole or not FAULTS[one.fault].of_file)]
    others = [one for one in findings if one not in errors]
    for one in others[:TOLD]:
        logging.warning("%s: %s", one.fault, one.message)
    if len(others) > TOLD:
        logging.warning("… and %d more", len(others) - TOLD)
    if errors:
        more = f"\n… and {len(errors) - TOLD} more: `dadist doctor` tells them" * (len(errors) > TOLD)
        raise DataError("\n".join(f"{one.message} [{one.fault}]" for one in errors[:TOLD]) + more)
    return scenes


def _outside(split: Split, workers: int) -> tuple[list[Files], dict[Path, Header], list[Finding]]:
    """What the names, the headers and the first and last file of each kind tell of a split."""
    listing = list_split(split)
    headers, unsound = scan(listing.scenes, workers)
    findings = [*listing.findings, *unsound]
    findings += formats(split.reader, listing.scenes, headers)
    findings += sizes(split.reader, listing.scenes, headers)
    findings += _squeezed(split, listing.scenes, headers)
    return listing.scenes, headers, _judged(split, findings)


def _judged(split: Split, findings: Iterable[Finding]) -> list[Finding]:
    """The findings, of bad files as warnings where their images are to be left out."""
    if not split.plan.skip_bad:
        return [*findings]
    remedy = "{}; or leave it: skip_bad leaves its image out"
    return [
        replace(one, left_out=True, remedy=remedy.format(one.remedy))
        if FAULTS[one.fault].of_file and not one.left_out
        else one
        for one in findings
    ]


def _squeezed(split: Split, scenes: list[Files], headers: Mapping[Path, Header]) -> Iterator[Finding]:
    """Images that `stretch` would squeeze by much, and the size that would not: of about as many pixels."""
    width, height = split.plan.width, split.plan.height
    shapes = {scene.image: (one.width, one.height) for scene in scenes if (one := headers.get(scene.image))}
    squeezed = [image for image, size in shapes.items() if squeeze(size, (width, height)) > SQUEEZED]
    if split.plan.fit != "stretch" or not squeezed:
        return
    (w, h), _ = Counter(shapes[image] for image in squeezed).most_common(1)[0]
    factor = squeeze(shapes[squeezed[0]], (width, height))
    columns, rows = fitting((w, h), width * height)
    what = f"expected images that {width}x{height} hardly squeezes, got {w}x{h} in {len(squeezed)} of {len(shapes)}"
    remedy = (
        f"choose {columns}x{rows} (for both domains, if a method mixes images), or `fit: pad`: `stretch` squeezes by"
    )
    yield Finding("aspect", str(squeezed[0]), what, f"{remedy} {factor:.2f}")


def _label_size(scenes: list[Files], headers: Mapping[Path, Header]) -> tuple[int, int] | None:
    found = next((headers[one.labels] for one in scenes if one.labels and one.labels in headers), None)
    return None if found is None else (found.width, found.height)


def _images(reader: Reader, root: Path, split: str) -> list[Files]:
    """The images of another split; none if it is not there, which its own `prepare` will tell."""
    try:
        return reader.files(root, split, labels=False, depth=False)
    except (OSError, ValueError):
        return []

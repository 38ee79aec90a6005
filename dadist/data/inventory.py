"""What a prepared split is made from: the plan, and the files of the data set as they stand now."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from dadist.classes import ClassSet
from dadist.data.readers.base import Reader
from dadist.data.readers.listing import chosen
from dadist.data.resize import Fit
from dadist.data.snapshot import Snapshot


@dataclass(frozen=True)
class SplitPlan:
    """What to make of a split."""

    split: str
    width: int  # pixels
    height: int  # pixels
    fit: Fit  # stretch to width x height, or shrink as a whole and pad
    classes: ClassSet
    labels: bool  # whether to look at them at all; never for the target's training split
    depth: bool
    native: bool  # whether labels keep the size of their files, as an evaluation wants them
    images: int  # at most so many, the first; 0 for all
    cameras: bool = False  # whether the camera files are looked at
    skip_bad: bool = False  # whether an image with a file that cannot be read is left out, or all stops


class Inventory(Snapshot):
    """The scenes of a split and what their files look like: nothing is opened.

    Args:
        reader: Of the data set.
        root: Its folder.
        plan: What to make of it.
        names: Text file that names the scenes to take; None for all.

    Raises:
        ValueError: The text file is wrong, or the data set has no such split.
        OSError: A file or folder is missing.
    """

    def __init__(self, reader: Reader, root: Path, plan: SplitPlan, names: Path | None) -> None:
        self.plan, self.ids = plan, reader.ids(root) if plan.labels else {}
        scenes = reader.files(root, plan.split, labels=plan.labels, depth=plan.depth)
        named = chosen(scenes, names, root) if names else scenes
        super().__init__(named[: plan.images or None], root)

    def key(self, *more: object) -> str:
        """Hash of all that a row of the arrays depends on, but for the files' content: 16 hexadecimal digits."""
        plan = dataclasses.asdict(dataclasses.replace(self.plan, skip_bad=False))
        return super().key(plan, sorted(self.ids.items()), *more)

    def fingerprint(self, *more: object) -> str:
        """Hash of names, sizes and times of change of the files: 16 hexadecimal digits, others after any change."""
        return super().fingerprint(sorted(self.ids.items()), *more)

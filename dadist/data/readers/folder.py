"""A folder of one's own, described in its domain: which files are images, labels and depth, and what their ids mean.

    images: {train: "photos/*.jpg", val: "checked/*.jpg"}     {all: "**/*.png"} for a source; the only key that must be
    labels: {val: "checked/*_labels.png"}                     left out: photographs alone
    ids: {0: road, 7: car, 255: null}                         raw id → label; null: known, and ignored
    colours: {"804080": road, "000000": null}                 instead of ids, for label files in colours
    depth_files: {all: "depth/*.png"}                         read if the domain has `depth: true`
    depth_metres: 0.001                                       what 1 in a depth file is in metres; 0 there: no depth
    depth_kind: metric                                        or disparity; or relative, without depth_metres
    depth_channels: one                                       or rgb: 24 bits over red, green and blue, as CARLA has it
    ids_channel: only                                         or red: the first of several has the ids, as in CARLA

Paths start at the domain's root. ``*`` stands for any part of a name, ``?`` for one character, ``**/`` for any folders,
and ``.*`` at the end for any extension of an image or of depth. Upper and lower case of an extension are the same. A
scene's name is what the stars of its image stand for; its labels and depth are the files whose stars stand for the
same: ``checked/ulm.jpg`` goes with ``checked/ulm_labels.png``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from dadist.config.records import ConfigError, Record
from dadist.config.records import key as declared
from dadist.data.readers.base import Files, Reader
from dadist.data.readers.depth_files import Channels, Kind, given, read
from dadist.data.readers.label_files import Colour, decode_labels, ids_of
from dadist.data.readers.patterns import check_glob, files_named, fits, partners
from dadist.storage.errors import DataError

SPLITS = ("all", "train", "val")
IDS = 256  # that a byte can tell apart


@dataclass(frozen=True)
class Options(Record):
    """The domain's own keys; paths are globs below its root, by split."""

    images: Annotated[dict[str, str], declared("Globs of images, by split: train, train and val, or all.")]
    labels: Annotated[dict[str, str], declared("Globs of label files, by split.")] = field(default_factory=dict)
    ids: Annotated[dict[int, str | None], declared("Raw id → label; null: known, and ignored.")] = field(
        default_factory=dict
    )
    colours: Annotated[
        dict[str, str | None], declared('Instead of ids, for label files in colours: "804080" → label.')
    ] = field(default_factory=dict)
    depth_files: Annotated[dict[str, str], declared("Globs of depth files, by split.")] = field(default_factory=dict)
    depth_metres: Annotated[float | None, declared("What 1 in a depth file is; 0 there: no depth.", unit="m")] = None
    depth_kind: Annotated[
        Kind,
        declared(
            "What grows with the numbers in depth_files: metric, the distance; disparity, how near, depth_metres "
            "(baseline times focal length) divided by it; relative, how near, up to a scale and a shift, as monocular "
            "networks say: align_depth finds them."
        ),
    ] = "metric"
    depth_channels: Annotated[
        Channels,
        declared("Where a number in depth_files is: in one channel; or red + 256 green + 65536 blue, of 8 bits each."),
    ] = "one"
    ids_channel: Annotated[
        Literal["only", "red"], declared("Which channel of label files has the ids: the only one; or red, of several.")
    ] = "only"
    counts: Annotated[
        dict[str, int], declared("Images by split, as its owner ships them: another number is a warning of the doctor.")
    ] = field(default_factory=dict)
    download: Annotated[
        str | None, declared("What to get where, and its licence: told while the folder is not there.")
    ] = None

    def __post_init__(self) -> None:
        if not {"all", "train"} & set(self.images) or not set(self.images) <= set(SPLITS):
            raise ConfigError(
                f"expected a glob for train, for train and val, or for all, got {self.images}", ("images",)
            )
        for name, globs in (("images", self.images), ("labels", self.labels), ("depth_files", self.depth_files)):
            for split, glob in globs.items():
                check_glob((name, split), glob)
                if split not in self.images:
                    raise ConfigError(f"expected a split that images has; add images.{split}", (name, split))
                if wide := [one for one in self.images.values() if name != "images" and fits(one, glob)]:
                    raise ConfigError(
                        f"expected files that are no images, got {glob!r}, which {wide[0]!r} fits as well; "
                        "narrow the glob of images",
                        (name, split),
                    )
        if self.labels and bool(self.ids) == bool(self.colours):
            raise ConfigError("expected either ids or colours, to say what the pixels of labels mean", ("ids",))
        if odd := [split for split in self.counts if split not in self.images]:
            raise ConfigError(f"expected a split that images has, got {odd[0]}", ("counts", odd[0]))
        if wrong := [raw for raw in self.ids if not 0 <= raw <= 255]:
            raise ConfigError(f"expected 0 to 255, got {wrong[0]}", ("ids",))
        for key, named in (("ids", self.ids), ("colours", self.colours)):
            if len(named) + (None not in named.values()) > IDS:
                raise ConfigError(f"expected at most {IDS - 1}, as one is for what is erased, got {len(named)}", (key,))
        if odd := [one for one in self.colours if not re.fullmatch("#?[0-9a-fA-F]{6}", one)]:
            raise ConfigError(f'expected six hexadecimal digits in quotes, like "804080", got {odd[0]!r}', ("colours",))
        if len({_rgb(one) for one in self.colours}) < len(self.colours):
            raise ConfigError(f"expected each colour once, got {', '.join(self.colours)}; remove one", ("colours",))
        if self.depth_kind == "relative":
            if self.depth_metres is not None:
                raise ConfigError(
                    "expected none for relative depth, which has no unit; leave it out", ("depth_metres",)
                )
        elif self.depth_files and (self.depth_metres or 0) <= 0:
            raise ConfigError("expected what 1 in depth_files is in metres: 0.001 for millimetres", ("depth_metres",))


class Folder(Reader):
    """Reads what its options describe."""

    dataset = "folder"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.splits = tuple(split for split in SPLITS if split in options.images)
        self.labelled = tuple(split for split in SPLITS if split in options.labels)
        self.depth_kind = given(options.depth_kind)
        wanted = {"images": options.images, "labels": options.labels, "depth": options.depth_files}
        self.counts = options.counts
        self.shipped = f"{options.download or 'a folder of your own'}, with " + ", ".join(
            f"{glob} ({what}, {split})" for what, globs in wanted.items() for split, glob in globs.items()
        )

    def ids(self, root: Path) -> dict[int, str | None]:
        """Those of the domain, or one number per colour, and one for what was erased; the folder does not matter."""
        named = self.options.ids or dict(enumerate(self.options.colours.values()))
        return {self._void(): None, **named} if named else {}

    def relevant(self, options: dict[str, Any], split: str, *, labels: bool, depth: bool) -> dict[str, Any]:
        """Without labels and depth that are not asked for, so that labels can be added when all is trained."""
        wanted = [key for key in options["images"] if split in ("val", key)]
        kept = dict(options) | {"counts": {}, "download": None}
        for name in ("images", "labels", "depth_files"):
            kept[name] = {key: glob for key, glob in options[name].items() if key in wanted}
        if not labels:
            kept |= {"labels": {}, "ids": {}, "colours": {}, "ids_channel": "only"}
        if not depth:
            kept |= {"depth_files": {}, "depth_metres": None, "depth_kind": "metric", "depth_channels": "one"}
        return kept

    def files(self, root: Path, split: str, *, labels: bool, depth: bool) -> list[Files]:
        """The scenes of a split, named by what the stars of its glob stand for.

        Raises:
            FileNotFoundError: A glob fits no file, or an image has no labels or depth.
            ValueError: The domain has no glob for what was asked for, or two images have one name.
        """
        images = files_named(root, self._glob("images", self.options.images, split), once=True)
        beside: list[dict[str, Path]] = []
        for key, globs, asked in (
            ("labels", self.options.labels, labels),
            ("depth_files", self.options.depth_files, depth),
        ):
            beside.append(partners(root, images, self._glob(key, globs, split)) if asked else {})
        return [Files(name, images[name], *(one.get(name) for one in beside)) for name in sorted(images)]

    def read_labels(self, path: Path) -> NDArray[np.uint8]:
        """Raw ids: of one channel, of red, of a palette's indices, or of the colours that the domain names.

        What was erased, and is transparent, has an id without a label.

        Raises:
            DataError: It has several channels where ids are expected, or an id or colour that the domain does not name.
        """
        drawn, void = decode_labels(path), self._void()
        known = "add it to `{}` of the domain (null: known, and ignored)"
        if self.options.colours:
            colours = {_rgb(one): raw for raw, one in enumerate(self.options.colours)}
            numbers = "; if its numbers are ids, name them in `ids` in place of `colours`" * drawn.numbers
            return drawn.void(ids_of(path, drawn, colours, known.format("colours") + numbers), void)
        ids = drawn.values[..., 0] if drawn.values.ndim == 3 and self.options.ids_channel == "red" else drawn.values
        if ids.ndim != 2:
            raise DataError(
                f"{path}: expected one channel of label ids or a palette, got {drawn.kind}; "
                "if its colours stand for labels, name them in `colours` of the domain in place of `ids`"
            )
        if foreign := sorted(set(np.unique(ids[drawn.seen()]).tolist()) - set(self.options.ids)):
            expected = ", ".join(map(str, sorted(self.options.ids)))
            raise DataError(f"{path}: expected ids {expected}, got {foreign[0]} as well; {known.format('ids')}")
        return drawn.void(ids, void)

    def _void(self) -> int:
        """The raw id of what was erased: one that the domain ignores, or else the last that it does not name."""
        named = self.options.ids or dict(enumerate(self.options.colours.values()))
        ignored = [raw for raw, label in named.items() if label is None]
        return ignored[0] if ignored else max(set(range(256)) - set(named))

    def read_depth(self, path: Path) -> NDArray[np.uint16]:
        """As `depth_files.read` reads it, by the domain's `depth_kind`.

        Raises:
            DataError: It is a picture of depth, or has one number everywhere.
        """
        return read(path, self.options.depth_kind, self.options.depth_metres, self.options.depth_channels)

    @staticmethod
    def _glob(key: str, globs: Mapping[str, str], split: str) -> str:
        if split not in globs:
            raise ValueError(
                f"{key} of split {split}: expected a glob in the domain, got {dict(globs)}; "
                f'add `{key}: {{{split}: "…/*.png"}}`'
            )
        return globs[split]


def _rgb(hexadecimal: str) -> Colour:
    red, green, blue = bytes.fromhex(hexadecimal.removeprefix("#"))
    return red, green, blue


def reader(options: Options) -> Reader:
    """For what one domain describes."""
    return Folder(options)

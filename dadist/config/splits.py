"""The parts of a setting's data: what is prepared of which data set, and where the data set lies.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

import importlib
import os
from dataclasses import dataclass
from typing import Any

from dadist.config.parsing import ConfigError, parse
from dadist.config.requirements import declared, trained, wants_target_depth
from dadist.config.schema import Study
from dadist.registry import DATASETS, METHODS

PARTS = ("source", "train", "val")  # train and val are the target's
MEASURED = "train with depth"  # the target's training split once more, for methods that learn from its depth


@dataclass(frozen=True)
class Part:
    """What `prepare` makes of one split, and what it makes it of."""

    name: str  # of its folder; parts that are prepared alike have the same
    domain: str  # name in domains
    reader: str  # module of the data set
    options: dict[str, Any]  # of its reader
    plan: dict[str, Any]  # the fields of `prepared.Plan`


def part(study: Study, setting: str, which: str) -> Part | None:
    """One of the PARTS of a setting, or MEASURED; None for a source or a target to validate on without labels.

    The source and the target's validation split have labels and, if the domain has any, depth; the target's training
    split has neither, and MEASURED, which is None unless the domain has `unlabelled_depth`, has depth alone.
    """
    chosen = study.settings[setting]
    view = chosen.source if which == "source" else chosen.target
    domain, found = study.domains[view.domain], reader(study, view.domain)
    split = "val" if which == "val" else next(one for one in ("all", "train") if one in found.splits)
    training = which in ("train", MEASURED)
    if not (domain.unlabelled_depth if which == MEASURED else training or split in found.labelled):
        return None
    name = f"{view.domain}-{split}-{view.width}x{view.height}-{chosen.classes.name}"
    # One split may be a source here and a target there: with its labels, and without.
    if which != "val" and (which == "source") != (split == "all"):
        name += "-labelled" if which == "source" else "-unlabelled"
    if view.fit == "pad":
        name += "-padded"
    if which == "val" and chosen.evaluate.labels == "working":
        name += "-working"
    if which == MEASURED:
        name += "-depth"
    if chosen.prepare.images:
        name += f"-first{chosen.prepare.images}"
    asked = {"labels": not training, "depth": which == MEASURED or (not training and domain.depth)}
    plan = {
        "split": split,
        "width": view.width,
        "height": view.height,
        "fit": view.fit,
        "classes": chosen.classes,
        **asked,
        "native": which == "val" and chosen.evaluate.labels == "native",
        "images": chosen.prepare.images,
    }
    return Part(name, view.domain, DATASETS[domain.dataset], found.relevant(domain.options, split, **asked), plan)


def training_part(study: Study, setting: str, method: str) -> str:
    """What a method reads of the target: "train", or MEASURED.

    Raises:
        ConfigError: It learns from depth, and the target's domain has none. Settings that nobody asks for may list it.
    """
    chosen = study.settings[setting]
    domain = chosen.target.domain
    if not wants_target_depth(chosen, method):
        return "train"
    if not study.domains[domain].unlabelled_depth:
        knob = declared(METHODS[method], "TARGET_DEPTH", "")
        raise ConfigError(
            f"settings.{setting}: method {method} learns from depth of the target's training images, and "
            f"domains.{domain} has none; give it depth files and unlabelled_depth: true, or set "
            f"objectives.{method}.{knob}: 0.0, which does without"
        )
    return MEASURED


def read(study: Study, setting: str) -> dict[str, Part | None]:
    """The PARTS of a setting, the training split with depth where one of its methods learns from that."""
    measured = MEASURED in {training_part(study, setting, method) for method in trained(study.settings[setting])}
    return {which: part(study, setting, MEASURED if measured and which == "train" else which) for which in PARTS}


def reader(study: Study, domain: str) -> Any:
    """The reader of a domain's data set, a `dadist.data.readers.base.Reader`."""
    found = importlib.import_module(DATASETS[study.domains[domain].dataset])
    return found.reader(parse(found.Options, study.domains[domain].options, f"domains.{domain}"))


def place(study: Study, path: str, made: str) -> str:
    """Where a path of config.yaml lies: as it is below ``made``, the workflow's own folder, else from data_root on."""
    return path if path.startswith(made) else os.path.join(study.data_root, path)  # noqa: PTH118


def listed(study: Study, one: Part, made: str) -> str | None:
    """The text file that names the images of a part, if its domain has one."""
    lists = study.domains[one.domain].lists
    split = one.plan["split"]
    return place(study, lists[split], made) if split in lists else None

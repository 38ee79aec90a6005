"""The parts of a setting's data: what is prepared of which data set, and where the data set lies.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

import importlib
from dataclasses import dataclass
from typing import Any

from dadist.config.methods import requirements
from dadist.config.records import ConfigError, parse
from dadist.config.requirements import trained, wants_target_depth, without_target_depth
from dadist.config.schema import Study
from dadist.registry import DATASETS

SPLITS = ("source", "train", "val")  # train and val are the target's
BESIDE = "source "  # and a domain: a source beside the first
TRAIN_WITH_DEPTH = "train with depth"  # the target's training split once more, for methods that learn from its depth


@dataclass(frozen=True)
class PreparedSplit:
    """What `prepare` makes of one split, and what it makes it of."""

    name: str  # of its folder; parts that are prepared alike have the same
    domain: str  # name in domains
    reader: str  # module of the data set
    options: dict[str, Any]  # of its reader
    plan: dict[str, Any]  # the fields of `inventory.SplitPlan`


def prepared_split(study: Study, setting: str, which: str) -> PreparedSplit | None:
    """One of the SPLITS of a setting, or TRAIN_WITH_DEPTH, or a source of `sources`; None for one without labels.

    The source and the target's validation split have labels and, if the domain has any, depth; the target's training
    split has neither, and TRAIN_WITH_DEPTH, which is None unless the domain has `unlabelled_depth`, has depth alone.
    """
    chosen = study.settings[setting]
    is_source = which == "source" or which.startswith(BESIDE)
    view = chosen.source if is_source else chosen.target
    named = which.removeprefix(BESIDE) if which.startswith(BESIDE) else view.domain
    domain, found = study.domains[named], reader(study, named)
    split = "val" if which == "val" else next(one for one in ("all", "train") if one in found.splits)
    training = which in ("train", TRAIN_WITH_DEPTH)
    if not (domain.unlabelled_depth if which == TRAIN_WITH_DEPTH else training or split in found.labelled):
        return None
    name = f"{named}-{split}-{view.width}x{view.height}-{chosen.classes.name}"
    # One split may be a source here and a target there: with its labels, and without.
    if which != "val" and is_source != (split == "all"):
        name += "-labelled" if is_source else "-unlabelled"
    if view.fit == "pad":
        name += "-padded"
    if which == "val" and chosen.evaluate.labels == "working":
        name += "-working"
    if which == TRAIN_WITH_DEPTH:
        name += "-depth"
    if chosen.prepare.images:
        name += f"-first{chosen.prepare.images}"
    asked = {"labels": not training, "depth": which == TRAIN_WITH_DEPTH or (not training and domain.depth)}
    of_files = {**asked, "depth": asked["depth"] and domain.network is None}
    plan = {
        "split": split,
        "width": view.width,
        "height": view.height,
        "fit": view.fit,
        "classes": chosen.classes,
        **asked,
        "native": which == "val" and chosen.evaluate.labels == "native",
        "images": chosen.prepare.images,
        "cameras": domain.camera == "files"
        and (is_source or which == (TRAIN_WITH_DEPTH if domain.unlabelled_depth else "train")),
        "skip_bad": domain.skip_bad,
    }
    return PreparedSplit(name, named, DATASETS[domain.dataset], found.relevant(domain.options, split, **of_files), plan)


def sources(study: Study, setting: str) -> list[str]:
    """The sources of a setting, by the names that `prepared_split` knows them by, the first first."""
    return ["source", *(f"{BESIDE}{domain}" for domain in study.settings[setting].source.beside)]


def training_split(study: Study, setting: str, method: str) -> str:
    """What a method reads of the target: "train", or TRAIN_WITH_DEPTH.

    Raises:
        ConfigError: It learns from depth, and the target's domain has none. Settings that nobody asks for may list it.
    """
    chosen = study.settings[setting]
    domain = chosen.target.domain
    if not wants_target_depth(chosen, method):
        return "train"
    if not study.domains[domain].unlabelled_depth:
        raise ConfigError(
            f"method {method} learns from depth of the target's training images, and "
            f"domains.{domain} has none; give it depth files and unlabelled_depth: true, or set "
            f"{without_target_depth(method)}, which does without",
            ("settings", setting),
        )
    if study.domains[domain].relative and not requirements(method).relative_depth:
        raise ConfigError(
            f"method {method} learns from depth in metres, and that of domains.{domain} is relative; set "
            f"{without_target_depth(method)}, which does without",
            ("settings", setting),
        )
    return TRAIN_WITH_DEPTH


def prepared_splits(study: Study, setting: str) -> dict[str, PreparedSplit | None]:
    """The SPLITS of a setting, the training split with depth where one of its methods learns from that."""
    measured = TRAIN_WITH_DEPTH in {
        training_split(study, setting, method) for method in trained(study.settings[setting])
    }
    return {
        which: prepared_split(study, setting, TRAIN_WITH_DEPTH if measured and which == "train" else which)
        for which in (*sources(study, setting), "train", "val")
    }


def reader(study: Study, domain: str) -> Any:
    """The reader of a domain's data set, a `dadist.data.readers.base.Reader`."""
    found = importlib.import_module(DATASETS[study.domains[domain].dataset])
    return found.reader(parse(found.Options, study.domains[domain].options, f"domains.{domain}"))

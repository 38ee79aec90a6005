"""What the rules read: for each input of a rule, the paths of its files.

What the user brings may be missing and is in user_files.py.
"""

from collections.abc import Iterator

from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.pipeline import paths, runs
from dadist.pipeline.estimates import depth_files
from dadist.pipeline.runs import Run
from dadist.pipeline.splits import (
    BESIDE,
    SPLITS,
    TRAIN_WITH_DEPTH,
    PreparedSplit,
    prepared_split,
    sources,
    training_split,
)

# Of a split without labels: whose domain it is, what labels are for, what part of the domain has none, and the remedy.
_WITHOUT_LABELS = {
    "source": ("source", "learn from", "", "take another source"),
    "val": (
        "target",
        "compare with",
        " of a split val",
        "ask for models (…/model.pt) and the panel, which need none",
    ),
}


# --- prepared data


def splits_of(study: Study, setting: str) -> dict[str, PreparedSplit]:
    """The SPLITS of a setting, its other sources and TRAIN_WITH_DEPTH, without those that its domains cannot give."""
    wanted = dict.fromkeys((*SPLITS, TRAIN_WITH_DEPTH, *sources(study, setting)))
    found = {which: prepared_split(study, setting, which) for which in wanted}
    return {which: split for which, split in found.items() if split is not None}


def split_named(study: Study, name: str) -> PreparedSplit:
    """The split that is prepared in a folder; a job that stands alone knows no more of it than the name.

    Raises:
        ConfigError: No setting and no variant has such a split, or a variant that could have it is wrong.
    """
    wrong = None
    for setting in _to_search(study):
        try:
            found = splits_of(study, setting)
        except ConfigError as error:  # of a variant: it is read when it is asked for, and this one may not be meant
            if _matters(study, setting):
                wrong = wrong or error
            continue
        for split in found.values():
            if split.name == name:
                return split
    raise wrong or ConfigError(f"{paths.data(name)}: expected a split that a setting asks for, got one of none")


def _matters(study: Study, setting: str) -> bool:
    """Whether a mistake in it is worth telling: not in an ablation of a method that the setting does not list."""
    base, variant = runs.base_of(study, setting), setting.rpartition("-")[2]
    ablated = base is not None and variant in study.ablation.variants
    return not ablated or study.ablation.method in study.settings[base or setting].methods


def _to_search(study: Study) -> Iterator[str]:
    """The settings, among which are the variants that were asked for so far; then all variants, which takes longer."""
    yield from list(study.settings)
    for setting in runs.bases(study):
        yield from runs.variants(study, setting)


def estimated_depth(study: Study, name: str) -> list[str]:
    """The depth files that a split is prepared with, where a network makes them."""
    return depth_files(study, split_named(study, name))


def has_labels(study: Study, setting: str) -> bool:
    """Whether the target has labels to compare with."""
    return prepared_split(study, setting, "val") is not None


def labelled(study: Study, setting: str, which: str) -> str:
    """The prepared source, several as one, or the target's validation split ('val').

    Raises:
        ConfigError: It has no labels; the message has the keys that would give it some.
    """
    if which == "source" and study.settings[setting].source.beside:
        return paths.joined(setting)
    return _labelled(study, setting, which)


def sources_to_join(study: Study, setting: str) -> list[str]:
    """The prepared sources of a setting that has several.

    Raises:
        ConfigError: One has no labels.
    """
    return [_labelled(study, setting, which) for which in sources(study, setting)]


def _labelled(study: Study, setting: str, which: str) -> str:
    if split := prepared_split(study, setting, which):
        return paths.data(split.name)
    view, use, part, instead = _WITHOUT_LABELS["source" if which.startswith(BESIDE) else which]
    domain = which.removeprefix(BESIDE) if which.startswith(BESIDE) else getattr(study.settings[setting], view).domain
    raise ConfigError(
        f"settings.{setting}.{view}: expected labels to {use}, got none{part} in domains.{domain}; "
        f"a folder of your own gets them by its keys images, labels and ids; or {instead}"
    )


def unlabelled(study: Study, setting: str) -> str:
    """The target's training images."""
    return paths.data(splits_of(study, setting)["train"].name)


def training_images(study: Study, run: Run) -> str:
    """The target's training images, with depth for a method that learns from it.

    Raises:
        ConfigError: The method learns from depth, and the target has none.
    """
    which = training_split(study, run.setting, run.method)
    return paths.data(splits_of(study, run.setting)[which].name)


def pictured(study: Study, setting: str) -> str:
    """The images of the panel: those to validate on, or to train on where no others are."""
    found = splits_of(study, setting)
    return paths.data(found.get("val", found["train"]).name)


# --- of one run


def artefacts(study: Study, run: Run) -> list[str]:
    """What a method is built from."""
    return [paths.artefact(one) for one in runs.artefacts(study, run.setting, [run.method])]


def model_before(study: Study, run: Run) -> str:
    """The model of the round before."""
    return paths.model(runs.before(study, run))


# --- of a setting


def collected(study: Study, setting: str, table: str) -> list[str]:
    """The metrics of every run of a table; those of 'prior' in several weights each."""
    if table == "prior":
        return [paths.weighed(run) for run in runs.of_table(study, setting, "metrics")]
    return [paths.metrics(run) for run in runs.of_table(study, setting, table)]


def measured(study: Study, setting: str) -> list[str]:
    """The metrics of every run of a setting; none where the target has no labels to compare with."""
    return collected(study, setting, "metrics") if has_labels(study, setting) else []


def losses(study: Study, setting: str) -> list[str]:
    """The losses of every run of a setting."""
    return [paths.losses(run) for run in runs.of_setting(study, setting)]


def pseudo(study: Study, setting: str) -> list[str]:
    """What the first seed labelled for itself, one folder per round."""
    return [paths.pseudo(run) for run in runs.self_trained(study, setting)]


def refined(study: Study, setting: str) -> list[str]:
    """The same without regions that are too small."""
    return [paths.refined(run) for run in runs.self_trained(study, setting)]


def shown(study: Study, setting: str) -> list[str]:
    """The models of the panel."""
    return [paths.model(run) for run in runs.shown(study, setting)]


def embedded(study: Study, setting: str) -> str:
    """The model that `embed` looks into."""
    chosen = study.settings[setting]
    return paths.model(runs.stored(study, Run(setting, chosen.embed.method, chosen.seeds[0])))


def embeddings(study: Study, setting: str) -> list[str]:
    """What `embed` makes, of a setting that has its method."""
    chosen = study.settings[setting]
    return [paths.embedding(setting)] if chosen.embed.method in chosen.methods else []


def mixtures(study: Study, setting: str) -> list[str]:
    """The mixtures of a setting, if one of its methods is built on some."""
    found = runs.artefacts(study, setting, study.settings[setting].methods)
    return [paths.artefact(one) for one in found if one.name == "mixtures"]

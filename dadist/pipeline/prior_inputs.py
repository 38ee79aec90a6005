"""What the rules read of the prior: mixtures, what a target is aligned to them by, images with depth files."""

from dadist.config.prior_sections import Place
from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.pipeline import paths, runs
from dadist.pipeline.inputs import splits_of, unlabelled
from dadist.pipeline.splits import TRAIN_WITH_DEPTH


def to_label(study: Study, setting: str) -> str:
    """The target's training images that are labelled, with depth where the prior weighs it.

    Raises:
        ConfigError: The prior weighs depth, and the target has none.
    """
    return measured_images(study, setting) if study.settings[setting].prior.measured else unlabelled(study, setting)


def measured_images(study: Study, setting: str) -> str:
    """The target's training images with their depth files.

    Raises:
        ConfigError: It has none; the message has the keys that would give it some.
    """
    found, domain = splits_of(study, setting).get(TRAIN_WITH_DEPTH), study.settings[setting].target.domain
    if found is None:
        raise ConfigError(
            f"settings.{setting}.prior: expected depth files of the target's training images, got none in "
            f"domains.{domain}; give it some and unlabelled_depth: true, or set the weight of depth to 0"
        )
    return paths.data(found.name)


def aligned_images(study: Study, setting: str) -> str:
    """The target's training images that its camera and its depth are found by: with depth, if there is any."""
    found = splits_of(study, setting)
    return paths.data(found.get(TRAIN_WITH_DEPTH, found["train"]).name)


def mixtures_of(study: Study, setting: str) -> list[str]:
    """The mixtures of a setting's source."""
    return [paths.artefact(one) for one in runs.artefacts_named(study, setting, ["mixtures"])]


def alignment_of(study: Study, setting: str) -> list[str]:
    """What brings a setting's target to the mixtures."""
    return [paths.artefact(one) for one in runs.artefacts_named(study, setting, ["alignment"])]


def prior(study: Study, setting: str, *, depth: float, place: Place) -> list[str]:
    """What the prior's terms are made from, by their weights: the mixtures, and what a target is aligned to them by.

    Raises:
        ConfigError: One of the two domains has a camera, and the other none.
    """
    if not depth and not place:
        return []
    aligned = _cameras_differ(study, setting) or depth > 0 or place == "found"
    return [*mixtures_of(study, setting), *(alignment_of(study, setting) if aligned else ())]


def _cameras_differ(study: Study, setting: str) -> bool:
    """Whether the target is seen through another camera than the source.

    Raises:
        ConfigError: One of the two has a camera, and the other none.
    """
    chosen = study.settings[setting]
    if chosen.align_depth.camera == "found":
        return True
    known = {domain for domain in (chosen.source.domain, chosen.target.domain) if study.domains[domain].camera}
    if len(known) == 1 and chosen.source.domain != chosen.target.domain:
        (other,) = {chosen.source.domain, chosen.target.domain} - known
        raise ConfigError(
            f"settings.{setting}.prior: expected the camera of source and target, or of neither, got that of "
            f"domains.{min(known)} alone; give domains.{other} a camera, or set align_depth.camera: found"
        )
    return bool(known)


def prior_to_label(study: Study, setting: str) -> list[str]:
    """What the prior of a setting's pseudo-labels is made from; nothing where it has no say."""
    asked = study.settings[setting].prior
    return prior(study, setting, depth=asked.depth, place=asked.place)


def prior_to_measure(study: Study, setting: str) -> list[str]:
    """The same of its metrics.

    Raises:
        ConfigError: It weighs depth, and the target to validate on has none.
    """
    asked = study.settings[setting].prior
    _require_depth(study, setting, asked.depth)
    return prior(study, setting, depth=asked.depth, place=asked.place)


def prior_to_weigh(study: Study, setting: str) -> list[str]:
    """The same of the pairs of weights of prior.csv.

    Raises:
        ConfigError: One of them weighs depth, and the target to validate on has none.
    """
    pairs = study.settings[setting].weigh_prior.weights
    depth = max(one for one, _ in pairs)
    _require_depth(study, setting, depth)
    return prior(study, setting, depth=depth, place="found" if "found" in [other for _, other in pairs] else 1.0)


def _require_depth(study: Study, setting: str, weight: float) -> None:
    domain, features = study.settings[setting].target.domain, study.settings[setting].fit_gmm.features
    if weight > 0 and "z" not in features:
        raise ConfigError(
            f"settings.{setting}.weigh_prior: expected mixtures that know depth, got some over {', '.join(features)}; "
            "add z to fit_gmm.features, or set the weight of depth to 0"
        )
    of_files = study.settings[setting].prior.depth_from == "files"
    if weight > 0 and of_files and not study.domains[domain].depth:
        raise ConfigError(
            f"settings.{setting}.prior: expected depth files of the images to validate on, got none: domains.{domain} "
            "has depth: false; give it some and depth: true, or set the weight of depth to 0"
        )


def aligning(study: Study, setting: str) -> str:
    """The model whose predictions say which class a depth is of: adabn's, which every setting has."""
    return paths.model(runs.aligning(study, setting))

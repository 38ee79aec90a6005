"""What the pictures of the prior are made from: inputs of `draw_prior`, and of the page where it shows them."""

from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.pipeline import paths, runs
from dadist.pipeline.inputs import splits_of
from dadist.pipeline.prior_inputs import measured_images, mixtures_of
from dadist.pipeline.runs import Run


def with_truth(study: Study, setting: str) -> bool:
    """Whether the images are those to validate on; those to train on where these have no labels or no depth."""
    target = study.domains[study.settings[setting].target.domain]
    return target.depth and "val" in splits_of(study, setting)


def images(study: Study, setting: str) -> str:
    """The images, with depth.

    Raises:
        ConfigError: The target has no depth files at all.
    """
    if with_truth(study, setting):
        return paths.data(splits_of(study, setting)["val"].name)
    return measured_images(study, setting)


def looked_into(study: Study, setting: str) -> Run:
    """The run whose labels are corrected: the last of the panel of predictions.

    Raises:
        ConfigError: The panel has none.
    """
    if shown := runs.shown(study, setting):
        return shown[-1]
    raise ConfigError(f"settings.{setting}.draw.methods: expected a method whose labels the prior corrects, got none")


def model(study: Study, setting: str) -> str:
    """Its network."""
    return paths.model(looked_into(study, setting))


def mixtures(study: Study, setting: str) -> list[str]:
    """The mixtures, over depth too.

    Raises:
        ConfigError: The mixtures know no depth.
    """
    features = study.settings[setting].fit_gmm.features
    if "z" not in features:
        raise ConfigError(
            f"settings.{setting}.fit_gmm.features: expected z among them for pictures of depth, got "
            f"{', '.join(features)}; add z"
        )
    return mixtures_of(study, setting)


def on_page(study: Study, setting: str) -> list[str]:
    """The folder of pictures, of a setting whose prior weighs depth files."""
    return [paths.prior_figures(setting)] if study.settings[setting].prior.measured else []


def stages(study: Study, setting: str) -> list[str]:
    """What the page needs for these pictures alone."""
    return ["align_depth", "draw_prior"] if on_page(study, setting) else []

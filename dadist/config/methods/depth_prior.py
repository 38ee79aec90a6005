"""Keys of objectives.depth_prior: mic with the depth prior in the teacher's labels and in the mixing."""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import Requirements, mic
from dadist.config.prior_sections import Prior
from dadist.config.records import ConfigError, key

REQUIREMENTS = Requirements(
    artefacts=("mixtures", "alignment"),
    source_depth=True,
    target_depth=("prior.depth", "paste"),
    relative_depth=True,
    same_size=True,
)


@dataclass(frozen=True)
class Hyperparameters(mic.Hyperparameters):
    """What the mixtures have to say while the network learns; the setting's own `prior` is of labels and metrics."""

    prior: Annotated[Prior, key("Of the teacher's labels. doubt: a label counts by how much of it the prior leaves.")]
    paste: Annotated[
        float,
        key(
            "Share of a class's own places and depths that are less usual than what a class is still pasted on: where "
            "log p_c(z | x, y) of the target's depth is above that quantile. 0.0: pasted anywhere.",
            source="D",
            ge=0,
            lt=1,
        ),
    ]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.prior.depth_from != "files":
            raise ConfigError("expected files, as the network has no depth head, got head", ("prior", "depth_from"))

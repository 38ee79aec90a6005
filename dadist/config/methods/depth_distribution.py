"""Keys of objectives.depth_distribution, the method of this project.

P has one set of weights for all tasks. C has it for experiments 1 and 2, another depth for 3, and a third set for
Mapillary (4, 5): 0.0001, 0.005, 0.001, 0.001, critic_lr 1.0e-4. At 0.0 a term is not computed and has no column in
losses.csv. What the paper's ablation M1 to M4 and S1 to S5 switched is lost, so name rows your own way. A head that no
term reaches is built all the same, and keeps its random weights.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.methods import Objective, Requirements
from dadist.config.records import key

REQUIREMENTS = Requirements(artefacts=("mixtures",), source_depth=True, density=True)


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective, the readings of the density, and what the critic sees."""

    depth: Annotated[float, key("Weight of the source's depth.", source="P, C", ge=0)]
    balance_source: Annotated[float, key("Weight of the density head's term on the source.", source="P, C", ge=0)]
    balance_target: Annotated[float, key("Weight of the density head's term on the target.", source="P, C", ge=0)]
    adversarial: Annotated[float, key("Weight of the adversarial term; 0.0: no critic either.", source="P, C", ge=0)]
    critic_lr: Annotated[float, key("Rate of the critic's Adam.", source="P, C", ge=0)]
    critic_scale: Annotated[float, key("Weight of the critic's terms.", source="C", ge=0)]
    critic_width: Annotated[int, key("Channels after the first of the critic's five convolutions.", source="C", ge=1)]
    feature: Annotated[
        Literal[
            "density_segmentation",
            "segmentation",
            "depth",
            "density",
            "depth_segmentation",
            "depth_density_segmentation",
        ],
        key(
            "What the critic sees: the product of the maps named. segmentation is the self-information I(P), one "
            "channel per class; depth and density are their heads' maps, and a feature of these alone has one channel.",
            source="C; P leaves it open, its Table 4 may have compared the others",
        ),
    ]
    adversarial_loss: Annotated[
        Literal["bce", "log"],
        key(
            "bce: cross-entropy, source 0, target 1; log: log D and log(1 - D) as P prints them, unbounded.", source="C"
        ),
    ]
    squash: Annotated[
        Literal["exponential", "median", "none"],
        key(
            "exponential: D = 255 (1 - exp(-1e6 p)); none (P): p; median (D): 1 - 2^(-p / median), free of the grid.",
            source="C",
        ),
    ]
    source_density: Annotated[
        Literal["ground_truth", "masked"],
        key("masked: z = 0 where the prediction differs from the label; ground_truth: P.", source="C"),
    ]

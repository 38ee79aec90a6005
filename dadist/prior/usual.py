"""Which depths are usual for a class where it stands: a quantile of log p_c(z | x, y) under the class's own mixture."""

import numpy as np
import torch
from torch import Tensor

from dadist.prior.fusion import Fusion

DRAWS = 4096  # of each class


@torch.no_grad()
def usual(fusion: Fusion, share: float, *, seed: int) -> Tensor:
    """The log p_c(z | x, y) that a share of what a class shows of itself stays below: ``(C,)``, nats.

    Places and depths are drawn from the mixture of the class, which is what was learned of it, and from the noise of an
    estimated depth; none is drawn that no camera measures, z <= 0. -inf for a class without a mixture.

    Args:
        fusion: With the tables of the mixtures, and the noise in them.
        share: 0 to 1.
        seed: Of the draws.

    Source: this project.
    """
    given, random, least = fusion.given, np.random.default_rng(seed), []
    for c, fitted in enumerate(given.fitted.tolist()):
        if not fitted:
            least.append(-np.inf)
            continue
        share_of_component, expected, constant, slope = (
            one[c].double().cpu().numpy() for one in (given.share, given.expected, fusion.constant, fusion.slope)
        )
        place = given.place[c].double().cpu().numpy()
        odds = np.exp(place - place.max())
        cells = random.choice(len(odds), DRAWS, p=odds / odds.sum())
        components = (np.exp(share_of_component[:, cells]).cumsum(0) < random.random(DRAWS)).sum(0)
        components = components.clip(max=len(constant) - 1)  # where rounding left the sum below 1
        expected, slope = (np.broadcast_to(one, constant.shape) for one in (expected, slope))
        deviation = np.sqrt(-0.5 / slope[components, cells])
        z = expected[components, cells] + deviation * random.standard_normal(DRAWS)
        terms = constant[:, cells] + slope[:, cells] * (z - expected[:, cells]) ** 2
        found = np.logaddexp.reduce(terms, axis=0)[z > 0]
        least.append(np.quantile(found, share) if len(found) else -np.inf)
    return torch.tensor(least, dtype=fusion.constant.dtype)

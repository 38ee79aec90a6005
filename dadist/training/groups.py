"""Which of a segmenter's weights learn at which rate, decay, and step how often."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

from dadist.config.network_sections import Optimiser
from dadist.model.backbones import Backbone
from dadist.model.segmenter import Segmenter

Group = dict[str, Any]  # of a torch optimiser


def groups(segmenter: Segmenter, others: Iterable[nn.Parameter], settings: Optimiser) -> dict[int, list[Group]]:
    """The groups of the segmenter's optimiser by how often they step, the least first.

    Args:
        segmenter: Its backbone learns at the plain rate, layer by layer at less where ``layer_decay`` says so; all else
            at ``head_lr_mult`` times that.
        others: Weights that learn as the heads do.
        settings: Of the optimiser.
    """
    still = set() if settings.decay_norms else set(_undecayed(segmenter))
    factors = layer_factors(segmenter.backbone, settings.layer_decay)
    # The first group has the plain rate, which losses.csv shows.
    found = dict[int, dict[tuple[float, bool], list[nn.Parameter]]]({1: {(settings.lr, True): []}})
    for name, weight in segmenter.backbone.named_parameters():
        of_times = found.setdefault(repeats(name, settings), {})
        of_times.setdefault((settings.lr * factors[name], weight not in still), []).append(weight)
    made = {
        times: [_group(weights, *key) for key, weights in of_times.items()] for times, of_times in sorted(found.items())
    }
    heads = dict[bool, list[nn.Parameter]]({True: []})
    for name, weight in segmenter.named_parameters():
        if not name.startswith("backbone."):
            heads.setdefault(weight not in still, []).append(weight)
    heads[True] += others
    rate = settings.lr * settings.head_lr_mult
    made[1] += [_group(weights, rate, decays) for decays, weights in heads.items()]
    return made


def repeats(name: str, settings: Optimiser) -> int:
    """How often a weight of the backbone steps in each step of the training.

    The published code lists what every module below the backbone's parts holds: a weight once for each module that it
    is in, itself a part or below one. That is the number of dots in its name.
    """
    return name.count(".") if settings.backbone_repeats == "published" else 1


def layer_factors(backbone: Backbone, layer_decay: float) -> dict[str, float]:
    """What each weight's rate is multiplied by: decay^(layers - layer), from 0 for the stem; the heads would have 1.

    Source: Clark et al., ELECTRA, ICLR 2020; of images Bao et al., BEiT, ICLR 2022.
    """
    if layer_decay == 1:
        return {name: 1.0 for name, _ in backbone.named_parameters()}
    layers = backbone.layers()
    last = max(layers.values()) + 1
    return {name: layer_decay ** (last - layer) for name, layer in layers.items()}


def _group(weights: list[nn.Parameter], rate: float, decays: bool) -> Group:
    plain = {"params": weights, "lr": rate, "initial_lr": rate}
    return plain if decays else {**plain, "weight_decay": 0.0}


def _undecayed(segmenter: Segmenter) -> Iterator[nn.Parameter]:
    """Weights of normalisations, and the backbone's positions and tokens."""
    for module in segmenter.modules():
        if "Norm" in type(module).__name__:
            yield from module.parameters(recurse=False)
    named = dict(segmenter.backbone.named_parameters())
    yield from (named[name] for name in segmenter.backbone.positions())

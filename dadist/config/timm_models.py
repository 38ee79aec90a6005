"""Backbones of timm, by its names: what it says of one, found without its weights.

timm is imported where such a backbone is asked for, and nowhere else: that takes seconds. Nothing is downloaded: no
network is ever asked for with its weights.
"""

import functools
import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

from dadist.config.records import hint

Pixels = Literal["imagenet", "inception", "clip", "unit"]

PREFIX = "timm:"
REMEDY = "pip install 'dadist[timm]'"

# Mean and deviation of values in 0..1 as timm's configurations have them → name of the convention.
CONVENTIONS: dict[Any, Pixels] = {
    ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)): "imagenet",
    ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)): "inception",
    ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)): "clip",
    ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)): "unit",
}
STAGES = 4  # maps of features that a decoder may read
PROBE = (448, 672)  # pixels: twice and three times 224, a multiple of all patches and strides
# Ways to let a network take images of any size: a transformer's, a windowed one's, everyone else's.
ANY_SIZE: tuple[dict[str, Any], ...] = ({"dynamic_img_size": True}, {"strict_img_size": False}, {})


@dataclass(frozen=True)
class TimmModel:
    """What a network of timm makes of an image whose sides are multiples of its last stride."""

    name: str  # as timm has it, with its tag if one was given
    options: dict[str, Any]  # of timm.create_model
    pixels: Pixels  # what its configuration expects of an image
    plain: bool  # a transformer, whose blocks all have one size
    indices: tuple[int, ...]  # which of its features are taken: the last stages, or evenly spread blocks
    widths: tuple[int, ...]  # channels of these
    strides: tuple[int, ...]  # pixels between their cells


@functools.cache
def describe(backbone: str, stride: int | None) -> TimmModel:
    """A network of timm.

    Args:
        backbone: ``timm:`` and timm's name for it, such as ``timm:vit_small_patch14_dinov2.lvd142m``.
        stride: Output stride to ask it for; None: its own.

    Raises:
        ValueError: timm is not installed, has no such network, or the network has no maps of features, takes images of
            one size alone, or no such stride.
    """
    import torch

    name, timm = backbone.removeprefix(PREFIX), _timm()
    pixels = _pixels(name)
    asked = {} if stride is None else {"output_stride": stride}
    reason: Exception
    for way in ANY_SIZE:
        try:
            with torch.device("meta"), torch.no_grad():
                network = timm.create_model(name, pretrained=False, num_classes=0, **asked, **way)
                found = network.eval().forward_intermediates(torch.empty(1, 3, *PROBE), intermediates_only=True)
        except (TypeError, AssertionError, AttributeError, RuntimeError, NotImplementedError) as error:
            reason = error
            continue
        shapes = [tuple(one.shape) for one in found]
        plain = len({shape[2:] for shape in shapes}) == 1
        indices = [len(shapes) * part // STAGES - 1 for part in range(1, STAGES + 1)]
        if not plain:
            indices = [*range(len(shapes) - STAGES, len(shapes))]
        widths, rows = zip(*[shapes[index][1:3] for index in indices if index >= 0], strict=True)
        strides = tuple(PROBE[0] // count for count in rows)
        if len(strides) == STAGES and all(shapes[i][3] * s == PROBE[1] for i, s in zip(indices, strides, strict=True)):
            return TimmModel(name, {**asked, **way}, pixels, plain, tuple(indices), widths, strides)
        reason = ValueError(f"features {', '.join(map(str, shapes))}")
    wanted = "" if stride is None else f" with an output stride of {stride}"
    remedy = "take another" if stride is None else "set adapt.network.stride: null, or take another"
    raise ValueError(
        f"expected a network of timm with {STAGES} maps of features or more of images of any size{wanted}, got {name} "
        f"({type(reason).__name__}: {str(reason)[:120]}); {remedy}"
    )


def create(model: TimmModel) -> Any:
    """The network, with random weights, without its classifier and without what its features do not need."""
    network = _timm().create_model(model.name, pretrained=False, num_classes=0, **model.options)
    network.prune_intermediate_layers(list(model.indices), prune_norm=not model.plain, prune_head=True)
    return network


def _timm() -> Any:
    if importlib.util.find_spec("timm") is None:
        raise ValueError(f"expected the package timm for backbones timm:NAME, which is not installed; {REMEDY}")
    import timm

    return timm


def _pixels(name: str) -> Pixels:
    """The convention of a network's configuration."""
    from timm.models import get_pretrained_cfg, is_model, list_models

    if not is_model(name):
        raise ValueError(f"unknown network of timm{_near(name, list_models())}")
    try:
        found = get_pretrained_cfg(name, allow_unregistered=False)
    except RuntimeError:
        architecture = name.partition(".")[0]
        known = list_models(f"{architecture}.*", pretrained=True)
        raise ValueError(f"unknown tag of timm's {architecture}{_near(name, known)}") from None
    assert found is not None
    convention = (tuple(found.mean), tuple(found.std))
    if convention not in CONVENTIONS:
        raise ValueError(
            f"expected a network of timm for pixels {', '.join(CONVENTIONS.values())}, got {name}, for mean "
            f"{list(found.mean)} and deviation {list(found.std)}; take another"
        )
    return CONVENTIONS[convention]


def _near(name: str, known: list[str]) -> str:
    """The end of a message: near names, or of a few all."""
    import difflib

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(f'timm:{one}' for one in close)}?" if close else hint(name, known[:20])

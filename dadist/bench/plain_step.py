"""The training step as its formulas read, one line each: what ours is compared with. Parts of it can be exchanged."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dadist import em
from dadist.config import Optimiser
from dadist.data.fit import centres
from dadist.data.loader import Source, Target
from dadist.density import squash
from dadist.methods.base import Method
from dadist.methods.depth_distribution import DepthDistribution
from dadist.mixtures import Mixtures
from dadist.model.heads import ASPP
from dadist.model.segmenter import Outputs


@dataclass(frozen=True)
class Changes:
    """What is not plain; each by itself is what ours has, or might have."""

    mixed: bool = False  # networks compute in bfloat16
    channels_last: bool = False
    product: bool = False  # a wide classifier multiplies once
    fused: bool = False  # optimisers step in one kernel
    on_device: bool = False  # density by tables in torch, where the network is, and not by a loop over classes in NumPy
    coarse: bool = False  # cross-entropy on the feature grid: another objective, and so none of ours
    compiled: bool = False  # networks by torch.compile


class PlainStep:
    """One step after the other of depth_distribution: float32, four separate passes, losses at the images' size.

    Args:
        method: Gives networks, weights and mixtures; its networks are changed in place.
        optimiser: Of the segmenter, one group; nothing decays.
        changes: What is not plain.
    """

    def __init__(self, method: DepthDistribution, optimiser: Optimiser, changes: Changes) -> None:
        self.method, self.knobs, self.changes = method, method.knobs, changes
        self.segmenter = changed(method.segmenter, changes)
        self.critic = changed(method.critics["adversarial"], changes)
        self.optimisers = [
            _segmenters(optimiser, method.segmenter, fused=changes.fused),
            torch.optim.Adam(
                method.critics.parameters(), lr=self.knobs.critic_lr, betas=method.betas, fused=changes.fused
            ),
        ]

    def __call__(self, source: Source, target: Target) -> dict[str, Tensor]:
        """A step; the terms, by name."""
        size, knobs, found = source.labels.shape[-2:], self.knobs, dict[str, Tensor]()
        for one in self.optimisers:
            one.zero_grad()

        self.method.critics.requires_grad_(False)
        outputs = self.segmenter(source.images)
        assert outputs.depth is not None
        assert outputs.density is not None
        found["segmentation"] = self._cross_entropy(outputs.logits, source.labels)
        found["depth"] = _berhu(_large(outputs.depth, size), source.inverse_depth, source.valid)
        truth = _on_grid(source.inverse_depth, outputs.logits.shape[-2:])
        predicted = outputs.logits.argmax(1)
        if knobs.source_density == "masked":
            here = _on_grid(source.labels[:, None], predicted.shape[-2:]) == predicted[:, None]
            truth = torch.where(here, truth, 0.0)
        expected = self._density(predicted, truth, positive=False)
        found["balance_source"] = _berhu(outputs.density, expected)
        seen_source = _feature(outputs, size).detach()
        weights = {"segmentation": 1.0, "depth": knobs.depth, "balance_source": knobs.balance_source}
        _backward([weights[name] * found[name] for name in weights])

        outputs = self.segmenter(target.images)
        assert outputs.depth is not None
        assert outputs.density is not None
        size = target.images.shape[-2:]
        expected = self._density(outputs.logits.argmax(1), outputs.depth.detach(), positive=True)
        found["balance_target"] = _berhu(outputs.density, expected)
        feature = _feature(outputs, size)
        found["adversarial"] = _domain(self.critic(feature), 0.0)
        _backward([knobs.balance_target * found["balance_target"], knobs.adversarial * found["adversarial"]])

        self.method.critics.requires_grad_(True)
        for name, seen, domain in (("critic_source", seen_source, 0.0), ("critic_target", feature.detach(), 1.0)):
            found[name] = _domain(self.critic(seen), domain)
            _backward([knobs.critic_scale * found[name]])
        for one in self.optimisers:
            one.step()
        return {name: value.detach() for name, value in found.items()}

    def _cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        weights = self.method.ingredients.class_weights
        if self.changes.coarse:
            return F.cross_entropy(
                logits, _on_grid(labels[:, None], logits.shape[-2:])[:, 0], weight=weights, ignore_index=255
            )
        return F.cross_entropy(_large(logits, labels.shape[-2:]), labels, weight=weights, ignore_index=255)

    @torch.no_grad()
    def _density(self, predicted: Tensor, depth: Tensor, *, positive: bool) -> Tensor:
        if self.changes.on_device:
            p = self.method.density.to(depth.device)(predicted, depth, positive=positive)
        else:
            p = density(self.method.mixtures, predicted, depth, positive=positive)
        return squash(p, rule=self.knobs.squash, median=self.method.mixtures.median)


class PlainRound:
    """One step after the other of the authors' self-training: cross-entropy on the target's pseudo-labels, no more.

    Args:
        method: A recipe; gives the network, which is changed in place.
        optimiser: Of the segmenter, one group; nothing decays.
        changes: What is not plain.
    """

    def __init__(self, method: Method, optimiser: Optimiser, changes: Changes) -> None:
        self.segmenter = changed(method.segmenter, changes)
        self.optimiser = _segmenters(optimiser, method.segmenter, fused=changes.fused)

    def __call__(self, source: Source, target: Target) -> dict[str, Tensor]:
        """A step; its term, by name."""
        assert target.labels is not None
        self.optimiser.zero_grad()
        logits = _large(self.segmenter(target.images).logits, target.labels.shape[-2:])
        loss = F.cross_entropy(logits, target.labels, ignore_index=255)
        _backward([loss])
        self.optimiser.step()
        return {"pseudo": loss.detach()}


def density(mixtures: Mixtures, labels: Tensor, z: Tensor, *, positive: bool) -> Tensor:
    """What `Density` answers, class by class in NumPy: labels ``(B, h, w)``, z ``(B, 1, h, w)``, ``(B, 1, h, w)``."""
    classes, depth = labels.cpu().numpy(), z[:, 0].cpu().double().numpy()
    rows, columns = np.broadcast_arrays(*np.ogrid[: classes.shape[1], : classes.shape[2]])
    places = {"x": columns * mixtures.scale[0], "y": rows * mixtures.scale[1]}
    p = np.zeros(classes.shape)
    for c in range(len(mixtures.classes)):
        for image, here in enumerate(classes == c):
            given = {name: place[here] for name, place in places.items()} | {"z": depth[image][here]}
            points = np.stack([given[feature] for feature in mixtures.features])  # (F, n)
            used = mixtures.weights[c] > 0
            if points.size and used.any():
                tables = (mixtures.weights, mixtures.means, mixtures.covariances)
                p[image][here] = np.exp(em.log_density(em.Mixture(*(table[c][used] for table in tables)), points))
    if positive and "z" in mixtures.features:
        p[depth <= 0] = 0
    return torch.from_numpy(p[:, None]).float().to(z.device)


def changed(network: nn.Module, changes: Changes) -> Callable[[Tensor], Any]:
    """A call of a network, which is changed in place, as the plain loop makes it: what it says is float32."""
    for module in network.modules():
        if isinstance(module, ASPP):
            module.at_once = module.at_once and changes.product
    if changes.channels_last:
        network.to(memory_format=torch.channels_last)
    call = torch.compile(network) if changes.compiled else network

    def answer(x: Tensor) -> Any:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=changes.mixed):
            found = call(x)
        if isinstance(found, Tensor):
            return found.float()
        maps = {name: None if one is None else one.float() for name, one in vars(found).items() if name != "extra"}
        return dataclasses.replace(found, **maps)

    return answer


def _segmenters(plan: Optimiser, network: nn.Module, *, fused: bool) -> torch.optim.Optimizer:
    weights, lr, decay = network.parameters(), plan.lr, plan.weight_decay
    if plan.name == "sgd":
        return torch.optim.SGD(weights, lr=lr, momentum=plan.momentum, weight_decay=decay, fused=fused)
    return torch.optim.AdamW(weights, lr=lr, betas=(plan.momentum, 0.999), weight_decay=decay, fused=fused)


def _large(x: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def _feature(outputs: Outputs, size: torch.Size) -> Tensor:
    """Self-information times density."""
    assert outputs.density is not None
    logits = _large(outputs.logits, size)
    information = -F.softmax(logits, 1) * F.log_softmax(logits, 1) / math.log(logits.shape[1])
    return information * _large(outputs.density, size)


def _berhu(predicted: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    error = (predicted - target).abs()
    error = error.flatten() if valid is None else error[valid]
    c = 0.2 * error.max().detach().clamp_min(1e-12)
    return torch.where(error <= c, error, (error**2 + c**2) / (2 * c)).mean()


def _domain(answers: Tensor, domain: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(answers, torch.full_like(answers, domain))


def _on_grid(maps: Tensor, grid: torch.Size) -> Tensor:
    rows, columns = (torch.from_numpy(centres(size, n)) for size, n in zip(maps.shape[-2:], grid, strict=True))
    return maps[..., rows[:, None].to(maps.device), columns.to(maps.device)]


def _backward(terms: list[Tensor]) -> None:
    torch.stack(terms).sum().backward()  # type: ignore[no-untyped-call]

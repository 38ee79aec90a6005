"""The training step that ours is compared with: a plain loop, one line per formula. Parts of it can be exchanged."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dadist.config.network_sections import Optimiser
from dadist.data.loader import Source, Target
from dadist.data.resize import centres
from dadist.methods.base import Method
from dadist.methods.depth_distribution import DepthDistribution
from dadist.model.heads import ASPP
from dadist.model.segmenter import Outputs
from dadist.prior import em
from dadist.prior.density import squash
from dadist.prior.mixtures import Mixtures


@dataclass(frozen=True)
class Changes:
    """What is not plain. Each is a change that our own step has, or might have."""

    mixed: bool = False  # networks compute in bfloat16
    channels_last: bool = False
    product: bool = False  # a wide classifier is one matrix product
    fused: bool = False  # optimisers step in one kernel
    on_device: bool = False  # density by tables in torch, on the network's device, not class by class in NumPy
    coarse: bool = False  # cross-entropy on the feature grid: another objective, which ours does not have
    compiled: bool = False  # networks by torch.compile


class PlainStep:
    """A step of depth_distribution: float32, four separate passes, losses at the images' size.

    Args:
        method: Gives networks, weights and mixtures; its networks are changed in place.
        optimiser: Of the segmenter, one parameter group; the learning rate stays.
        changes: What is not plain.
    """

    def __init__(self, method: DepthDistribution, optimiser: Optimiser, changes: Changes) -> None:
        self.method, self.hyperparameters, self.changes = method, method.hyperparameters, changes
        self.segmenter = changed(method.segmenter, changes)
        self.critic = changed(method.critics["adversarial"], changes)
        self.optimisers = [
            _segmenter_optimiser(optimiser, method.segmenter, fused=changes.fused),
            torch.optim.Adam(
                method.critics.parameters(), lr=self.hyperparameters.critic_lr, betas=method.betas, fused=changes.fused
            ),
        ]

    def __call__(self, source: Source, target: Target) -> dict[str, Tensor]:
        """One step; its losses by name."""
        for one in self.optimisers:
            one.zero_grad()
        self.method.critics.requires_grad_(False)
        losses, source_feature = self._source_pass(source)
        target_losses, target_feature = self._target_pass(target)
        losses |= target_losses
        self.method.critics.requires_grad_(True)
        for name, feature, domain in (("critic_source", source_feature, 0.0), ("critic_target", target_feature, 1.0)):
            losses[name] = _domain_loss(self.critic(feature), domain)
            _backward([self.hyperparameters.critic_scale * losses[name]])
        for one in self.optimisers:
            one.step()
        return {name: value.detach() for name, value in losses.items()}

    def _source_pass(self, source: Source) -> tuple[dict[str, Tensor], Tensor]:
        """Supervised losses, whose gradients are added, and the critic's input."""
        size, hyperparameters, losses = source.labels.shape[-2:], self.hyperparameters, dict[str, Tensor]()
        outputs = self.segmenter(source.images)
        assert outputs.depth is not None
        assert outputs.density is not None
        losses["segmentation"] = self._cross_entropy(outputs.logits, source.labels)
        losses["depth"] = _berhu(_enlarged(outputs.depth, size), source.inverse_depth, source.valid)
        truth = _on_grid(source.inverse_depth, outputs.logits.shape[-2:])
        predicted = outputs.logits.argmax(1)
        if hyperparameters.source_density == "masked":
            right = _on_grid(source.labels[:, None], predicted.shape[-2:]) == predicted[:, None]
            truth = torch.where(right, truth, 0.0)
        expected = self._density(predicted, truth, positive=False)
        losses["balance_source"] = _berhu(outputs.density, expected)
        feature = _critic_input(outputs, size).detach()
        weights = {
            "segmentation": 1.0,
            "depth": hyperparameters.depth,
            "balance_source": hyperparameters.balance_source,
        }
        _backward([weights[name] * losses[name] for name in weights])
        return losses, feature

    def _target_pass(self, target: Target) -> tuple[dict[str, Tensor], Tensor]:
        """Losses without labels, whose gradients are added, and the critic's input."""
        hyperparameters, losses = self.hyperparameters, dict[str, Tensor]()
        outputs = self.segmenter(target.images)
        assert outputs.depth is not None
        assert outputs.density is not None
        expected = self._density(outputs.logits.argmax(1), outputs.depth.detach(), positive=True)
        losses["balance_target"] = _berhu(outputs.density, expected)
        feature = _critic_input(outputs, target.images.shape[-2:])
        losses["adversarial"] = _domain_loss(self.critic(feature), 0.0)
        _backward(
            [
                hyperparameters.balance_target * losses["balance_target"],
                hyperparameters.adversarial * losses["adversarial"],
            ]
        )
        return losses, feature.detach()

    def _cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        weights = self.method.context.class_weights
        if self.changes.coarse:
            return F.cross_entropy(
                logits, _on_grid(labels[:, None], logits.shape[-2:])[:, 0], weight=weights, ignore_index=255
            )
        return F.cross_entropy(_enlarged(logits, labels.shape[-2:]), labels, weight=weights, ignore_index=255)

    @torch.no_grad()
    def _density(self, predicted: Tensor, depth: Tensor, *, positive: bool) -> Tensor:
        if self.changes.on_device:
            p = self.method.density.to(depth.device)(predicted, depth, positive=positive)
        else:
            p = density(self.method.mixtures, predicted, depth, positive=positive)
        return squash(p, rule=self.hyperparameters.squash, median=self.method.mixtures.median)


class PlainRound:
    """A step of the authors' self-training: cross-entropy on the target's pseudo-labels, no more.

    Args:
        method: A recipe; gives the network, which is changed in place.
        optimiser: Of the segmenter, one parameter group; the learning rate stays.
        changes: What is not plain.
    """

    def __init__(self, method: Method, optimiser: Optimiser, changes: Changes) -> None:
        self.segmenter = changed(method.segmenter, changes)
        self.optimiser = _segmenter_optimiser(optimiser, method.segmenter, fused=changes.fused)

    def __call__(self, source: Source, target: Target) -> dict[str, Tensor]:
        """One step; its loss by name."""
        assert target.labels is not None
        self.optimiser.zero_grad()
        logits = _enlarged(self.segmenter(target.images).logits, target.labels.shape[-2:])
        loss = F.cross_entropy(logits, target.labels, ignore_index=255)
        _backward([loss])
        self.optimiser.step()
        return {"pseudo": loss.detach()}


def density(mixtures: Mixtures, labels: Tensor, z: Tensor, *, positive: bool) -> Tensor:
    """As `Density`, class by class in NumPy: from labels ``(B, h, w)`` and z ``(B, 1, h, w)`` to ``(B, 1, h, w)``."""
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
    """A function that calls a network, which is changed in place, and returns float32."""
    for module in network.modules():
        if isinstance(module, ASPP):
            module.at_once = module.at_once and changes.product
    if changes.channels_last:
        network.to(memory_format=torch.channels_last)
    call = torch.compile(network) if changes.compiled else network

    def forward(x: Tensor) -> Any:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=changes.mixed):
            outputs = call(x)
        if isinstance(outputs, Tensor):
            return outputs.float()
        maps = {name: None if one is None else one.float() for name, one in vars(outputs).items() if name != "extra"}
        return dataclasses.replace(outputs, **maps)

    return forward


def _segmenter_optimiser(plan: Optimiser, network: nn.Module, *, fused: bool) -> torch.optim.Optimizer:
    weights, lr, decay = network.parameters(), plan.lr, plan.weight_decay
    if plan.name == "sgd":
        return torch.optim.SGD(weights, lr=lr, momentum=plan.momentum, weight_decay=decay, fused=fused)
    return torch.optim.AdamW(weights, lr=lr, betas=(plan.momentum, 0.999), weight_decay=decay, fused=fused)


def _enlarged(x: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def _critic_input(outputs: Outputs, size: torch.Size) -> Tensor:
    """Self-information times density, at the images' size."""
    assert outputs.density is not None
    logits = _enlarged(outputs.logits, size)
    information = -F.softmax(logits, 1) * F.log_softmax(logits, 1) / math.log(logits.shape[1])
    return information * _enlarged(outputs.density, size)


def _berhu(predicted: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    error = (predicted - target).abs()
    error = error.flatten() if valid is None else error[valid]
    c = 0.2 * error.max().detach().clamp_min(1e-12)
    return torch.where(error <= c, error, (error**2 + c**2) / (2 * c)).mean()


def _domain_loss(logits: Tensor, domain: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, domain))


def _on_grid(maps: Tensor, grid: torch.Size) -> Tensor:
    rows, columns = (torch.from_numpy(centres(size, n)) for size, n in zip(maps.shape[-2:], grid, strict=True))
    return maps[..., rows[:, None].to(maps.device), columns.to(maps.device)]


def _backward(losses: list[Tensor]) -> None:
    torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]

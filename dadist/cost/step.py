"""What a training step costs, counted on the meta device."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dadist.config.network_sections import Optimiser
from dadist.config.schema import Setting
from dadist.cost.counting import count
from dadist.data.loader import Source, Target
from dadist.losses.features import things
from dadist.methods.base import Context, Method
from dadist.model.blank import blank
from dadist.model.layouts import build
from dadist.model.segmenter import Architecture
from dadist.prior.alignment import Alignment
from dadist.prior.mixtures import Mixtures
from dadist.prior.patches import QUARTERS, Patches
from dadist.registry import METHODS, RECIPES
from dadist.training import build as assembly
from dadist.training.loop import to_device

STATES = {"sgd": 1, "adamw": 2}  # numbers that the optimiser keeps a weight; Adam, the critics', keeps two

HORIZON = 100_000  # steps of the training that a step is taken from


@dataclass(frozen=True)
class StepCost:
    """One step: all forward and backward passes over a batch, network and critic."""

    flops: int  # of convolutions and matrix products, a multiply-add counts two; nothing else counts
    traffic: int  # bytes that all other operations read and write, each tensor once per operation, in float32
    weights: int  # bytes of networks, averaged one and critics, buffers included
    gradients: int  # bytes
    states: int  # bytes, of the optimisers
    activations: int  # bytes kept for the backward pass that keeps most
    transient: int  # bytes that the largest single operation reads and writes

    @property
    def memory(self) -> int:
        """Bytes at the peak, without the allocator's and the convolution library's own."""
        return self.weights + self.gradients + self.states + self.activations + self.transient


def step_cost(setting: Setting, name: str) -> StepCost:
    """Cost of a step of a method or of a self-training recipe.

    Args:
        setting: Gives sizes, batch, network and optimiser.
        name: In METHODS or RECIPES.
    """
    with blank():
        method = method_of(setting, name)
        source, target = noise(setting, name)
    to_device(method, "meta")
    method.segmenter.train()
    peaks: list[int] = []
    flops, traffic, largest = count(lambda: peaks.extend(_step(method, source, target)))
    trained = [4 * p.numel() for p in method.segmenter.parameters() if p.requires_grad]
    others = [4 * p.numel() for networks in (method.companions, method.critics) for p in networks.parameters()]
    return StepCost(
        flops=flops,
        traffic=traffic,
        weights=sum(one.numel() * one.element_size() for one in _weights(method)),
        gradients=sum(trained) + sum(others),
        states=STATES[_optimiser(setting, name).name] * sum(trained) + 2 * sum(others),
        activations=max(peaks),
        transient=largest,
    )


def forward_flops(setting: Setting, name: str) -> int:
    """FLOPs of one prediction, an image of the target, by the network of a method."""
    return _forward_flops(_architecture(setting, name), setting.target.height, setting.target.width)


@functools.cache  # most methods share a network
def _forward_flops(architecture: Architecture, height: int, width: int) -> int:
    with blank():
        segmenter, image = build(architecture).eval(), torch.empty(1, 3, height, width)
    return count(lambda: segmenter(image))[0]


def _optimiser(setting: Setting, name: str) -> Optimiser:
    """The plan of the segmenter's optimiser, of a method or a recipe."""
    return setting.selftrain.training.optimiser if name in RECIPES else setting.adapt.optimiser


def _architecture(setting: Setting, name: str) -> Architecture:
    """The network of a method."""
    method_type, hyperparameters = assembly.method_type(METHODS[name]), setting.objectives[name]
    heads, layout = method_type.heads(hyperparameters), method_type.layout(hyperparameters)
    return Architecture(classes=setting.classes, heads=heads, layout=layout, **vars(setting.adapt.network))


def method_of(setting: Setting, name: str) -> Method:
    """The method on random weights, with artefacts that only have the right size; a round's network is a method's."""
    classes = len(setting.classes)
    context = Context(
        classes=classes,
        class_weights=torch.ones(classes) if setting.adapt.class_weight_power else None,
        artefacts={"mixtures": _mixtures(setting), "alignment": ALIGNED, "patches": _patches(setting)},
        seed=0,
        numerator=setting.inverse_depth,
        things=things(setting.classes),
        size=setting.adapt.crop or (setting.source.width, setting.source.height),
        horizon=HORIZON,
    )
    method: Method
    if name in RECIPES:
        network = build(_architecture(setting, setting.selftrain.methods[0]))
        method = assembly.method_type(RECIPES[name])(network, setting.selftrain.training, context)
    else:
        network = build(_architecture(setting, name))
        method = assembly.method_type(METHODS[name])(network, setting.objectives[name], context)
    return method


ALIGNED = Alignment(
    kind="metric", scale=1.0, offset=0.0, noise=(0.1, 0.1), likelihood=0.0, scales=[], curve=[], cells=1
)


def _mixtures(setting: Setting) -> Mixtures:
    classes, components, features = len(setting.classes), setting.fit_gmm.components, "".join(setting.fit_gmm.features)
    return Mixtures(
        weights=np.full((classes, components), 1 / components),
        features=features,
        means=np.zeros((classes, components, len(features))),
        covariances=np.tile(100 * np.eye(len(features)), (classes, components, 1, 1)),
        scale=np.ones(2),
        grid=setting.cells,
        numerator=setting.inverse_depth,
        classes=setting.classes,
        components=components,
        covariance="diag",
        seed=0,
        images=1,
        points=np.ones(classes, np.int64),
        held_out=np.full(classes, np.nan),
        median=1e-6,
    )


def _patches(setting: Setting) -> Patches:
    plan = setting.cluster_patches
    return Patches(
        centroids=np.zeros((plan.clusters, QUARTERS * len(setting.classes)), np.float32),
        members=np.ones(plan.clusters, np.int64),
        source=plan.source,
        target=plan.target,
        classes=setting.classes,
        seed=0,
        images=1,
    )


def noise(setting: Setting, name: str) -> tuple[Source, Target]:
    """Noise of the setting's sizes, on torch's default device; labels for a recipe's target."""
    batch = setting.selftrain.training.batch if name in RECIPES else setting.adapt.batch
    classes = len(setting.classes)

    def drawn(height: int, width: int) -> Source:
        depth = torch.rand(batch, 1, height, width) + 0.1
        labels = torch.randint(0, classes, (batch, height, width))
        images, mirrored = 255 * torch.rand(batch, 3, height, width), torch.zeros(batch, dtype=torch.bool)
        return Source(images, labels, depth, torch.ones_like(depth).bool(), mirrored)

    views = [(view.width, view.height) for view in (setting.source, setting.target)]
    if setting.adapt.crop is not None and name not in RECIPES:
        views = [setting.adapt.crop] * 2
    source, target = (drawn(height, width) for width, height in views)
    labels = target.labels if name in RECIPES else None
    depth, rows = 1000 * target.inverse_depth[:, 0], torch.arange(batch)
    measured = target.inverse_depth, target.valid
    return source, Target(target.images, labels, target.mirrored, *measured, depth=depth, rows=rows)


def _step(method: Method, source: Source, target: Target) -> Iterator[int]:
    """Forward and backward of a step, pass by pass as the loop goes; the bytes that each pass kept for its way back."""
    half = HORIZON // 2  # a step as most are: what a method does at the beginning alone is over
    for passes, frozen in ((method.segmenter_terms(source, target, half), True), (method.critic_terms(), False)):
        method.critics.requires_grad_(not frozen)
        while True:
            with kept(_weights(method)) as storages:
                terms = next(passes, None)
                if terms is None:
                    break
                total = torch.stack([term.weight * term.value for term in terms]).sum()
            total.backward()  # type: ignore[no-untyped-call]
            yield sum(storage.nbytes() for storage in storages.values())


@contextmanager
def kept(weights: list[Tensor]) -> Iterator[dict[int, Any]]:
    """The storages that autograd keeps for the backward pass, by number, but for the weights' own."""
    own = {weight.untyped_storage()._cdata for weight in weights}
    storages: dict[int, Any] = {}  # they stay alive in it, so that their numbers stay theirs

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            storages[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield storages


def _weights(method: Method) -> list[Tensor]:
    """Parameters and buffers of all networks, each once."""
    modules = nn.ModuleList(method.networks().values())
    return [*modules.parameters(), *modules.buffers()]

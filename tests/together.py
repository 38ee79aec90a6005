"""What tests/runtime/test_distributed.py compares, made by one process, or by several that were launched.

Usage: python together.py FOLDER WHAT...; what process R of P makes stands in FOLDER/WHAT-P/R.pt.
"""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import builders
import numpy as np
import torch
import widths
from torch import Tensor, nn

import dadist.training.loop
from dadist.classes import IGNORE
from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.losses.depth import berhu
from dadist.losses.segmentation import cross_entropy
from dadist.model.precision import computing_in
from dadist.model.replicas import replicas
from dadist.registry import METHODS, RECIPES
from dadist.runtime import distributed, processes
from dadist.training.resume import State

STEPS = 5  # beyond an epoch of three
BATCH = 4
# Without momentum and decay of the weights a step is the gradient, which is what must be the same.
SGD = builders.optimiser("sgd", 0.005)


def splits(folder: Path) -> None:
    """A source whose images have from no label to all of them, of a class each for the most part; a target."""
    random = np.random.default_rng(7)
    shape = (12, builders.HEIGHT, builders.WIDTH)
    kept = random.random(shape) < np.linspace(0, 1, 12)[random.permutation(12), None, None]
    own = np.arange(12)[:, None, None] % builders.CLASSES
    labels = np.where(random.random(shape) < 0.8, own, random.integers(0, builders.CLASSES, shape))
    labels[~kept] = IGNORE
    depth = np.where(kept, random.integers(1, 5000, shape), 0)
    builders.split(folder / "source", 12, labels=labels.astype(np.uint8), depth=depth.astype(np.uint16))
    builders.unlabelled(folder / "target", 12)


def trained(folder: Path, home: Path, name: str, *, sync_bn: bool = True, **changes: Any) -> dict[str, Any]:
    """Every network of a method or recipe at the end; the losses of each step stand in ``home``."""
    torch.manual_seed(8)
    method = builders.method(name, **changes)
    source, target = (builders.Prepared(folder / part) for part in ("source", "target"))
    sampling = Sampling(BATCH, 0, True, "cpu")
    state, rows = State(home, "key"), list[dict[str, float]]()
    with state.held(), patch.object(dadist.training.loop, "WINDOW", 1):
        dadist.training.loop.train(
            method,
            SourceLoader(source, sampling, numerator=1000.0, zero_depth="ignore"),
            TargetLoader(target, sampling, source.labels if name in RECIPES else None),
            builders.TrainingSettings(SGD, sync_bn=sync_bn),
            iterations=STEPS,
            state=state,
            observer=lambda _, means: rows.append(dict(means)),
        )
    if distributed.first():  # losses.csv has five digits of these
        (home / "curve.json").write_text(json.dumps(rows), encoding="utf-8")
    return {part: network.state_dict() for part, network in method.networks().items()}


def own_statistics(folder: Path, home: Path) -> dict[str, Any]:
    """A training with `sync_bn: false`."""
    return trained(folder, home, "source_only", sync_bn=False)


def two_resolutions(folder: Path, home: Path) -> dict[str, Any]:
    """A training with `detail`."""
    return trained(folder, home, "dacs", detail=0.1)


def pasted_objects(folder: Path, home: Path) -> dict[str, Any]:
    """A training of ecap that is sure from the beginning."""
    return trained(folder, home, "ecap", confidence=0.2, sure_from=0.0, bank_least=0.0)


class Normed(nn.Module):
    """A BatchNorm between two others, the first of which is frozen, and a weight that nothing reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU())
        self.layers[0].eval()
        self.unreached = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layers(x)
        return found


def normed(folder: Path, home: Path, precision: str = "float32", *, moved: bool = False) -> dict[str, Any]:
    """Outputs, gradients and statistics of two passes through a network."""
    torch.manual_seed(3)
    network, slope = Normed(), torch.rand(BATCH, 5, 6, 7)
    whole = 3 * torch.randn(BATCH, 3, 8, 9) + torch.arange(BATCH)[:, None, None, None]  # no two images alike
    if moved:
        whole = widths.off_by_a_rounding(whole, torch.bfloat16, torch.Generator().manual_seed(5))
    mine = distributed.share(BATCH)
    x = whole[mine].clone().requires_grad_()
    with computing_in(precision, [network]), replicas([network], sync_bn=True):
        for _ in range(2):
            y = network(x)
            (y * slope[mine]).mean().backward()
    assert not [module for module in network.modules() if "forward" in vars(module)]  # each is its own again
    assert x.grad is not None
    gradients = {name: weight.grad for name, weight in network.named_parameters()}
    # The mean over the processes is the loss: a share's part of it is as many times larger.
    slopes = distributed.gather(x.grad) / distributed.processes()
    return {"y": distributed.gather(y), "x": slopes, "gradients": gradients, "state": network.state_dict()}


def normed_in_bfloat16(folder: Path, home: Path) -> dict[str, Any]:
    """The same in mixed precision."""
    return normed(folder, home, "bfloat16")


def normed_in_bfloat16_moved(folder: Path, home: Path) -> dict[str, Any]:
    """That, of images that are off by one rounding to bfloat16, up or down."""
    return normed(folder, home, "bfloat16", moved=True)


def losses(folder: Path, home: Path) -> dict[str, Any]:
    """Losses of a batch with all, some and no pixels, whose largest error is in one share alone; and of none at all."""
    torch.manual_seed(4)
    logits, labels = torch.randn(BATCH, 7, 5, 6), torch.randint(0, 7, (BATCH, 5, 6))
    predicted, target = torch.rand(2, BATCH, 1, 5, 6)
    predicted[-1] *= 9
    valid = torch.rand(BATCH, 1, 5, 6) < torch.tensor([0.0, 0.0, 0.3, 1.0])[:, None, None, None]
    labels[~valid[:, 0]] = IGNORE
    mine, found = distributed.share(BATCH), {}
    for name, kept in (("some", valid), ("none", torch.zeros_like(valid))):
        ids = torch.where(kept[:, 0], labels, IGNORE)[mine]
        leaves = [one[mine].clone().requires_grad_() for one in (logits, predicted)]
        values = (
            cross_entropy(leaves[0], ids),
            cross_entropy(leaves[0], ids, weights=torch.linspace(0.01, 3, 7)),
            berhu(leaves[1], target[mine], kept[mine]),
        )
        torch.stack(values).sum().backward()
        found[name] = [distributed.mean(value.detach()) for value in values]
        found[f"{name} slopes"] = [distributed.gather(one.grad) / distributed.processes() for one in leaves]  # type: ignore[arg-type]
    return found


IN_BFLOAT16 = {one.__name__: one for one in (normed_in_bfloat16, normed_in_bfloat16_moved)}
MAKES = {
    **{one.__name__: one for one in (own_statistics, two_resolutions, pasted_objects, normed, losses)},
    **IN_BFLOAT16,
}
NAMES = (*METHODS, *RECIPES)


def make(folder: Path, what: str) -> None:
    """One of MAKES, or the training of one of NAMES."""
    home = folder / f"{what}-{distributed.processes()}"
    home.mkdir(exist_ok=True)
    with contextlib.nullcontext() if what in IN_BFLOAT16 else widths.float64():
        made = MAKES[what](folder, home) if what in MAKES else trained(folder, home, what)
    torch.save(made, home / f"{processes.rank() or 0}.pt")


def main() -> None:
    """All that the command line names."""
    folder, *whats = sys.argv[1:]
    with contextlib.nullcontext() if processes.rank() is None else distributed.joined():
        for what in whats:
            make(Path(folder), what)
    if processes.rank() is not None:
        processes.end()


if __name__ == "__main__":
    main()

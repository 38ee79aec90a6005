"""How long a training step takes on the machine there is, and how fast that machine computes and copies."""

import dataclasses
import itertools
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from dadist.config.schema import Setting
from dadist.cost.counting import count
from dadist.cost.step import method_of, noise
from dadist.data.loader import Source, Target
from dadist.registry import RECIPES
from dadist.runtime.memory import keep_freed_memory
from dadist.training.loop import to_device, train
from dadist.training.resume import State

COPIED = 1 << 28  # bytes of the array whose copying is timed: more than any cache holds


@dataclass(frozen=True)
class StepTime:
    """A short run of the real loop."""

    seconds: float  # a step, the median without the first
    steps: int  # that were timed
    memory: int  # bytes: the device's peak of allocated memory, or the peak of the whole process on a CPU


def measure(setting: Setting, name: str, *, steps: int, device: str) -> StepTime:
    """Train on noise for a few steps, from random weights, and keep nothing.

    Args:
        setting: Gives sizes, batch, network and optimiser.
        name: In METHODS or RECIPES.
        steps: At least 2; the first, which sets up the libraries, is not timed.
        device: "cpu" or "cuda".
    """
    if steps < 2:
        raise ValueError(f"steps: expected at least 2, as the first is not timed, got {steps}")
    keep_freed_memory()  # as every stage does
    torch.manual_seed(0)
    method = method_of(setting, name)
    to_device(method, device)
    source, target = noise(setting, name)
    source = Source(*(one.to(device) for one in source))
    target = Target(*(None if one is None else one.to(device) for one in target))  # type: ignore[arg-type]
    begun: list[float] = []

    def timed(_: int) -> Source:
        begun.append(_now(device))
        return source

    section = setting.selftrain.training if name in RECIPES else setting.adapt
    optimiser = dataclasses.replace(section.optimiser, poly_iterations=None)
    with tempfile.TemporaryDirectory() as folder:
        train(
            method,
            timed,
            lambda _: target,
            dataclasses.replace(section, optimiser=optimiser),
            iterations=steps,
            state=State(Path(folder), ""),
        )
    timed(steps)
    seconds = statistics.median(after - before for before, after in itertools.pairwise(begun[1:]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return StepTime(seconds, steps - 1, torch.cuda.max_memory_allocated() if device == "cuda" else peak)


def speed(device: str, *, grid: tuple[int, int], repeats: int = 3) -> tuple[float, float]:
    """FLOP/s of the network's commonest block, forward and backward, and bytes/s of a copy, read and written.

    The block is the bottleneck of ResNet's third layer, where most of the large network's work lies, without
    normalisation: convolutions alone, in float32, at the shapes that they will have.

    Args:
        device: "cpu" or "cuda".
        grid: Columns and rows of the feature grid.
        repeats: Of each; the fastest counts.
    """
    block = nn.Sequential(
        nn.Conv2d(1024, 256, 1, bias=False),
        nn.Conv2d(256, 256, 3, padding=2, dilation=2, bias=False),
        nn.Conv2d(256, 1024, 1, bias=False),
    ).to(device)
    x = torch.rand(1, 1024, grid[1], grid[0], device=device, requires_grad=True)

    def step() -> None:
        block(x).sum().backward()

    flops, _, _ = count(step)
    array = torch.zeros(COPIED // 4, device=device)
    copy = torch.empty_like(array)
    return flops / _fastest(step, device, repeats), 2 * COPIED / _fastest(lambda: copy.copy_(array), device, repeats)


def _fastest(step: Callable[[], object], device: str, repeats: int) -> float:
    step()  # sets up the libraries
    times = []
    for _ in range(repeats):
        begun = _now(device)
        step()
        times.append(_now(device) - begun)
    return min(times)


def _now(device: str) -> float:
    """Seconds, once the device has done all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()

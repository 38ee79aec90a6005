"""What a setting's study asks for before it runs: steps, epochs, FLOPs, memory, disk, and hours on a device."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dadist.config.requirements import trained, wants_target_depth
from dadist.config.schema import Setting
from dadist.cost.step import StepCost, forward_flops, step_cost
from dadist.cost.timing import measure, speed
from dadist.registry import METHODS
from dadist.training.build import method_type

SOURCE_BYTES = 3 + 1 + 2  # a pixel: colour, label, depth in centimetres
IMAGE_BYTES = 3
DEPTH_BYTES = 2
LABEL_BYTES = 1
PSEUDO_BYTES = 3  # a pixel: label and confidence, and the label after refinement
FLOAT_BYTES = 4  # what traffic is counted in
LIBRARIES = 800_000_000  # bytes of a process before its first step: measured with PyTorch 2.15 and torchvision, Linux


@dataclass(frozen=True)
class Counts:
    """Images of a setting's splits, and the size of the labels that an evaluation reads."""

    source: int
    train: int
    val: int
    label_width: int  # pixels
    label_height: int  # pixels


@dataclass(frozen=True)
class Device:
    """How fast a machine computes and copies, at best."""

    flops: float  # a second, of convolutions and matrix products
    bandwidth: float  # bytes per second, read and written
    number_bytes: int  # of the precision that the FLOP/s are for
    source: str  # where the figures come from
    libraries: int = 0  # bytes that they take of the memory that a step is computed in: none of a GPU's

    def seconds(self, flops: int, traffic: int) -> float:
        """Products at full speed, then all else at the speed of a copy.

        An estimate: most kernels are slower; what stays in a cache, or runs beside products, is faster than a copy.

        Args:
            flops: See StepCost.
            traffic: Bytes, in float32, see StepCost.
        """
        return flops / self.flops + traffic * self.number_bytes / FLOAT_BYTES / self.bandwidth


DEVICES = {
    "h100-bf16": Device(798e12, 3.0e12, 2, "measured: bf16 product of 8192 x 8192 matrices, and a copy"),
    "h100-fp32": Device(67e12, 3.35e12, 4, "NVIDIA's data sheet, SXM: peaks, not reached"),
    "a100-bf16": Device(312e12, 2.04e12, 2, "NVIDIA's data sheet, SXM 80 GB: peaks, not reached"),
    "a100-fp32": Device(19.5e12, 2.04e12, 4, "NVIDIA's data sheet, SXM 80 GB: peaks, not reached"),
    "gtx1080ti-fp32": Device(11.3e12, 484e9, 4, "NVIDIA's data sheet: peaks, not reached; the paper's device"),
    "cpu-core-fp32": Device(
        166e9, 20.9e9, 4, "measured: fp32 product and a copy, one core of a cloud machine of 2026", LIBRARIES
    ),
}


@dataclass(frozen=True)
class Stage:
    """One kind of training, or one pass over a split; what it costs, once."""

    name: str
    runs: int  # one per seed
    steps: int  # iterations, or images of a pass without training
    source_epochs: float  # passes over the source's images, as they are drawn: the recipe plain leaves them unused
    target_epochs: float  # passes over the target's images of the stage's split
    flops: int  # a step
    traffic: int  # bytes per step, see StepCost
    memory: int  # bytes at the peak of training; 0 for a pass without

    def seconds(self, device: Device) -> float:
        """All runs one after the other; reading, starting and saving come on top."""
        return self.runs * self.steps * device.seconds(self.flops, self.traffic)


@dataclass(frozen=True)
class StudyCost:
    """The account of a setting."""

    stages: tuple[Stage, ...]
    disk: dict[str, int]  # bytes, by what they are for
    device: Device

    @property
    def seconds(self) -> float:
        """Of all stages, one after the other."""
        return sum(stage.seconds(self.device) for stage in self.stages)

    def table(self) -> str:
        """The account as text, one line per stage, then the disk."""
        head = ("stage", "runs", "steps", "source epochs", "target epochs", "TFLOP a step", "memory", "time")
        rows = [
            (
                stage.name,
                f"{stage.runs}",
                f"{stage.steps}",
                f"{stage.source_epochs:.2f}",
                f"{stage.target_epochs:.2f}",
                f"{stage.flops / 1e12:.4g}",
                f"{(stage.memory + self.device.libraries) / 1e9:.2f} GB" if stage.memory else "",
                _duration(stage.seconds(self.device)),
            )
            for stage in self.stages
        ]
        rows.append(("all", "", "", "", "", "", "", _duration(self.seconds)))
        disk = [(name, f"{size / 1e9:.2f} GB") for name, size in self.disk.items()]
        disk.append(("all", f"{sum(self.disk.values()) / 1e9:.2f} GB"))
        held = f"{LIBRARIES / 1e9:.1f} GB of libraries"
        notes = [
            f"time: an estimate, all products at full speed and all else at that of a copy; {self.device.source}",
            f"memory: of the process, {held} in it"
            if self.device.libraries
            else f"memory: of the GPU; a process has {held}",
        ]
        return "\n".join([*_aligned([head, *rows]), "", *_aligned([("disk", "size"), *disk]), "", *notes])


def plan(setting: Setting, counts: Counts, device: Device) -> StudyCost:
    """The account of a setting with all its methods, rounds and seeds.

    Args:
        setting: As it was loaded.
        counts: Of its splits; ``prepare.images`` is applied here.
        device: One of DEVICES, or ``this_machine``.
    """
    counts = limited(setting, counts)
    costs = {name: step_cost(setting, name) for name in trained(setting)}
    return StudyCost(tuple(_stages(setting, counts, costs)), _disk(setting, counts, costs), device)


def this_machine(setting: Setting, device: str) -> Device:
    """What the machine itself reaches, measured within seconds.

    Args:
        setting: Gives the shapes of the products.
        device: "cpu" or "cuda".
    """
    flops, bandwidth = speed(device, grid=setting.cells)
    source = f"measured here: a bottleneck and a copy in float32 on {device}"
    return Device(flops, bandwidth, FLOAT_BYTES, source, 0 if device == "cuda" else LIBRARIES)


def check(setting: Setting, name: str, *, steps: int, device: str) -> str:
    """Estimate beside measurement: a short run of the real loop on noise, on this machine.

    Args:
        setting: As it was loaded.
        name: A method or a recipe.
        steps: Of the run; the first is not timed.
        device: "cpu" or "cuda".
    """
    here, cost = this_machine(setting, device), step_cost(setting, name)
    seconds, found = here.seconds(cost.flops, cost.traffic), measure(setting, name, steps=steps, device=device)
    whose, memory = "allocated" if device == "cuda" else "whole process", cost.memory + here.libraries
    rows = [
        ("a step", "estimate", "measured", "ratio"),
        ("seconds", f"{seconds:.3g}", f"{found.seconds:.3g}", f"{found.seconds / seconds:.2f}"),
        (
            "memory GB",
            f"{memory / 1e9:.3g}",
            f"{found.memory / 1e9:.3g} ({whose})",
            f"{found.memory / memory:.2f}",
        ),
        ("TFLOP/s", f"{here.flops / 1e12:.3g}", f"{cost.flops / found.seconds / 1e12:.3g}", ""),
    ]
    return "\n".join(_aligned(rows))


def iterations(setting: Setting, name: str) -> int:
    """Steps of a method's training."""
    own = setting.objectives[name].iterations
    return setting.adapt.iterations if own is None else own


def limited(setting: Setting, counts: Counts) -> Counts:
    """The images that a setting takes of those that there are.

    Raises:
        ValueError: There is none to train on.
    """
    most = setting.prepare.images or math.inf
    source, train, val = (int(min(count, most)) for count in (counts.source, counts.train, counts.val))
    if min(source, train) < 1:
        raise ValueError(f"counts: expected at least one image to train on of each domain, got {source} and {train}")
    return Counts(source, train, val, counts.label_width, counts.label_height)


def _stages(setting: Setting, counts: Counts, costs: dict[str, StepCost]) -> Iterator[Stage]:
    seeds, rounds, again = len(setting.seeds), setting.selftrain.rounds, setting.selftrain.methods
    for name, cost in costs.items():
        drawn = iterations(setting, name) * setting.adapt.batch
        seen = drawn if method_type(METHODS[name]).TARGET_IMAGES else 0
        yield _training(
            f"adapt {name}", seeds, iterations(setting, name), cost, drawn / counts.source, seen / counts.train
        )
    recipe, batch = setting.selftrain.training.recipe, setting.selftrain.training.batch
    for name in again if rounds else ():
        cost, predicting = step_cost(setting, recipe), forward_flops(setting, name)
        for number, steps in enumerate(rounds, 1):
            drawn = steps * batch
            yield Stage(f"pseudo_label {name} q{number}", seeds, counts.train, 0.0, 1.0, predicting, 0, 0)
            yield _training(
                f"selftrain {name} q{number}", seeds, steps, cost, drawn / counts.source, drawn / counts.train
            )
    for name in dict.fromkeys((*setting.methods, *again)):
        models = seeds * (1 + len(rounds) * (name in again))
        yield Stage(f"evaluate {name}", models, counts.val, 0.0, 1.0, forward_flops(setting, name), 0, 0)


def _training(name: str, runs: int, steps: int, cost: StepCost, source_epochs: float, target_epochs: float) -> Stage:
    return Stage(name, runs, steps, source_epochs, target_epochs, cost.flops, cost.traffic, cost.memory)


def _disk(setting: Setting, counts: Counts, costs: dict[str, StepCost]) -> dict[str, int]:
    source, target = (view.width * view.height for view in (setting.source, setting.target))
    seeds, rounds, again = len(setting.seeds), len(setting.selftrain.rounds), setting.selftrain.methods
    labels = counts.label_width * counts.label_height * LABEL_BYTES
    measured = any(wants_target_depth(setting, name) for name in costs)
    models = sum(cost.weights for cost in costs.values()) + rounds * sum(costs[name].weights for name in again)
    return {
        "source, prepared": counts.source * source * SOURCE_BYTES,
        "target train, prepared": counts.train * target * IMAGE_BYTES,
        **({"target train with depth": counts.train * target * (IMAGE_BYTES + DEPTH_BYTES)} if measured else {}),
        "target val, prepared": counts.val * (target * IMAGE_BYTES + labels),
        "pseudo-labels": seeds * len(again) * rounds * counts.train * target * PSEUDO_BYTES,
        "models, at most": seeds * models,
    }


def _duration(seconds: float) -> str:
    """In the largest unit of which there is one or more."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} s"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]

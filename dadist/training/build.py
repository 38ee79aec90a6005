"""From settings and files to a method that can be trained, and from a trained method to a checkpoint."""

import dataclasses
import hashlib
import importlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dadist.config.methods import Objective
from dadist.config.methods import hyperparameters as objective_type
from dadist.config.records import Record, parse
from dadist.data.joining import Joined
from dadist.data.prepared import Prepared, spread
from dadist.losses.features import things
from dadist.losses.segmentation import class_weights
from dadist.methods.base import Context, Method
from dadist.model.checkpoint import Checkpoint, restore, start_weights
from dadist.model.inference import batches, device_name, tensor
from dadist.model.layouts import build
from dadist.model.published import packaged
from dadist.model.segmenter import Architecture, Segmenter, reestimate_statistics
from dadist.registry import ARTEFACTS

# How a model was made: what a table says beside its numbers.
Provenance = dict[str, str | int | float]

logger = logging.getLogger(__name__)

# Least share of the backbone's and the classifier's tensors that a start must bring.
LEAST_MATCHED = 0.95
STATISTICS_BATCH = 8


@dataclass(frozen=True)
class Training(Record):
    """One training, as the stages `adapt` and `selftrain` are told of it."""

    setting: str
    method: str
    round: str
    seed: int
    implementation: str  # module of the method or recipe
    code: str  # digest
    start: str  # where the adapted network's weights come from, for the table
    protocol: str  # the same
    inverse_depth: float  # numerator
    iterations: int
    class_weight_power: float
    class_weight_cap: float | None


def method_type(module: str) -> Any:
    """The class of a method or recipe, by the name of its module."""
    return importlib.import_module(module).METHOD


def hyperparameters(method: str, values: Mapping[str, Any]) -> Objective:
    """A method's hyperparameters, from its section of the configuration."""
    return parse(objective_type(method), dict(values), f"objectives.{method}")


def start(
    architecture: Architecture,
    origin: str,
    init: Sequence[Path],
    *,
    grid: tuple[int, int],
    size: tuple[int, int],
    iterations: int,
) -> tuple[Segmenter, Provenance]:
    """A network to adapt, and how its weights were made: empty for random ones and for files that do not say.

    Args:
        architecture: What to build.
        origin: The start as the configuration names it.
        init: A checkpoint or a published file, whose tensors are taken over where the network has them; empty:
            random weights, or for ``origin="pretrained"`` those that the backbone's package brings.
        grid: The feature grid that the configuration states, which the mixtures live on.
        size: (width, height) of the images.
        iterations: Steps of the training to come. Without any, the file has to bring the whole network: nothing would
            train the rest.

    Raises:
        ValueError: when the network's grid is another, or the file does not fit.
        FileNotFoundError: when there is no such file, or the package is not installed.
    """
    segmenter = build(architecture)
    if segmenter.grid(*size) != grid:
        raise ValueError(
            f"grid: {architecture.backbone} has {segmenter.grid(*size)} cells at {size}, got {grid}; set it so"
        )
    files = [packaged(architecture.backbone)] if origin == "pretrained" else init
    if not files:
        return segmenter, {}
    weights = start_weights(files[0], segmenter)
    came = restore(segmenter, weights, least=LEAST_MATCHED if iterations else 1.0)
    logger.info(
        "start from %s, %s: %d of the %d tensors that it had to bring; left in the file: %s; random: %s",
        weights.file,
        weights.origin,
        came.matched,
        came.wanted,
        ", ".join(f"{part} ({count})" for part, count in came.left.items()) or "nothing",
        ", ".join(came.new) or "nothing",
    )
    return segmenter, weights.protocol


def resume(path: Path) -> tuple[Segmenter, Provenance]:
    """The network of a checkpoint, whole, to train further, and how it was made."""
    checkpoint = Checkpoint.load(path)
    return checkpoint.segmenter(), checkpoint.protocol


def draws(seed: int, before: Provenance) -> int:
    """Seed of a training's batches and masks: another one after each training that the start went through."""
    return int(np.random.SeedSequence((seed, int(before.get("iterations", 0)))).generate_state(1)[0])


def context(
    training: Training,
    source: Prepared,
    artefacts: Sequence[Path],
    *,
    seed: int,
    size: tuple[int, int] | None = None,
    horizon: int | None,
    device: str,
) -> Context:
    """What a method or recipe is built from.

    Args:
        training: Its classes are weighed by the source's pixel counts; plain for power 0.
        source: Its classes and their counts.
        artefacts: Files, each loaded by what ARTEFACTS says of its name.
        seed: What `draws` gives.
        size: (width, height) of crops; None: the source's images are whole.
        horizon: Steps after which the rates have decayed to 0; None: those of the training.
        device: Of the weights: "cpu" or "cuda".
    """
    power, cap = training.class_weight_power, training.class_weight_cap
    return Context(
        classes=len(source.classes),
        class_weights=class_weights(source.pixels, power=power, cap=cap).to(device) if power else None,
        artefacts={path.stem: _artefact(path) for path in artefacts},
        seed=seed,
        numerator=training.inverse_depth,
        things=things(source.classes),
        size=size or (source.width, source.height),
        horizon=horizon or training.iterations,
    )


def _artefact(path: Path) -> Any:
    module, name, *_ = ARTEFACTS[path.stem]
    return getattr(importlib.import_module(module), name).load(path)


def protocol(training: Training, source: Prepared, target: Prepared, before: Provenance) -> Provenance:
    """What a number made with this model has to say about itself.

    Iterations and code add up from ``before``, what the training started from: its own come on top.
    """
    code = hashlib.sha256(f"{before.get('code', '')} {training.code}".encode()).hexdigest()[:16]
    return {
        "setting": training.setting,
        "method": training.method,
        "seed": training.seed,
        "round": training.round,
        "iterations": int(before.get("iterations", 0)) + training.iterations,
        "protocol": training.protocol,
        "selection": "last",
        "init": training.start,
        "code": code,
        "source": _told(source),
        "target": f"{len(target)} images {target.width}x{target.height}",
        "torch": str(torch.__version__),
        "device": device_name(),
    }


def _told(source: Prepared) -> str:
    """Images and size; of several sources how many each has, and how often it is drawn."""
    size = f"images {source.width}x{source.height}"
    if not isinstance(source, Joined):
        return f"{len(source)} {size}"
    told = zip(source.parts, source.weights, strict=True)
    return f"{' + '.join(f'{len(part)} ({weight:.3g})' for part, weight in told)} {size}"


def finish(
    method: Method,
    target: Prepared,
    statistics: str,
    images: int,
    protocol: Provenance,
    *,
    numerator: float,
    settings: Any,
) -> Checkpoint:
    """The checkpoint of a trained method; with ``statistics="target"`` its normalisation is the target's.

    Args:
        method: Trained.
        target: Its training images: their size is what the network works at.
        statistics: "target", or "running" for what training left.
        images: To take the statistics from.
        protocol: What `protocol` says.
        numerator: Of the inverse depth.
        settings: Of the stage, a dataclass, which the file carries.

    Raises:
        ValueError: when a weight is not finite, naming it.
    """
    segmenter = method.result()
    if statistics == "target":
        where = next(segmenter.parameters()).device
        reestimate_statistics(segmenter, _images(target, images, str(where)))
    weights = segmenter.state_dict()
    for name, value in weights.items():
        if not value.isfinite().all():
            raise ValueError(f"weight {name}: expected finite numbers, got nan or infinity; lower the optimiser's lr")
    return Checkpoint(
        segmenter.architecture,
        weights,
        {**protocol, "statistics": statistics},
        target.working,
        numerator,
        dataclasses.asdict(settings),
    )


def _images(target: Prepared, wanted: int, where: str) -> Iterator[Tensor]:
    chosen = spread(len(target), wanted)
    for rows in batches(len(chosen), STATISTICS_BATCH):
        yield tensor(target.images[chosen[rows]]).to(where)

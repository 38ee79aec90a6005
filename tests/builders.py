"""Tiny splits, networks, batches and methods, for the tests to share: 7 classes, images of 64x32, a grid of 8x4."""

import dataclasses
import math
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sandbox import configuration
from torch import Tensor, nn

from dadist.classes import CLASS_SETS, IGNORE, ClassSet
from dadist.config import load
from dadist.config.network_sections import Optimiser
from dadist.cost.step import ALIGNED
from dadist.data.loader import Source, Target
from dadist.data.packing import NATIVE, native_file
from dadist.data.prepared import INDEX, VERSION, Prepared
from dadist.data.resize import Frame
from dadist.deploy.prediction import Prediction
from dadist.deploy.tiling import Field
from dadist.losses.features import things
from dadist.methods.base import Context
from dadist.model.checkpoint import Checkpoint
from dadist.model.layouts import build
from dadist.model.segmenter import Architecture, Outputs, Segmenter
from dadist.prior.mixtures import Mixtures
from dadist.prior.patches import Patches
from dadist.registry import METHODS, RECIPES
from dadist.storage import seal
from dadist.storage.arrays import Rows
from dadist.training.build import Training, method_type

WIDTH, HEIGHT, GRID, CLASSES = 64, 32, (8, 4), 7
SEVEN, SIXTEEN = CLASS_SETS["7"], CLASS_SETS["16"]
# Names of classes that a formula, a page, a spreadsheet or a legend may stumble over.
ODD = ("$x_1", "_{b}$", "<b>&amp;\"'", "=1+2", "-two\nlines", "very " * 40 + "long", "%s {0} \\ größe")
ODDLY = dataclasses.replace(
    SEVEN, categories=tuple(map(lambda one, name: dataclasses.replace(one, name=name), SEVEN.categories, ODD))
)
DEMO = load.study(configuration()).settings["demo"]


def prediction(
    labels: NDArray[np.uint8],
    classes: ClassSet = SEVEN,
    confidence: float | NDArray[np.floating] = 1.0,
    depth_m: NDArray[np.floating] | None = None,
) -> Prediction:
    """What a network says that finds these labels ``(H, W)``, each pixel on a cell of its own."""
    sure = np.clip(np.broadcast_to(confidence, labels.shape), None, 1 - 1e-7)
    chosen = np.arange(len(classes))[:, None, None] == labels
    shares = np.where(chosen, sure, (1 - sure) / (len(classes) - 1))
    z = None if depth_m is None else torch.from_numpy(1000 / (100 * depth_m[None] + 1)).float()
    height, width = labels.shape
    field = Field(torch.from_numpy(np.log(shares)).float(), z, (width - 1, height - 1))
    return Prediction(field, (width, height), 1000.0, classes)


def split(folder: Path, count: int = 4, *, seed: int = 0, content: Any = None, **arrays: Any) -> Prepared:
    """A prepared split of noise, or of the given arrays; written as `preparation.write` does.

    Labels of another size than the images, or a list of them, become labels that keep the size of their files.
    """
    random = np.random.default_rng(seed)
    shape = (count, HEIGHT, WIDTH)
    labels = random.integers(0, CLASSES, shape, np.uint8)
    labels[random.random(shape) < 0.1] = IGNORE
    noise = {
        "images": random.integers(0, 256, (*shape, 3), np.uint8),
        "labels": labels,
        "depth": random.integers(0, 5000, shape, np.uint16),
    }
    whole = {**noise, **arrays}
    folder.mkdir(parents=True)
    count, height, width = whole["images"].shape[:3]
    given = [] if whole["labels"] is None else list(whole["labels"])
    native = [one.shape[::-1] for one in given] if {one.shape for one in given} - {(height, width)} else None
    records, files = {}, []
    for name, array in whole.items():
        if array is not None and not (name == "labels" and native):
            rows = Rows.create(folder / f"{name}.npy", array.shape, array.dtype.type)
            records[name] = rows.record(rows.put(0, array))
    if native:
        (folder / NATIVE).mkdir()
        for index, one in enumerate(given):
            file = folder / native_file(index)
            assert cv2.imwrite(str(file), one)
            files.append(zlib.crc32(file.read_bytes()))
    pixels = sum((np.bincount(one.ravel(), minlength=256) for one in given), np.zeros(256, int))
    index = {
        "classes": dataclasses.asdict(SEVEN),
        "width": width,
        "height": height,
        "original": [2 * width, 2 * height],
        "content": content,
        "native": native,
        "pixels": pixels[:CLASSES].tolist(),
        "pixels_of_each": [np.bincount(one.ravel(), minlength=256)[:CLASSES].tolist() for one in given] or None,
        "files": files,
        "arrays": records,
        "names": [f"{i:04}" for i in range(count)],
    }
    seal.save(index, folder / INDEX, version=VERSION)
    return Prepared(folder)


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How to train: the optimiser, in float32."""

    optimiser: Optimiser
    precision: str = "float32"
    sync_bn: bool = True


def unlabelled(folder: Path, count: int = 4, *, seed: int = 5) -> Prepared:
    """A target split for training: it has neither labels nor depth."""
    return split(folder, count, seed=seed, labels=None, depth=None)


def architecture(heads: tuple[str, ...] = (), layout: str = "parallel", **changes: Any) -> Architecture:
    """The small network with 7 classes."""
    plain = Architecture("street", SEVEN, heads, layout, bn="train", rates=(1, 2), pixels="imagenet")
    return dataclasses.replace(plain, **changes)


def segmenter(heads: tuple[str, ...] = (), layout: str = "parallel", *, seed: int = 0) -> Segmenter:
    """A network with random weights."""
    torch.manual_seed(seed)
    return build(architecture(heads, layout))


def optimiser(name: str, lr: float, **changes: Any) -> Optimiser:
    """Without momentum, decay of weights or warm-up, unless ``changes`` say so."""
    plan = {"momentum": 0.0, "weight_decay": 0.0, "head_lr_mult": 1.0, "power": 0.9, "warm_up": 0}
    return dataclasses.replace(
        DEMO.adapt.optimiser,
        name=name,
        lr=lr,
        **{**plan, "poly_iterations": None, "backbone_repeats": "once", **changes},
    )


def checkpoint(
    heads: tuple[str, ...] = (), *, seed: int = 0, protocol: dict[str, Any] | None = None, **changes: Any
) -> Checkpoint:
    """Of that network; ``changes`` are of the architecture."""
    torch.manual_seed(seed)
    network = build(architecture(heads, **changes))
    frame = Frame(WIDTH, HEIGHT, "stretch", (2 * WIDTH, 2 * HEIGHT))
    return Checkpoint(network.architecture, network.state_dict(), protocol or {}, frame, 1000.0, {"seed": seed})


class Thirds(nn.Module):
    """Three classes, whose odds are 3 to the power of red, green and blue; every second pixel, if ``step`` is 2."""

    def __init__(self, step: int = 1) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(math.log(3)))
        self.step = step

    def forward(self, images: Tensor) -> Outputs:
        return Outputs(self.scale * images[:, :, :: self.step, :: self.step])


def mixtures(median: float = 1e-4) -> Mixtures:
    """Two components per class over the 8x4 grid, wide enough that every cell has a density worth the name."""
    random = np.random.default_rng(3)
    roots = np.zeros((CLASSES, 2, 3, 3))
    roots[..., (0, 1, 2), (0, 1, 2)] = random.uniform(2, 5, (CLASSES, 2, 3))
    return Mixtures(
        features="xyz",
        weights=random.dirichlet(np.ones(2), CLASSES),
        means=random.uniform(0, 4, (CLASSES, 2, 3)),
        covariances=roots**2,
        scale=np.array([1.0, 1.0]),
        grid=GRID,
        numerator=1000.0,
        classes=SEVEN,
        components=2,
        covariance="diag",
        seed=0,
        images=1,
        points=np.ones(CLASSES, np.int64),
        held_out=np.full(CLASSES, np.nan),
        median=median,
    )


def patches(**changes: Any) -> Patches:
    """Five kinds of patches, of 16x16 pixels in the source and 16x8 in the target; the last kind has no members."""
    random = np.random.default_rng(6)
    plain = Patches(
        centroids=random.dirichlet(np.ones(CLASSES), (5, 4)).reshape(5, 4 * CLASSES).astype(np.float32),
        members=np.array([3, 2, 4, 1, 0]),
        source=(4, 2),
        target=(4, 4),
        classes=SEVEN,
        seed=0,
        images=1,
    )
    return dataclasses.replace(plain, **changes)


def source(batch: int = 2, *, seed: int = 1) -> Source:
    """A batch of noise; a tenth of the labels and of the depths is missing."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (batch, HEIGHT, WIDTH), generator=random)
    labels[torch.rand(labels.shape, generator=random) < 0.1] = IGNORE
    return Source(
        images=255 * torch.rand(batch, 3, HEIGHT, WIDTH, generator=random),
        labels=labels,
        inverse_depth=5 * torch.rand(batch, 1, HEIGHT, WIDTH, generator=random),
        valid=torch.rand(batch, 1, HEIGHT, WIDTH, generator=random) > 0.1,
        mirrored=torch.zeros(batch, dtype=torch.bool),
    )


def target(batch: int = 2, *, seed: int = 2, labels: bool = False) -> Target:
    """A batch of noise, with pseudo-labels on request."""
    images, ids, *_, mirrored = source(batch, seed=seed)
    return Target(images, ids if labels else None, mirrored, rows=torch.arange(batch))


def context(**changes: Any) -> Context:
    """What a method is built from; plain cross-entropy."""
    plain = Context(
        classes=CLASSES,
        class_weights=None,
        artefacts={"mixtures": mixtures(), "alignment": ALIGNED, "patches": patches()},
        seed=4,
        numerator=1000.0,
        things=things(SEVEN),
        size=(WIDTH, HEIGHT),
        horizon=100,
    )
    return dataclasses.replace(plain, **changes)


def hyperparameters(name: str, **changes: Any) -> Any:
    """A method's or recipe's hyperparameters as the demo has them, but for a narrow critic."""
    if name in RECIPES:
        return dataclasses.replace(DEMO.selftrain.training, **changes)
    values = DEMO.objectives[name]
    narrow = {"critic_width": 4} if hasattr(values, "critic_width") else {}
    return dataclasses.replace(values, **{**narrow, **changes})


def method(name: str, *, seed: int = 0, **changes: Any) -> Any:
    """A method or recipe on the small network; ``changes`` are hyperparameters."""
    kind = method_type({**METHODS, **RECIPES}[name])
    chosen = hyperparameters(name, **changes)
    return kind(segmenter(kind.heads(chosen), kind.layout(chosen), seed=seed), chosen, context())


def training(**changes: Any) -> Training:
    """What a training stage calls its row of the table."""
    plain = Training(
        setting="demo",
        method="dada",
        round="q0",
        seed=3,
        implementation="dadist.methods.dada",
        code="abc",
        start="warm_up",
        protocol="unified",
        inverse_depth=1000.0,
        iterations=300,
        class_weight_power=0.0,
        class_weight_cap=None,
    )
    return dataclasses.replace(plain, **changes)


def names_and_weights(terms: Any) -> list[list[tuple[str, float]]]:
    """What a method's iterator of terms yields, but for the values: one list per pass."""
    return [[(term.name, term.weight) for term in one] for one in terms]


def backward(passes: Any) -> None:
    """Gradients of a method's terms, pass by pass, as the training loop takes them."""
    for terms in passes:
        torch.stack([term.weight * term.value for term in terms]).sum().backward()


def gradients(module: nn.Module) -> list[Tensor]:
    """The gradients of a module's parameters that are there and not 0."""
    return [p.grad for p in module.parameters() if p.grad is not None and p.grad.any()]

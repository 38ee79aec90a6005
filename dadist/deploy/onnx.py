"""A model as ONNX, for programs without torch; the file says what it takes, what it gives and how it came about."""

import copy
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dadist.classes import IGNORE
from dadist.model.checkpoint import Checkpoint
from dadist.model.segmenter import PIXELS, Segmenter, upsample
from dadist.runtime.onnx_runtime import onnx_runtime
from dadist.storage.atomic import atomic

OPSET = 18
# What it may give for the classes: names of the outputs.
OUTPUTS = {
    "logits": ("logits",),  # (B, C, H, W) float32
    "labels": ("labels", "confidence"),  # (B, H, W) uint8, (B, H, W) float32
    "lattice": ("lattice",),  # (B, C, h, w) float32: logits where the network gives them, and nothing of depth
}
INVERSE_DEPTH = "inverse_depth"  # (B, 1, H, W) float32, of a network with depth
# What ONNX Runtime's answers may be off those in float64: so much, and as many times torch's own rounding in float32,
# which grows with the layers and the logits: 1e-3 and more of ResNet-101.
TOLERANCE, ROUNDINGS = 1e-4, 4


class Agreement(NamedTuple):
    """How far ONNX Runtime's answers are off torch's in float64, at most, and how far they may be."""

    difference: float
    allowed: float


class Exported(nn.Module):
    """The network as others see it: uint8 images ``(B, 3, H, W)``, RGB, to maps of their size."""

    def __init__(self, segmenter: Segmenter, outputs: str) -> None:
        super().__init__()
        self.segmenter, self.outputs = segmenter, outputs
        self.depth = segmenter.has_depth and outputs != "lattice"
        self.names = [*OUTPUTS[outputs], *([INVERSE_DEPTH] if self.depth else [])]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps in the order of ``names``."""
        found, size = self.segmenter(images.to(self.segmenter.mean.dtype)), images.shape[-2:]
        if self.outputs == "lattice":
            return (found.logits,)
        logits = upsample(found.logits, size)
        maps: tuple[Tensor, ...] = (logits,)
        if self.outputs == "labels":
            confidence, labels = logits.softmax(1).max(1)
            maps = labels.to(torch.uint8), confidence
        return maps if found.depth is None else (*maps, upsample(found.depth, size))


def export(checkpoint: Checkpoint, path: Path, outputs: str) -> Agreement:
    """Write the model as ONNX, and hold ONNX Runtime's answers against torch's.

    The file takes images of any size; where torch cannot have that of a network, of the size that the model works at.

    Args:
        checkpoint: The model.
        path: File to write; it appears only if the answers agree.
        outputs: A key of OUTPUTS.

    Returns:
        Of two sizes and numbers of images, that which comes closest to what is allowed.

    Raises:
        ValueError: The network has two resolutions, a package is missing, or the answers differ too much.
    """
    if checkpoint.architecture.layout == "two_resolutions":
        raise ValueError(
            "expected a network of one resolution, got two_resolutions, which sees as many parts as an image has room "
            "for; use `dadist predict`, or train with `detail: null`"
        )
    runtime()  # if it is missing, that is told before the work and not after it
    network = Exported(checkpoint.segmenter(), outputs).eval()
    program, shapes = _program(network, None), ((1, 3, 65, 97), (2, 3, 96, 64))
    if fixed := (None if _any_size(program) else (checkpoint.frame.height, checkpoint.frame.width)):
        program, shapes = _program(network, fixed), ((1, 3, *fixed), (2, 3, *fixed))
    program.model.metadata_props.update(metadata(checkpoint, network, fixed))
    with atomic(path) as temporary:
        program.save(temporary)
        found = [_agreement(network, temporary, shape) for shape in shapes]
        # By numpy: to Python's `max`, what is no number may be less than a number.
        worst = found[int(np.argmax([one.difference / one.allowed for one in found]))]
        if not worst.difference <= worst.allowed:
            raise ValueError(
                f"{path}: expected ONNX Runtime's answers within {worst.allowed:.2g} of torch's, got "
                f"{worst.difference:.2g}; report it with the model's backbone and layout (`dadist info`)"
            )
    return worst


def _program(network: Exported, fixed: tuple[int, int] | None) -> Any:
    """The network as ONNX, for any number of images of any size, or of one size (height, width) alone."""
    least = network.segmenter.backbone.least
    height, width = fixed or (8 * least, 12 * least)
    shape: dict[int, Any] = {0: torch.export.Dim("batch")}
    if fixed is None:
        shape |= {2: torch.export.Dim("height", min=least), 3: torch.export.Dim("width", min=least)}
    program = torch.onnx.export(
        network,
        (torch.zeros(2, 3, height, width, dtype=torch.uint8),),
        input_names=["images"],
        output_names=network.names,
        opset_version=OPSET,
        dynamic_shapes={"images": shape},
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    return program


def _any_size(program: Any) -> bool:
    """Whether it takes images of any size: torch fixes that of a network that makes tables for it, as DINOv3 does."""
    return not any(isinstance(side, int) for side in program.model.graph.inputs[0].shape[2:])


def metadata(checkpoint: Checkpoint, network: Exported, fixed: tuple[int, int] | None = None) -> dict[str, str]:
    """What the file says of itself: text under names; lists and records as JSON.

    Args:
        checkpoint: The model.
        network: As it was exported.
        fixed: (height, width) of the images, if the file takes no others.
    """
    architecture, frame, names = checkpoint.architecture, checkpoint.frame, network.names
    order, mean, deviation = PIXELS[architecture.pixels]
    classes = architecture.classes
    free = "batch, height and width are free" if fixed is None else f"batch is free, the size is {fixed[1]}x{fixed[0]}"
    size = "its own size" if network.outputs == "lattice" else "the images' size"
    content: dict[str, Any] = {
        "made_by": "dadist",
        "opset": str(OPSET),
        "input": "images: uint8 (batch, 3, height, width), RGB, 0..255; normalised inside",
        "outputs": f"{', '.join(names)}: at {size}; {free}",
        "least_side": str(min(fixed or (network.segmenter.backbone.least,))),
        "class_set": classes.name,
        "classes": classes.names,
        "colours": [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in classes.colours.tolist()],
        "ignore_id": str(IGNORE),
        "pixels": {"name": architecture.pixels, "order": order, "mean": mean, "deviation": deviation},
        "frame": {"width": frame.width, "height": frame.height, "fit": frame.fit, "original": frame.original},
        "protocol": checkpoint.protocol,
    }
    if INVERSE_DEPTH in names:
        content["inverse_depth_numerator"] = str(checkpoint.inverse_depth)
        content["depth"] = "metres = (inverse_depth_numerator / inverse_depth - 1) / 100; far where inverse_depth <= 0"
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in content.items()}


def runtime() -> Any:
    """ONNX Runtime as a module.

    Raises:
        ValueError: It, or what translates for it, is not installed.
    """
    return onnx_runtime("onnx", "onnxscript")


@torch.no_grad()
def _agreement(network: Exported, path: Path, shape: tuple[int, ...]) -> Agreement:
    """Of ONNX Runtime with torch, on noise."""
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    session = runtime().InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    given = torch.from_numpy(images)
    exact, rounded = copy.deepcopy(network).double()(given), network(given)
    differences, roundings = list[float](), list[float]()
    for theirs, ours, true in zip(session.run(None, {"images": images}), rounded, exact, strict=True):
        expected = ours.numpy()
        if theirs.shape != expected.shape or theirs.dtype != expected.dtype:
            made = f"got {theirs.dtype} {theirs.shape}"
            raise ValueError(f"expected {expected.dtype} {expected.shape} of ONNX Runtime, {made}")
        differences.append(_apart(theirs, true.numpy()))
        roundings.append(_apart(expected, true.numpy()))
    return Agreement(float(np.max(differences)), TOLERANCE + ROUNDINGS * float(np.nan_to_num(np.max(roundings))))


def _apart(found: NDArray[Any], expected: NDArray[Any]) -> float:
    if found.dtype == np.uint8:  # two classes that are equally probable may change places
        return float((found != expected).mean())
    return float(np.abs(found - expected).max())

"""A model as ONNX, for programs without torch; the file says what it takes, what it gives and how it came about."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dadist.classes import IGNORE
from dadist.model.checkpoint import Checkpoint
from dadist.model.segmenter import PIXELS, Segmenter, upsample
from dadist.storage.atomic import atomic

OPSET = 18
LEAST = 16  # pixels per side that the exported network takes
# What it may give for the classes: names of the outputs.
OUTPUTS = {
    "logits": ("logits",),  # (B, C, H, W) float32
    "labels": ("labels", "confidence"),  # (B, H, W) uint8, (B, H, W) float32
}
INVERSE_DEPTH = "inverse_depth"  # (B, 1, H, W) float32, of a network with depth
TOLERANCE = 1e-4


class Exported(nn.Module):
    """The network as others see it: uint8 images ``(B, 3, H, W)``, RGB, to maps of their size."""

    def __init__(self, segmenter: Segmenter, outputs: str) -> None:
        super().__init__()
        self.segmenter, self.outputs = segmenter, outputs
        self.names = [*OUTPUTS[outputs], *([INVERSE_DEPTH] if segmenter.has_depth else [])]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Maps in the order of ``names``."""
        found, size = self.segmenter(images.float()), images.shape[-2:]
        logits = upsample(found.logits, size)
        maps: tuple[Tensor, ...] = (logits,)
        if self.outputs == "labels":
            confidence, labels = logits.softmax(1).max(1)
            maps = labels.to(torch.uint8), confidence
        return maps if found.depth is None else (*maps, upsample(found.depth, size))


def export(checkpoint: Checkpoint, path: Path, outputs: str) -> float:
    """Write the model as ONNX, and hold ONNX Runtime's answers against torch's.

    Args:
        checkpoint: The model.
        path: File to write; it appears only if the answers agree.
        outputs: A key of OUTPUTS.

    Returns:
        The largest difference, at two sizes and numbers of images.

    Raises:
        ValueError: A package is missing, or the answers differ by more than TOLERANCE.
    """
    runtime()  # if it is missing, that is told before the work and not after it
    network = Exported(checkpoint.segmenter(), outputs).eval()
    size = torch.export.Dim("height", min=LEAST), torch.export.Dim("width", min=LEAST)
    program = torch.onnx.export(
        network,
        (torch.zeros(2, 3, 8 * LEAST, 12 * LEAST, dtype=torch.uint8),),
        input_names=["images"],
        output_names=network.names,
        opset_version=OPSET,
        dynamic_shapes={"images": {0: torch.export.Dim("batch"), 2: size[0], 3: size[1]}},
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(metadata(checkpoint, network.names))
    with atomic(path) as temporary:
        program.save(temporary)
        # By numpy: to Python's `max`, what is no number may be less than a number.
        difference = float(np.max([_difference(network, temporary, one) for one in ((1, 3, 65, 97), (2, 3, 96, 64))]))
        if not difference <= TOLERANCE:
            raise ValueError(
                f"{path}: expected ONNX Runtime's answers within {TOLERANCE} of torch's, got {difference:.2g}"
            )
    return difference


def metadata(checkpoint: Checkpoint, names: Sequence[str]) -> dict[str, str]:
    """What the file says of itself: text under names; lists and records as JSON."""
    architecture, frame = checkpoint.architecture, checkpoint.frame
    order, mean, deviation = PIXELS[architecture.pixels]
    classes = architecture.classes
    content: dict[str, Any] = {
        "made_by": "dadist",
        "opset": str(OPSET),
        "input": "images: uint8 (batch, 3, height, width), RGB, 0..255; normalised inside",
        "outputs": ", ".join(names) + ": at the images' size; batch, height and width are free",
        "least_side": str(LEAST),
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
    """ONNX Runtime as a module, kept from reporting its use to its maker, as it does by default on Linux too.

    It heeds the variable only before it is first imported, so nothing here imports it in another way.

    Raises:
        ValueError: It, or what translates for it, is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"expected the packages of the extra 'export', found no {error.name}; "
            "pip install onnx onnxscript onnxruntime"
        ) from error
    return onnxruntime


@torch.no_grad()
def _difference(network: Exported, path: Path, shape: tuple[int, ...]) -> float:
    """The largest between torch and ONNX Runtime on noise; of labels, only where torch is sure of them."""
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    session = runtime().InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    pairs = zip(session.run(None, {"images": images}), network(torch.from_numpy(images)), strict=True)
    return float(np.max([_apart(found, expected.numpy()) for found, expected in pairs]))


def _apart(found: NDArray[Any], expected: NDArray[Any]) -> float:
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise ValueError(f"expected {expected.dtype} {expected.shape} of ONNX Runtime, got {found.dtype} {found.shape}")
    if found.dtype == np.uint8:  # two classes that are equally probable may change places
        return float((found != expected).mean())
    return float(np.abs(found - expected).max())

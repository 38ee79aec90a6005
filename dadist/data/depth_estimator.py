"""A monocular depth network in an ONNX file of the user's, held against what its section of the config says of it."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.config.depth_sections import DepthNetwork
from dadist.config.records import hint
from dadist.data.readers.base import FAR_CM, same_shape
from dadist.data.resize import bicubic
from dadist.runtime.onnx_runtime import onnx_errors, onnx_runtime
from dadist.storage.errors import DataError

TYPES: dict[str, type[np.generic]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}  # of an input
PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")  # the first that is there and works
Map = NDArray[np.float32]


class DepthEstimator:
    """The network, ready to run: on a GPU where ONNX Runtime can use one, else on the CPU.

    Args:
        file: The ONNX file.
        network: What the config says of it.
        name: In `depth_networks`, for messages.
        batch: Images at once, where the file leaves that open.
        threads: Of the CPU.

    Raises:
        DataError: It is no ONNX file, or takes or gives something else than a depth network.
        ValueError: ONNX Runtime is not installed.
    """

    def __init__(self, file: Path, network: DepthNetwork, name: str, *, batch: int, threads: int) -> None:
        self.file, self.network, self.section = file, network, f"depth_networks.{name}"
        runtime = onnx_runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors: of files as they are exported it warns by the page
        try:
            self._session = runtime.InferenceSession(
                file.read_bytes(), options, [one for one in PROVIDERS if one in runtime.get_available_providers()]
            )
        except onnx_errors() as error:
            raise DataError(
                f"{file}: expected an ONNX file with its weights in it ({self.section}.file), got {_line(error)}; "
                "export the network again, and save weights of a file beside it in the same one"
            ) from error
        self._input, self._type, fixed = self._checked_input()
        self._output = self._checked_output()
        self.batch = fixed or batch
        logging.info("%s: %d images at once by %s", file, self.batch, self._session.get_providers()[0])

    def _checked_input(self) -> tuple[str, type[np.generic], int | None]:
        """Name and type of the input, and the number of images if it is fixed."""
        inputs, size = self._session.get_inputs(), (self.network.height, self.network.width)
        expected = f"{self.file}: expected one input of (images, 3, {size[0]}, {size[1]}) in float32 or float16"
        got = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        if len(inputs) != 1 or inputs[0].type not in TYPES or len(inputs[0].shape) != 4 or _differs(inputs[0], 1, 3):
            raise DataError(f"{expected}, got {got}; export the network with such an input")
        images, _, *fixed = inputs[0].shape
        if _differs(inputs[0], 2, size[0]) or _differs(inputs[0], 3, size[1]):
            height, width = (one if isinstance(one, int) else own for one, own in zip(fixed, size, strict=True))
            raise DataError(
                f"{expected}, as {self.section} says, got {got}; set {self.section}.width: {width} and height: {height}"
            )
        return inputs[0].name, TYPES[inputs[0].type], images if isinstance(images, int) else None

    def _checked_output(self) -> str:
        names = [one.name for one in self._session.get_outputs()]
        asked = self.network.output
        if asked is None and len(names) > 1:
            raise DataError(
                f"{self.file}: expected one output, got {', '.join(names)}; name that of depth in {self.section}.output"
            )
        if asked is not None and asked not in names:
            raise DataError(
                f"{self.file}: expected the output {asked} of {self.section}.output, got {', '.join(names)}"
                f"{hint(asked, names)}"
            )
        return asked or str(names[0])

    def given(self, image: NDArray[np.uint8]) -> Map:
        """An image ``(H, W, 3)`` in RGB as the network takes it: stretched to its size and scaled, ``(3, h, w)``."""
        size = (self.network.width, self.network.height)
        scaled = bicubic(image, size, size).astype(np.float32) / np.float32(255)
        mean, deviation = (np.array(one, np.float32) for one in (self.network.mean, self.network.deviation))
        scaled = (scaled - mean) / deviation
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))  # (h, w, 3) → (3, h, w)

    def __call__(self, given: Sequence[Map]) -> NDArray[Any]:
        """What the network says of at most ``batch`` images: ``(B, h, w)``.

        It always runs on ``batch`` of them, the last one repeated, so that all runs compute alike.

        Raises:
            DataError: It cannot run on them, or gives no map of their shape for each.
        """
        size = (self.network.width, self.network.height)
        whole = np.stack([*given, *[given[-1]] * (self.batch - len(given))]).astype(self._type)
        try:
            (said,) = self._session.run([self._output], {self._input: whole})
        except onnx_errors() as error:
            raise DataError(
                f"{self.file}: expected an answer to {self.batch} images of {size[0]}x{size[1]}, got {_line(error)}; "
                f"set width and height of {self.section} to a size that the network takes (many need a multiple of "
                "14 or 32), or where memory is short a smaller batch"
            ) from error
        maps = said[:, 0] if said.ndim == 4 and said.shape[1] == 1 else said
        if maps.ndim != 3 or len(maps) != self.batch or not same_shape(size, maps.shape[:0:-1]):
            raise DataError(
                f"{self.file}: expected {self.batch} maps in the shape of {size[0]}x{size[1]}, (images, height, width) "
                f"or (images, 1, height, width), got {said.shape} of {self._output}; export the network so that it "
                f"ends in depth, or name that output in {self.section}.output"
            )
        return np.asarray(maps[: len(given)])

    def stored(self, said: NDArray[Any], image: Path, size: tuple[int, ...]) -> NDArray[np.uint16]:
        """A map of the network as its file holds it, in the shape of its image: see readers/estimated.py.

        It has as many rows as the network gives, but no more than the image.

        Args:
            said: By the network, ``(h, w)``.
            image: Its file, for messages.
            size: (width, height) of the image.

        Raises:
            DataError: There is a number that is not finite, one number everywhere, or no distance above 0.
        """
        values: NDArray[Any] = said.astype(np.float64)
        expected, checks = (
            f"{image}: expected depth of {self.file}",
            f"compare mean and deviation of {self.section} with",
        )
        wrong = f"{checks} those that the network was trained with, or leave this image out"
        if not np.isfinite(values).all():
            got = f"{int((~np.isfinite(values)).sum())} of {values.size} numbers that are not finite"
            raise DataError(f"{expected}, got {got}; {wrong}; a network in float16 may need float32")
        rows = min(len(values), size[1])
        values = cv2.resize(values, (max(1, round(rows * size[0] / size[1])), rows), interpolation=cv2.INTER_LINEAR)
        least, most = values.min(), values.max()
        if least == most:
            raise DataError(f"{expected}, got {least:g} everywhere; {wrong}")
        if self.network.kind == "relative":
            return np.asarray(1 + np.rint(65534 * ((values - least) / (most - least))), np.uint16)
        if not (values > 0).any():
            got = f"{least:g} to {most:g}, none above 0"
            raise DataError(
                f"{expected}, got {got}; compare {self.section}.kind with what the network gives, or {wrong}"
            )
        return _centimetres(values, self.network)


def _centimetres(values: NDArray[Any], network: DepthNetwork) -> NDArray[np.uint16]:
    """Of distances, of which those up to 0 are none; or of disparities, of which those up to 0 are far."""
    assert network.metres is not None
    if network.kind == "metric":
        depth_cm = 100 * network.metres * values
        return np.where(values > 0, np.rint(depth_cm).clip(1, FAR_CM), 0).astype(np.uint16)
    far = values <= 100 * network.metres / FAR_CM
    depth_cm = 100 * network.metres / np.where(far, 1, values)
    return np.where(far, FAR_CM, np.rint(depth_cm).clip(1, FAR_CM)).astype(np.uint16)


def _differs(taken: Any, axis: int, expected: int) -> bool:
    """Whether an input has another fixed length of an axis."""
    return isinstance(taken.shape[axis], int) and taken.shape[axis] != expected


def _line(error: Exception) -> str:
    """The beginning of what ONNX Runtime says, which may be pages."""
    return " ".join(str(error).split())[:300]

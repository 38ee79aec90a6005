"""Tiny depth networks as ONNX files: a weighted sum of the channels, and what is asked for after it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

RED = ((1.0, 0.0, 0.0),)


def save(
    path: Path,
    *,
    shape: Sequence[int | str] = ("images", 3, "height", "width"),
    weights: Sequence[Sequence[float]] = RED,
    kernel: int = 1,
    then: Sequence[str] = (),
    output: Sequence[int | str] = ("images", "maps", "rows", "columns"),
    outputs: int = 1,
    squeezed: bool = False,
    kind: int = TensorProto.FLOAT,
) -> Path:
    """Write a network: a convolution with one row of ``weights`` per map, then operators without weights.

    Args:
        path: The file.
        shape: Of the input; a name where it is free.
        weights: By map and channel; all of a kernel's are alike.
        kernel: Pixels per side.
        then: Operators, each on what the one before gives.
        output: Shape that the file declares.
        outputs: How many outputs give that; depth, depth1, …
        squeezed: Whether the axis of the maps goes.
        kind: Type of the input.
    """
    spread = np.repeat(np.array(weights, np.float32), kernel * kernel).reshape(len(weights), -1, kernel, kernel)
    names = ["image", *(f"step{number}" for number in range(len(then) + 1))]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "weights"], ["step0"], auto_pad="SAME_UPPER"),
    ]
    nodes += [helper.make_node(one, [names[at + 1]], [names[at + 2]]) for at, one in enumerate(then)]
    ends = [f"depth{number or ''}" for number in range(outputs)]
    last = ("Squeeze", [names[-1], "axes"]) if squeezed else ("Identity", [names[-1]])
    nodes += [helper.make_node(*last, [end]) for end in ends]
    graph = helper.make_graph(
        nodes,
        "depth",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info(end, TensorProto.FLOAT, output) for end in ends],
        [
            onnx.numpy_helper.from_array(spread, "weights"),
            onnx.numpy_helper.from_array(np.array([1]), "axes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path

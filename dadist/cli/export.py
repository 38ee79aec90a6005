"""`dadist export`: a model for programs without torch."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def export(words: Sequence[str]) -> int:
    """A model for other programs: ONNX that says what it takes and gives, checked against torch."""
    parser = argparse.ArgumentParser("dadist export", description=export.__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a model.pt")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument(
        "--outputs",
        choices=("logits", "labels"),
        default="logits",
        help="logits: (B, C, H, W); labels: class (B, H, W) and its probability (%(default)s)",
    )
    asked = parser.parse_args(words)

    from dadist.deploy.onnx import OPSET
    from dadist.deploy.onnx import export as exported
    from dadist.model.checkpoint import Checkpoint

    difference, allowed = exported(Checkpoint.load(asked.model), asked.out, asked.outputs)
    sys.stdout.write(
        f"{asked.out}: opset {OPSET}; ONNX Runtime is within {difference:.1e} of torch (allowed: {allowed:.1e})\n"
    )
    return 0

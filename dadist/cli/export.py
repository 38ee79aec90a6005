"""`dadist export`: a model for programs without torch, and for browsers."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path


def export(words: Sequence[str]) -> int:
    """A model for other programs, as ONNX that is checked against torch, or as a page that segments photographs."""
    parser = argparse.ArgumentParser("dadist export", description=export.__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a model.pt")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="ONNX file to write")
    where.add_argument("--web", type=Path, metavar="DIR", help="folder to write a page to, with all that it needs")
    parser.add_argument(
        "--outputs",
        choices=("logits", "labels"),
        help="of --out: logits (B, C, H, W), the default; labels: class (B, H, W) and its probability",
    )
    parser.add_argument(
        "--runtime",
        type=Path,
        metavar="DIR",
        help="of --web: folder dist of the npm package onnxruntime-web (node_modules/onnxruntime-web/dist)",
    )
    asked = parser.parse_args(words)
    if asked.web and asked.outputs:
        raise ValueError("--outputs: expected none beside --web, whose page has an output of its own")
    if asked.out and asked.runtime:
        raise ValueError("--runtime: expected none beside --out, whose file needs no other")

    from dadist.deploy.onnx import OPSET
    from dadist.deploy.onnx import export as exported
    from dadist.deploy.web_page import export_page
    from dadist.model.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(asked.model)
    if asked.web:
        libraries = asked.runtime or Path("node_modules/onnxruntime-web/dist")
        difference, allowed = export_page(checkpoint, asked.web, libraries)
    else:
        difference, allowed = exported(checkpoint, asked.out, asked.outputs or "logits")
    sys.stdout.write(
        f"{asked.web or asked.out}: opset {OPSET}; ONNX Runtime is within {difference:.1e} of torch "
        f"(allowed: {allowed:.1e})\n"
    )
    if asked.web:
        folder = shlex.quote(str(asked.web))
        sys.stdout.write(f"try it: python -m http.server --bind 127.0.0.1 --directory {folder}\n")
    return 0

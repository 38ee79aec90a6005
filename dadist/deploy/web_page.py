"""A model as a page that segments photographs in the browser: one folder, to be served as it is."""

import json
import shutil
from pathlib import Path
from string import Template

from dadist.deploy.onnx import Agreement, export, runtime
from dadist.model.checkpoint import Checkpoint
from dadist.report.html import legend, stylesheet, text
from dadist.storage.atomic import atomic

# Of the npm package onnxruntime-web: the program, and what it computes with on a CPU.
RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
SCRIPTS = ("page.js", "photograph.js", "worker.js")
MODEL, ABOUT, PAGE, STYLE = "model.onnx", "model.json", "index.html", "style.css"
FILES = {*RUNTIME, *SCRIPTS, MODEL, ABOUT, PAGE, STYLE}


def export_page(checkpoint: Checkpoint, folder: Path, libraries: Path) -> Agreement:
    """Write the folder: the page, the model as ONNX, and ONNX Runtime.

    The page prepares a photograph as `Model.predict` does, to the same bytes of the resized image. Of one that is twice
    as high as wide, or more, they may differ: some builds of Pillow then begin with the columns.

    Args:
        checkpoint: The model.
        folder: To write to; new, empty, or of an earlier export.
        libraries: Where the files of RUNTIME lie.

    Returns:
        How close ONNX Runtime on this machine comes to torch.

    Raises:
        FileNotFoundError: ONNX Runtime for browsers is not there.
        ValueError: The folder holds something else, or the model cannot be exported.
    """
    missing = [name for name in RUNTIME if not (libraries / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{libraries}: expected {' and '.join(RUNTIME)} of the npm package onnxruntime-web, found no "
            f"{' and no '.join(missing)}; run `npm install onnxruntime-web`, and give its folder: "
            "--runtime node_modules/onnxruntime-web/dist"
        )
    others = sorted({path.name for path in folder.iterdir()} - FILES) if folder.is_dir() else []
    if others:
        raise ValueError(f"{folder}: expected an empty folder or an earlier export, found {others[0]}; name another")
    agreement = export(checkpoint, folder / MODEL, "lattice")
    here, classes = Path(__file__).parent / "browser", checkpoint.architecture.classes
    _write(folder / ABOUT, json.dumps(_about(folder / MODEL)))
    _write(folder / STYLE, stylesheet() + (here / "page.css").read_text(encoding="utf-8"))
    page = Template((here / PAGE).read_text(encoding="utf-8"))
    marks = legend(classes, [""] * len(classes))
    _write(folder / PAGE, page.substitute(lead=text(_lead(checkpoint)), legend=marks))
    for file in (*(here / name for name in SCRIPTS), *(libraries / name for name in RUNTIME)):
        with atomic(folder / file.name) as temporary:
            shutil.copyfile(file, temporary)
    return agreement


def _about(model: Path) -> dict[str, object]:
    """What the page has to know of a model: colours (red, green, blue, opaque), frame, least side, size if fixed."""
    session = runtime().InferenceSession(model.read_bytes(), providers=["CPUExecutionProvider"])
    told, (height, width) = session.get_modelmeta().custom_metadata_map, session.get_inputs()[0].shape[2:]
    return {
        "colours": [[*bytes.fromhex(colour[1:]), 255] for colour in json.loads(told["colours"])],
        "frame": json.loads(told["frame"]),
        "least": int(told["least_side"]),
        "fixed": [width, height] if isinstance(width, int) and isinstance(height, int) else None,
    }


def _lead(checkpoint: Checkpoint) -> str:
    made, frame = checkpoint.protocol, checkpoint.frame
    which = f"{made['method']} of setting {made['setting']}" if {"method", "setting"} <= made.keys() else "A model"
    return (
        f"{which}, {len(checkpoint.architecture.classes)} classes, at {frame.width}×{frame.height} pixels. "
        "Photographs stay in this browser."
    )


def _write(path: Path, content: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(content, encoding="utf-8")

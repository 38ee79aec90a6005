"""`dadist info`: what a model file says of itself."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dadist.model.checkpoint import Checkpoint


def info(words: Sequence[str]) -> int:
    """What is this model? Network, classes, palette, normalisation, provenance and settings of a model file."""
    parser = argparse.ArgumentParser("dadist info", description=info.__doc__)
    parser.add_argument("model", type=Path, help="a model.pt")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of lines")
    asked = parser.parse_args(words)

    from dadist.model.checkpoint import Checkpoint

    facts = _facts(Checkpoint.load(asked.model))
    sys.stdout.write(json.dumps(facts, indent=1) + "\n" if asked.json else "\n".join(_lines(facts)) + "\n")
    return 0


def _facts(checkpoint: "Checkpoint") -> dict[str, Any]:
    from dadist.model.segmenter import PIXELS

    architecture, frame = checkpoint.architecture, checkpoint.frame
    order, mean, deviation = PIXELS[architecture.pixels]
    sizes = [(value.numel(), value.element_size()) for value in checkpoint.weights.values()]
    return {
        "network": {
            "backbone": architecture.backbone,
            "stride": architecture.stride,
            "decoder": architecture.decoder,
            "heads": architecture.heads,
            "layout": architecture.layout,
            "bn": architecture.bn,
            "rates": architecture.rates,
            "numbers": sum(count for count, _ in sizes),
            "megabytes": round(sum(count * size for count, size in sizes) / 1e6, 1),
        },
        "pixels": {
            "name": architecture.pixels,
            "channels": "".join("RGB"[channel] for channel in order),
            "mean": mean,
            "deviation": deviation,
        },
        "frame": {"width": frame.width, "height": frame.height, "fit": frame.fit, "original": frame.original},
        "inverse_depth": checkpoint.inverse_depth,
        "class_set": architecture.classes.name,
        "classes": [
            {
                "id": index,
                "name": one.name,
                "colour": "#{:02x}{:02x}{:02x}".format(*one.colour),
                "starred": one.starred,
                "of": one.of,
            }
            for index, one in enumerate(architecture.classes.categories)
        ],
        "provenance": checkpoint.protocol,
        "settings": checkpoint.settings,
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    """Sections as they are in JSON, one line per fact; one line per class with its colour."""
    network, pixels, frame = facts["network"], facts["pixels"], facts["frame"]
    lines = [
        f"network     {network['backbone']}, decoder {network['decoder']}, layout {network['layout']}, "
        f"heads {' '.join(network['heads']) or 'none'}, bn {network['bn']}, {network['numbers']:,} numbers, "
        f"{network['megabytes']} MB",
        f"pixels      {pixels['name']}: {pixels['channels']}, minus {_listed(pixels['mean'])}, "
        f"over {_listed(pixels['deviation'])}",
        f"works at    {frame['width']}x{frame['height']}, {frame['fit']}; images of {_listed(frame['original'], 'x')} "
        "came to it",
        f"depth       numerator of the inverse depth {facts['inverse_depth']:g}, in 1 / cm",
        f"classes     {len(facts['classes'])}, class set {facts['class_set']}",
    ]
    for one in facts["classes"]:
        lines.append(f"  {one['id']:>3}  {one['colour']}  {one['name']}{'' if one['starred'] else ' (not in mIoU*)'}")
    for section in ("provenance", "settings"):
        lines.append(section)
        lines += [f"  {key} {value}" for key, value in _flat(facts[section])]
    return lines


def _flat(record: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Nested keys with dots between."""
    found: list[tuple[str, Any]] = []
    for key, value in record.items():
        found += _flat(value, f"{before}{key}.") if isinstance(value, dict) else [(f"{before}{key}", value)]
    return found


def _listed(values: Sequence[float], between: str = " ") -> str:
    return between.join(f"{value:g}" for value in values)

"""The results table."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dadist.classes import names, starred
from dadist.evaluate import Metrics
from dadist.provenance import atomic


def table(metrics: Sequence[Metrics], classes: str, path: Path) -> None:
    """Write one row a model as CSV; rates in percent, empty where a class occurs in neither truth nor prediction.

    Columns: setting, method, seed, round, miou (over all classes), miou_star (over the 13 of 16, or all 7), one a
    class, images, iterations (those of the start included), selection, init, code.
    """
    rows = []
    for one in metrics:
        if one.classes != classes:
            made = f"{one.setting}, {one.method}, seed {one.seed}, {one.round}"
            raise ValueError(f"expected metrics of class set {classes}, got {one.classes} ({made}); evaluate it again")
        protocol = one.protocol
        rows.append(
            {
                "setting": one.setting,
                "method": one.method,
                "seed": one.seed,
                "round": one.round,
                "miou": one.miou(),
                "miou_star": one.miou(starred(classes)),
                **dict(zip(names(classes), one.iou(), strict=True)),
                "images": one.images,
                "iterations": protocol["iterations"],
                "selection": protocol["selection"],
                "init": protocol["init"],
                "code": protocol["code"],
            }
        )
    with atomic(path) as temporary:
        pd.DataFrame(rows).round(2).to_csv(temporary, index=False)

"""The results table."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dadist.classes import ClassSet
from dadist.evaluate import Metrics
from dadist.provenance import atomic


def table(metrics: Sequence[Metrics], classes: ClassSet, path: Path) -> None:
    """Write one row a model as CSV; rates in percent, empty where a class occurs in neither truth nor prediction.

    Columns: setting, method, seed, round, miou (over all classes), miou_star (over the 13 of 16; of other sets over
    all), one a class, images, iterations (those of the start included), selection, init, code.
    """
    rows = []
    for one in metrics:
        if one.classes != classes:
            made = f"{one.setting}, {one.method}, seed {one.seed}, {one.round}"
            raise ValueError(
                f"expected metrics of class set {classes.name}, got {one.classes.name} ({made}); evaluate it again"
            )
        protocol = one.protocol
        rows.append(
            {
                "setting": one.setting,
                "method": one.method,
                "seed": one.seed,
                "round": one.round,
                "miou": one.miou(),
                "miou_star": one.miou(classes.starred),
                **dict(zip(classes.names, one.iou(), strict=True)),
                "images": one.images,
                "iterations": protocol["iterations"],
                "selection": protocol["selection"],
                "init": protocol["init"],
                "code": protocol["code"],
            }
        )
    with atomic(path) as temporary:
        pd.DataFrame(rows).round(2).to_csv(temporary, index=False)

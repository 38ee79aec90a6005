"""The results table."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dadist.classes import ClassSet
from dadist.depth_metrics import NAMES as DEPTH
from dadist.evaluate import Metrics
from dadist.provenance import atomic


def table(metrics: Sequence[Metrics], classes: ClassSet, path: Path) -> None:
    """Write one row a model as CSV; rates in percent, empty where a class occurs in neither truth nor prediction.

    Columns: setting, method, seed, round, miou (over all classes), miou_star (over the 13 of 16; of other sets over
    all), one a class, the seven errors of depth if any model has them, images, iterations (those of the start
    included), selection, init, labels (the size they were compared at), code.
    """
    rows, measured = [], any(one.depth for one in metrics)
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
                **(one.depth.scores() if one.depth else dict.fromkeys(DEPTH if measured else (), math.nan)),
                "images": one.images,
                "iterations": protocol["iterations"],
                "selection": protocol["selection"],
                "init": protocol["init"],
                "labels": protocol["labels"],
                "code": protocol["code"],
            }
        )
    with atomic(path) as temporary:
        # Rates to the hundredth of a percent; errors of depth are of the order of 1, and need another digit.
        digits = {name: 3 if name in DEPTH else 2 for name in rows[0]} if rows else {}
        pd.DataFrame(rows).round(digits).to_csv(temporary, index=False)

"""The results table."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dadist.classes import ClassSet
from dadist.config.prior_sections import UNWEIGHED
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.depth import NAMES as DEPTH
from dadist.report.cells import no_formulas
from dadist.storage.atomic import atomic

# Of how a model was made and measured, what a row says.
PROTOCOL = ("protocol", "iterations", "selection", "init", "source", "target", "labels", "prior", "code")


def table(metrics: Sequence[Metrics], classes: ClassSet) -> pd.DataFrame:
    """One row per model; rates in percent, empty where a class occurs in neither truth nor prediction.

    Columns: setting, method, seed, round, miou (over all classes), miou_star (over the 13 of 16; of other sets over
    all), one per class, the seven errors of depth if any model has them, images, protocol ("unified" or "paper"),
    iterations (those of the start included), selection, init, source and target (how many training images, how large),
    labels (the size they were compared at), prior (weights of its terms), code.
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
                **{name: ({"prior": UNWEIGHED} | protocol)[name] for name in PROTOCOL},
            }
        )
    return pd.DataFrame(rows)


def over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds, by the first five columns: two rows each.

    Columns: setting, protocol, method, round, prior, seeds (how many), statistic ("mean" or "std"; the std of one seed
    is empty), then the rates and errors. A class that a seed has no rate for does not count there.
    """
    by = ["setting", "protocol", "method", "round", "prior"]
    if rows.empty:
        return rows
    measured = list(rows.columns[list(rows.columns).index("miou") : list(rows.columns).index("images")])
    parts: list[dict[str, Any]] = []
    for _, group in rows.groupby(by, sort=False):
        for statistic, values in (("mean", group[measured].mean()), ("std", group[measured].std())):
            names = {name: group[name].iloc[0] for name in by}
            head = {"seeds": len(group), "statistic": statistic}
            parts.append({**names, **head, **{str(name): value for name, value in values.items()}})
    return pd.DataFrame(parts)


def save(rows: pd.DataFrame, path: Path) -> None:
    """Write as CSV: rates to the hundredth of a percent; errors of depth are of the order of 1: another digit."""
    with atomic(path) as temporary:
        no_formulas(rows.round({name: 3 if name in DEPTH else 2 for name in rows})).to_csv(temporary, index=False)

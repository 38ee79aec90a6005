"""The figures of a setting as a folder: each as SVG and PNG, and an index that says what each shows."""

import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dadist.classes import ClassSet
from dadist.evaluation.confusion import Metrics
from dadist.prior.mixtures import Mixtures
from dadist.report import charts, priors
from dadist.report.charts import Curve
from dadist.report.figure_index import ShownFigure, TrainedModel, read_losses, save
from dadist.report.image_grid import wrapped
from dadist.report.tables import over_seeds, table
from dadist.storage.seal import load_table


class FigureSet:
    """A folder that is being filled.

    Args:
        folder: Provenance here.
        dpi: Of the PNGs.
    """

    def __init__(self, folder: Path, dpi: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.dpi = folder, dpi
        self.shown: list[ShownFigure] = []

    def add(self, figure: Figure, shown: ShownFigure) -> None:
        """Write a chart."""
        charts.save(figure, self.folder, shown.name, self.dpi)
        self.shown.append(shown)

    def picture(self, shown: ShownFigure) -> Path:
        """Where to write a picture of pixels; `close` makes an SVG of it."""
        self.shown.append(dataclasses.replace(shown, pixels=True))
        return self.folder / f"{shown.name}.png"

    def close(self) -> None:
        """Write the SVGs of pictures, and the index, last."""
        for one in self.shown:
            if one.pixels:
                wrapped(self.folder / f"{one.name}.png", self.folder / f"{one.name}.svg")
        save(self.shown, self.folder)


def add_curves(drawn: FigureSet, trainings: Sequence[TrainedModel], losses: Sequence[Path]) -> None:
    """One figure per method and round, for those that were trained at all."""
    found: dict[tuple[str, str], list[list[dict[str, float]]]] = {}
    for one, path in zip(trainings, losses, strict=True):
        if rows := read_losses(path):
            found.setdefault((one.method, one.round), []).append(rows)
    for (method, round_name), seeds in found.items():
        names = dict.fromkeys(name for row in seeds[0] for name in row if name not in ("step", "lr"))
        terms = {name: [_curve(rows, name) for rows in seeds] for name in names}
        ends = "; ".join(
            f"{name} from {one.values[0]:.3g} to {one.values[-1]:.3g}" for name, (one, *_) in terms.items()
        )
        steps, lines = seeds[0][-1]["step"], len(seeds)
        caption = "Every term, unweighted, as the mean of a window of steps" + (
            "; one line per seed." if lines > 1 else "."
        )
        shown = ShownFigure(
            f"losses-{method}-{round_name}",
            "training",
            f"{method} {round_name}",
            caption,
            f"Line charts of the terms over {steps:.0f} steps. {ends}.",
        )
        drawn.add(charts.curves(terms), shown)


def _curve(rows: Sequence[Mapping[str, float]], name: str) -> Curve:
    there = [row for row in rows if name in row]
    return Curve([int(row["step"]) for row in there], [row[name] for row in there])


def add_rates(drawn: FigureSet, metrics: Sequence[Metrics], classes: ClassSet) -> None:
    """Bars of every class, and the confusion matrix of each method's last round, all seeds together."""
    if not metrics:
        return
    summary = over_seeds(table(metrics, classes))
    mean, std = (summary[summary.statistic == one].reset_index(drop=True) for one in ("mean", "std"))
    columns, names = ["miou", *classes.names], [f"{row.method} {row.round}" for row in mean.itertuples()]
    rates = mean.miou.fillna(-1).to_numpy()
    best = int(rates.argmax())
    told = f"The best mean is {rates[best]:.1f} % of {names[best]}." if rates[best] >= 0 else "No model has a mean."
    drawn.add(
        charts.bars(names, mean[columns].to_numpy(float), std[columns].to_numpy(float), ["mean IoU", *classes.names]),
        ShownFigure(
            "iou",
            "classes",
            "Intersection over union of each class",
            "Bars are means over the seeds; whiskers, where there are several seeds, one standard deviation.",
            f"Bar charts of {len(names)} models. {told} The table of results has every number.",
        ),
    )
    last = {one.method: one.round for one in metrics}  # rounds of a method stand in their order
    for method, round_name in last.items():
        group = [one for one in metrics if (one.method, one.round) == (method, round_name)]
        counts = np.sum([np.array(one.confusion, float) for one in group], axis=0)
        wrong = counts / counts.sum(1, keepdims=True).clip(min=1)
        np.fill_diagonal(wrong, 0)
        worst = [divmod(int(at), len(classes)) for at in np.argsort(-wrong, axis=None)[:3]]
        told = "; ".join(f"{wrong[t, p]:.0%} of {classes.names[t]} taken for {classes.names[p]}" for t, p in worst)
        drawn.add(
            charts.matrix(counts, classes.names),
            ShownFigure(
                f"confusion-{method}",
                "confusion",
                f"{method} {group[0].round}",
                f"Rows are the truth and sum to 100 %. Pixels of all seeds ({len(group)}) together.",
                f"Confusion matrix. The largest confusions: {told}.",
            ),
        )


def add_mixtures(drawn: FigureSet, mixtures: Mixtures) -> None:
    """Maps over the image plane and histograms over depth, as far as the mixtures know of either."""
    names, images = mixtures.classes.names, mixtures.images
    made = f"{mixtures.components} components per class ({mixtures.covariance}), fitted on {images} source images"
    if {"x", "y"} <= set(mixtures.features):
        found = priors.on_plane(mixtures)
        rows = (found.sum(2) * np.arange(found.shape[1])).sum(1) / found.sum((1, 2)).clip(min=1e-12) / found.shape[1]
        ends = f"Highest in the image: {names[int(rows.argmin())]}; lowest: {names[int(rows.argmax())]}."
        caption = f"Where each class is expected, at any depth: {made}. Each map goes from 0 to its own densest cell."
        shown = ShownFigure("mixtures-plane", "prior", "Over the image plane", caption, f"Density maps. {ends}")
        drawn.add(priors.planes(mixtures), shown)
    if "z" in mixtures.features:
        edges, shares = priors.over_depth(mixtures)
        peaks = [
            f"{name} {edges[int(one.argmax())]:.0f} m" for name, one in zip(names, shares, strict=True) if one.any()
        ]
        caption = (
            f"How far away each class is expected, anywhere in the image: the depth distribution that the method is "
            f"named for. {made[0].upper()}{made[1:]}. Equal bins on a logarithmic scale; the last is all that is far."
        )
        alt = f"Histograms over depth. Commonest depths: {', '.join(peaks)}."
        drawn.add(priors.depths(mixtures), ShownFigure("mixtures-depth", "prior", "Over depth", caption, alt))


def read_embedding(path: Path) -> pd.DataFrame:
    """The points that `embed` made.

    Raises:
        DataError: The file is not there or damaged.
    """
    table = load_table(path, what="the points that embed draws", remedy="delete it and run the same command again")
    return pd.read_csv(io.StringIO(table))


def add_embedding(drawn: FigureSet, rows: pd.DataFrame, classes: ClassSet, method: str) -> None:
    """Both joint spaces side by side."""
    points = {
        name: {str(key): column.to_numpy() for key, column in rows[rows.space == name].items()}
        for name in rows.space.unique()
    }
    colours = ["#" + "".join(f"{channel:02x}" for channel in one.colour) for one in classes.categories]
    count = len(rows) // len(points)
    drawn.add(
        charts.scatter(points, classes.names, colours),
        ShownFigure(
            "embedding",
            "embedding",
            "Joint spaces of depth or density with segmentation",
            f"t-SNE of {count} pixels that {method} sees after q0, as many of each class as it has: self-information "
            "times depth (left) and times density (right). Circles: source, coloured by label; crosses: target, by "
            "the network's own prediction, since no target label is opened for it. Distances between clusters and "
            "their sizes mean nothing in a t-SNE.",
            f"Two scatter plots of {count} points: source and target pixels, coloured by class.",
        ),
    )

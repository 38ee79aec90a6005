"""What the prior changes of a network's labels: counted over a split, shown on a few images, and as bars."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dadist.classes import IGNORE, ClassSet
from dadist.config.prior_sections import Prior
from dadist.data.prepared import Prepared, spread
from dadist.model.inference import batches, most_probable, outputs
from dadist.model.segmenter import Segmenter
from dadist.prior.use import PriorOf
from dadist.report.charts import PALETTE, WIDE, label
from dadist.report.figure_index import FAINT, INK, ShownFigure
from dadist.report.figure_set import FigureSet
from dadist.report.figures import truth_of
from dadist.report.image_grid import FULL, coloured, draw

BARS = 12  # the commonest moves
RIGHT, WRONG = PALETTE[2], PALETTE[1]  # green and vermilion


@dataclass(frozen=True)
class Moves:
    """Pixels by the class that the network gives them (rows) and the one that the fusion does, ``(C, C)`` each.

    What did not move stands on the diagonal of ``pixels``. Pixels without a label are in ``pixels`` alone.
    """

    pixels: NDArray[np.int64]
    right: NDArray[np.int64]  # of those that moved: right now
    wrong: NDArray[np.int64]  # of those that moved: right before

    @property
    def moved(self) -> NDArray[np.int64]:
        """``pixels`` without those that kept their class."""
        return self.pixels * ~np.eye(len(self.pixels), dtype=bool)


@dataclass(frozen=True)
class Shown:
    """The images of a split that are shown."""

    rows: NDArray[np.int64]  # (N,) evenly spread
    network: NDArray[np.uint8]  # (N, H, W) train ids
    fused: NDArray[np.uint8]  # (N, H, W)


@torch.no_grad()
def look(
    segmenter: Segmenter,
    data: Prepared,
    prior: PriorOf,
    weights: Prior,
    *,
    truth: bool,
    images: int,
    batch: int,
    progress: Callable[[int], None],
) -> tuple[Moves, Shown]:
    """Label every image with and without the prior, at the images' size.

    Args:
        segmenter: In eval mode, on any device.
        data: Images with depth.
        prior: Of these images.
        weights: Of its terms.
        truth: Whether the images have labels to compare with.
        images: How many are shown.
        batch: Images at once; changes no number.
        progress: Called with the number of images done.
    """
    fusion, classes = prior.fusion(weights), len(data.classes)
    rows, kept = spread(len(data), images), dict[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]]()
    sums = np.zeros((3, classes, classes), np.int64)
    for part in batches(len(data), batch):
        chosen = list(range(len(data)))[part]
        said = outputs(segmenter, data.images[part])
        logits, fused, inside = said.logits, fusion(said.logits, prior.z(chosen, said)), data.inside(np.array(chosen))
        labels = truth_of(data, np.array(chosen)) if truth else np.full(inside.shape, IGNORE, np.uint8)
        for index, row in enumerate(chosen):
            before, after = (most_probable(one[index], (data.height, data.width)) for one in (logits, fused))
            sums += _count(before[inside[index]], after[inside[index]], labels[index][inside[index]], classes)
            if row in rows:
                kept[row] = before, after
        progress(part.stop)
    before, after = (np.stack(one) for one in zip(*(kept[row] for row in rows.tolist()), strict=True))
    return Moves(*sums), Shown(rows, before, after)


def _count(
    before: NDArray[np.uint8], after: NDArray[np.uint8], truth: NDArray[np.uint8], classes: int
) -> NDArray[np.int64]:
    """The three matrices of `Moves` of pixels ``(n,)``."""
    pair = before.astype(np.int64) * classes + after
    moved = before != after
    chosen = (pair, pair[moved & (truth == after)], pair[moved & (truth == before)])
    return np.stack([np.bincount(one, minlength=classes**2).reshape(classes, classes) for one in chosen])


def picture(data: Prepared, shown: Shown, path: Path, *, truth: bool) -> None:
    """One row per image: image, network's label, fused label, what moved, and truth; the classes stand below.

    Pixels that moved have the colour of their new class, the others are grey. Unlabelled pixels of the truth are
    black, padding white.

    Args:
        data: The images.
        shown: What they are labelled as.
        path: PNG to write.
        truth: Whether there is a column of the images' labels.
    """
    pictures, scale = data.images[shown.rows], max(1, 2 * FULL // data.width)
    grey = np.stack([cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in pictures])
    moved = np.repeat(255 - (255 - grey[..., None]) // 2, 3, axis=3)
    fused, away = coloured(shown.fused, data.classes), shown.network != shown.fused
    moved[away] = fused[away]
    columns = [
        ("image", pictures),
        ("network's label", coloured(shown.network, data.classes)),
        ("fused label", fused),
        ("what moved", moved),
    ]
    if truth:
        columns.append(("truth", coloured(truth_of(data, shown.rows), data.classes)))
    padding = ~data.inside(shown.rows)
    for _, cells in columns:
        cells[padding] = 255
    draw(columns, path, scale=scale, classes=data.classes)


def chart(moves: Moves, classes: ClassSet, *, truth: bool) -> Figure:
    """Bars of the commonest moves from class to class, as shares of all pixels; with truth, how many became right."""
    listed, total = _commonest(moves), max(int(moves.pixels.sum()), 1)
    figure = Figure(figsize=(WIDE * 0.75, 0.9 + 0.19 * max(len(listed), 1)))
    axes, places = figure.subplots(), np.arange(len(listed))
    pixels, right, wrong = (
        np.array([100 * one[move] / total for move in listed]) for one in (moves.pixels, moves.right, moves.wrong)
    )
    if truth:
        axes.barh(places, right, color=RIGHT, height=0.7, label="became right")
        axes.barh(places, wrong, left=right, color=WRONG, height=0.7, label="were right")
        axes.barh(places, pixels - right - wrong, left=right + wrong, color=FAINT, height=0.7, label="neither")
        axes.legend(loc="lower right")
    else:
        colours = [np.array(classes.categories[after].colour) / 255 for _, after in listed]
        axes.barh(places, pixels, color=colours, height=0.7, edgecolor=INK, linewidth=0.5)
    axes.set_yticks(
        places, [f"{label(classes.names[before])} → {label(classes.names[after])}" for before, after in listed]
    )
    axes.invert_yaxis()
    axes.grid(axis="x")
    axes.set_xlabel("share of all pixels, %")
    return figure


def _commonest(moves: Moves) -> list[tuple[int, int]]:
    """(from, to) of the commonest moves, at most BARS."""
    moved = moves.moved
    order = np.argsort(-moved, axis=None, kind="stable")[:BARS]
    pairs = [(int(one) // len(moved), int(one) % len(moved)) for one in order]
    return [pair for pair in pairs if moved[pair]]


def add(
    drawn: FigureSet, data: Prepared, moves: Moves, shown: Shown, weights: Prior, *, model: str, truth: bool
) -> None:
    """Picture and chart as figures of a set, with what a page says of them.

    Args:
        drawn: That is being filled.
        data: The images.
        moves: Of all of them.
        shown: Those that are shown.
        weights: Of the prior's terms.
        model: What the network is called.
        truth: Whether the images have labels to compare with.
    """
    total, moved = max(int(moves.pixels.sum()), 1), int(moves.moved.sum())
    share = f"{100 * moved / total:.1f} % of the pixels of {len(data)} images"
    caption = f"{model} with the prior ({weights.label}): {share} move"
    if truth and moved:
        right, wrong = (100 * float(one.sum()) / moved for one in (moves.right, moves.wrong))
        caption += f"; of these {right:.0f} % become right, and {wrong:.0f} % were right before"
    caption += ". Pixels that moved have the colour of their new class, the others are grey."
    names = [f"{data.classes.names[before]} to {data.classes.names[after]}" for before, after in _commonest(moves)[:3]]
    most = f"The commonest moves: {', '.join(names)}." if names else "No pixel moves."
    columns = f"Images in columns: image, network's label, fused label, what moved{', truth' if truth else ''}."
    about = ShownFigure("changed", "fusion", "What the prior changes", caption, f"{columns} {most}")
    picture(data, shown, drawn.picture(about), truth=truth)
    caption = "Pixels of all images by the class that they leave and the one that they get: the commonest moves."
    if truth:
        caption += " Neither: wrong before and after, or without a label."
    about = ShownFigure("moves", "fusion", "From class to class", caption, f"Bar chart. {most}")
    drawn.add(chart(moves, data.classes, truth=truth), about)

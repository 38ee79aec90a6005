"""Pictures of what the networks see."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.data.prepared import Prepared, spread
from dadist.data.resize import Size, nearest
from dadist.evaluation.depth import metres
from dadist.model.inference import outputs, predict
from dadist.model.segmenter import Segmenter, upsample
from dadist.report.image_grid import coloured, draw

NEAR_M, FAR_M = 2.0, 80.0  # ends of the colours of depth, on a logarithmic scale


def panel(
    target: Prepared,
    segmenters: Sequence[Segmenter],
    titles: Sequence[str],
    path: Path,
    *,
    truth: bool,
    images: int,
    scale: int,
    numerator: float,
    maps: bool = True,
) -> None:
    """One row per image: input, truth, one column per model, then depth and density of the first model that has them.

    The classes and their colours stand below.

    Unlabelled pixels of the truth are black, padding white. Depth is bright where near and density where likely, in
    colours that those who see fewer can tell apart (cividis). Later rounds train the segmentation alone, so the first
    model's maps are those that were learned.

    Args:
        target: Target images; ``images`` of them are shown, evenly spread.
        segmenters: In eval mode.
        titles: One per segmenter.
        path: PNG to write.
        truth: Whether there is a column of the images' labels.
        images: Rows.
        scale: Whole-number enlargement.
        numerator: Of the inverse depth.
        maps: Whether there are columns of depth and density.
    """
    rows = spread(len(target), images)
    pictures = target.images[rows]
    columns = [("input", pictures)]
    if truth:
        columns.append(("truth", coloured(truth_of(target, rows), target.classes)))
    for title, segmenter in zip(titles, segmenters, strict=True):
        labels, _ = predict(segmenter, pictures)
        columns.append((title, coloured(labels, target.classes)))
    if maps:
        columns += _maps(segmenters, titles, pictures, numerator)
    padding = ~target.inside(rows)
    for _, cells in columns:
        cells[padding] = 255
    draw(columns, path, scale=scale, classes=target.classes)


def truth_of(target: Prepared, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Labels at the size of the images, ``(N, H, W)``."""
    frame: Size = (target.width, target.height)
    contents = [frame] * len(rows) if target.content is None else [(w, h) for w, h in target.content[rows].tolist()]
    return np.stack(
        [nearest(target.truth(row), content, frame, IGNORE) for row, content in zip(rows, contents, strict=True)]
    )


def _maps(
    segmenters: Sequence[Segmenter], titles: Sequence[str], pictures: NDArray[np.uint8], numerator: float
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Columns of depth and density, if a model has such heads."""
    for segmenter, title in zip(segmenters, titles, strict=True):
        found, size, name = outputs(segmenter, pictures), pictures.shape[1:3], title.rpartition(" ")[2]
        columns = []
        if found.depth is not None:
            depth = metres(upsample(found.depth, size)[:, 0].float().cpu().numpy(), numerator=numerator, cap_m=FAR_M)
            near = np.log(FAR_M / depth.clip(NEAR_M)) / np.log(FAR_M / NEAR_M)
            columns.append((f"depth {name}", _shaded(near)))
        if found.density is not None:
            density = upsample(found.density, size)[:, 0].float().cpu().numpy()
            columns.append((f"density {name}", _shaded(density / max(float(np.quantile(density, 0.99)), 1e-12))))
        if columns:
            return columns
    return []


def _shaded(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Maps ``(N, H, W)``, dark at 0 and bright at 1, as RGB ``(N, H, W, 3)``."""
    levels = np.rint(255 * np.nan_to_num(values).clip(0, 1)).astype(np.uint8)
    return np.stack([cv2.applyColorMap(one, cv2.COLORMAP_CIVIDIS)[..., ::-1] for one in levels])

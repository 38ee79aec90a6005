"""Pictures of what the networks see."""

import base64
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.classes import IGNORE, ClassSet, colourise
from dadist.data.fit import Size, nearest
from dadist.data.prepared import Prepared
from dadist.depth_metrics import metres
from dadist.inference import outputs, predict, spread
from dadist.model.segmenter import Segmenter, upsample
from dadist.provenance import atomic

GAP = 4  # pixels between cells
BAR = 22  # pixels of a title
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
) -> None:
    """One row an image: input, truth, a column a model, then depth and density of the first model that has them.

    Unlabelled pixels of the truth are black, padding white. Depth is bright where near and density where likely, in
    colours that those who see fewer can tell apart (cividis). Later rounds train the segmentation alone, so the first
    model's maps are those that were learned.

    Args:
        target: Target images; ``images`` of them are shown, evenly spread.
        segmenters: In eval mode.
        titles: One a segmenter.
        path: PNG to write.
        truth: Whether there is a column of the images' labels.
        images: Rows.
        scale: Whole-number enlargement.
        numerator: Of the inverse depth.
    """
    rows = spread(len(target), images)
    pictures = target.images[rows]
    columns = [("input", pictures)]
    if truth:
        columns.append(("truth", coloured(_truth(target, rows), target.classes)))
    for title, segmenter in zip(titles, segmenters, strict=True):
        labels, _ = predict(segmenter, pictures)
        columns.append((title, coloured(labels, target.classes)))
    columns += _maps(segmenters, titles, pictures, numerator)
    padding = ~target.inside(rows)
    for _, cells in columns:
        cells[padding] = 255
    grid = np.concatenate([column(title, cells, scale) for title, cells in columns], axis=1)
    with atomic(path) as temporary:
        cv2.imwrite(str(temporary), grid[:, :-GAP, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def wrapped(picture: Path, drawing: Path) -> None:
    """A PNG as an SVG of its pixels, at its size and without smoothing, for programs that take SVGs alone."""
    with Image.open(picture) as opened:
        width, height = opened.size
    data = base64.b64encode(picture.read_bytes()).decode()
    with atomic(drawing) as temporary:
        temporary.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
            f'<image width="{width}" height="{height}" style="image-rendering: pixelated" '
            f'href="data:image/png;base64,{data}"/></svg>\n',
            encoding="utf-8",
        )


def coloured(labels: NDArray[np.uint8], classes: ClassSet) -> NDArray[np.uint8]:
    """Train ids ``(N, H, W)`` as RGB ``(N, H, W, 3)``."""
    return np.stack([colourise(one, classes) for one in labels])


def column(title: str, cells: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """A title above the cells ``(N, H, W, 3)``, one below the other on white, with a gap on the right."""
    width = cells.shape[2] * scale
    bar = np.full((BAR, width, 3), 255, np.uint8)
    cv2.putText(bar, title, (3, BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    gap = np.full((GAP, width, 3), 255, np.uint8)
    parts = [bar]
    for cell in cells:
        parts += [cell.repeat(scale, 0).repeat(scale, 1), gap]
    column = np.concatenate(parts[:-1])
    return np.concatenate([column, np.full((len(column), GAP, 3), 255, np.uint8)], axis=1)


def _truth(target: Prepared, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
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

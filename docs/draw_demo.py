"""Draws docs/demo.png: streets of the demo at twice their size, their classes, and what two of its models see.

Run it beside the Snakefile once the demo has run: ``python docs/draw_demo.py``. The streets are validation images
of the demo, which no network was trained on. A street is the same at every size; the models see it at their own.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import dadist
from dadist.cli.study import read_study
from dadist.data.streets.render import LANE, render, stream
from dadist.pipeline import paths
from dadist.pipeline.runs import Run
from dadist.report.image_grid import FULL, GAP, coloured, column, legend

WIDTH, HEIGHT = 384, 192
STREETS = (0, 62, 124)  # first, middle and last of the 125
COLOURS = 128  # of the file, which stays below 200 kB
MODELS = {
    "source only": Run("demo", "source_only", 1),
    "after q2": Run("demo", "depth_distribution", 1, "q2"),
}


def main() -> None:
    """Render, predict, and lay it out in four columns above a legend."""
    seen = read_study([], [], "demo").render["demo"]
    size = {"width": WIDTH, "height": HEIGHT}
    scenes = [render(seen.appearance, seed=stream(seen.seed, "val"), index=one, **size) for one in STREETS]
    models = {title: dadist.load(paths.model(run)) for title, run in MODELS.items()}
    classes = models["after q2"].classes
    road = classes.names.index("road")
    columns = {"image": np.stack([one.image for one in scenes])}
    columns["truth"] = coloured([np.where(one.labels == LANE, road, one.labels) for one in scenes], classes)
    for title, model in models.items():
        columns[title] = coloured([model.predict(one.image).labels for one in scenes], classes)
    grid = np.concatenate([column(title, cells, 1) for title, cells in columns.items()], axis=1)[:, :-GAP]
    names = legend(classes, grid.shape[1], 1.1 * WIDTH / FULL)
    picture = Image.fromarray(np.concatenate([grid, np.full((2 * GAP, *grid.shape[1:]), 255, np.uint8), names]))
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(Path(__file__).with_name("demo.png"), optimize=True)


if __name__ == "__main__":
    main()

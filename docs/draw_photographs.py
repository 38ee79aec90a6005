"""Draws docs/photographs.png: streets that the preset photographs renders, and what a model of it sees in them.

Run it with the model: ``python docs/draw_photographs.py results/mine/source_only/seed1/q0/model.pt``. The streets are
of another seed than those that the network was trained on.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import dadist
from dadist.cli.study import read_study
from dadist.data.streets.render import render, stream
from dadist.report.image_grid import FULL, GAP, coloured, column, legend

STREETS = ((0, 1), (4, 5))  # by pair of columns
COLOURS = 128  # of the file, which stays below 200 kB


def main(path: str) -> None:
    """Render, predict, and lay it out in two pairs of columns above a legend."""
    seen, model = read_study([], [], "demo").render["photographs"], dadist.load(path)
    assert seen.source_appearance is not None
    size, columns = {"width": seen.width, "height": seen.height}, []
    for streets in STREETS:
        seed = stream(seen.seed + 1, "synthia")
        images = [render(seen.source_appearance, seed=seed, index=one, **size).image for one in streets]
        columns.append(column("street", np.stack(images), 1))
        columns.append(
            column("what the network sees", coloured([model.predict(one).labels for one in images], model.classes), 1)
        )
    grid = np.concatenate(columns, axis=1)[:, :-GAP]
    names = legend(model.classes, grid.shape[1], 1.1 * seen.width / FULL)
    picture = Image.fromarray(np.concatenate([grid, np.full((2 * GAP, *grid.shape[1:]), 255, np.uint8), names]))
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(Path(__file__).with_name("photographs.png"), optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])

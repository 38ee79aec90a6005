"""Draws docs/fused.png and docs/depth_given_place.png: what the prior changes of labels, and where it expects depth.

Run it beside the Snakefile once ``snakemake results/demo/prior/figures --cores 2`` has made the same of the demo's last
model: ``python docs/draw_prior.py``. Here the network is that of the source alone, which has most to gain.
"""

from dataclasses import replace
from pathlib import Path

from PIL import Image

from dadist.cli.study import read_study
from dadist.data.prepared import Prepared
from dadist.model.checkpoint import Checkpoint
from dadist.pipeline import paths, prior_inputs, prior_pictures
from dadist.pipeline.runs import Run
from dadist.prior.mixtures import Mixtures
from dadist.prior.use import PriorOf, noise_of
from dadist.report import charts, prior_changes
from dadist.report.depth_given_place import Column

STREETS = 3  # first, middle and last of the validation images
COLOURS = 256  # of the picture, which stays below 200 kB
DPI = 110


def main() -> None:
    """Label with and without the prior, draw, and save the picture in few colours."""
    study, here = read_study([], [], "demo"), Path(__file__).parent
    setting = study.settings["demo"]
    depth, place = setting.draw_prior.weights
    prior = replace(setting.prior, depth=depth, place=place)
    of_prior = (*prior_pictures.mixtures(study, "demo"), *prior_inputs.alignment_of(study, "demo"))
    files = [Path(one) for one in of_prior]
    data, mixtures = Prepared(Path(prior_pictures.images(study, "demo"))), Mixtures.load(files[0])
    weighed = PriorOf(files, data, "cpu")
    _, shown = prior_changes.look(
        Checkpoint.load(Path(paths.model(Run("demo", "source_only", 1)))).segmenter(),
        data,
        weighed,
        prior,
        truth=True,
        images=STREETS,
        batch=setting.evaluate.batch,
        progress=lambda done: None,
    )
    prior_changes.picture(data, shown, here / "fused.png", truth=True)
    noise = noise_of(prior, weighed.alignment, mixtures.numerator)
    with charts.style():
        chart = Column(mixtures, prior, noise, setting.draw_prior.column).chart()
        chart.savefig(here / "depth_given_place.png", dpi=DPI, facecolor="white", metadata={"Software": None})
    with Image.open(here / "fused.png") as drawn:
        few = drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(here / "fused.png", optimize=True)


if __name__ == "__main__":
    main()

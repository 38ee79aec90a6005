"""p_c(z | x, y) of one column of the image, as the fusion has it: which depth each class is expected at, row by row."""

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dadist.config.prior_sections import Prior
from dadist.prior.camera import SAME, View
from dadist.prior.fusion import Fusion, Given
from dadist.prior.mixtures import Mixtures
from dadist.report import charts
from dadist.report.charts import label, small_charts
from dadist.report.figure_index import ShownFigure
from dadist.report.figure_set import FigureSet

ROWS = 96  # of the picture: the mixtures are smooth, and their grid may be coarse
NEAREST_M, FARTHEST_M, BINS = 2.0, 200.0, 48  # on a logarithmic scale, the last wide enough to be seen
TICKS_M = (3, 10, 30, 100)


class Column:
    """What the mixtures say of depth in one column of the image.

    Args:
        mixtures: Of the source, over z too.
        prior: Its weights say which class is likeliest.
        noise: s0 and s1 of the target's depth, s0 in units of z.
        at: Where the column is, as a share of the width.
        view: Where the target's images stand in the source's.
    """

    def __init__(
        self, mixtures: Mixtures, prior: Prior, noise: tuple[float, float], at: float, view: View = SAME
    ) -> None:
        width, self.rows = mixtures.grid
        self.cell = min(int(at * width), width - 1)
        self.classes = mixtures.classes
        self.edges = np.geomspace(NEAREST_M, FARTHEST_M, BINS + 1)  # metres
        self._given = Given(mixtures, (width, ROWS), view).double()
        self._fusion = Fusion(self._given, prior, noise).double()
        self._numerator, self._noise = mixtures.numerator, noise
        self.fitted: NDArray[np.bool_] = self._given.fitted.numpy()  # (C,) whether a class has a mixture

    def shares(self) -> NDArray[np.float64]:
        """How much of p_c(z | x, y) is in each bin of depth, ``(C, ROWS, BINS)``; the last is all that is farther.

        Differences of the normal distribution function, so that no component is too narrow to be seen. 0 for a class
        without a mixture.
        """
        across, given = self._given.grid[0], self._given
        z = torch.from_numpy(self._numerator / (100 * self.edges + 1))
        z[-1] = -math.inf  # what is farther than the farthest is far
        cells = given.share.shape[-1]
        share, expected, variance = (
            one.expand(*one.shape[:2], cells)[..., self.cell :: across, None]
            for one in (given.share, given.expected, given.widened(self._noise))
        )
        below = torch.special.ndtr((z - expected) / variance.sqrt())  # (C, K, ROWS, BINS + 1)
        found = (share.exp() * -below.diff(dim=-1)).sum(1).numpy()
        return np.where(self.fitted[:, None, None], found, 0)

    def likeliest(self) -> NDArray[np.int64]:
        """The class that the prior alone picks at each row and depth, ``(ROWS, BINS)``.

        As the fusion does where the network has no say.
        """
        across, centres = self._given.grid[0], np.sqrt(self.edges[1:] * self.edges[:-1])
        flat = torch.zeros(1, len(self.classes), ROWS, across, dtype=torch.float64)
        picked = [
            self._fusion(flat, torch.full_like(flat[:, :1], z))[0, :, :, self.cell].argmax(0)
            for z in self._numerator / (100 * centres + 1)
        ]
        return torch.stack(picked, dim=-1).numpy()

    def chart(self) -> Figure:
        """One small map per class, from white to its colour where it is densest, and first the likeliest of them."""
        colours = np.array([one.colour for one in self.classes.categories]) / 255
        figure, grid = small_charts(1 + len(colours), 1.35, sharex=True, sharey=True)
        shares = self.shares()
        strength = shares / shares.max((1, 2), keepdims=True).clip(1e-12)
        picked = self.likeliest()
        self._map(grid[0], "likeliest class", colours[picked], np.take_along_axis(strength, picked[None], 0)[0])
        for axes, name, colour, mine, fitted in zip(
            grid[1:], self.classes.names, colours, strength, self.fitted, strict=True
        ):
            self._map(axes, label(name), np.broadcast_to(colour, (*mine.shape, 3)), mine)
            if not fitted:
                axes.text(0.5, 0.5, "no pixel on the source", transform=axes.transAxes, ha="center", va="center")
        for axes in grid[-charts.ACROSS :]:
            axes.set_xlabel("depth, m")
            axes.tick_params(labelbottom=True)
        for axes in grid[:: charts.ACROSS]:
            axes.set_ylabel("row, cells")
        return figure

    def _map(self, axes: Axes, title: str, colours: NDArray[np.float64], strength: NDArray[np.float64]) -> None:
        """Colours ``(ROWS, BINS, 3)``, fading to white with the strength ``(ROWS, BINS)``."""
        ends = (math.log10(NEAREST_M), math.log10(FARTHEST_M))
        picture = 1 - strength[..., None] * (1 - colours)
        axes.imshow(picture, extent=(*ends, self.rows, 0), aspect="auto", interpolation="nearest")
        axes.set_xticks([math.log10(tick) for tick in TICKS_M], [str(tick) for tick in TICKS_M])
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_title(title, loc="left")


def add_column(
    drawn: FigureSet, mixtures: Mixtures, prior: Prior, noise: tuple[float, float], at: float, view: View = SAME
) -> None:
    """The chart as a figure of a set, with what a page says of it; arguments as of `Column`."""
    found = Column(mixtures, prior, noise, at, view)
    caption = (
        f"p(z | x, y) of each class in column {found.cell} of {mixtures.grid[0]}: how far away it is expected, row by "
        "row, with the noise of the depth files. Each map goes from white to the colour of its class where that is "
        "densest; the last bin is all that is farther. A row where a class hardly ever is has its depths, too: p(x, y) "
        f"says how rare that is. The first map has the class that the prior alone would pick ({prior.label})."
    )
    alt = "Maps over depth and rows: one of the likeliest class, and one per class."
    about = ShownFigure("depth_given_place", "fusion", "Depth given the place", caption, alt)
    drawn.add(found.chart(), about)

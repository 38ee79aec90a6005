"""Two cameras in one kind of street: which place of the source's images a place of the target's is.

With x, y in heights of the photograph, and a camera's focal length f, horizon h and middle column c,

    u = (x - c) / f        v = (y - h) / f

say where something stands whatever the lens, the size and the crop. Mixtures of normals over (u, v, z) are mixtures
over the source's own (x, y, z) in other units, so nothing is fitted anew: the target's places are brought to the
source's.

Source: this project; pinhole geometry.
"""

from typing import NamedTuple

from dadist.config.prior_sections import Camera
from dadist.data.resize import Frame, frame_around

MIDDLE = Camera(focal=1.0, horizon=0.5)  # one that nobody knows


class View(NamedTuple):
    """A share of the source's frame = first * share of the target's frame + second."""

    across: tuple[float, float]
    down: tuple[float, float]

    @property
    def zoom(self) -> float:
        """How much of the source's frame the target's covers, as a share of its area."""
        return self.across[0] * self.down[0]


SAME = View((1.0, 0.0), (1.0, 0.0))


def view(target: Camera, seen: Frame, source: Camera, known: Frame) -> View:
    """Where the target's places stand in the source's frame.

    Args:
        target: Its camera.
        seen: Frame of its images.
        source: Its camera.
        known: Frame of its images, which the mixtures are of.
    """
    ratio = source.focal / target.focal
    pairs = []
    for axis, one, other in (
        (0, _centre(target, seen), _centre(source, known)),
        (1, target.horizon, source.horizon),
    ):
        here, there = _extent(seen)[axis], _extent(known)[axis]
        pairs.append((ratio * here / there, (other - ratio * one) / there))
    return View(pairs[0], pairs[1])


def through(seen: Frame, source: Camera, known: Frame, focal: float, horizon: float) -> View:
    """The same for a target's camera with ``focal`` times the source's focal length and this horizon."""
    return view(Camera(focal * source.focal, horizon), seen, source, known)


def _centre(camera: Camera, frame: Frame) -> float:
    """Column of the principal point, in heights of the photograph."""
    return camera.centre if camera.centre is not None else frame.original[0] / frame.original[1] / 2


def _extent(frame: Frame) -> tuple[float, float]:
    """Width and height of the frame in heights of the photograph that it shows."""
    width, height = frame_around(frame.original, (frame.width, frame.height), frame.fit)
    return width / frame.original[1], height / frame.original[1]

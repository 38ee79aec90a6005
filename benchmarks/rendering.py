"""How fast street scenes are rendered: ours, and plain painters with PIL and OpenCV that leave the light out."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.timing import REPEATS, Line, lines, machine, race, save, text
from dadist.classes import CLASS_SETS
from dadist.config.schema import Appearance
from dadist.data.streets import render
from dadist.data.streets.appearance import Dice, air, camera
from dadist.data.streets.layout import lay_out
from dadist.data.streets.rasterize import FAR_M, NEAR_M, clip, depth_at, rasterise
from dadist.data.streets.scene import Camera, Point, Scene, Surface, ordered
from dadist.runtime.memory import keep_freed_memory

PART, OURS = "rendering", "ours"
LOOK = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=False)
SIZES = ((192, 96), (1280, 760))  # (width, height): the demo's, and SYNTHIA's
SKY, BLUE = CLASS_SETS["16"].names.index("sky"), (150, 180, 220)
AGREE = 0.9  # share of pixels whose class the painters and we agree on at least: edges are rounded in other ways
Floats = NDArray[np.float64]
Painted = tuple[NDArray[np.uint8], NDArray[np.uint8], Floats]  # colour (H, W, 3), labels (H, W), depth (H, W) metres


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--scenes", type=int, default=4, help="that are rendered each time (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each way; the median counts (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Scenes rendered by us and by painters of flat polygons."""
    keep_freed_memory()  # as every stage does
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        found = [line for size in SIZES for line in rendering(size, asked.scenes, asked.repeats)]
    finally:
        cv2.setNumThreads(threads)
    save(found, asked.out, machine())
    sys.stdout.write(f"{machine()}; one thread, seconds of processor time a scene\n\n{text(found)}")


def rendering(size: tuple[int, int], scenes: int, repeats: int) -> list[Line]:
    """The same scenes by all ways.

    Raises:
        ValueError: A painter sees other classes than we do.
    """
    width, height = size
    many = range(scenes)
    for index in many:
        ours = render.render(LOOK, seed=1, index=index, width=width, height=height)
        for name, fill in FILLS.items():
            same = (painted(fill, index, size)[1] == ours.labels).mean()
            if same < AGREE:
                raise ValueError(f"{name}, scene {index}: expected {AGREE:.0%} of our classes, got {same:.1%}")

    def every(one: Callable[[int], object]) -> Callable[[], None]:
        def render_all() -> None:
            for index in many:
                one(index)

        return render_all

    ways = {
        OURS: every(lambda index: render.render(LOOK, seed=1, index=index, width=width, height=height)),
        "ours, the scene alone": every(laid_out),
        "ours, without the colour": every(partial(uncoloured, size=size)),
        **{f"{name}, flat colours": every(partial(painted, fill, size=size)) for name, fill in FILLS.items()},
    }
    seconds = {way: each / scenes for way, each in race(ways, repeats=repeats).items()}
    return lines(PART, f"a street of {width}x{height}", seconds, ours=OURS, repeats=repeats)


def laid_out(index: int) -> tuple[Scene, Camera]:
    """What is in a scene, and who sees it; the same in all ways."""
    dice = Dice(LOOK, 1, index)
    seen, weather = camera(dice), air(dice)
    return lay_out(dice, weather.sun), seen


def uncoloured(index: int, size: tuple[int, int]) -> object:
    """Our painting at twice the resolution, and depth."""
    scene, seen = laid_out(index)
    buffers = rasterise(scene, seen, *size)
    return depth_at(buffers.planes, buffers.ids, 2)


def painted(fill: "Fill", index: int, size: tuple[int, int]) -> Painted:
    """A scene as a plain painter has it: polygons in flat colours, far to near, without texture, shadow, haze or lens.

    Args:
        fill: Paints polygons one over the other: corners in pixels, the number and the colour of each.
        index: Of the scene.
        size: (width, height).
    """
    scene, seen = laid_out(index)
    surfaces = [one for one in ordered(scene.surfaces) if max(z for _, _, z in one.points) > NEAR_M]
    corners = [_corners(one.points, seen, size) for one in surfaces]
    image, ids = fill(corners, [_shown(one) for one in surfaces], size)
    labels = np.array([SKY, *(one.label for one in surfaces)], np.uint8)[ids]
    planes = np.array([(0.0, 0.0, 1 / FAR_M), *(_plane(one.points, seen, size) for one in surfaces)])
    v, u = np.mgrid[: size[1], : size[0]] + 0.5
    inverse = (planes[ids] * np.stack([u, v, np.ones_like(u)], 2)).sum(2)
    return image, labels, 1 / inverse.clip(1 / FAR_M, 1 / NEAR_M)


def by_pil(corners: list[Floats], colours: list[tuple[int, ...]], size: tuple[int, int]) -> tuple[Any, Any]:
    """One polygon after the other into an image and a map of numbers."""
    image, ids = Image.new("RGB", size, BLUE), Image.new("I", size)
    on_image, on_ids = ImageDraw.Draw(image), ImageDraw.Draw(ids)
    for number, (one, colour) in enumerate(zip(corners, colours, strict=True), 1):
        points = one.ravel().tolist()
        on_image.polygon(points, fill=colour)
        on_ids.polygon(points, fill=number)
    return np.asarray(image), np.asarray(ids)


def by_opencv(corners: list[Floats], colours: list[tuple[int, ...]], size: tuple[int, int]) -> tuple[Any, Any]:
    """One polygon after the other into an image and a map of numbers."""
    image, ids = np.full((size[1], size[0], 3), BLUE, np.uint8), np.zeros((size[1], size[0]), np.int32)
    for number, (one, colour) in enumerate(zip(corners, colours, strict=True), 1):
        points = [np.rint(one * 16).astype(np.int32)]
        cv2.fillPoly(image, points, colour, shift=4)
        cv2.fillPoly(ids, points, (number,), shift=4)
    return image, ids


Fill = Callable[[list[Floats], list[tuple[int, ...]], tuple[int, int]], tuple[Any, Any]]
FILLS: dict[str, Fill] = {"PIL": by_pil, "OpenCV": by_opencv}


def _shown(surface: Surface) -> tuple[int, ...]:
    return tuple(round(255 * min(one, 1.0)) for one in surface.colour)


def _corners(points: list[Point] | Any, seen: Camera, size: tuple[int, int]) -> Floats:
    """In pixels, ``(n, 2)``."""
    x, y, z = np.array(clip(points)).T
    focal = seen.focal * size[0]
    u = seen.column * size[0] + focal * x / z - 0.5
    v = seen.row * size[1] - focal * (y - seen.height_m) / z - 0.5
    return np.stack([u, v], 1).clip(-1e5, 1e5)


def _plane(points: list[Point] | Any, seen: Camera, size: tuple[int, int]) -> Floats:
    """a, b, c of 1/z = a u + b v + c in pixels, through the first three corners."""
    corners = np.array(points[:3]) - (0, seen.height_m, 0)
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    distance = normal @ corners[0]
    if abs(distance) < 1e-6 * np.linalg.norm(normal):
        return np.array([0.0, 0.0, 0.02])  # edge-on
    a, b = normal[0] / distance / (seen.focal * size[0]), -normal[1] / distance / (seen.focal * size[0])
    return np.array([a, b, normal[2] / distance - a * seen.column * size[0] - b * seen.row * size[1]])

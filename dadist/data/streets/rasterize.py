"""Painting of street scenes: polygons in space to colour, labels, instances and exact depth.

Painter's algorithm into a buffer of surface numbers at twice the resolution, then one vectorised pass for the colour.
A plane's inverse depth is affine in the pixel coordinates, so depth is analytic: 1/z = a u + b v + c per surface.
Samples lie at half pixels and every second one at a pixel's centre: labels and depth are read there, and the colour is
the tent-weighted mean around it. The pixel path keeps to + - * /, floor, min, max and integer hashing, so that the same
arguments give the same bytes with any numpy.

Coordinates as in scene.py.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dadist.data.streets.scene import Camera, Point, Scene, Surface, ordered

Floats = NDArray[Any]  # float32; numpy's stubs widen a product with a Python number, numpy itself does not

NEAR_M = 0.4  # polygons are clipped here
FAR_M = 600.0  # and no surface is farther: depth fits 16 bits of centimetres
SHIFT = 4  # fractional bits of a corner on the sample grid
CHUNK = 1 << 21  # samples filled at once
TILE = 256  # side of the noise tile in texels; a power of two


class Buffers(NamedTuple):
    """What was painted, before the colour."""

    ids: NDArray[np.uint16]  # (2H + 1, 2W + 1) number of the surface that is seen, 0 = sky
    solid: NDArray[np.uint16]  # same shape: the one that labels and depth are of; unlike ids where it is seen through
    shade: NDArray[np.uint8]  # same shape: 1 where the ground lies in shadow
    surfaces: list[Surface]
    planes: NDArray[np.float64]  # (N + 1, 3) a, b, c of 1/z = a u + b v + c in pixels; 0 = sky
    normals: NDArray[np.float64]  # (N + 1, 3) unit, towards the camera


def rasterise(scene: Scene, camera: Camera, width: int, height: int) -> Buffers:
    """Paints the surfaces, far to near, into a buffer of their numbers."""
    surfaces = ordered(scene.surfaces)
    polygons = turned([surface.points for surface in surfaces], camera)
    planes, normals, behind = _planes(polygons, camera, width, height)
    ids = np.zeros((2 * height + 1, 2 * width + 1), np.uint16)
    shade = np.zeros(ids.shape, np.uint8)
    visible = [not (surface.cull and away) for surface, away in zip(surfaces, behind[1:], strict=True)]
    numbers = [number for number, seen in enumerate(visible, 1) if seen]
    corners = _project([polygons[number - 1] for number in numbers], camera, width, height)
    clear = [surfaces[number - 1].clear for number in numbers]
    first = clear.index(True) if any(clear) else len(clear)
    _fill(ids, corners[:first], numbers[:first])
    solid = ids.copy() if any(clear) else ids
    if any(clear):
        _fill(solid, corners[first:], numbers[first:])
        opaque = [number for number in range(first, len(clear)) if not clear[number]]
        _fill(ids, [corners[number] for number in opaque], [numbers[number] for number in opaque])
    _fill(shade, _project(turned(scene.shadows, camera), camera, width, height), [1] * len(scene.shadows))
    return Buffers(ids, solid, shade, surfaces, planes, normals)


def turned(polygons: Sequence[Sequence[Point]], camera: Camera) -> Sequence[Sequence[Point]]:
    """Polygons as the camera has them that looks along its ``ahead``: z lies in that direction."""
    aside, ahead = camera.ahead
    if aside == 0:
        return polygons
    return [[(x * ahead - z * aside, y, x * aside + z * ahead) for x, y, z in points] for points in polygons]


def depth_at(planes: NDArray[Any], ids: NDArray[np.uint16], step: int = 1) -> NDArray[Any]:
    """Depth in metres of every ``step``-th sample from the second on (all at step 1), infinite for the sky.

    Args:
        planes: Of ``Buffers``; the precision of the result is theirs.
        ids: Of ``Buffers``.
        step: 1 for all samples, 2 for the pixels' centres.
    """
    first = step - 1
    chosen = ids[first::step, first::step]
    half = np.asarray(0.5, planes.dtype)
    v, u = (np.arange(first, size, step).astype(planes.dtype) * half for size in ids.shape)
    inverse = planes[:, 0].take(chosen) * u + planes[:, 1].take(chosen) * v[:, None] + planes[:, 2].take(chosen)
    inverse = np.clip(inverse, np.asarray(1 / FAR_M, planes.dtype), np.asarray(1 / NEAR_M, planes.dtype))
    return np.where(chosen == 0, np.asarray(np.inf, planes.dtype), 1 / inverse)


def hashed(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """An integer hash that mixes all bits (C. Wellons' lowbias32)."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x7FEB352D)
    values = (values ^ (values >> np.uint32(15))) * np.uint32(0x846CA68B)
    return values ^ (values >> np.uint32(16))


def unit(values: NDArray[np.uint32]) -> Floats:
    """Hashed integers as numbers in 0..1."""
    return (values >> np.uint32(8)).astype(np.float32) * np.float32(1 / (1 << 24))


@cache
def noise_tile() -> Floats:
    """Noise of three octaves in -1..1 that repeats at its edges, ``(TILE * TILE,)``."""
    total = np.zeros((TILE, TILE), np.float32)
    for octave, weight in ((1, 0.5), (4, 0.3), (16, 0.2)):
        size = TILE // octave
        lattice = unit(hashed(np.arange(size * size, dtype=np.uint32) + np.uint32(octave << 20))).reshape(size, size)
        t = np.arange(TILE, dtype=np.int64)
        whole, part = t // octave % size, (t % octave).astype(np.float32) / np.float32(octave)
        following = (whole + 1) % size
        rows = lattice[whole] * (1 - part)[:, None] + lattice[following] * part[:, None]
        total += np.float32(weight) * (rows[:, whole] * (1 - part) + rows[:, following] * part)
    return np.ascontiguousarray(total * 2 - 1).ravel()


def noise(s: Floats, t: Floats) -> Floats:
    """The noise tile at texture coordinates in texels, interpolated."""
    tile, mask = noise_tile(), np.int32(TILE - 1)
    left, top = np.floor(s), np.floor(t)
    ds, dt = s - left, t - top
    column, row = left.astype(np.int32) & mask, (top.astype(np.int32) & mask) * np.int32(TILE)
    column_next, row_next = (column + 1) & mask, (row + TILE) & np.int32(TILE * TILE - 1)
    above = tile.take(row + column) * (1 - ds) + tile.take(row + column_next) * ds
    below = tile.take(row_next + column) * (1 - ds) + tile.take(row_next + column_next) * ds
    value: Floats = above * (1 - dt) + below * dt
    return value


def _fill(
    buffer: NDArray[np.uint16] | NDArray[np.uint8], polygons: Sequence[NDArray[np.int64]], numbers: Sequence[int]
) -> None:
    """Fills polygons one over the other by the even-odd rule, in integers.

    Not cv2.fillPoly, whose edges differ between OpenCV 4 and 5. A row is filled where it crosses the polygon, to the
    nearest samples on both sides, so that a thin pole keeps one.
    """
    rows, columns = buffer.shape
    one = 1 << SHIFT
    counts = np.array([len(polygon) for polygon in polygons], np.int64)
    if not counts.any():
        return
    owner = np.repeat(np.arange(len(polygons)), counts)
    corners, following = np.concatenate(polygons), np.arange(1, len(owner) + 1)
    last = (np.cumsum(counts) - 1)[counts > 0]
    following[last] = last + 1 - counts[counts > 0]  # back to the polygon's first
    (x0, y0), (x1, y1) = corners.T, corners[following].T
    down = y0 < y1
    x0, x1, y0, y1 = np.where(down, x0, x1), np.where(down, x1, x0), np.where(down, y0, y1), np.where(down, y1, y0)
    first, last = np.clip(-(-y0 // one), 0, rows), np.clip(-(-y1 // one), 0, rows)  # rows y0 <= row < y1
    edge, row = _ranges(first, last - first)
    x = x0[edge] + (row * one - y0[edge]) * (x1 - x0)[edge] // (y1 - y0)[edge]
    crossing = np.sort(((owner[edge] * rows + row) << 32) + x + (1 << 31))  # by polygon, row, column
    line, x = crossing >> 32, (crossing & ((1 << 32) - 1)) - (1 << 31)
    left = np.clip((x[0::2] + one // 2) // one, 0, columns)
    right = np.clip((x[1::2] + one // 2) // one + 1, 0, columns)
    start, owner = line[0::2] % rows * columns + left, line[0::2] // rows
    values, flat = np.asarray(numbers, buffer.dtype), buffer.reshape(-1)
    total = np.cumsum(right - left)
    for low in range(0, int(total[-1]) if total.size else 0, CHUNK):  # a bound on memory
        chosen = slice(*np.searchsorted(total, (low, low + CHUNK), side="right"))
        span, sample = _ranges(start[chosen], (right - left)[chosen])
        flat[sample] = values[owner[chosen]][span]  # of samples that occur twice the last one stays


def _ranges(first: NDArray[np.int64], count: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All members of the ranges that start at ``first``: the number of the range, and the member."""
    number = np.repeat(np.arange(len(first)), count)
    return number, np.arange(len(number)) + (first - (np.cumsum(count) - count))[number]


def _project(polygons: Sequence[Sequence[Point]], camera: Camera, width: int, height: int) -> list[NDArray[np.int64]]:
    """Corners on the sample grid in fixed point, each ``(n, 2)``; none for a polygon behind the camera."""
    clipped = [clip(points) for points in polygons]
    flat = np.array([point for points in clipped for point in points], np.float64).reshape(-1, 3)
    scale = 2.0 * (1 << SHIFT)
    u = camera.column * width + camera.focal * width * flat[:, 0] / flat[:, 2]
    v = camera.row * height - camera.focal * width * (flat[:, 1] - camera.height_m) / flat[:, 2]
    limit = float(1 << 24)
    both = np.clip(np.floor(np.stack([u, v], 1) * scale + 0.5), -limit, limit).astype(np.int64)
    return np.split(both, np.cumsum([len(points) for points in clipped])[:-1]) if clipped else []


def clip(points: Sequence[Point]) -> Sequence[Point]:
    """A polygon's part ahead of the near plane (Sutherland and Hodgman)."""
    if min(point[2] for point in points) >= NEAR_M:
        return points
    kept: list[Point] = []
    for (x0, y0, z0), (x1, y1, z1) in zip(points, [*points[1:], points[0]], strict=True):
        if z0 >= NEAR_M:
            kept.append((x0, y0, z0))
        if (z0 >= NEAR_M) != (z1 >= NEAR_M):
            share = (NEAR_M - z0) / (z1 - z0)
            kept.append((x0 + share * (x1 - x0), y0 + share * (y1 - y0), NEAR_M))
    return kept


def _planes(
    polygons: Sequence[Sequence[Point]], camera: Camera, width: int, height: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Planes and normals of ``Buffers``, and which polygons face away; the sky is the first of each."""
    corners = np.array([[points[0], points[1], points[2]] for points in polygons], np.float64).reshape(-1, 3, 3)
    corners[..., 1] -= camera.height_m
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    x, y, z = normal.T
    distance = x * corners[:, 0, 0] + y * corners[:, 0, 1] + z * corners[:, 0, 2]
    size = np.sqrt(x * x + y * y + z * z)
    edge_on = np.abs(distance) < 1e-6 * size
    safe = np.where(edge_on, 1.0, distance)
    focal, u0, v0 = camera.focal * width, camera.column * width, camera.row * height
    a, b = x / safe / focal, -y / safe / focal
    planes = np.stack([a, b, z / safe - a * u0 - b * v0], 1)
    planes[edge_on] = (0.0, 0.0, 0.02)
    towards = normal * np.where(distance > 0, -1.0, 1.0)[:, None] / np.maximum(size, 1e-12)[:, None]
    zero = np.zeros((1, 3))
    return np.concatenate([zero, planes]), np.concatenate([zero, towards]), np.concatenate([[False], distance > 0])

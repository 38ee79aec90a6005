"""The colour pass of the street scenes: texture, light, shadows, haze and lens, for bands of rows at once."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dadist.data.streets.patterns import PATTERNS
from dadist.data.streets.rasterize import Buffers, Floats, depth_at, hashed, noise, turned, unit
from dadist.data.streets.scene import Air, Camera

Table = dict[str, NDArray[Any]]

BAND = 1 << 16  # samples at once, whose dozen maps a core's cache holds: 1.7 times as fast at 1280x760 as all at once


class CameraView(NamedTuple):
    """The camera of one image, in pixels and metres."""

    focal: np.float32
    column: np.float32  # of the principal point
    row: np.float32
    height_m: np.float32


def colour(buffers: Buffers, camera: Camera, air: Air, width: int, height: int) -> NDArray[np.uint8]:
    """The image, ``(H, W, 3)``."""
    table, z = _table(buffers, camera, air), depth_at(buffers.planes.astype(np.float32), buffers.ids)
    view = CameraView(
        *map(np.float32, (camera.focal * width, camera.column * width, camera.row * height, camera.height_m))
    )
    rows, columns = buffers.ids.shape
    image, band = np.empty((rows, columns, 3), np.float32), max(BAND // columns, 1)
    for first in range(0, rows, band):
        part = slice(first, min(first + band, rows))
        image[part] = _shaded(table, buffers.ids[part], buffers.shade[part], z[part], first, view, air)
    return _lens(image, air)


def _shaded(
    table: Table, ids: NDArray[np.uint16], shade: NDArray[np.uint8], z: Floats, first: int, view: CameraView, air: Air
) -> Floats:
    """The samples of some rows, the first of which is ``first``, before the lens: ``(h, w, 3)``."""
    sky = ids == 0
    z = np.where(sky, np.float32(600), z)
    u = np.arange(ids.shape[1], dtype=np.float32) * np.float32(0.5)
    v = np.arange(first, first + len(ids), dtype=np.float32) * np.float32(0.5)
    x = (u - view.column) / view.focal * z
    y = view.height_m - (v - view.row)[:, None] / view.focal * z
    light = _texture(table, ids, x, y, z, view.focal, np.float32(air.roughness)) * table["light"].take(ids)
    mix = _mix(table, ids, x, y, z, view.focal)
    shaded = (shade > 0) & table["ground"].take(ids)
    light *= np.where(shaded, np.float32(1 - air.shadow), np.float32(1))
    haze = np.float32(air.haze) * z / (z + np.float32(100))
    haze *= np.float32(2)
    haze = np.minimum(haze, np.float32(0.95))
    up = np.clip((view.row - v) / view.row, 0, 1)[:, None]
    clouds = _clouds(u, v, view, air)
    image = np.empty((*ids.shape, 3), np.float32)
    for channel in range(3):
        first_colour, second = table["colour"][channel].take(ids), table["accent"][channel].take(ids)
        plain = (first_colour + (second - first_colour) * mix) * light
        zenith, horizon = (np.float32(end[channel]) for end in air.sky)
        heaven = horizon + (zenith - horizon) * (up * (2 - up))
        heaven = heaven + (np.float32(0.96) - heaven) * clouds
        plain += (horizon - plain) * haze
        image[..., channel] = np.where(sky, heaven, plain) * np.float32(air.exposure[channel])
    return image


def _table(buffers: Buffers, camera: Camera, air: Air) -> Table:
    """What the colour pass looks up by surface number, one row per surface; 0 is the sky."""
    rows = [(*s.colour, *s.accent, s.kind, *s.grain, *s.shape) for s in buffers.surfaces]
    values = np.zeros((len(rows) + 1, 12), np.float32)
    if rows:
        values[1:] = rows
    normals = buffers.normals
    [[sun]] = turned([[air.sun]], camera)
    lit = np.maximum(normals[:, 0] * sun[0] + normals[:, 1] * sun[1] + normals[:, 2] * sun[2], 0.0)
    dome = 1 - air.dome * (1 - normals[:, 1]) / 2
    upright = np.abs(normals[:, 1]) < 0.7
    flat = np.sqrt(normals[:, 0] ** 2 + normals[:, 2] ** 2) + 1e-9
    columns = [np.ascontiguousarray(column) for column in values.T]
    return {
        "colour": np.stack(columns[0:3]),
        "accent": np.stack(columns[3:6]),
        "kind": columns[6],
        "frequency": columns[7],
        "contrast": columns[8],
        "shape": np.stack(columns[9:12]),
        "light": ((air.ambient + (1 - air.ambient) * lit) * dome).astype(np.float32),
        # Texture coordinates: along the plane and up for walls, x and z for what lies flat.
        "along_x": np.where(upright, normals[:, 2] / flat, camera.ahead[1]).astype(np.float32),
        "along_z": np.where(upright, -normals[:, 0] / flat, camera.ahead[0]).astype(np.float32),
        "upright": upright.astype(np.float32),
        "ground": np.array([False, *(s.ground for s in buffers.surfaces)]),
    }


def _coordinates(table: Table, ids: NDArray[np.uint16], x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Texture coordinates of samples in metres."""
    upright = table["upright"].take(ids)
    s = table["along_x"].take(ids) * x + table["along_z"].take(ids) * z
    return s, z + (y - z) * upright


def _texture(
    table: Table, ids: NDArray[np.uint16], x: Floats, y: Floats, z: Floats, focal: np.float32, roughness: np.float32
) -> Floats:
    """Gain of the noise: two scales, and where rough a finer third; the finer fade where a texel is below a pixel."""
    s, t = _coordinates(table, ids, x, y, z)
    frequency, contrast = table["frequency"].take(ids), table["contrast"].take(ids)
    fine = 1 / (1 + frequency * z / focal * np.float32(2))
    s, t = s * frequency, t * frequency
    coarse = np.float32(0.11)
    offset = ids.astype(np.float32) * np.float32(7.31)
    grain = noise(s, t) * fine + noise(s * coarse + offset, t * coarse)
    if roughness:
        finer, own = np.float32(3.7), unit(hashed(np.arange(len(table["kind"]), dtype=np.uint32))).take(ids)
        grain += noise(s * finer + offset, t * finer) * (2 / (1 + frequency * finer * z / focal))
        contrast = contrast * (1 + roughness * own)
    return np.maximum(1 + contrast * grain, np.float32(0.1))


def _mix(table: Table, ids: NDArray[np.uint16], x: Floats, y: Floats, z: Floats, focal: np.float32) -> Floats:
    """Share of the second colour by the surfaces' kinds, 0..1."""
    mix = np.zeros(ids.size, np.float32)
    flat = ids.ravel()
    kinds = table["kind"].astype(np.int8).take(flat)
    for kind, pattern in PATTERNS.items():
        where = np.flatnonzero(kinds == kind)
        if where.size:
            chosen = flat[where]
            deep = z.ravel()[where]
            s, t = _coordinates(table, chosen, x.ravel()[where], y.ravel()[where], deep)
            mix[where] = pattern(s, t, [row.take(chosen) for row in table["shape"]], deep / focal)
    return mix.reshape(ids.shape)


def _clouds(u: Floats, v: Floats, view: CameraView, air: Air) -> Floats:
    """Share of cloud, denser towards the horizon, from a layer above the street."""
    rise = np.maximum(view.row - v, 0) / view.focal + np.float32(0.06)
    side = (u - view.column) / view.focal
    s, t = (side / rise[:, None]) * np.float32(3.5), np.broadcast_to((6 / rise)[:, None], (len(v), len(u)))
    offset = np.float32(air.seed % 997)
    wisps = noise(s + offset, t) + np.float32(0.5) * noise(s * 4 + offset, t * 4)
    share: Floats = np.clip((wisps + np.float32(air.clouds * 2 - 1)) * np.float32(1.2), 0, 1)
    return share


def _lens(image: Floats, air: Air) -> NDArray[np.uint8]:
    """Samples to pixels: tent filter, blur, vignette, sensor noise, 8 bits."""
    image = (image[:, 0:-1:2] + image[:, 2::2]) * np.float32(0.25) + image[:, 1::2] * np.float32(0.5)
    image = (image[0:-1:2] + image[2::2]) * np.float32(0.25) + image[1::2] * np.float32(0.5)
    height, width = image.shape[:2]
    if air.blur > 0:
        k = np.float32(air.blur / 4)
        image = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
        image = image[:, 1:-1] * (1 - 2 * k) + (image[:, :-2] + image[:, 2:]) * k
        image = image[1:-1] * (1 - 2 * k) + (image[:-2] + image[2:]) * k
    if air.vignette > 0:
        v, u = ((np.arange(size, dtype=np.float32) + np.float32(0.5)) / size * 2 - 1 for size in (height, width))
        image = image * (1 - np.float32(air.vignette) * (u * u + (v * v)[:, None]) * np.float32(0.5))[..., None]
    if air.noise > 0:
        count = np.arange(image.size, dtype=np.uint32) + np.uint32(air.seed)
        grain = unit(hashed(count)) + unit(hashed(count ^ np.uint32(0x9E3779B9))) - 1
        image = image + np.float32(air.noise) * grain.reshape(image.shape)
    image = np.clip(image, 0, None)
    image = image * np.float32(1.12) / (image * np.float32(0.12) + 1)  # a film's soft shoulder
    if air.contrast:
        image = np.minimum(image, 1)
        image = image + np.float32(air.contrast) * (image * image * (3 - 2 * image) - image)
    pixels: NDArray[np.uint8] = np.floor(np.clip(image, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return pixels

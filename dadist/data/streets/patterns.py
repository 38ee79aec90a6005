"""What the second colours of surfaces show: paving, facades, masonry, bars, leaves.

A pattern takes coordinates on the surface in metres (along, up), its three numbers of shape, and the size of a pixel
there in metres; it gives the share of the second colour.
"""

from collections.abc import Callable

import numpy as np

from dadist.data.streets.rasterize import Floats, hashed, noise, unit
from dadist.data.streets.scene import BARS, BLOCKS, FACADE, GRADIENT, LEAVES, PAVING, TERRACE

Pattern = Callable[[Floats, Floats, list[Floats], Floats], Floats]


def _gradient(s: Floats, t: Floats, shape: list[Floats], pixel: Floats) -> Floats:
    """From the first colour at height ``shape[0]`` to the second at ``shape[1]``."""
    share: Floats = np.clip((t - shape[0]) / (shape[1] - shape[0]), 0, 1)
    return share


def _paving(s: Floats, t: Floats, shape: list[Floats], pixel: Floats) -> Floats:
    """Joints between slabs of ``shape[0]`` by ``shape[1]``, and slabs of unlike tone."""
    a, b = s / shape[0], t / shape[1]
    i, j = np.floor(a), np.floor(b)
    tone = _cell(i, j, shape[2])
    fade = 1 / (1 + pixel * 6)
    joint = (a - i < np.float32(0.06)) | (b - j < np.float32(0.06))
    return np.where(joint, np.float32(0.9), tone * np.float32(0.5)) * fade


def _blocks(s: Floats, t: Floats, shape: list[Floats], pixel: Floats) -> Floats:
    """Masonry: rows shifted by half a block against each other."""
    b = t / shape[1]
    j = np.floor(b)
    a = s / shape[0] + (j - np.floor(j * np.float32(0.5)) * 2) * np.float32(0.5)
    i = np.floor(a)
    tone = _cell(i, j, shape[2])
    joint = (a - i < np.float32(0.07)) | (b - j < np.float32(0.12))
    share: Floats = np.where(joint, np.float32(1), tone * np.float32(0.55)) / (1 + pixel * 6)
    return share


def _bars(s: Floats, t: Floats, shape: list[Floats], pixel: Floats) -> Floats:
    """Upright bars ``shape[0]`` apart and two rails at the foot and near the height ``shape[1]``."""
    a = s / shape[0]
    bar = a - np.floor(a) < np.float32(0.4)
    b = t / shape[1]
    rail = ((b > np.float32(0.08)) & (b < np.float32(0.17))) | ((b > np.float32(0.84)) & (b < np.float32(0.96)))
    fade = 1 / (1 + pixel / shape[0])
    return np.where(rail, np.float32(0), np.where(bar, np.float32(0), fade))


def _leaves(s: Floats, t: Floats, shape: list[Floats], pixel: Floats) -> Floats:
    """Clumps of lit leaves, and darker ones towards the foot."""
    clump = noise(s * np.float32(5) + shape[2], t * np.float32(5)) + noise(s * np.float32(1.3), t * np.float32(1.3) + 9)
    return np.clip(np.float32(0.45) + clump * np.float32(0.9) - (t - shape[0]) / shape[1] * np.float32(0.3), 0, 1)


def _facade(s: Floats, t: Floats, shape: list[Floats], pixel: Floats) -> Floats:
    """Windows in bays of ``shape[0]``, floors of ``shape[1]``; doors and shop windows at the street."""
    bay, floor, seed = shape
    a, b = s / bay, t / floor
    i, j = np.floor(a), np.floor(b)
    da, db = np.abs(a - i - np.float32(0.5)), b - j
    chance = _cell(i, j, seed)
    style = _cell(seed, seed * 3, seed)
    street = j < 1
    door = street & (chance < np.float32(0.35))
    shop = street & (style > np.float32(0.45)) & ~door
    half = np.where(door, np.float32(0.17), np.where(shop, np.float32(0.42), np.float32(0.2) + style * np.float32(0.1)))
    low = np.where(door, np.float32(0), np.where(shop, np.float32(0.18), np.float32(0.3)))
    high = np.where(door, np.float32(0.68), np.where(shop, np.float32(0.74), np.float32(0.8)))
    inside = (da < half) & (db > low) & (db < high)
    mullion = (da < np.float32(0.018)) & ~door
    glass = np.float32(0.75) + chance * np.float32(0.25) - (db - low) * np.float32(0.2)
    band = (db > np.float32(0.965)) & ~inside  # a ledge under each floor
    return np.where(inside & ~mullion, glass, np.where(band, np.float32(0.25), np.float32(0)))


def _terrace(s: Floats, t: Floats, shape: list[Floats], pixel: Floats) -> Floats:
    """Framed windows in bays of ``shape[0]`` and floors of ``shape[1]``, panes of unlike tone; courses of bricks.

    A share below 0 is paler than the wall where the panes are darker.
    """
    bay, floor, seed = shape
    a, b = s / bay, t / floor
    i, j = np.floor(a), np.floor(b)
    da, db = np.abs(a - i - np.float32(0.5)), b - j
    chance, style = _cell(i, j, seed), _cell(seed, seed * 3, seed)
    half, low = np.float32(0.15) + style * np.float32(0.17), np.float32(0.36) - style * np.float32(0.12)
    high = np.float32(0.82)
    inside = (da < half) & (db > low) & (db < high)
    frame = (
        (da > half - np.float32(0.03)) | (da < np.float32(0.012)) | (np.abs(db - np.float32(0.6)) < np.float32(0.012))
    )
    glass = np.float32(0.3) + chance * np.float32(0.75)
    sill = (da < half + np.float32(0.03)) & (
        (np.abs(db - low) < np.float32(0.025)) | (np.abs(db - high) < np.float32(0.03))
    )
    bricks = (_cell(np.floor(s * np.float32(4.4)), np.floor(t * np.float32(13)), seed) - np.float32(0.5)) * np.float32(
        0.5
    )
    wall = np.where(sill, np.float32(-0.45), bricks / (1 + pixel * np.float32(20)))
    return np.where(inside, np.where(frame, np.float32(-0.5), glass), wall)


def _cell(i: Floats, j: Floats, seed: Floats) -> Floats:
    """A number in 0..1 for each cell of a texture."""
    mixed = i.astype(np.int32) * np.int32(7919) + j.astype(np.int32) * np.int32(104729)
    return unit(hashed(mixed.astype(np.uint32) + (seed * 977).astype(np.int32).astype(np.uint32)))


PATTERNS: dict[int, Pattern] = {
    GRADIENT: _gradient,
    PAVING: _paving,
    FACADE: _facade,
    BARS: _bars,
    BLOCKS: _blocks,
    LEAVES: _leaves,
    TERRACE: _terrace,
}

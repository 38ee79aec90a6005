"""The looks of the street scenes: colours, light, camera and statistics of the source and of a foreign domain.

An appearance interpolates every range between the two; at 0 both domains are one distribution.
"""

from dataclasses import replace

import numpy as np

from dadist.config.schema import Appearance
from dadist.data.streets.scene import Air, Camera, Colour

# Colours of each thing (RGB, 0..255): the source's, clean and saturated, and the foreign one's, muted, many of them
# brighter where the source's are darker. An object takes the same entry of both and the share between them
# that its appearance says.
PALETTE: dict[str, tuple[tuple[Colour, ...], tuple[Colour, ...]]] = {
    "road": (((82, 82, 92), (96, 94, 100), (72, 76, 84)), ((124, 120, 114), (114, 112, 110), (130, 126, 122))),
    "kerb_line": (((236, 206, 40), (236, 236, 232)), ((176, 160, 90), (176, 174, 166))),
    "surfacing": (((150, 60, 50), (60, 110, 70)), ((116, 72, 66), (84, 104, 88))),
    "lane": (((236, 236, 232),), ((188, 184, 172),)),
    "sidewalk": (
        ((196, 176, 152), (206, 192, 172), (184, 158, 140)),
        ((122, 122, 122), (134, 128, 122), (112, 114, 116)),
    ),
    "facade": (
        ((206, 104, 70), (232, 184, 108), (160, 74, 62), (236, 214, 168), (124, 144, 188), (196, 140, 96)),
        ((142, 134, 124), (172, 166, 152), (112, 104, 98), (188, 178, 158), (132, 126, 120), (152, 138, 118)),
    ),
    "brick": (
        ((166, 92, 66), (196, 164, 116), (140, 80, 62)),
        ((126, 92, 74), (164, 146, 114), (108, 84, 74)),
    ),
    "roof": (((120, 66, 52), (84, 84, 92)), ((88, 72, 66), (74, 76, 82))),
    "shop": (
        ((196, 40, 44), (30, 62, 140), (28, 104, 70), (236, 226, 200), (40, 40, 46), (226, 176, 52)),
        ((150, 52, 50), (52, 66, 112), (58, 92, 74), (206, 200, 186), (52, 52, 56), (186, 156, 92)),
    ),
    "window": (((52, 78, 124), (70, 108, 150)), ((66, 66, 68), (88, 92, 96))),
    "trim": (((244, 238, 226), (92, 60, 52)), ((196, 192, 184), (84, 80, 76))),
    "wall": (((150, 138, 176), (172, 158, 182)), ((128, 108, 88), (146, 128, 108))),
    "mortar": (((196, 188, 210),), ((92, 82, 72),)),
    "fence": (((176, 120, 66), (228, 224, 214)), ((84, 92, 88), (70, 70, 66))),
    "gap": (((66, 92, 58),), ((112, 112, 100),)),
    "pole": (((84, 92, 98), (104, 108, 112)), ((150, 148, 144), (128, 128, 126))),
    "lightbox": (((30, 34, 34),), ((70, 74, 50),)),
    "red": (((250, 40, 30),), ((232, 96, 72),)),
    "green": (((40, 240, 120),), ((120, 220, 190),)),
    "plate": (((240, 240, 240), (28, 88, 220), (250, 206, 20)), ((206, 202, 190), (58, 86, 136), (196, 164, 92))),
    "rim": (((222, 24, 30), (244, 244, 244), (30, 30, 30)), ((164, 62, 56), (206, 206, 200), (66, 64, 60))),
    "leaf": (((60, 148, 42), (82, 164, 50), (44, 124, 48)), ((92, 98, 62), (78, 84, 58), (108, 104, 66))),
    "leaf_dark": (((24, 82, 26),), ((46, 52, 36),)),
    "trunk": (((112, 78, 46),), ((86, 80, 74),)),
    "zenith": (((64, 134, 232), (84, 150, 236)), ((168, 188, 212), (152, 176, 206))),
    "horizon": (((188, 220, 248),), ((222, 226, 228),)),
    "skin": (((226, 172, 136), (150, 102, 74)), ((186, 150, 128), (116, 84, 68))),
    "hair": (((60, 40, 26), (28, 24, 22), (172, 128, 62)), ((58, 52, 48), (36, 34, 34), (120, 104, 84))),
    "shirt": (
        ((220, 46, 52), (44, 92, 214), (246, 208, 44), (240, 240, 240), (148, 62, 178), (40, 164, 150)),
        ((92, 58, 58), (52, 58, 78), (126, 112, 82), (158, 156, 152), (74, 60, 78), (66, 86, 84)),
    ),
    "trousers": (((42, 56, 112), (52, 48, 50), (170, 150, 112)), ((56, 60, 72), (46, 44, 46), (112, 104, 92))),
    "helmet": (((250, 120, 20), (236, 236, 240)), ((150, 104, 72), (176, 176, 176))),
    "car": (
        ((208, 26, 36), (30, 74, 200), (244, 244, 246), (250, 196, 22), (36, 150, 88), (50, 52, 58)),
        ((116, 44, 46), (54, 64, 88), (198, 198, 196), (160, 158, 150), (98, 104, 106), (42, 42, 46)),
    ),
    "glass": (((34, 48, 66), (44, 60, 82)), ((48, 50, 52), (62, 66, 68))),
    "tyre": (((24, 24, 26),), ((44, 42, 42),)),
    "hub": (((186, 190, 196),), ((130, 130, 128),)),
    "tail": (((230, 20, 24),), ((142, 38, 34),)),
    "lamp": (((252, 248, 220),), ((222, 214, 190),)),
    "bus": (((242, 176, 24), (210, 36, 40), (28, 132, 198)), ((196, 170, 120), (156, 70, 62), (84, 120, 146))),
    "motorcycle": (((26, 26, 30), (206, 32, 28), (34, 66, 176)), ((60, 58, 58), (104, 54, 50), (70, 76, 92))),
    "bicycle": (((230, 60, 40), (40, 150, 230), (70, 200, 90)), ((116, 84, 78), (88, 104, 118), (108, 116, 104))),
    "bonnet": (((60, 62, 68),), ((52, 54, 58),)),
}

OWN_WIDTH_M = 2.2  # to each side of the camera, with another vehicle's half
PAVED = {"road", "sidewalk"}  # grey in any variety
LIT = {"lane", "red", "green", "lamp", "tail", "zenith", "horizon", "skin"}  # keep their colours in any variety


class Dice:
    """An appearance's random draws: uniform numbers of one stream, in ranges between source and foreign ones."""

    def __init__(self, appearance: Appearance, seed: int, index: int) -> None:
        self.appearance = appearance
        self.varied = appearance.variety
        self.stream = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, index))))

    def chance(self, share: float) -> bool:
        """True with the given probability."""
        return float(self.stream.random()) < share

    def varies(self, share: float) -> bool:
        """True with the given probability at full variety; without variety False, and nothing is drawn."""
        return bool(self.varied) and self.chance(share * self.varied)

    def nearer(self, z: float, x: float) -> float:
        """A distance, with variety down to a third of it where a thing at ``x`` is not in the camera's way."""
        if not self.varied:
            return z
        moved = z * (1 - self.varied * self.between(0.0, 0.7))
        return moved if abs(x) > OWN_WIDTH_M else max(moved, min(z, 6.0))

    def between(self, low: float, high: float) -> float:
        """Uniform in a range."""
        return low + (high - low) * float(self.stream.random())

    def ranged(self, source: tuple[float, float], foreign: tuple[float, float], share: float) -> float:
        """Uniform in a range that the share moves from the source's to the foreign one."""
        low, high = (a + (b - a) * share for a, b in zip(source, foreign, strict=True))
        return self.between(low, high)

    def counted(self, source: tuple[float, float], foreign: tuple[float, float]) -> float:
        """``ranged`` by the appearance's ``statistics``."""
        return self.ranged(source, foreign, self.appearance.statistics)

    def pick(self, name: str) -> int:
        """An entry of a palette."""
        return int(self.between(0, len(PALETTE[name][0])))

    def colour(self, name: str, entry: int | None = None, spread: float = 0.06) -> Colour:
        """A thing's colour: an entry of its palette at the appearance's share, a little brighter or darker."""
        source, foreign = (side[self.pick(name) if entry is None else entry] for side in PALETTE[name])
        gain = self.between(1 - spread, 1 + spread) / 255
        tint = [self.between(-0.02, 0.02) for _ in range(3)]
        share = self.appearance.palette
        if self.varied:
            share += (1 - share) * self.varied * self.between(0.2, 1.0)
        red, green, blue = (
            min(max((a + (b - a) * share) * gain + shift, 0.0), 1.0)
            for a, b, shift in zip(source, foreign, tint, strict=True)
        )
        if not self.varied or name in LIT:
            return red, green, blue
        return self._weathered((red, green, blue), 0.02 if name in PAVED else 0.08)

    def _weathered(self, colour: Colour, cast: float) -> Colour:
        """A colour as one of many paints of its kind: paler or darker, greyer, of a cast of its own."""
        grey = (colour[0] + colour[1] + colour[2]) / 3
        keep = 1 - self.varied * self.between(0.0, 0.9)
        gain = 1 + self.varied * self.between(-0.45, 0.35)
        red, green, blue = (
            min((grey + (value - grey) * keep) * gain * (1 + self.varied * self.between(-cast, cast)), 1.0)
            for value in colour
        )
        return red, green, blue


def camera(dice: Dice) -> Camera:
    """An image's camera; at 0 high and wide like a renderer's, at 1 low and long like Cityscapes'."""
    share = dice.appearance.camera
    seen = Camera(
        focal=dice.ranged((0.74, 0.9), (1.06, 1.14), share),
        column=dice.ranged((0.42, 0.58), (0.48, 0.52), share),
        row=dice.ranged((0.42, 0.5), (0.36, 0.4), share),
        height_m=dice.ranged((1.7, 2.3), (1.18, 1.3), share),
    )
    if not dice.varied:
        return seen
    sideways = dice.varied * dice.between(-0.22, 0.22) * dice.between(0, 1)
    ahead = 1 / float(np.sqrt(1 + sideways * sideways))
    return Camera(
        focal=seen.focal + dice.varied * (dice.between(0.72, 1.2) - seen.focal),
        column=seen.column,
        row=seen.row + dice.varied * (dice.between(0.34, 0.54) - seen.row),
        height_m=seen.height_m + dice.varied * (dice.between(1.15, 1.9) - seen.height_m),
        ahead=(sideways * ahead, ahead),
    )


def air(dice: Dice) -> Air:
    """An image's light, weather and lens."""
    plain = _plain_air(dice)
    return _weather(dice, plain) if dice.varied else plain


def _weather(dice: Dice, plain: Air) -> Air:
    """Air of any season: an overcast white sky, a low sun with long shadows, a dull day; and any camera's picture."""
    share = dice.varied

    def moved(value: float, low: float, high: float) -> float:
        return value + share * (dice.between(low, high) - value)

    overcast = dice.chance(0.5)
    x, y, z = dice.between(-1, 1), dice.between(0.18, 0.9), dice.between(-0.9, 0.5)
    length = float(np.sqrt(x * x + y * y + z * z))
    gain = moved(plain.exposure[1], 0.6, 1.3)
    cast = share * dice.between(-0.07, 0.07)
    white = dice.between(0.6, 1.0) if overcast else dice.between(0.0, 0.7)
    bright = dice.between(0.8, 1.35) / gain  # a camera exposes for the street: skies burn out

    def paled(colour: Colour) -> Colour:
        top = max(colour)
        red, green, blue = (value + share * ((value / top * (1 - white) + white) * bright - value) for value in colour)
        return red, green, blue

    return replace(
        plain,
        sun=(x / length, y / length, z / length),
        ambient=moved(plain.ambient, *((0.85, 1.0) if overcast else (0.3, 0.65))),
        shadow=moved(plain.shadow, *((0.0, 0.15) if overcast else (0.4, 0.7))),
        sky=(paled(plain.sky[0]), paled(plain.sky[1])),
        clouds=moved(plain.clouds, 0.0, 0.3),
        haze=moved(plain.haze, 0.0, 0.15),
        exposure=(gain * (1 + cast), gain, gain * (1 - cast)),
        blur=moved(plain.blur, 0.0, 0.3),
        vignette=moved(plain.vignette, 0.0, 0.2),
        noise=moved(plain.noise, 0.0, 0.05),
        roughness=share * dice.between(0.5, 3.0),
        contrast=share * dice.between(0.0, 0.6),
        dome=share * dice.between(0.0, 0.5),
    )


def _plain_air(dice: Dice) -> Air:
    appearance = dice.appearance
    x, y, z = dice.between(-1, 1), dice.between(0.5, 1.1), dice.between(-0.9, 0.5)
    length = float(np.sqrt(x * x + y * y + z * z))
    gain = dice.ranged((0.98, 1.1), (0.8, 1.18), appearance.light)
    warm = dice.ranged((-0.02, 0.02), (-0.02, 0.12), appearance.light)
    return Air(
        sun=(x / length, y / length, z / length),
        ambient=dice.ranged((0.6, 0.7), (0.72, 0.92), appearance.light),
        shadow=dice.ranged((0.36, 0.46), (0.1, 0.4), appearance.light),
        sky=(dice.colour("zenith"), dice.colour("horizon")),
        clouds=dice.ranged((0.1, 0.5), (0.3, 0.7), appearance.palette),
        haze=dice.ranged((0.0, 0.06), (0.24, 0.5), appearance.haze),
        exposure=(gain * (1 + warm), gain, gain * (1 - warm)),
        blur=dice.ranged((0.0, 0.1), (0.4, 0.9), appearance.noise),
        vignette=dice.ranged((0.0, 0.02), (0.1, 0.3), appearance.noise),
        noise=dice.ranged((0.0, 0.006), (0.03, 0.07), appearance.noise),
        seed=int(dice.stream.integers(1 << 31)),
    )

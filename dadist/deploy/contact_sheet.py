"""A page to look predictions through: each photograph beside its classes. It opens from the disk, and needs no network.

It links small pictures, which stand in a folder of their own, so that it stays small itself.
"""

import os
from pathlib import Path
from string import Template
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.classes import ClassSet
from dadist.data.resize import Size, nearest
from dadist.deploy.prediction import Prediction
from dadist.deploy.shares import Shares, mean, save
from dadist.report.html import Markup, legend, stylesheet, tag
from dadist.storage.atomic import atomic

SHOWN = 200  # files at most: with more, nobody looks at all, and a browser is slow
SIDE = 800  # pixels of a small picture's longer side, at most
FOLDER, PAGE, TABLE = "sheet", "index.html", "shares.csv"
NAMED = 3  # classes below a picture: those that take most of it


class Seen(NamedTuple):
    """A file that was predicted."""

    shares: Shares
    image: NDArray[np.uint8]  # (H, W, 3) RGB; of a video its first frame
    found: Prediction  # in that
    link: str | None  # file below the folder of predictions that shows it at full size, if one is written


class _Pair(NamedTuple):
    """A photograph and its classes as small pictures."""

    name: str
    number: int  # they are called by
    size: Size  # (width, height) of both
    link: str | None
    shares: Shares


class ContactSheet:
    """The page of one run, and its small pictures, in the folder that the run writes to.

    Args:
        out: That folder.
        classes: Of the model.
        files: How many the run predicts; if these are more than SHOWN, some of them are shown, evenly spread.
    """

    def __init__(self, out: Path, classes: ClassSet, files: int) -> None:
        self.out, self.classes = out, classes
        self.files, self._pairs = list[Shares](), list[_Pair]()
        self._shown = {round(place) for place in np.linspace(0, max(files - 1, 0), min(files, SHOWN))}

    def add(self, number: int, name: str, seen: Seen) -> None:
        """Count a file, and draw it if it is one of those shown.

        Args:
            number: Of the file in the run, from 0 on.
            name: To call it by.
            seen: What was seen in it.
        """
        self.files.append(seen.shares)
        if number not in self._shown:
            return
        height, width = seen.image.shape[:2]
        scale = min(SIDE / max(width, height), 1)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        classes = Image.fromarray(nearest(seen.found.labels, size, size, 0))
        classes.putpalette(self.classes.colours.tobytes())
        photograph = Image.fromarray(seen.image).resize(size, Image.Resampling.BICUBIC)
        with atomic(self.out / FOLDER / f"{number:06}.jpg") as temporary:
            photograph.save(temporary, "JPEG", quality=85)
        with atomic(self.out / FOLDER / f"{number:06}.png") as temporary:
            classes.save(temporary, "PNG")
        self._pairs.append(_Pair(name, number, size, seen.link, seen.shares))

    def save(self, failed: int, model: str) -> Path:
        """Write the page, and the table of shares beside it.

        Args:
            failed: How many files could not be predicted.
            model: What predicted the others, in words.

        Returns:
            The page.
        """
        here, page = Path(__file__).parent, self.out / PAGE
        text = Template((here / "contact_sheet.html").read_text(encoding="utf-8")).substitute(
            style=stylesheet() + (here / "contact_sheet.css").read_text(encoding="utf-8"),
            lead=self._lead(len(self.files), failed, model),
            legend=legend(self.classes, [_percent(share) for share in mean(self.files, self.classes)]),
            pairs=Markup("\n".join(map(self._figure, self._pairs))),
        )
        save(self.files, self.classes, self.out / TABLE)
        with atomic(page) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return page

    def _lead(self, predicted: int, failed: int, model: str) -> Markup:
        shown = len(self._pairs)
        which = f"All {shown:,} are shown" if shown == predicted else f"{shown:,} of them are shown, evenly spread"
        table = tag("a", TABLE, href=TABLE)
        lost = f" {failed:,} more could not be; the command named {'them' if failed > 1 else 'it'}." if failed else ""
        told = f"{predicted:,} file{'s' * (predicted != 1)} predicted by {_readable(model)}.{lost} {which}; "
        return tag("p", told, table, " has the shares of the classes in each.")

    def _figure(self, pair: _Pair) -> Markup:
        width, height = pair.size
        name = _readable(pair.name)
        photograph, classes = (
            tag(
                "img",
                src=f"{FOLDER}/{pair.number:06}.{kind}",
                alt=alt,
                width=width,
                height=height,
                loading="lazy",
                class_=kind,
            )
            for kind, alt in (("jpg", f"Photograph {name}"), ("png", f"Classes of {name}"))
        )
        slider = tag("input", type="range", min=0, max=100, value=50, aria_label=f"Line between both of {name}")
        most = np.argsort(-pair.shares.each, kind="stable")[:NAMED]
        named = " · ".join(f"{self.classes.names[index]} {_percent(pair.shares.each[index])}" for index in most)
        title = name if pair.link is None else tag("a", name, href=quote(os.fsencode(pair.link)))
        images = f", {pair.shares.images} frames, of which the first is shown" if pair.shares.images > 1 else ""
        caption = tag("figcaption", title, images, tag("br"), tag("span", named, class_="soft"))
        return tag("figure", tag("div", photograph, classes, slider, class_="pair"), caption)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "< 1 %"


def _readable(name: str) -> str:
    """A name of a file as text, with marks for bytes that are none."""
    return os.fsencode(name).decode("utf-8", "replace")

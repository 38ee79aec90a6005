"""Pictures within the page: a grid cell by cell, so that each opens large and has its title as text."""

import base64
import io
from pathlib import Path

from PIL import Image

from dadist.data.readers.base import decode
from dadist.report.html import Markup, tag
from dadist.report.image_grid import layout
from dadist.storage.errors import DamagedError

SMALL = 30_000  # bytes of a PNG up to which a photograph stays one
TINY = 320  # pixels: a picture that is narrower keeps its pixels square when it is enlarged
COLOURS = 256  # a picture with no more is one of labels, whose colours must stay as they are


def pictures(path: Path, title: str, alt: str, width: int) -> Markup:
    """A PNG within the page: of a grid its cells, else all of it. Each is a button, which page.js opens large.

    Args:
        path: PNG.
        title: What it is called.
        alt: What is seen there.
        width: Most pixels across; a cell has half of them at most.

    Raises:
        DamagedError: It is not there, or one of its checksums is wrong.
    """
    try:
        image, grid = Image.fromarray(decode(path)), layout(path)
    except (DamagedError, FileNotFoundError) as error:
        got = "a damaged one; delete it and" if path.is_file() else "no such file;"
        raise DamagedError(
            f"{path}: expected a picture as it was drawn, got {got} run the same command again"
        ) from error
    if grid is None:
        buttons, across = [_button(image, title, alt, width)], 1
    else:
        across = len(grid.titles)
        buttons = [
            _button(
                image.crop(box), name, f"{name}, image {row}", width // 2, later=row > 1, first=name == grid.titles[0]
            )
            for name, row, box in grid.cells()
        ]
    label = f"Figure: {title}. {alt}"
    return tag("div", *buttons, class_="pictures", role="group", aria_label=label, style=f"--across: {across}")


def _button(
    image: Image.Image, title: str, alt: str, width: int, *, later: bool = False, first: bool = False
) -> Markup:
    """One picture.

    Args:
        image: RGB.
        title: Above it.
        alt: What it is called on its own.
        width: Most pixels across.
        later: Whether the title of its column stands above another already, where the screen is wide.
        first: Whether a row begins with it.
    """
    labels = image.getcolors(COLOURS) is not None
    if image.width > width:
        how = Image.Resampling.NEAREST if labels else Image.Resampling.LANCZOS
        image = image.resize((width, round(image.height * width / image.width)), how)
    kind, written = "png", _encoded(image, "PNG", optimize=True)
    if not labels and len(written) > SMALL:
        kind, written = "jpeg", _encoded(image, "JPEG", quality=90, subsampling=0)
    source = f"data:image/{kind};base64,{base64.b64encode(written).decode()}"
    square = "square" if labels or image.width < TINY else None
    shown = tag("img", src=source, alt=alt, width=image.width, height=image.height, class_=square)
    name = tag("span", title, class_="later" if later else None, aria_hidden="true")
    return tag("button", name, shown, type="button", class_="first" if first else None)


def _encoded(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()

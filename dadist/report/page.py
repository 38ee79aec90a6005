"""The page: one file that needs no other, with what a colleague wants to know of a setting."""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from string import Template

from dadist.evaluation.confusion import Metrics
from dadist.report.figure_index import FAINT, INK, ShownFigure
from dadist.report.html import Content, Markup, stylesheet, tag
from dadist.report.pictures import pictures
from dadist.storage.atomic import atomic

PACKAGES = ("dadist", "torch", "snakemake", "numpy", "pandas", "scikit-learn", "opencv-python-headless", "matplotlib")


@dataclass(frozen=True)
class Section:
    """A part of the page, under a title."""

    name: str  # in links
    title: str
    content: Content


def write(path: Path, title: str, lead: Content, sections: Sequence[Section], footer: Content) -> int:
    """Write the page.

    Args:
        path: HTML to write.
        title: Its only heading of the first level.
        lead: Below it.
        sections: In their order; those without content are left out.
        footer: At the end.

    Returns:
        Its size in bytes.
    """
    here = Path(__file__).parent
    script = (here / "page.js").read_text(encoding="utf-8")
    there = [one for one in sections if one.content]
    links = [tag("li", tag("a", one.title, href=f"#{one.name}")) for one in there]
    body = [
        tag(
            "section",
            tag("h2", one.title, id=f"{one.name}-title"),
            one.content,
            id=one.name,
            aria_labelledby=f"{one.name}-title",
        )
        for one in there
    ]
    text = Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        title=tag("span", title)[6:-7],
        style=stylesheet(),
        header=tag("div", tag("h1", title), lead),
        navigation=tag("ul", *links),
        body="\n".join(body),
        footer=Markup(tag("div", footer)),
        script=script,
    )
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return len(text.encode())


def figure(shown: ShownFigure, folder: Path, width: int) -> Markup:
    """A figure of the gallery: its SVG within the page, or its pictures if it is of pixels."""
    if shown.pixels:
        drawn = pictures(folder / f"{shown.name}.png", shown.title, shown.alt, width)
    else:
        inside = _inlined(folder / f"{shown.name}.svg", shown)
        drawn = tag("div", inside, class_="frame", tabindex=0, role="group", aria_label=f"Figure: {shown.title}")
    return tag("figure", drawn, tag("figcaption", shown.caption))


def made_with(metrics: Sequence[Metrics]) -> Markup:
    """Versions, and what the models say of how they were made."""
    devices = sorted({str(one.protocol["device"]) for one in metrics if "device" in one.protocol})
    unknown = "not recorded" if metrics else "no metrics to tell"
    trained = sorted({str(one.protocol["torch"]) for one in metrics if "torch" in one.protocol})
    rows = [
        ("trained on", ", ".join(devices) or unknown),
        ("trained with torch", ", ".join(trained) or unknown),
        ("Python of this page", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, _version(name)) for name in PACKAGES),
    ]
    return tag("dl", *(Markup(tag("dt", name) + tag("dd", told)) for name, told in rows))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed as a package"


def _inlined(path: Path, shown: ShownFigure) -> Markup:
    """An SVG as an element of the page: ids of its own, and ink that follows light and dark."""
    text = path.read_text(encoding="utf-8")
    text = text[text.index("<svg ") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>", "", text, flags=re.S)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{shown.name}-", text)
    text = text.replace(INK, "var(--ink)").replace(FAINT, "var(--line)")
    label = tag("span", aria_label=shown.alt)[5:-8]
    return Markup(text.replace("<svg ", f'<svg role="img"{label} ', 1).strip())

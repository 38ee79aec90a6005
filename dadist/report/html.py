"""HTML by construction: what is not markup already is escaped."""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from dadist.classes import ClassSet


class Markup(str):
    """Text that is HTML as it stands."""

    __slots__ = ()


Content = str | int | float | Iterable["Content"] | None


def stylesheet() -> str:
    """Colours, letters and tables of every page, light and dark."""
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def text(content: Content) -> Markup:
    """Anything as HTML: markup as it is, other text escaped, the members of an iterable one after the other."""
    if content is None:
        return Markup("")
    if isinstance(content, Markup):
        return content
    if isinstance(content, str | int | float):
        return Markup(html.escape(str(content)))
    return Markup("".join(text(one) for one in content))


def tag(name: str, *content: Content, **attributes: str | int | float | bool | None) -> Markup:
    """An element; an attribute is left out if it is None or False and stands without a value if it is True.

    ``class_`` and ``for_`` are ``class`` and ``for``; other underscores are hyphens.
    """
    written = ""
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written += f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'
    if name in ("img", "meta", "br", "input"):
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{text(content)}</{name}>")


def hidden(content: Content) -> Markup:
    """For a screen reader alone."""
    return tag("span", content, class_="hidden")


def legend(classes: ClassSet, told: Sequence[str] | None = None) -> Markup:
    """The colour of each class, and what is ``told`` of it."""
    notes = [None] * len(classes) if told is None else [tag("small", f" {one}") for one in told]
    rows = (
        tag(
            "li", tag("span", class_="swatch", style=f"background: rgb{row.colour}", aria_hidden="true"), row.name, note
        )
        for row, note in zip(classes.categories, notes, strict=True)
    )
    return tag("ul", *rows, class_="legend", aria_label="Colours of the classes")


def details(summary: Content, *content: Content, opened: bool = False) -> Markup:
    """What opens on demand."""
    return tag("details", tag("summary", summary), *content, open=opened)


def table(
    caption: Content,
    columns: Sequence[tuple[Content, str]],
    rows: Iterable[Sequence[Markup]],
    *,
    label: str,
    sortable: bool = True,
) -> Markup:
    """A table that scrolls sideways by itself, with buttons in its head where it can be sorted.

    Args:
        caption: Above it.
        columns: Title and kind of each, "text" or "number".
        rows: Cells, ``cell`` or ``head`` each.
        label: Of the scrolling region, for a screen reader.
        sortable: Whether a click on a title sorts.
    """
    heads = []
    for title, kind in columns:
        inside = tag("button", title, tag("span", class_="arrow", aria_hidden="true"), type="button")
        heads.append(
            tag("th", inside if sortable else title, scope="col", class_=kind, aria_sort="none" if sortable else None)
        )
    body = [tag("tr", *row) for row in rows]
    whole = tag("table", tag("caption", caption), tag("thead", tag("tr", *heads)), tag("tbody", *body))
    return tag("div", whole, class_="scroll", role="region", aria_label=label, tabindex=0)


def cell(content: Content, *, value: float | str | None = None, mark: str = "") -> Markup:
    """A table's cell; ``value`` is what it is sorted by, and makes it a number's if it is one."""
    number = isinstance(value, float | int)
    return tag("td", content, class_=f"{'number' if number else 'text'} {mark}".strip(), data_value=value)


def head(content: Content, *, value: str) -> Markup:
    """The cell that names a row."""
    return tag("th", content, scope="row", data_value=value)

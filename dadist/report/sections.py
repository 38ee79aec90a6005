"""What the page says, section by section; what a setting lacks is left out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dadist.classes import ClassSet
from dadist.config.sections import Monitor
from dadist.evaluation.confusion import Metrics
from dadist.report import cost_table, html_tables, page, warning_list
from dadist.report.cost_table import Cost
from dadist.report.figure_index import LabelledRound, ShownFigure, TrainedModel, opened
from dadist.report.html import Content, Markup, details, legend, tag
from dadist.report.page import Section
from dadist.report.pictures import pictures
from dadist.report.quotations import quoted
from dadist.report.warning_list import Raised

# What data sets are called, by reader.
CALLED = {"synthia": "SYNTHIA", "cityscapes": "Cityscapes", "mapillary": "Mapillary Vistas"}
# Sections with one figure per method or more: all but the last are folded.
FOLDED = ("confusion", "training")


@dataclass(frozen=True)
class Domain:
    """A side of the setting, as far as the page tells of it."""

    name: str  # in the config
    dataset: str  # its reader
    rendered: bool  # whether it is streets that the project draws, in the layout of that data set


@dataclass(frozen=True)
class Task:
    """The setting, as far as the page tells of it."""

    setting: str
    classes: ClassSet
    source: Domain
    target: Domain
    size: tuple[int, int]  # of the target, pixels
    trainings: tuple[TrainedModel, ...]
    rounds: tuple[LabelledRound, ...]
    costs: tuple[Cost, ...]
    config: str  # JSON

    @property
    def rendered(self) -> list[Domain]:
        """Those of its domains that are drawn, not photographed nor someone else's."""
        return [one for one in (self.source, self.target) if one.rendered]


def warnings(
    task: Task,
    metrics: Sequence[Metrics],
    losses: Sequence[Path],
    counts: Sequence[Mapping[str, list[int]]],
    pixels: Sequence[int],
    limits: Monitor,
) -> list[Raised]:
    """Who has which alarm; the counts are those of the refined labels, the pixels the source's."""
    return [
        *warning_list.of_metrics(metrics),
        *warning_list.of_trainings(task.trainings, losses, limits),
        *warning_list.of_rounds(task.rounds, counts, pixels, task.classes.names, limits),
    ]


def lead(task: Task, metrics: Sequence[Metrics], raised: Sequence[Raised]) -> Content:
    """What the setting is, the best number, and whether there are warnings."""
    count = len({one.alarm.name for one in raised})
    named = "1 warning" if count == 1 else f"{count} warnings"
    return [_lead(task, metrics), tag("p", tag("a", named, href="#warnings", class_="badge")) if count else None]


def _lead(task: Task, metrics: Sequence[Metrics]) -> Markup:
    (width, height), streets = task.size, ""
    if names := [one.name for one in task.rendered]:
        layouts = " and ".join(CALLED.get(one.dataset, one.dataset) for one in task.rendered)
        subject = "Both are" if len(names) > 1 else f"{names[0]} is"
        streets = f" {subject} rendered by the project itself: streets in the layout of {layouts}."
    what = f"{task.source.name} to {task.target.name}"
    said = f"{what}, {len(task.classes)} classes, the target at {width}×{height} pixels.{streets}"
    if not metrics:
        return tag("p", said, " There are no labels to compare with, so there is no table.")
    scored = [one for one in metrics if one.miou() == one.miou()]
    if not scored:
        return tag("p", said, " No pixel of the target has a label to compare with, so no model has a mean.")
    best = max(scored, key=lambda one: one.miou())
    top = f" Best mean IoU of one model: {best.miou():.1f} % ({best.method} {best.round}, seed {best.seed})."
    return tag("p", said, top)


def sections(
    task: Task,
    metrics: Sequence[Metrics],
    counts: Sequence[Mapping[str, list[int]]],
    raised: Sequence[Raised],
    figures: Sequence[Path],
    panel: Path,
    width: int,
) -> list[Section]:
    """All of the page below its head; the figures are in several folders."""
    shown = [(one, folder) for folder in figures for one in opened(folder)]
    charts = {one.section: _charts(one.section, shown, width) for one, _ in shown}
    removed = [
        html_tables.removed(f"{made.method} {made.round}", count, task.classes)
        for made, count in zip(task.rounds, counts, strict=True)
    ]
    opening = [charts.get("overview"), _panel(panel, width, truth=bool(metrics)), legend(task.classes)]
    labels = [charts.get("labels"), details("Pixels of each class", *removed) if removed else None]
    return [
        Section("overview", "At a glance", opening),
        Section("results", "Results", _results(task, metrics)),
        Section("warnings", "Warnings", warning_list.listed(raised)),
        Section("classes", "Classes", charts.get("classes")),
        Section("confusion", "Confusion", charts.get("confusion")),
        Section("labels", "Pseudo-labels", [*labels, legend(task.classes)] if any(labels) else None),
        Section("prior", "The depth distribution", charts.get("prior")),
        Section(
            "fusion", "The prior at work", [charts["fusion"], legend(task.classes)] if "fusion" in charts else None
        ),
        Section("embedding", "Joint spaces", charts.get("embedding")),
        Section("training", "Training", charts.get("training")),
        Section("costs", "Costs", cost_table.section(task.costs, rendered=bool(task.rendered), tabled=bool(metrics))),
        Section("made", "How it was made", _made(task, metrics)),
    ]


def _panel(picture: Path, width: int, *, truth: bool) -> Markup:
    """The predictions, with what is seen there."""
    theirs = "their truth, " if truth else ""
    alt = f"Rows of target images: the input, {theirs}what each model predicts; depth and density of one that has them."
    view = pictures(picture, "predictions", alt, width)
    told = tag(
        "figcaption",
        f"Target images, {theirs}and predictions; {'black has no label, ' if truth else ''}white is padding. Where a "
        "model has depth, it is bright where near (2 to 80 m, logarithmic), and density where the class is expected "
        "at this place and depth.",
    )
    return tag("figure", view, told)


def _results(task: Task, metrics: Sequence[Metrics]) -> Content:
    published = quoted(task.source.dataset, task.target.dataset, task.classes.name, task.size)
    found: list[Markup] = []
    if metrics:
        found += html_tables.results(metrics, task.classes, [] if task.rendered else published)
        found += [one for one in [html_tables.depths(metrics, task.classes)] if one]
    if published and (task.rendered or not metrics):
        real = " and ".join(CALLED.get(one.dataset, one.dataset) for one in (task.source, task.target))
        drawn = " and ".join(one.name for one in task.rendered)
        apart = (
            f"These are of the real {real}. Here {drawn} {'are' if len(task.rendered) > 1 else 'is'} rendered: another "
            "task, and not to be compared in numbers."
        )
        inside = html_tables.quoted_alone(published, task.classes)
        found.append(
            details("Published numbers on the real data sets", tag("p", apart) if task.rendered else None, *inside)
        )
    return found


def _charts(section: str, shown: Sequence[tuple[ShownFigure, Path]], width: int) -> Content:
    mine = [(one, page.figure(one, folder, width)) for one, folder in shown if one.section == section]
    if section not in FOLDED:
        return [Markup(tag("h3", one.title) + drawn) for one, drawn in mine]
    return [details(one.title, drawn, opened=one == mine[-1][0]) for one, drawn in mine]


def _made(task: Task, metrics: Sequence[Metrics]) -> Content:
    rows: dict[str, dict[str, Any]] = {
        f"{one.method} {one.round}, seed {one.seed}": {**one.protocol, "images": one.images} for one in metrics
    }
    protocols = [
        details(
            name, tag("dl", *(Markup(tag("dt", key) + tag("dd", str(value))) for key, value in sorted(made.items())))
        )
        for name, made in rows.items()
    ]
    labels = "\n".join(f"{row.name}: {', '.join(row.of)}" for row in task.classes.categories)
    return [
        tag("h3", "Versions"),
        page.made_with(metrics),
        tag("h3", "Protocol and code of each model") if protocols else None,
        *protocols,
        tag("h3", "Settings"),
        details(
            "The configuration, as this setting has it",
            _block(json.dumps(json.loads(task.config), indent=1), "Settings"),
        ),
        details("Classes and the labels they hold", _block(labels, "Labels of each class")),
    ]


def _block(text: str, label: str) -> Markup:
    return tag("pre", text, tabindex=0, role="region", aria_label=label)

"""What the page says, section by section; what a setting lacks is left out with a sentence."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dadist.classes import ClassSet
from dadist.config.sections import Monitor
from dadist.evaluation.confusion import Metrics
from dadist.report import cost_table, html_tables, page
from dadist.report.cost_table import Cost
from dadist.report.figure_index import LabelledRound, ShownFigure, TrainedModel, opened, read_losses
from dadist.report.html import Content, Markup, details, tag
from dadist.report.page import Section
from dadist.report.published import quoted
from dadist.training import alarms
from dadist.training.alarms import Alarm

ABSENT = {
    "classes": "There is no figure of classes: the target has no labels to compare with.",
    "confusion": "There is no confusion matrix: the target has no labels to compare with.",
    "training": "Nothing was trained.",
    "prior": "No method of this setting is built on mixtures.",
    "labels": "No method of this setting goes through self-training.",
    "embedding": "No method of this setting has heads for both depth and density.",
}
# Sections with one figure per method or more: all but the last are folded.
FOLDED = ("confusion", "training")


@dataclass(frozen=True)
class Task:
    """The setting, as far as the page tells of it."""

    setting: str
    classes: ClassSet
    source: str  # data set
    target: str  # data set
    size: tuple[int, int]  # of the target, pixels
    rendered: bool  # whether the data sets are streets that the project draws, not the real ones
    trainings: tuple[TrainedModel, ...]
    rounds: tuple[LabelledRound, ...]
    costs: tuple[Cost, ...]
    config: str  # JSON


def warnings(
    task: Task,
    losses: Sequence[Path],
    counts: Sequence[Mapping[str, list[int]]],
    pixels: Sequence[int],
    limits: Monitor,
) -> list[tuple[str, Alarm]]:
    """Who has which alarm; the counts are those of the refined labels, the pixels the source's."""
    found: dict[str, list[Alarm]] = {}
    for one, path in zip(task.trainings, losses, strict=True):
        found[f"{one.method} {one.round}, seed {one.seed}"] = alarms.of_losses(read_losses(path), limits)
    for made, count in zip(task.rounds, counts, strict=True):
        told = alarms.of_labels(count["kept"], pixels, task.classes.names, limits)
        found.setdefault(f"labels of {made.method} {made.round}", []).extend(told)
    return [(who, alarm) for who, raised in found.items() for alarm in raised]


def lead(task: Task, metrics: Sequence[Metrics]) -> Content:
    """What the setting is, and the best number."""
    streets = " (streets that the project renders itself, in the layouts of these data sets)" if task.rendered else ""
    width, height = task.size
    said = f"{task.source} to {task.target}{streets}, {len(task.classes)} classes, {width}×{height} pixels."
    scored = [one for one in metrics if one.miou() == one.miou()]
    if not scored:
        return tag("p", said, " There are no labels to compare with, so there is no table.")
    best = max(scored, key=lambda one: one.miou())
    top = f" Best mean IoU of one model: {best.miou():.1f} % ({best.method} {best.round}, seed {best.seed})."
    return tag("p", said, top)


def sections(
    task: Task,
    metrics: Sequence[Metrics],
    counts: Sequence[Mapping[str, list[int]]],
    raised: Sequence[tuple[str, Alarm]],
    figures: Path,
    panel: Path,
    width: int,
) -> list[Section]:
    """All of the page below its head."""
    shown = opened(figures)
    charts = {name: _charts(name, shown, figures, width) for name in ABSENT}
    alt = "Rows of images: the input, the truth if there is one, what each model predicts, and depth and density."
    view = page.picture(panel, alt, width)
    told = tag(
        "figcaption",
        "Target images, their truth if there is one, and predictions; black has no label, white is padding. Depth is "
        "bright where near (2 to 80 m, logarithmic), density where the class is expected at this place and depth.",
    )
    frame = tag("div", view, class_="frame light", tabindex=0, role="group", aria_label="Figure: predictions")
    removed = [
        html_tables.removed(f"{made.method} {made.round}", count, task.classes)
        for made, count in zip(task.rounds, counts, strict=True)
    ]
    return [
        Section("warnings", "Warnings", _warnings(raised)),
        Section("results", "Results", _results(task, metrics)),
        Section("classes", "Classes", charts["classes"]),
        Section("predictions", "Predictions", [tag("figure", frame, told), _legend(task.classes)]),
        Section("confusion", "Confusion", charts["confusion"]),
        Section(
            "labels",
            "Pseudo-labels",
            [
                charts["labels"],
                *([_legend(task.classes), details("Pixels of each class", *removed)] if removed else []),
            ],
        ),
        Section("prior", "The depth distribution", charts["prior"]),
        Section("embedding", "Joint spaces", charts["embedding"]),
        Section("training", "Training", charts["training"]),
        Section("costs", "Costs", cost_table.section(task.costs)),
        Section("made", "How it was made", _made(task, metrics)),
    ]


def _legend(classes: ClassSet) -> Markup:
    """The colour of each class."""
    swatches = (
        tag("li", tag("span", class_="swatch", style=f"background: rgb{row.colour}", aria_hidden="true"), row.name)
        for row in classes.categories
    )
    return tag("ul", *swatches, class_="legend", aria_label="Colours of the classes")


def _warnings(raised: Sequence[tuple[str, Alarm]]) -> Content:
    if not raised:
        return tag("p", "No alarm was raised.")
    items = [
        tag("li", tag("strong", who), f": {one.what} ", tag("code", one.name), f". It helps to: {one.helps}.")
        for who, one in raised
    ]
    return tag("div", tag("ul", *items), class_="warnings")


def _results(task: Task, metrics: Sequence[Metrics]) -> Content:
    published = quoted(task.source, task.target, task.classes.name, task.size)
    found: list[Markup] = []
    if metrics:
        found.append(html_tables.results(metrics, task.classes, [] if task.rendered else published))
        found += [one for one in [html_tables.depths(metrics, task.classes)] if one]
    else:
        found.append(tag("p", "The target has no labels to compare with, so there is no table."))
    if published and (task.rendered or not metrics):
        apart = (
            "These are of the real SYNTHIA and Cityscapes. The rows above are of rendered streets: another task, and "
            "not to be compared in numbers."
        )
        inside = html_tables.quoted_alone(published, task.classes)
        found.append(
            details("Published numbers on the real data sets", tag("p", apart) if task.rendered else None, inside)
        )
    return found


def _charts(section: str, shown: Sequence[ShownFigure], folder: Path, width: int) -> Content:
    mine = [one for one in shown if one.section == section]
    if not mine:
        return tag("p", ABSENT[section])
    if section not in FOLDED:
        return [Markup(tag("h3", one.title) + page.figure(one, folder, width)) for one in mine]
    return [details(one.title, page.figure(one, folder, width), opened=one == mine[-1]) for one in mine]


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

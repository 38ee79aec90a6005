"""Write the page of a setting: tables, figures, costs, and what all of it was made with."""

import logging
from dataclasses import dataclass

from dadist.config.records import Record
from dadist.config.sections import Monitor, WritePage
from dadist.data.joining import opened
from dadist.evaluation.confusion import Metrics
from dadist.report.page import write
from dadist.report.sections import Task, lead, sections, warnings
from dadist.selftraining.pseudo_labels import PseudoLabels
from dadist.stages import In, Ins, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    task: Task
    monitor: Monitor
    write_page: WritePage


def run(
    params: Params,
    *,
    metrics: Ins,
    losses: Ins,
    refined: Ins,
    source: In,
    figures: In,
    prior: Ins,
    picture: In,
    page: Out,
) -> None:
    """Gather, and write."""
    task = params.task
    scores = [Metrics.load(path) for path in metrics]
    counts = [PseudoLabels(path).counts for path in refined]
    pixels = opened(source).pixels.tolist()
    raised = warnings(task, scores, losses, counts, pixels, params.monitor)
    for one in raised:
        logging.warning("%s: %s (%s); it helps to: %s", one.who, one.alarm.what, one.alarm.name, one.alarm.helps)
    parts = sections(task, scores, counts, raised, [figures, *prior], picture, params.write_page.width)
    footer = "Written by dadist; every number carries its protocol, every figure stands beside this page as a file."
    size = write(page, f"dadist: {task.setting}", lead(task, scores, raised), parts, footer)
    logging.info("%.1f MB", size / 1e6)


if __name__ == "__main__":
    stage(run)

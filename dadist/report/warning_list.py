"""What a page warns of: alarms of the trainings, of their labels, and rounds that got worse; as a short list."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dadist.config.sections import Monitor
from dadist.evaluation.confusion import Metrics
from dadist.report import worse_rounds
from dadist.report.figure_index import LabelledRound, TrainedModel, read_losses
from dadist.report.html import Content, Markup, details, tag
from dadist.training import alarms
from dadist.training.alarms import Alarm

GOT_WORSE = "got_worse"
FEW = 2  # alarms of one kind that are told at once
# What an alarm is called on the page.
CALLED = {
    GOT_WORSE: "Self-training made it worse",
    "critic_won": "A critic won",
    "critic_lost": "A critic only guessed",
    "adversarial_huge": "A huge adversarial loss",
    "class_vanished": "Classes without a pseudo-label",
    "class_scarce": "Classes with hardly a pseudo-label",
    "class_flooded": "A class that ran over the others",
}


class Raised(NamedTuple):
    """An alarm, and who has it."""

    model: str  # method and round
    alarm: Alarm
    seed: int | None = None  # None: of labels, or of all seeds

    @property
    def who(self) -> str:
        """The model, with its seed if it has one."""
        return self.model if self.seed is None else f"{self.model}, seed {self.seed}"


def of_metrics(metrics: Sequence[Metrics]) -> list[Raised]:
    """Rounds whose mIoU is below that of an earlier one by more than noise."""
    rows = [{"method": one.method, "seed": one.seed, "round": one.round, "miou": one.miou()} for one in metrics]
    return [
        Raised(f"{one.method} {one.round}", Alarm(GOT_WORSE, one.what, worse_rounds.HELP))
        for one in worse_rounds.worse_rounds(rows)
    ]


def of_trainings(trainings: Sequence[TrainedModel], losses: Sequence[Path], limits: Monitor) -> list[Raised]:
    """Alarms of the losses, one file per training."""
    return [
        Raised(f"{one.method} {one.round}", alarm, one.seed)
        for one, path in zip(trainings, losses, strict=True)
        for alarm in alarms.of_losses(read_losses(path), limits)
    ]


def of_rounds(
    rounds: Sequence[LabelledRound],
    counts: Sequence[Mapping[str, list[int]]],
    source: Sequence[int],
    classes: Sequence[str],
    limits: Monitor,
) -> list[Raised]:
    """Alarms of the refined labels; the counts are theirs, ``source`` has the labelled pixels of each class there."""
    return [
        Raised(f"{made.method} {made.round}", alarm)
        for made, count in zip(rounds, counts, strict=True)
        for alarm in alarms.of_labels(count["kept"], source, classes, limits)
    ]


def listed(raised: Sequence[Raised]) -> Content:
    """One entry per kind of alarm: who has it, and on demand all of it and what helps."""
    if not raised:
        return tag("p", "No alarm was raised.")
    kinds: dict[str, list[Raised]] = {}
    for one in raised:
        kinds.setdefault(one.alarm.name, []).append(one)
    return tag("ul", *(_entry(name, mine) for name, mine in kinds.items()), class_="warnings")


def _entry(name: str, mine: Sequence[Raised]) -> Markup:
    """Who has it; the numbers stand there at once if there are few."""
    title, first = tag("strong", CALLED.get(name, name)), mine[0]
    told = [f"{one.who}: {one.alarm.what}." for one in mine]
    few = len(mine) <= FEW
    summary = f": {' '.join(told)}" if few else f": {_all(mine)}."
    inside = None if few else tag("ul", *(tag("li", one) for one in told))
    helps = tag("p", f"It helps to: {first.alarm.helps}. The alarm is called ", tag("code", name), ".")
    return tag("li", details([title, summary], inside, helps))


def _all(mine: Sequence[Raised]) -> str:
    """Each model once, with the seeds that have it."""
    seeds: dict[str, list[int]] = {}
    for one in mine:
        seeds.setdefault(one.model, []).extend([] if one.seed is None else [one.seed])
    return "; ".join(
        f"{model}, seed{'s' * (len(set(found)) > 1)} {', '.join(map(str, dict.fromkeys(found)))}" if found else model
        for model, found in seeds.items()
    )

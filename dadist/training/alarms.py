"""Alarms by name: what goes wrong in a training, told from its losses and pseudo-labels, and what usually helps.

They watch and change no number. Those that `monitor.halt` names end a study before it trains on such labels.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dadist.config.sections import Monitor


@dataclass(frozen=True)
class Alarm:
    """One thing that went wrong."""

    name: str
    what: str  # happened, with the numbers
    helps: str


HELP = {
    "critic_won": (
        "lower critic_lr or the weight of the adversarial term; if the domains' geometry differs (another camera), "
        "aligning it by force does harm: adabn or self-training alone are the better choice"
    ),
    "critic_lost": (
        "raise critic_lr or critic_width, or train longer; check that the critic's feature is not constant "
        "(a density that is 0 or 255 nearly everywhere: see squash)"
    ),
    "adversarial_huge": "lower the weight of the adversarial term or critic_lr; the critic is far ahead",
    "class_vanished": (
        "lower pseudo_label.confidence or refine_labels.base, or take class-balanced sampling; what a round never "
        "sees, it forgets"
    ),
    "class_scarce": "lower refine_labels.base or span for small objects, or pseudo_label.confidence",
    "class_flooded": (
        "look at the labels first, as the target may have that much of it; raise pseudo_label.confidence, begin with "
        "another method (adabn), or take fewer rounds"
    ),
}

FLOOD = 0.1  # of the labels: a class with less has not run over the others
CHANCE = math.log(2)  # nats: cross-entropy of a critic that cannot tell


class LossAlarms:
    """Takes the window means of a training one after the other; each alarm is raised once for each time that it lasts.

    Args:
        limits: Thresholds.
    """

    def __init__(self, limits: Monitor) -> None:
        self.limits = limits
        self.lasting: dict[tuple[str, str], int] = {}  # (alarm, critic) → windows on end
        self.windows = 0

    def __call__(self, step: int, means: Mapping[str, float]) -> Iterator[Alarm]:
        """Alarms that begin with this window, which ends with ``step``; ``means`` are unweighted, by term."""
        self.windows += 1
        limits = self.limits
        for critic in sorted({name.rpartition("_")[0] for name in means if _of_a_critic(name)}):
            terms = [value for name, value in means.items() if _of_a_critic(name) and name.startswith(f"{critic}_")]
            if min(terms) < 0:  # the printed loss has no lower bound and no chance level to compare with
                continue
            mean = sum(terms) / len(terms)
            if self._lasts("critic_won", critic, mean < limits.critic_won_below):
                what = f"{critic} was below {limits.critic_won_below:g} nats ({mean:.3g} at step {step})"
                yield self._alarm("critic_won", what)
            near = all(abs(term - CHANCE) <= limits.critic_lost_within * CHANCE for term in terms)
            began = self.lasting.get(("critic_lost", critic), 0) == self.windows - 1  # from the first window on
            if self._lasts("critic_lost", critic, near and began):
                what = f"{critic} stayed within {limits.critic_lost_within:.0%} of ln 2, which is guessing"
                yield self._alarm("critic_lost", what)
        for name, value in means.items():
            huge = name.startswith("adversarial") and value > limits.adversarial_above
            if self._lasts("adversarial_huge", name, huge):
                yield self._alarm("adversarial_huge", f"{name} was above {limits.adversarial_above:g} nats")

    def _lasts(self, name: str, whom: str, now: bool) -> bool:
        self.lasting[name, whom] = self.lasting.get((name, whom), 0) + 1 if now else 0
        return self.lasting[name, whom] == self.limits.windows

    def _alarm(self, name: str, what: str) -> Alarm:
        return Alarm(name, f"{what} for {self.limits.windows} windows of losses.csv", HELP[name])


def of_losses(rows: Sequence[Mapping[str, float]], limits: Monitor) -> list[Alarm]:
    """Alarms of a whole losses.csv, in the order they were raised; a row has "step", "lr" and the terms."""
    alarms = LossAlarms(limits)
    return [
        alarm
        for row in rows
        for alarm in alarms(int(row["step"]), {name: row[name] for name in row if name not in ("step", "lr")})
    ]


def of_labels(kept: Sequence[int], source: Sequence[int], classes: Sequence[str], limits: Monitor) -> list[Alarm]:
    """Classes that a round's labels have lost, or nearly, or that have run over the others.

    Args:
        kept: Pixels of each class after refinement.
        source: Labelled pixels of each class on the source; a class that it lacks raises none.
        classes: Names.
        limits: Thresholds.
    """
    vanished, scarce, flooded, all_kept, all_source = [], [], [], max(sum(kept), 1), max(sum(source), 1)
    for name, mine, theirs in zip(classes, kept, source, strict=True):
        share, usual = mine / all_kept, theirs / all_source
        if theirs and not mine:
            vanished.append(name)
        elif theirs and share < limits.scarce_below * usual:
            scarce.append(f"{name} ({share:.2%}, {usual:.2%} on the source)")
        elif theirs and share >= FLOOD and share > limits.flooded_above * usual:
            flooded.append(f"{name} ({share:.0%}, {usual:.1%} on the source)")
    found = {
        "class_vanished": (vanished, "no pixel is labelled"),
        "class_scarce": (scarce, "hardly a pixel is labelled"),
        "class_flooded": (flooded, "far more than on the source is labelled"),
    }
    return [Alarm(name, f"{what} {', '.join(who)}", HELP[name]) for name, (who, what) in found.items() if who]


def _of_a_critic(term: str) -> bool:
    return term.startswith("critic") and term.endswith(("_source", "_target"))

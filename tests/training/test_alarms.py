import math

import pytest

from dadist.config.sections import Monitor
from dadist.training.alarms import CHANCE, Alarm, LossAlarms, of_labels, of_losses

LIMITS = Monitor(
    tensorboard=False,
    windows=3,
    critic_won_below=0.35,
    critic_lost_within=0.01,
    adversarial_above=3.0,
    scarce_below=0.05,
    flooded_above=4.0,
    halt=(),
)


def rows(*critics: float, adversarial: float = 0.7) -> list[dict[str, float]]:
    """A window of 20 steps each, both critic terms alike."""
    return [
        {
            "step": 20.0 * (index + 1),
            "lr": 0.1,
            "segmentation": 1.0,
            "adversarial": adversarial,
            "critic_source": value,
            "critic_target": value,
        }
        for index, value in enumerate(critics)
    ]


def names(alarms: list[Alarm]) -> list[str]:
    return [alarm.name for alarm in alarms]


def test_a_critic_that_has_won_is_told_once_while_it_lasts_and_again_when_it_comes_back() -> None:
    won, lost = [0.3] * 3, [0.6]
    assert names(of_losses(rows(*won), LIMITS)) == ["critic_won"]
    assert names(of_losses(rows(*won[:2], *lost, *won[:2]), LIMITS)) == []
    assert names(of_losses(rows(*won, *won), LIMITS)) == ["critic_won"]
    assert names(of_losses(rows(*won, *lost, *won), LIMITS)) == ["critic_won"] * 2


def test_a_critic_that_guesses_from_the_first_window_on_has_learned_nothing() -> None:
    assert names(of_losses(rows(*[CHANCE] * 4), LIMITS)) == ["critic_lost"]
    assert names(of_losses(rows(*[CHANCE * 1.009] * 3), LIMITS)) == ["critic_lost"]
    assert names(of_losses(rows(*[CHANCE * 1.011] * 3), LIMITS)) == []
    assert names(of_losses(rows(0.6, *[CHANCE] * 5), LIMITS)) == []  # it was better than chance, and was fooled


def test_an_adversarial_term_beyond_the_limit_is_told() -> None:
    assert names(of_losses(rows(0.6, 0.6, 0.6, adversarial=3.1), LIMITS)) == ["adversarial_huge"]
    assert names(of_losses(rows(0.6, 0.6, 0.6, adversarial=2.9), LIMITS)) == []


def test_the_printed_game_which_has_no_lower_bound_raises_none() -> None:
    assert of_losses(rows(-1.0, -1.0, -1.0), LIMITS) == []


def test_the_message_names_the_step_the_value_and_what_helps() -> None:
    (alarm,) = of_losses(rows(0.3, 0.3, 0.2), LIMITS)
    assert "0.2 at step 60" in alarm.what
    assert "critic_lr" in alarm.helps


def test_two_critics_are_told_apart() -> None:
    alarms = LossAlarms(LIMITS)
    terms = {"critic_source": 0.6, "critic_target": 0.6, "critic_low_source": 0.1, "critic_low_target": 0.1}
    found = [alarm.what for step in range(3) for alarm in alarms(step, terms)]
    assert len(found) == 1
    assert found[0].startswith("critic_low ")


def test_losses_without_a_critic_raise_none() -> None:
    assert of_losses([{"step": 20.0, "lr": 0.1, "segmentation": math.pi}] * 9, LIMITS) == []


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ([900, 90, 10], []),
        ([900, 100, 0], ["class_vanished"]),
        ([99990, 10000, 5], ["class_scarce"]),  # 0.0045 % of the labels, 1 % on the source
        ([0, 0, 0], ["class_vanished"]),
        ([500, 90, 90], ["class_flooded"]),  # a light with 13 % of the labels, 1 % on the source
        ([600, 300, 10], []),  # cars have 33 %, 9 % on the source
        ([9000, 900, 500], []),  # lights have 4.8 times their share, and a twentieth of the labels
        ([1000000, 1, 0], ["class_vanished", "class_scarce"]),
    ],
)
def test_classes_that_the_labels_have_lost_are_told(kept: list[int], expected: list[str]) -> None:
    assert names(of_labels(kept, [900, 90, 10], ["road", "car", "light"], LIMITS)) == expected


def test_a_class_that_the_source_lacks_is_not_missed() -> None:
    assert of_labels([10, 0], [10, 0], ["road", "bus"], LIMITS) == []


def test_one_alarm_names_all_the_classes_that_are_gone() -> None:
    (alarm,) = of_labels([9, 0, 0], [90, 5, 5], ["road", "car", "light"], LIMITS)
    assert alarm.what == "no pixel is labelled car, light"

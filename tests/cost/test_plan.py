import dataclasses

import pytest
from sandbox import configuration

from dadist.config import load
from dadist.cost import plan as accounting
from dadist.cost.plan import DEVICES, Counts, Device, Stage, StudyCost, plan, trained

SETTINGS = load.study(configuration()).settings
DEMO = Counts(source=600, train=500, val=125, label_width=192, label_height=96)
SLOW = Device(flops=1e9, bandwidth=1e9, number_bytes=4, source="a device of round numbers")


def stage(**changes: object) -> Stage:
    values: dict[str, object] = {
        "name": "adapt a",
        "runs": 2,
        "steps": 100,
        "source_epochs": 1.0,
        "target_epochs": 0.5,
        "flops": 3_000_000_000,
        "traffic": 500_000_000,
        "memory": 2_000_000_000,
    }
    return Stage(**{**values, **changes})  # type: ignore[arg-type]


def test_the_time_of_a_stage_is_worked_by_hand() -> None:
    assert stage().seconds(SLOW) == pytest.approx(2 * 100 * (3 + 0.5))
    half = dataclasses.replace(SLOW, number_bytes=2)  # numbers of half the size, half the traffic
    assert stage().seconds(half) == pytest.approx(2 * 100 * (3 + 0.25))


@pytest.fixture(scope="module")
def demo() -> StudyCost:
    return plan(SETTINGS["demo"], DEMO, SLOW)


def test_stages_steps_and_epochs_of_the_demo_are_worked_by_hand(demo: StudyCost) -> None:
    found = {one.name: (one.runs, one.steps, one.source_epochs, one.target_epochs) for one in demo.stages}
    assert found == {
        "adapt warm_up": (1, 480, pytest.approx(480 * 4 / 600), 0),
        "adapt source_only": (1, 900, 6.0, 0),
        "adapt adabn": (1, 0, 0, 0),
        "adapt depth_distribution": (1, 900, 6.0, 7.2),
        "pseudo_label depth_distribution q1": (1, 500, 0, 1),
        "selftrain depth_distribution q1": (1, 300, 2.0, 2.4),
        "pseudo_label depth_distribution q2": (1, 500, 0, 1),
        "selftrain depth_distribution q2": (1, 300, 2.0, 2.4),
        "evaluate source_only": (1, 125, 0, 1),
        "evaluate adabn": (1, 125, 0, 1),
        "evaluate depth_distribution": (3, 125, 0, 1),
    }


def test_depth_of_the_target_takes_its_room_where_a_method_learns_from_it() -> None:
    setting = SETTINGS["demo"]
    corda = dataclasses.replace(setting.objectives["corda"], target_depth=0.5)  # type: ignore[call-arg]
    setting = dataclasses.replace(setting, methods=("corda",), objectives={**setting.objectives, "corda": corda})
    assert plan(setting, DEMO, SLOW).disk["target train with depth"] == 500 * 192 * 96 * 5


def test_methods_come_after_what_they_start_from() -> None:
    assert trained(SETTINGS["demo"]) == ["warm_up", "source_only", "adabn", "depth_distribution"]
    alone = dataclasses.replace(SETTINGS["demo"], methods=("adabn",))
    assert trained(alone) == ["warm_up", "source_only", "adabn", "depth_distribution"]  # the rounds need the last


def test_every_seed_is_counted_and_no_more_images_than_are_prepared() -> None:
    setting = SETTINGS["demo"]
    setting = dataclasses.replace(setting, seeds=(1, 2, 3), prepare=dataclasses.replace(setting.prepare, images=50))
    found = plan(setting, DEMO, SLOW)
    assert {one.runs for one in found.stages} == {3, 9}
    assert found.disk["source, prepared"] == 50 * 192 * 96 * 6
    assert found.disk["pseudo-labels"] == 3 * 2 * 50 * 192 * 96 * 3


@pytest.mark.parametrize(("name", "gigabytes"), [("s2c7_small", 11.6), ("s2c16", 55)])
def test_the_prepared_source_takes_what_was_measured(name: str, gigabytes: float) -> None:
    counts = Counts(source=9400, train=2975, val=500, label_width=2048, label_height=1024)
    setting = dataclasses.replace(SETTINGS[name], methods=("source_only",))
    setting = dataclasses.replace(setting, selftrain=dataclasses.replace(setting.selftrain, methods=()))
    found = plan(setting, counts, DEVICES["h100-bf16"])
    assert found.disk["source, prepared"] / 1e9 == pytest.approx(gigabytes, rel=5e-3)
    assert found.disk["pseudo-labels"] == 0
    assert [one.name for one in found.stages] == ["adapt source_only", "evaluate source_only"]


def test_the_table_has_a_line_a_stage_and_the_sums(demo: StudyCost) -> None:
    lines = demo.table().splitlines()
    assert len(lines) == 1 + len(demo.stages) + 1 + 1 + 1 + len(demo.disk) + 1 + 3
    assert lines[-2].endswith("a device of round numbers")
    assert sum(one.seconds(SLOW) for one in demo.stages) == pytest.approx(demo.seconds)
    assert not [line for line in lines if line != line.rstrip()]


def test_a_text_of_two_stages_is_this() -> None:
    stages = (stage(), stage(name="evaluate a", runs=1, steps=10, memory=0, source_epochs=0.0))
    assert StudyCost(stages, {"models": 1_500_000_000}, SLOW).table().splitlines() == [
        "stage       runs  steps  source epochs  target epochs  TFLOP a step   memory      time",
        "adapt a        2    100           1.00           0.50         0.003  2.00 GB  11.7 min",
        "evaluate a     1     10           0.00           0.50         0.003               35 s",
        "all                                                                           12.2 min",
        "",
        "disk       size",
        "models  1.50 GB",
        "all     1.50 GB",
        "",
        "time: an estimate, all products at full speed and all else at that of a copy; a device of round numbers",
        "memory: of the GPU; a process has 0.8 GB of libraries",
    ]


def test_on_a_cpu_the_libraries_are_in_the_memory_of_the_process() -> None:
    text = StudyCost((stage(),), {}, dataclasses.replace(SLOW, libraries=accounting.LIBRARIES)).table()
    assert " 2.80 GB " in text
    assert text.splitlines()[-1] == "memory: of the process, 0.8 GB of libraries in it"
    assert {name for name, one in DEVICES.items() if one.libraries} == {"cpu-core-fp32"}


def test_an_estimate_stands_beside_its_measurement() -> None:
    rows = [
        line.split() for line in accounting.check(SETTINGS["demo"], "source_only", steps=3, device="cpu").splitlines()
    ]
    assert [row[0] for row in rows] == ["a", "seconds", "memory", "TFLOP/s"]
    estimate, measured, ratio = map(float, rows[1][1:])
    assert ratio == pytest.approx(measured / estimate, abs=0.02 + 0.02 * ratio)


def test_a_split_without_images_is_refused() -> None:
    expected = "counts: expected at least one image to train on of each domain, got 600 and 0"
    with pytest.raises(ValueError, match=expected):
        plan(SETTINGS["demo"], dataclasses.replace(DEMO, train=0), SLOW)

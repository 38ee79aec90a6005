import pytest

from dadist.classes import CLASS_SETS
from dadist.report.quotations import TABLE, Quoted, quoted


def there(row: Quoted, only: list[int] | None = None) -> list[float]:
    return [rate for index, rate in enumerate(row.rates) if rate is not None and (only is None or index in only)]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.target} {row.classes} {row.size} {row.method}")
def test_the_classes_of_a_row_average_to_what_is_quoted(row: Quoted) -> None:
    classes = CLASS_SETS[row.classes]
    assert len(row.rates) == len(classes)
    if row.miou is not None:
        assert sum(there(row)) / len(there(row)) == pytest.approx(row.miou, abs=0.08)
    if row.miou_star is not None:
        starred = there(row, classes.starred)
        assert sum(starred) / len(starred) == pytest.approx(row.miou_star, abs=0.08)


def test_every_row_has_a_note_of_its_protocol() -> None:
    assert all(row.note for row in TABLE)


def test_a_misprint_is_quoted_as_its_classes_have_it_and_told() -> None:
    (dada,) = [row for row in quoted("synthia", "cityscapes", "7", (1280, 760)) if row.method == "DADA"]
    assert dada.miou == 69.2
    assert "70.4 is printed" in dada.note


@pytest.mark.parametrize(
    ("task", "methods", "ours"),
    [
        (("synthia", "cityscapes", "16", (1280, 760)), 8, 48.2),
        (("synthia", "cityscapes", "7", (1280, 760)), 4, 72.6),
        (("synthia", "cityscapes", "7", (640, 320)), 5, 67.7),
        (("synthia", "mapillary", "7", (1280, 760)), 4, 70.4),
        (("synthia", "mapillary", "7", (640, 320)), 5, 60.3),
        (("synthia", "cityscapes", "16", (192, 96)), 8, 48.2),
    ],
)
def test_a_task_has_its_rows_in_the_posters_order(
    task: tuple[str, str, str, tuple[int, int]], methods: int, ours: float
) -> None:
    found = quoted(*task)
    assert len(found) == methods
    assert (found[-1].method, found[-1].miou) == ("Depth Distribution", ours)


@pytest.mark.parametrize(
    "task", [("folder", "cityscapes", "16"), ("synthia", "folder", "7"), ("synthia", "cityscapes", "19")]
)
def test_another_task_has_none(task: tuple[str, str, str]) -> None:
    assert quoted(*task, (1280, 760)) == []

"""Two processes that share each batch train as one process does, whatever the method."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import together
import torch
from torch.testing import assert_close

from dadist.registry import METHODS, RECIPES
from dadist.runtime import distributed, processes

# All is in float64, where sums in another order differ by 1e-16 of their value and eight steps make some 1e-14 of it. A
# mean over a share in place of one over the batch, or a mask drawn for another image, is off by more than 1e-2 in some
# step, since the labels are so unequal.
TOLERANCE = 1e-9
# A weight in front of a normalisation has a gradient of nothing but rounding, which Adam divides by its eps of 1e-8.
WEIGHTS = 1e-6
ROUNDINGS = 4  # of the gradients in bfloat16, of which each process rounds its own and its share of the sums


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that `together` makes, by one process and by two."""
    folder = tmp_path_factory.mktemp("together")
    together.splits(folder)
    whats = (*together.NAMES, *together.MAKES)
    code = "import sys; from dadist.runtime.launch import launch; launch(2, sys.argv[1:])"
    words = (sys.executable, "-c", code, together.__file__, str(folder), *whats)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    answer = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as each of the two: threads that wait for one another take longest on a busy machine
    for what in whats:
        together.make(folder, what)
    torch.set_num_threads(threads)
    return folder


def made(folder: Path, what: str) -> list[Any]:
    """By one process, then by the first and the second of two."""
    files = (f"{what}-1/0.pt", f"{what}-2/0.pt", f"{what}-2/1.pt")
    return [torch.load(folder / file, weights_only=True) for file in files]


def curve(folder: Path, what: str) -> dict[str, list[float]]:
    """Values of each term, as they were before losses.csv took five digits of them."""
    rows = json.loads((folder / what / "curve.json").read_text(encoding="utf-8"))
    return {name: [row[name] for row in rows] for name in rows[0]}


def written(folder: Path, what: str) -> list[dict[str, str]]:
    """The rows of a losses.csv."""
    with (folder / what / "losses.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def bound(moved: torch.Tensor | None, value: torch.Tensor) -> float:
    """How far two processes may be from ``value`` of one: ROUNDINGS as far as the moved one is, or next to nothing."""
    return 1e-12 if moved is None else ROUNDINGS * float((moved - value).detach().abs().max())


@pytest.mark.parametrize("name", [*METHODS, *RECIPES, "two_resolutions", "pasted_objects"])
def test_two_processes_at_half_the_batch_have_the_curve_of_one(folder: Path, name: str) -> None:
    one, two = curve(folder, f"{name}-1"), curve(folder, f"{name}-2")
    assert list(one) == list(two)
    for term in one:
        assert two[term] == pytest.approx(one[term], rel=TOLERANCE), term
    for count in (1, 2):
        rows = written(folder, f"{name}-{count}")
        assert [int(row["step"]) for row in rows] == [*range(1, together.STEPS + 1)]
        assert [*rows[0]] == ["step", "lr", *one]


@pytest.mark.parametrize("name", [*METHODS, *RECIPES, "two_resolutions", "pasted_objects"])
def test_two_processes_end_with_the_same_weights_and_nearly_those_of_one(folder: Path, name: str) -> None:
    one, first, second = made(folder, name)
    assert one.keys() == first.keys() == second.keys()
    for part, weights in one.items():
        assert weights.keys() == first[part].keys()  # a checkpoint does not say how many made it
        for key, value in weights.items():
            assert torch.equal(first[part][key], second[part][key]), f"{part}.{key}"
            close = {"rtol": TOLERANCE, "atol": WEIGHTS}
            assert_close(first[part][key], value, **close, msg=lambda text, key=key: f"{key}: {text}")


def test_each_process_normalises_with_its_own_statistics_if_told_so(folder: Path) -> None:
    _, first, second = made(folder, "own_statistics")
    unequal = {key for key, value in first["segmenter"].items() if not torch.equal(value, second["segmenter"][key])}
    assert unequal == {key for key in first["segmenter"] if "running_" in key}
    one, two = (curve(folder, f"own_statistics-{count}")["segmentation"] for count in (1, 2))
    assert two != pytest.approx(one, rel=TOLERANCE)


@pytest.mark.parametrize("what", ["normed", "normed_in_bfloat16"])
def test_batch_norm_over_two_processes_is_that_of_the_joined_batch(folder: Path, what: str) -> None:
    one, first, second = made(folder, what)
    # In bfloat16 rounding is what differs: by no more than a few times what one rounding of the images makes of it.
    moved = made(folder, f"{what}_moved")[0] if what in together.IN_BFLOAT16 else None
    for part in ("y", "x"):
        assert_close(first[part], one[part], rtol=0, atol=bound(moved and moved[part], one[part]))
        assert torch.equal(first[part], second[part])
    for part in ("gradients", "state"):
        assert first[part].keys() == one[part].keys()
        for key, value in one[part].items():
            assert (value is None) == (first[part][key] is None) == (key == "unreached" and part == "gradients")
            if value is not None:
                assert_close(first[part][key], value, rtol=0, atol=bound(moved and moved[part][key], value))
                assert torch.equal(first[part][key], second[part][key])


def test_a_loss_over_some_pixels_is_that_of_the_whole_batch(folder: Path) -> None:
    one, first, second = made(folder, "losses")
    for part, values in one.items():
        for alone, mine, other in zip(values, first[part], second[part], strict=True):
            assert_close(mine, alone, rtol=TOLERANCE, atol=1e-12)
            assert torch.equal(mine, other)
    assert all(value > 0 for value in one["some"])
    assert one["none"] == [0, 0, 0]
    assert not any(slope.any() for slope in one["none slopes"])


def test_alone_everything_is_the_identity() -> None:
    values = torch.tensor([2.0, 5.0])
    assert (distributed.processes(), distributed.first(), processes.abandoned(), distributed.most(7)) == (
        1,
        True,
        False,
        7,
    )
    assert distributed.share(4) == slice(0, 4)
    for same in (distributed.gather, distributed.total, distributed.largest, distributed.mean):
        assert same(values) is values
    assert distributed.denominator(torch.tensor(3), 1) == 3
    assert distributed.denominator(torch.tensor(0), 1) == 1


def test_shares_make_up_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr(distributed, "processes", lambda: 3)
    for rank in range(3):
        monkeypatch.setattr(distributed.dist, "get_rank", lambda rank=rank: rank)
        found.extend(np.arange(6)[distributed.share(6)])
    assert found == list(range(6))

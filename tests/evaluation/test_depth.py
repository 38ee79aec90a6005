import dataclasses
import functools
import json
import math
import operator
from typing import Any

import numpy as np
import oracles
import pytest
from numpy.testing import assert_allclose

from dadist.evaluation.depth import DepthErrors, depth_errors, metres


def inverse(*metres_ahead: float, numerator: float = 65536.0) -> Any:
    """Inverse depth of so many metres, (1, n)."""
    return numerator / (100 * np.array([metres_ahead]) + 1)


def centimetres(*values: int) -> Any:
    return np.array([values], np.uint16)


def test_the_seven_numbers_are_worked_by_hand() -> None:
    # 10 m seen as 12 m, 20 m as 10 m: ratios 1.2 and 2.
    errors = depth_errors(inverse(12, 10), centimetres(1000, 2000), numerator=65536.0, cap_m=80.0)
    expected = {
        "abs_rel": (0.2 + 0.5) / 2,
        "sq_rel": (4 / 10 + 100 / 20) / 2,
        "rms": math.sqrt((4 + 100) / 2),
        "log_rms": math.sqrt((math.log(1.2) ** 2 + math.log(2) ** 2) / 2),
        "delta1": 0.5,
        "delta2": 0.5,
        "delta3": 0.5,  # 1.25³ = 1.953
    }
    assert errors.scores() == pytest.approx(expected)
    assert (errors.images, errors.pixels) == (1, 2)


@pytest.mark.parametrize(
    ("ratio", "within"), [(1.24, [1, 1, 1]), (1.26, [0, 1, 1]), (1.6, [0, 0, 1]), (1.96, [0, 0, 0])]
)
def test_a_depth_too_large_or_too_small_by_one_ratio_is_within_the_same_thresholds(
    ratio: float, within: list[int]
) -> None:
    for seen in (20 * ratio, 20 / ratio):
        errors = depth_errors(inverse(seen), centimetres(2000), numerator=65536.0, cap_m=80.0)
        assert list(errors.within) == within


def test_metres_come_back_from_inverse_depth_and_are_clipped() -> None:
    z = np.array([65536, 65536 / 2, 65536 / 1001, 1.0, 1e-9, 0.0, -5.0, 1e6], np.float32)
    # 0 cm and all nearer are 1 cm; 1 cm; 10 m; beyond the cap, or no depth at all, the cap.
    assert_allclose(metres(z, numerator=65536.0, cap_m=80.0), [0.01, 0.01, 10, 80, 80, 80, 80, 0.01], rtol=1e-6)


def test_only_measured_pixels_within_the_cap_count() -> None:
    predicted = inverse(5, 5, 5, 5, 5)
    errors = depth_errors(predicted, centimetres(0, 65535, 8001, 8000, 500), numerator=65536.0, cap_m=80.0)
    assert errors.pixels == 2
    assert errors.scores()["abs_rel"] == pytest.approx(75 / 80 / 2)
    far = depth_errors(predicted, centimetres(0, 65535, 8001, 8000, 500), numerator=65536.0, cap_m=1000.0)
    assert far.pixels == 3  # 65535 is no measurement, whatever the cap


@pytest.mark.parametrize("cap_m", [12.0, 80.0])
def test_sums_over_images_give_the_scores_of_the_loop_over_all_pixels(cap_m: float) -> None:
    random = np.random.default_rng(2)
    measured = random.integers(0, 12000, (4, 7, 9)).astype(np.uint16)
    measured[random.random(measured.shape) < 0.2] = 0
    measured[random.random(measured.shape) < 0.1] = 65535
    predicted = 1000 / (measured + 1.0) * random.uniform(0.3, 3, measured.shape)
    predicted[random.random(measured.shape) < 0.1] *= -1
    each = [
        depth_errors(one, truth, numerator=1000.0, cap_m=cap_m) for one, truth in zip(predicted, measured, strict=True)
    ]
    total = functools.reduce(operator.add, each)
    assert total.images == 4
    assert total.scores() == pytest.approx(oracles.depth_scores(predicted, measured, 1000.0, cap_m), rel=1e-9)


def test_without_a_measured_pixel_there_is_no_score_and_nothing_is_added() -> None:
    none = depth_errors(inverse(5), centimetres(0), numerator=65536.0, cap_m=80.0)
    assert all(math.isnan(value) for value in none.scores().values())
    one = depth_errors(inverse(5), centimetres(700), numerator=65536.0, cap_m=80.0)
    assert (none + one).scores() == one.scores()


def test_a_prediction_where_nothing_was_measured_may_be_anything() -> None:
    errors = depth_errors(np.array([[np.nan, 65536 / 501]]), centimetres(0, 500), numerator=65536.0, cap_m=80.0)
    assert errors.scores()["abs_rel"] == pytest.approx(0, abs=1e-9)


def test_a_record_goes_through_json_and_back() -> None:
    errors = depth_errors(inverse(12, 10), centimetres(1000, 2000), numerator=65536.0, cap_m=80.0)
    text = json.dumps(errors.record())
    assert DepthErrors.from_record(json.loads(text)) == errors
    with pytest.raises(ValueError, match="depth errors: expected the keys cap_m, images"):
        DepthErrors.from_record({"cap_m": 80.0})


def test_what_cannot_be_compared_is_refused() -> None:
    truth = centimetres(500)
    with pytest.raises(ValueError, match=r"expected the shape of the measurement, \(1, 1\), got \(1, 2\)"):
        depth_errors(inverse(5, 5), truth, numerator=65536.0, cap_m=80.0)
    with pytest.raises(ValueError, match="expected finite inverse depths"):
        depth_errors(np.array([[np.nan]]), truth, numerator=65536.0, cap_m=80.0)
    with pytest.raises(ValueError, match="cap_m: expected metres above"):
        depth_errors(inverse(5), truth, numerator=65536.0, cap_m=0.0)
    one = depth_errors(inverse(5), truth, numerator=65536.0, cap_m=80.0)
    with pytest.raises(ValueError, match=r"expected one cap for all images, got 80\.0 and 50\.0"):
        one + dataclasses.replace(one, cap_m=50.0)

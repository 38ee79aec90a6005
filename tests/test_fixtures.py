"""What the paper, the poster and the authors' configurations state in numbers, where no module's own test has it."""

from pathlib import Path

import builders
import numpy as np
import pytest
from numpy.testing import assert_allclose

from dadist.classes import CLASS_SETS
from dadist.data.loader import Sampling, SourceLoader
from dadist.losses.segmentation import class_weights
from dadist.selftraining.refine import thresholds

# Class weights of the authors' configurations, in the order of the classes.
WEIGHTS = {
    "16": """0.327 0.313 0.206 22.427 22.558 5.811 155.643 59.528
             0.586 0.882 1.423 12.871 1.488 3.955 29.164 27.563""",
    "7": "0.349 0.462 11.576 1.325 1.993 3.216 3.192",
}
# Shares of the source's labelled pixels, percent.
SHARES = {
    "16": "19.11 19.97 30.34 0.279 0.277 1.076 0.0402 0.105 10.67 7.09 4.39 0.486 4.20 1.58 0.214 0.227",
    "7": "40.93 30.92 1.234 10.78 7.17 4.44 4.48",
}

# SYNTHIA to Cityscapes, 16 classes, IoU in percent; mIoU and mIoU* as printed.
FIRST_TABLE = {
    "SPIGAN": ("71.1 29.8 71.4 3.7 0.3 33.2 6.4 15.6 81.2 78.9 52.7 13.1 75.9 25.5 10.0 20.5", 36.8, 42.4),
    "ADVENT": ("87.0 44.1 79.7 9.6 0.6 24.3 4.8 7.2 80.1 83.6 56.4 23.7 72.7 32.6 12.8 33.7", 40.8, 47.6),
    "DADA": ("89.2 44.8 81.4 6.8 0.3 26.2 8.6 11.1 81.8 84.0 54.7 19.3 79.7 40.7 14.0 38.8", 42.6, 49.8),
    "CTRL": ("86.9 43.0 80.7 19.2 0.9 27.2 11.6 12.6 81.3 83.2 60.7 24.0 84.2 46.2 22.0 44.2", 45.5, 52.4),
    "Ours": ("85.3 40.2 79.7 19.6 1.3 29.4 29.7 32.2 82.5 79.2 64.3 26.7 85.2 49.4 22.7 44.9", 48.2, 55.5),
}


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.split()]


@pytest.mark.parametrize(
    ("depth_cm", "expected"), [(0, 65536.0), (1, 32768.0), (100, 648.8713), (1000, 65.4705), (65535, 1.0)]
)
def test_inverse_depth_of_the_published_numerator(tmp_path: Path, depth_cm: int, expected: float) -> None:
    prepared = builders.split(tmp_path / "split", 1, depth=np.full((1, 32, 64), depth_cm, np.uint16))
    batch = SourceLoader(prepared, Sampling(1, 0, False, "cpu"), numerator=65536.0, zero_depth="keep")(0)
    assert_allclose(batch.inverse_depth.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("classes", WEIGHTS)
def test_the_authors_class_weights_follow_from_the_shares_of_the_classes(classes: str) -> None:
    shares, published = (np.array(numbers(table[classes])) for table in (SHARES, WEIGHTS))
    weights = class_weights(np.round(shares * 1e8).astype(np.int64), power=1.0, cap=None).double().numpy()
    assert_allclose(weights, published, rtol=4e-3)  # three digits of a share are known
    assert_allclose(weights * shares / shares.sum() * len(shares), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("base", "span", "published"),
    [(100, 900, "1000 772 100 316 234 173 173"), (50, 50, "100 87 50 62 57 54 54")],
)
def test_the_thresholds_of_seven_classes_are_the_authors(base: float, span: float, published: str) -> None:
    pixels = np.round(1e12 / np.array(numbers(WEIGHTS["7"]))).astype(np.int64)
    assert_allclose(thresholds(pixels, base=base, span=span), numbers(published), atol=1.5)


@pytest.mark.parametrize("row", FIRST_TABLE)
def test_the_rows_of_the_first_table_average_to_their_means(row: str) -> None:
    scores, mean, starred_mean = np.array(numbers(FIRST_TABLE[row][0])), *FIRST_TABLE[row][1:]
    assert scores.mean() == pytest.approx(mean, abs=0.08)  # SPIGAN's and ours are rounded down
    assert scores[CLASS_SETS["16"].starred].mean() == pytest.approx(starred_mean, abs=0.08)


def test_the_methods_own_row_averages_to_two_digits() -> None:
    scores = np.array(numbers(FIRST_TABLE["Ours"][0]))
    assert [round(float(mean), 2) for mean in (scores.mean(), scores[CLASS_SETS["16"].starred].mean())] == [
        48.27,
        55.54,
    ]

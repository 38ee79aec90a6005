from pathlib import Path

import builders
import cv2
import numpy as np
import pandas as pd

from dadist.report.component_curves import ACROSS, CELL, plot, table

NAN = float("nan")
LIKELIHOODS = np.array([[-3.0, -5.0, NAN], [-2.5, -4.0, NAN], [-2.75, -3.0, NAN]])  # 1, 2, 4 components; 3 classes


def test_the_table_has_a_row_a_number_and_the_mean_of_the_classes_with_points(tmp_path: Path) -> None:
    table(LIKELIHOODS, (1, 2, 4), ("flat", "sky", "human"), tmp_path / "components.csv")
    assert (tmp_path / "components.csv").read_text(encoding="utf-8").splitlines() == [
        "components,mean,flat,sky,human",
        "1,-4.0,-3.0,-5.0,",
        "2,-3.25,-2.5,-4.0,",
        "4,-2.875,-2.75,-3.0,",
    ]
    assert pd.read_csv(tmp_path / "components.csv").human.isna().all()


def drawn(likelihoods: np.ndarray, components: tuple[int, ...], path: Path) -> np.ndarray:
    plot(likelihoods, components, ("flat", "sky", "human")[: likelihoods.shape[1]], path)
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def test_every_class_has_a_cell_and_one_without_points_no_curve(tmp_path: Path) -> None:
    picture = drawn(LIKELIHOODS, (1, 2, 4), tmp_path / "components.png")
    assert picture.shape == (CELL[1], ACROSS * CELL[0], 3)
    dark = [(cell[24:] < 128).any() for cell in np.split(picture, ACROSS, axis=1)]
    assert dark == [True, True, False, False]


def test_a_flat_curve_and_a_single_number_are_drawn(tmp_path: Path) -> None:
    for likelihoods, components in ((np.zeros((3, 2)), (1, 2, 3)), (np.zeros((1, 2)), (5,))):
        picture = drawn(likelihoods, components, tmp_path / "components.png")
        assert (picture[24:] < 128).any()


def test_names_of_any_kind_are_drawn_and_are_no_formulas(tmp_path: Path) -> None:
    likelihoods = np.zeros((2, len(builders.ODD)))
    plot(likelihoods, (1, 2), builders.ODD, tmp_path / "components.png")
    table(likelihoods, (1, 2), builders.ODD, tmp_path / "components.csv")
    titles = [*pd.read_csv(tmp_path / "components.csv").columns[2:]]
    assert titles == [*builders.ODD[:3], "'=1+2", "'-two\nlines", *builders.ODD[5:]]

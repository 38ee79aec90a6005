"""Names of classes, and labels: what a table, a spreadsheet or the class table would take for something else."""

import copy
import dataclasses
from typing import Any

import pytest
from sandbox import configuration

from dadist.classes import CLASS_SETS
from dadist.config.load import study
from dadist.config.names import COLUMNS
from dadist.config.records import ConfigError
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.depth import DepthErrors
from dadist.report.tables import PROTOCOL, over_seeds, table

CONFIG = configuration()
CONFIG["settings"] = {"demo": CONFIG["settings"]["demo"]}
SKY = {"name": "sky", "colour": [1, 2, 4]}
FOLDER = {"dataset": "folder", "root": "x", "depth": False, "images": {"train": "*.jpg"}}


def told(**sections: Any) -> str:
    """The message that sections beside the shipped ones end in."""
    config = copy.deepcopy(CONFIG)
    for name, section in sections.items():
        config[name] |= section
    with pytest.raises(ConfigError) as error:
        study(config)
    return str(error.value)


def of_class(name: object, **more: object) -> str:
    """The message about a class of the user's."""
    return told(class_sets={"mine": [SKY, {"name": name, "colour": [1, 2, 3], "of": ["road"], **more}]})


def test_the_columns_that_no_class_may_be_called_are_those_of_both_tables() -> None:
    depth = DepthErrors(**{field.name: 1.0 for field in dataclasses.fields(DepthErrors)} | {"within": (1, 1, 1)})
    matrix = [[1] * 7 for _ in range(7)]
    protocol: Any = dict.fromkeys(PROTOCOL, "x")
    run = {"setting": "demo", "method": "dada", "seed": 1, "round": "q0", "images": 3, "protocol": protocol}
    rows = table([Metrics(classes=CLASS_SETS["7"], confusion=matrix, depth=depth, **run)], CLASS_SETS["7"])
    assert {*rows.columns, *over_seeds(rows).columns} - set(CLASS_SETS["7"].names) == COLUMNS


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_class_that_is_called_like_a_column_is_refused(name: str) -> None:
    assert f"class_sets.mine[1].name: expected no column of metrics.csv, got {name!r}; rename the class" in of_class(
        name
    )


@pytest.mark.parametrize(
    "name", ["=1+1", "+x", "-x", "@x", "a\nb", "a\tb", "a\x00", " a", "a ", "", "a\u202eb", "a\u2028b"]
)
def test_a_class_whose_name_is_a_formula_or_not_to_be_printed_is_refused(name: str) -> None:
    assert "class_sets.mine[1].name: expected a name to print, that begins with none of = + - @, got " in of_class(name)


def test_a_class_is_text_and_has_a_colour_of_its_own() -> None:
    assert of_class(1).endswith("class_sets.mine[1].name: expected text, got 1; put it in quotes")
    assert "class_sets.mine[1].colour: expected a colour of its own, got that of 'sky'" in of_class(
        "a", colour=[1, 2, 4]
    )
    assert "class_sets.mine[1].colour: expected red, green and blue from 0" in of_class("a", colour=[1, 2, 256])
    assert "expected each class once, got 'sky' twice" in of_class("sky")


@pytest.mark.parametrize("name", ["Straße", "lane marking", "$x^2$", "a/b", "x, y", "道路", 'the "road"', "road-ish"])
def test_any_other_name_is_a_class(name: str) -> None:
    config = copy.deepcopy(CONFIG)
    config["class_sets"]["mine"] = [SKY, {"name": name, "colour": [1, 2, 3], "of": ["road"]}]
    config["settings"]["demo"]["classes"] = "mine"
    assert study(config).settings["demo"].classes.names == ["sky", name]


# --- labels


def test_a_label_that_only_one_side_knows_is_a_slip() -> None:
    message = of_class("people", of=["persons"])
    assert message == "class_sets.mine[1].of: unknown label 'persons'; did you mean 'person'?"
    assert of_class("persons", of=["persons", "rider"]).startswith("class_sets.mine[1].of: unknown label 'persons'")
    message = told(domains={"mine": {**FOLDER, "ids": {"5": "roads"}}})
    assert message == "domains.mine.ids.5: unknown label 'roads'; did you mean 'road'?; null if it is to be ignored"
    message = told(domains={"mine": {**FOLDER, "colours": {"804080": "tree"}}})
    assert message.startswith("domains.mine.colours.804080: unknown label 'tree'")
    message = of_class("people", of=["cityscape/person"])
    assert message == "class_sets.mine[1].of: unknown data set 'cityscape' before a label; did you mean 'cityscapes'?"


def test_a_label_of_ones_own_is_one_that_a_domain_and_a_class_name() -> None:
    config = copy.deepcopy(CONFIG)
    config["domains"]["mine"] = {**FOLDER, "ids": {"5": "gravel", "6": None}}
    config["class_sets"]["mine"] = [SKY, {"name": "ground", "colour": [1, 2, 3], "of": ["gravel", "folder/road"]}]
    assert study(config).domains["mine"].options["ids"] == {"5": "gravel", "6": None}

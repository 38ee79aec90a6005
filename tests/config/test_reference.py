import json

import jsonschema
import pytest
from sandbox import ROOT, configuration

from dadist.config import reference
from dadist.config.files import read

SCHEMA = reference.json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_and_the_page_are_those_of_the_declarations() -> None:
    remedy = "run python -m dadist.config.reference"
    assert json.loads(reference.SCHEMA.read_text(encoding="utf-8")) == SCHEMA, remedy
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(configuration()), remedy


@pytest.mark.parametrize("file", ["config.yaml", *sorted((ROOT / "config").rglob("*.yaml"))], ids=str)
def test_every_file_that_ships_keeps_to_the_schema(file: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(read(ROOT / file))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"settings": {"demo": {"adapt": {"bach": 3}}}},
        {"adapt": {"batch": 0}},
        {"presets": {"mine": {"objectives": {"dada": {"dept": 1.0}}}}},
        {"domains": {"mine": {"dataset": "mapillary", "verion": "v1.2"}}},
        {"setings": {}},
    ],
)
def test_the_schema_tells_an_editor_what_loading_would(wrong: dict[str, object]) -> None:
    assert list(VALIDATOR.iter_errors(wrong))


def test_every_key_is_on_the_page_with_its_meaning_and_default() -> None:
    text = reference.PAGE.read_text(encoding="utf-8")
    assert "| `components` | `5` | Components per class" in text
    assert "## objectives.depth_distribution" in text
    assert "## domains.NAME with dataset: folder" in text

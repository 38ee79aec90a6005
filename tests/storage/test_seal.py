import json
from pathlib import Path
from typing import Any

import damage
import pytest

from dadist.storage import seal
from dadist.storage.errors import DataError

RECORD = {"name": "Straße", "counts": [[1, 2], [3, 0]], "rate": 2.5e-4, "none": None, "nested": {"2": "b", "1": True}}
TABLE = "step,lr,loss\n20,1e-3,1.5\n40,5e-4,\n"


def read(path: Path) -> dict[str, Any]:
    return seal.load(path, version=3, what="a record", remedy="delete it and run the same command again")


def read_table(path: Path) -> str:
    return seal.load_table(path, what="a table", remedy="delete it and run the same command again")


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    seal.save(RECORD, tmp_path / "a.json", version=3)
    assert read(tmp_path / "a.json") == RECORD
    assert [*json.loads((tmp_path / "a.json").read_text())] == ["version", *RECORD, "sha256"]


def test_a_record_may_be_written_with_keys_and_tuples_that_json_has_not(tmp_path: Path) -> None:
    seal.save({"ids": {10: "a", 9: "b"}, "size": (3, 4)}, tmp_path / "a.json", version=3)
    assert read(tmp_path / "a.json") == {"ids": {"10": "a", "9": "b"}, "size": [3, 4]}


def test_every_damage_to_a_record_is_told_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    seal.save(RECORD, path, version=3)
    solid = sum(not byte.isspace() for byte in path.read_text(encoding="utf-8"))
    assert damage.every([path], lambda: read(path))["a.json"] >= solid


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ('{"version": 2, "name": "a"}', "version 2 of the format, not 3"),
        ('{"name": "a"}', "version None of the format, not 3"),
        ('{"version": 3, "name": "a"}', "a damaged file: its checksum is wrong"),
        ("[3]", "a list"),
        ("[" * 100_000, "maximum recursion"),
    ],
)
def test_another_record_is_refused_with_what_it_is(tmp_path: Path, text: str, got: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=rf"a\.json: expected a record, got {got}.*; delete it and run the same"):
        read(tmp_path / "a.json")


def test_a_table_has_its_checksum_in_a_column_without_values(tmp_path: Path) -> None:
    header, *rows = seal.sealed(TABLE).splitlines()
    assert header.startswith("step,lr,loss,sha256:")
    assert rows == ["20,1e-3,1.5,", "40,5e-4,,"]
    (tmp_path / "a.csv").write_text(seal.sealed(TABLE))
    assert read_table(tmp_path / "a.csv") == TABLE


def test_every_damage_to_a_table_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(seal.sealed(TABLE))
    assert damage.every([path], lambda: read_table(path))["a.csv"] == path.stat().st_size + 5


def test_a_table_without_a_checksum_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    with pytest.raises(DataError, match=r"a\.csv: expected a table, got a damaged file: its checksum is wrong; delete"):
        read_table(tmp_path / "a.csv")

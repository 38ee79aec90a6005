"""YAML that can be read in two ways is refused with its line and with what to write."""

import json
from typing import Any

import pytest

from dadist.config.records import ConfigError
from dadist.config.strict import parsed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-12", -12),
        ("+1", 1),
        ("0x1F", 31),
        ("2.5e-4", 0.00025),
        (".5", 0.5),
        ("1.", 1.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", None),
        ('"010"', "010"),
        ("'no'", "no"),
        ("~/data", "~/data"),
        ("$HOME/x", "$HOME/x"),
        ("y", "y"),
        ("2024-01", "2024-01"),
        ("12:30 o'clock", "12:30 o'clock"),
        ("[1, {b: 2}]", [1, {"b": 2}]),
    ],
)
def test_what_both_versions_read_alike_is_taken(text: str, value: Any) -> None:
    found = parsed(f"a: {text}")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("010", 'a number or text in quotes, got 010, which YAML reads as 8; write 10 or "010"'),
        ("007", 'write 7 or "007"'),
        ("008", 'got 008, text in YAML 1.1; write 8 or "008"'),
        ("1:30", 'which YAML reads as 90; write 90 or "1:30"'),
        ("1:30.5", 'which YAML reads as 90.5; write 90.5 or "1:30.5"'),
        ("1_000", 'which YAML reads as 1000; write 1000 or "1_000"'),
        ("0b11", 'which YAML reads as 3; write 3 or "0b11"'),
        ("0o17", 'text in YAML 1.1; write 15 or "0o17"'),
        ("yes", 'true or false or text in quotes, got yes, which YAML reads as true; write true or "yes"'),
        ("no", 'write false or "no"'),
        ("On", 'write true or "On"'),
        ("off", 'write false or "off"'),
        ("~", 'null or text in quotes, got ~, which YAML reads as nothing; write null or "~"'),
        ("1e-4", 'text in YAML 1.1; write 0.0001 or "1e-4"'),
        ("1.5e3", 'write 1500 or "1.5e3"'),
        ("1e-07", 'write 1.0e-07 or "1e-07"'),
        ("2024-01-01", 'text in quotes, got 2024-01-01, which YAML reads as a date; write "2024-01-01"'),
        (".inf", 'a finite number, got .inf; write one, or ".inf" if it is text'),
        ("-.INF", "a finite number"),
        (".nan", "a finite number"),
        ("1.0e+999", "a finite number"),
        ("9" * 5000, "a number of at most 100 digits, got 5000; shorten it"),
        ("!!python/name:os.system", "a value without a tag"),
        ("!!python/tuple [1]", "got the tag tag:yaml.org,2002:python/tuple; leave it out"),
        ("!!set {x}", "got the tag tag:yaml.org,2002:set; leave it out"),
        ("!!binary aGk=", "a value without a tag"),
        ("&a [*a]", "a value, got an alias of a section around it; write the value out"),
        ("{<<: 3}", "a section to merge, got none"),
    ],
)
def test_what_they_read_differently_is_refused_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as told:
        parsed(f"# first\nb:\n  a: {text}\n")
    assert str(told.value).startswith("b.a")
    assert ": line 3: expected " in str(told.value)
    assert message in str(told.value)


@pytest.mark.parametrize("remedy", ["10", '"010"', "90", "true", "null", "0.0001", "1.0e-07", "1500", '"2024-01-01"'])
def test_what_is_advised_is_taken(remedy: str) -> None:
    assert "a" in parsed(f"a: {remedy}")


@pytest.mark.parametrize(
    "text", ["{7: a, '7': b}", "{7: a, 0x7: b}", '{"a": 1, "a": 2}', "a: 1\nb: 2\na: 3", "<<: {a: 1}\n<<: {b: 1}"]
)
def test_a_key_comes_once_however_it_is_written(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected each key once, got '(7|a|<<)' again"):
        parsed(text)


@pytest.mark.parametrize("text", ["010: a", "yes: a", "~: a", "1e3: a", "? [a]\n: b", "? {a: 1}\n: b"])
def test_a_key_is_a_name_like_any_value(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^line 1: expected "):
        parsed(text)


def test_keys_are_text() -> None:
    assert parsed("{2024: a, 0x10: b, true: c, '010': d}") == {"2024": "a", "16": "b", "true": "c", "010": "d"}


def test_an_anchor_merges_as_yaml_has_it() -> None:
    text = "b: &b {x: 1, z: 3}\nc: {<<: *b, x: 2}\nd: {x: 9, <<: [*b, {x: 5, y: 6}]}"
    assert parsed(text)["c"] == {"x": 2, "z": 3}
    assert parsed(text)["d"] == {"x": 9, "y": 6, "z": 3}


def test_json_is_read_as_json() -> None:
    assert parsed('{\n\t"a": 1e-5, "b": null}') == {"a": 1e-5, "b": None}
    for text in ('{"a": NaN}', '{"a": 1e999}'):
        with pytest.raises(ConfigError, match="expected finite numbers, got "):
            parsed(text)


@pytest.mark.parametrize("text", ["a: [1", "a: 1\n\tb: 2", "a: 1\n---\nb: 2", "a: *b", "a: \x01", "a: @b", "[" * 5000])
def test_what_is_neither_is_told_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^expected YAML or JSON, got [^\n]*; correct it$"):
        parsed(text)


def test_what_is_dumped_is_read_again() -> None:
    whole = {"a": [1, 2.5, 1e-9, "010", "no", None, True], "b": {"c": {}, "d": ""}}
    assert parsed(json.dumps(whole)) == whole

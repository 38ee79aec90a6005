from pathlib import Path

import pytest

from dadist.config.files import (
    COMMAND_LINE,
    OURS,
    PACKAGE,
    ConfigFiles,
    base,
    entries,
    laid_over,
    read,
    workflow_folder,
)
from dadist.config.records import ConfigError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_sections_are_laid_over_key_by_key_and_lists_as_a_whole() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    assert laid_over(base, {"a": {"c": [3]}, "e": 5}) == {"a": {"b": 1, "c": [3]}, "d": 4, "e": 5}
    assert laid_over(base, {"a": None})["a"] is None
    assert base["a"] == {"b": 1, "c": [1, 2]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "line 4: expected each key once, got 'c' again (first in line 3)"),
        ("a: [1\n", "expected YAML or JSON, got none"),
        ("a: [x]\nb: {c: [{d: 010}]}\n", "b.c[0].d: line 2: expected a number or text in quotes, got 010"),
        ("- 1\n", "expected sections such as `settings:`, got [1]"),
        ("# nothing\n", "expected sections such as `settings:`, got none"),
        ("", "expected sections such as `settings:`, got none"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "mine.yaml", text)
    with pytest.raises(ConfigError) as told:
        read(path)
    assert str(told.value).startswith(f"{path}: ")
    assert message in str(told.value)


def test_a_file_that_is_not_there_is_told_with_the_place_to_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: expected a file of settings, .*; write the file"):
        read(tmp_path / "mine.yaml")


def test_a_file_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes("a: Größe\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"mine\.yaml: expected UTF-8, got .*; save it as UTF-8"):
        read(path)


def test_line_ends_and_marks_of_other_systems_are_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: x\r\nb: 2\r\n")
    assert read(path) == {"a": "x", "b": 2}


def test_a_value_of_the_command_line_is_read_as_in_a_file_and_text_as_it_stands() -> None:
    words = ["a=1", "b={c: [2, 3]}", "b={d: x}", "e=my #1 'dir' $y", "f='010'", "g=", "h=x=y", "i=~/sets"]
    assert entries(words) == {
        "a": 1,
        "b": {"c": [2, 3], "d": "x"},
        "e": "my #1 'dir' $y",
        "f": "010",
        "g": None,
        "h": "x=y",
        "i": "~/sets",
    }


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("seeds", "--config: expected name=value, got 'seeds'"),
        ("=3", "--config: expected name=value, got '=3'"),
        ("seeds=[010]", "--config seeds: [0]: line 1: expected a number or text in quotes, got 010"),
        ("a={b: 1, b: 2}", "--config a: line 1: expected each key once, got 'b' again"),
        ("a=[1", "--config a: expected YAML or JSON, got none"),
    ],
)
def test_a_word_of_the_command_line_that_is_wrong_is_named(word: str, message: str) -> None:
    with pytest.raises(ConfigError) as told:
        entries([word])
    assert str(told.value).startswith(message)


def test_config_yaml_is_that_of_the_folder_or_else_the_snakefile_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert base(Path("/project")) == Path("/project/config.yaml")
    write(tmp_path / "config.yaml", "a: 1\n")
    assert base(Path("/project")) == Path("config.yaml")


def test_the_workflow_is_that_of_the_folder_if_it_is_ours_or_else_the_package_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "Snakefile", "rule all:\n")
    write(tmp_path / "config/samples.yaml", "a: 1\n")
    assert workflow_folder() == PACKAGE.parent  # that Snakefile is another workflow's
    for part in OURS:
        write(tmp_path / part, "")
    assert workflow_folder() == Path()


def test_of_a_wheel_it_is_the_one_inside_the_package_and_a_package_without_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dadist.config.files.PACKAGE", tmp_path / "site/dadist")
    with pytest.raises(
        FileNotFoundError, match=r"site/dadist/workflow: expected the workflow \(Snakefile, .*found none"
    ):
        workflow_folder()
    for part in OURS:
        write(tmp_path / "site/dadist/workflow" / part, "")
    assert workflow_folder() == tmp_path / "site/dadist/workflow"


def test_what_a_file_is_merged_from_by_an_anchor_is_no_second_key(tmp_path: Path) -> None:
    text = "base: &base {a: 1, b: 2}\nother:\n  <<: *base\n  a: 3\n"
    assert read(write(tmp_path / "mine.yaml", text))["other"] == {"a": 3, "b": 2}


@pytest.fixture
def files(tmp_path: Path) -> ConfigFiles:
    write(tmp_path / "config/defaults.yaml", "adapt: {batch: 1, network: {bn: paper}}\n")
    write(tmp_path / "config/methods/dada.yaml", "objectives: {dada: {depth: 0.1}}\n")
    mine = write(tmp_path / "mine.yaml", "adapt: {batch: 4}\nsettings: {demo: {seeds: [1, 2]}}\n")
    return ConfigFiles.of(tmp_path / "config", [mine])


def test_the_holder_of_a_key_is_the_last_file_that_has_its_value(files: ConfigFiles, tmp_path: Path) -> None:
    whole = files.merged()
    assert whole["adapt"] == {"batch": 4, "network": {"bn": "paper"}}
    assert files.holder(("adapt", "batch"), whole) == str(tmp_path / "mine.yaml")
    assert files.holder(("adapt", "network", "bn"), whole) == "config/defaults.yaml"
    assert files.holder(("objectives", "dada", "depth"), whole) == "config/methods/dada.yaml"
    assert files.holder(("settings", "demo", "seeds", 1), whole) == str(tmp_path / "mine.yaml")


def test_what_no_file_has_comes_from_the_command_line_or_belongs_to_the_section_around_it(files: ConfigFiles) -> None:
    assert files.holder(("adapt", "batch"), laid_over(files.merged(), {"adapt": {"batch": 9}})) == COMMAND_LINE
    assert files.holder(("seeds",), laid_over(files.merged(), {"seeds": 3})) == COMMAND_LINE
    assert files.holder(("objectives", "dada", "critic_lr"), files.merged()) == "config/methods/dada.yaml"  # missing


def test_one_key_in_two_files_of_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "config/a.yaml", "adapt: {batch: 1}\n")
    write(tmp_path / "config/b.yaml", "adapt: {batch: 1}\n")
    with pytest.raises(ConfigError, match=r"adapt\.batch: config/b\.yaml: expected a key that no other file sets"):
        ConfigFiles.of(tmp_path / "config", [])

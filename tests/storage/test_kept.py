"""An output that was finished and is deleted is there again, with the same bits, for the same key."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from dadist.storage import kept
from dadist.storage.kept import kept_of, once


def make(folder: Path, text: str = "made") -> list[Path]:
    """A file and a folder, as a stage writes them."""
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(text, encoding="utf-8")
    (folder / "b/inner").mkdir(parents=True)
    (folder / "b/index.json").write_text(f"{text} index", encoding="utf-8")
    (folder / "b/inner/rows.npy").write_text(f"{text} rows", encoding="utf-8")
    return [folder / "a.txt", folder / "b"]


def contents(outputs: list[Path]) -> dict[str, str]:
    files = [one for output in outputs for one in (output, *output.rglob("*")) if one.is_file()]
    return {str(one.relative_to(outputs[0].parent)): one.read_text(encoding="utf-8") for one in files}


def delete(outputs: list[Path]) -> None:
    """As Snakemake does."""
    for output in outputs:
        shutil.rmtree(output) if output.is_dir() else output.unlink()


def test_an_output_that_is_deleted_is_put_back_whole_and_with_the_time_of_now(tmp_path: Path) -> None:
    outputs = [tmp_path / "a.txt", tmp_path / "b"]
    with once(outputs, "key") as there:
        assert not there
        make(tmp_path)
    before = contents(outputs)
    (outputs[1] / kept.STAMP).touch()  # Snakemake's, which comes afterwards and is not the stage's
    for one in (outputs[0], outputs[1] / "index.json"):
        assert one.stat().st_nlink == 2  # no room is taken while it stands
        os.utime(one, (0, 0))
    delete(outputs)
    with once(outputs, "key") as there:
        assert there
    assert contents(outputs) == before
    assert outputs[0].stat().st_mtime > 1e9
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.txt.kept", ".a.txt.lock", "a.txt", "b"]
    delete(outputs)
    with once(outputs, "key") as there:  # as often as need be
        assert there


def test_what_stands_stays(tmp_path: Path) -> None:
    outputs = make(tmp_path)
    kept.keep(outputs, "key")
    before = contents(outputs)
    assert kept.put_back(outputs, "key")
    assert contents(outputs) == before


def test_another_key_is_made_anew_and_what_was_kept_goes(tmp_path: Path) -> None:
    outputs = make(tmp_path)
    kept.keep(outputs, "key")
    assert not kept.put_back(outputs, "another")
    assert not kept_of(outputs[0]).exists()
    assert not kept.put_back(outputs, "key")


def test_a_block_that_fails_keeps_nothing(tmp_path: Path) -> None:
    outputs = [tmp_path / "a.txt", tmp_path / "b"]

    def work() -> None:
        with once(outputs, "key"):
            make(tmp_path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert not kept_of(outputs[0]).exists()


@pytest.mark.parametrize("damaged", ["0", "1/index.json", "1/inner/rows.npy", kept.RECORD])
@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_what_is_damaged_is_not_put_back(
    tmp_path: Path, damaged: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    outputs = make(tmp_path)
    kept.keep(outputs, "key")
    delete(outputs)
    file = kept_of(outputs[0]) / damaged
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-1] if how == "cut" else bytes([content[0] ^ 4]) + content[1:])
    assert not kept.put_back(outputs, "key")
    assert not any(output.exists() for output in outputs)
    assert not kept_of(outputs[0]).exists()
    assert damaged == kept.RECORD or f"{file}: expected what was kept, got something else (damaged)" in caplog.text


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    outputs = make(tmp_path)
    kept.keep(outputs, "key")
    delete(outputs)
    outputs[1].mkdir()
    (outputs[1] / "mine.txt").write_text("a thesis", encoding="utf-8")
    assert not kept.put_back(outputs, "key")
    assert contents(outputs) == {"b/mine.txt": "a thesis"}
    (outputs[1] / "mine.txt").unlink()
    assert kept.put_back(outputs, "key")  # into an empty folder


def test_what_a_kill_left_half_kept_is_swept(tmp_path: Path) -> None:
    outputs = make(tmp_path)
    for rest in ("-new", "-back"):
        half = kept_of(outputs[0]).with_name(f"{kept_of(outputs[0]).name}{rest}")
        half.mkdir() if rest == "-new" else half.touch()
    kept.keep(outputs, "key")
    delete(outputs)
    assert kept.put_back(outputs, "key")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.txt.kept", "a.txt", "b"]


def refuse(*_: object) -> None:
    raise OSError(errno.EPERM, "no links here")


def test_without_links_a_file_is_copied_and_a_folder_is_made_anew_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    file, folder = make(tmp_path)
    kept.keep([file], "key")
    kept.keep([folder], "key")
    before = contents([file])
    delete([file, folder])
    assert kept.put_back([file], "key")
    assert not kept.put_back([folder], "key")
    assert contents([file]) == before
    assert "b: cannot be kept for a run that is forced, which will make it anew: [Errno 1] no links here" in caplog.text
    assert not kept_of(folder).with_name(f"{kept_of(folder).name}-new").exists()

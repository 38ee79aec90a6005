from pathlib import Path

import builders
import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import predict
from benchmarks.__main__ import main


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    builders.checkpoint(("depth",)).save(tmp_path / "model.pt")
    (tmp_path / "photos").mkdir()
    pixels = np.random.default_rng(1).integers(0, 256, (2, 40, 80, 3), np.uint8)
    for index, one in enumerate(pixels):
        Image.fromarray(one).save(tmp_path / f"photos/{index}.png")
    return [str(tmp_path / "model.pt"), str(tmp_path / "photos"), "--out", str(tmp_path / "predict.csv")]


@pytest.mark.workflow
def test_every_way_is_timed_beside_ours(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", *given, "--threads", "1", "--repeats", "1"]) == 0
    said = capsys.readouterr().out
    for way in (
        "ours, predict_each",
        "plain loop",
        "plain loop by ONNX Runtime",
        "dadist predict",
        "one after the other",
    ):
        assert f"| {way} |" in said
    assert Path(given[-1]).read_text("utf-8").startswith("part,case,way,seconds,times_ours,repeats,machine\n")


def test_a_plain_loop_that_finds_something_else_is_an_error(
    given: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "_onnx", lambda *_: torch.zeros)
    monkeypatch.setattr(predict, "upsample", lambda logits, size: -torch.nn.functional.interpolate(logits, size))
    assert main(["predict", *given, "--threads", "1", "--repeats", "1"]) == 2
    assert "plain loop: expected our labels but for 0.01 of them, got" in capsys.readouterr().err

from pathlib import Path

import numpy as np
import pytest

from dadist.deploy.video import Video, recording
from dadist.storage.errors import DamagedError


def film(path: Path, frames: int = 5, *, width: int = 48, height: int = 32) -> Path:
    """Grey, a little lighter from frame to frame."""
    with recording(path, 10.0) as take:
        for index in range(frames):
            take(np.full((height, width, 3), 40 + 30 * index, np.uint8))
    return path


@pytest.mark.parametrize("extension", ["mp4", "avi"])
def test_frames_come_back_in_their_order_and_colour(tmp_path: Path, extension: str) -> None:
    video = Video(film(tmp_path / f"a.{extension}"))
    frames = list(video)
    assert (video.rate, video.announced, video.read) == (10, 5, 5)
    assert {frame.shape for frame in frames} == {(32, 48, 3)}
    assert [int(frame.mean()) for frame in frames] == pytest.approx([40, 70, 100, 130, 160], abs=6)
    assert [path.name for path in tmp_path.iterdir()] == [f"a.{extension}"]


def test_red_stays_red(tmp_path: Path) -> None:
    with recording(tmp_path / "a.mp4", 10.0) as take:
        take(np.full((32, 32, 3), (200, 30, 30), np.uint8))
    (frame,) = Video(tmp_path / "a.mp4")
    assert frame[..., 0].mean() > 150 > 80 > frame[..., 2].mean()


def test_an_odd_row_and_column_are_left_out(tmp_path: Path) -> None:
    (frame,) = Video(film(tmp_path / "a.mp4", 1, width=33, height=31))
    assert frame.shape == (30, 32, 3)


def test_a_recording_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    def begin() -> None:
        with recording(tmp_path / "a.mp4", 10.0) as take:
            take(np.zeros((32, 32, 3), np.uint8))
            raise KeyError

    with pytest.raises(KeyError):
        begin()
    assert not [*tmp_path.iterdir()]


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(DamagedError, match=r"a\.mp4: expected a whole video, got one that cannot be opened; copy"):
        Video(tmp_path / "a.mp4")

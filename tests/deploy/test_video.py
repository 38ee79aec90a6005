"""Videos: frames of one at their times, upright, of any name and format; and an MP4 that browsers play."""

import itertools
import struct
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dadist.deploy.video import Shown, Video, recording
from dadist.storage.errors import DamagedError

TENTH, HUNDREDTH = Fraction(1, 10), Fraction(1, 100)


def grey(level: int, width: int = 48, height: int = 32) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def film(path: Path, times: list[Fraction] | None = None, *, width: int = 48, height: int = 32) -> Path:
    """Grey, a little lighter from frame to frame."""
    shown = times or [index * TENTH for index in range(5)]
    with recording(path, HUNDREDTH) as take:
        for index, time in enumerate(shown):
            take(Shown(grey(40 + 30 * index, width, height), time, TENTH))
    return path


def others(path: Path, codec: str, frames: int = 5, step: int = 30) -> Path:
    """A film as another program writes it, ten frames per second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for index in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey(40 + step * index), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def opened(path: Path) -> tuple[Video, list[Shown]]:
    with Video(path) as video:
        return video, list(video)


@pytest.mark.parametrize(
    ("extension", "codec"),
    [("mp4", "libx264"), ("avi", "mpeg4"), ("mov", "mpeg4"), ("mkv", "ffv1"), ("webm", "libvpx")],
)
def test_frames_of_other_programs_come_in_their_order_at_their_times(
    tmp_path: Path, extension: str, codec: str
) -> None:
    video, frames = opened(others(tmp_path / f"a.{extension}", codec))
    assert video.rate == 10
    assert video.announced in (0, 5)
    assert [float(shown.time) for shown in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.001)
    assert [int(shown.pixels.mean()) for shown in frames] == pytest.approx([40, 70, 100, 130, 160], abs=6)
    assert {shown.pixels.shape for shown in frames} == {(32, 48, 3)}


def test_a_recording_keeps_the_times_of_frames_that_are_not_evenly_spaced(tmp_path: Path) -> None:
    times = [Fraction(0), TENTH, 2 * TENTH, Fraction(1), Fraction(5, 2), Fraction(26, 10)]
    path = film(tmp_path / "a.mp4", times)
    video, frames = opened(path)
    assert [shown.time for shown in frames] == times
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    with av.open(str(path)) as container:  # what a player says of its length
        assert container.duration == 2_700_000
    assert (video.announced, video.read) == (6, 6)
    _, again = opened(_copied(path, tmp_path / "b.mp4"))
    assert [shown.time for shown in again] == times


def _copied(path: Path, copy: Path) -> Path:
    """As `predict` does it: every frame at its time."""
    with Video(path) as video, recording(copy, video.tick) as take:
        for shown in video:
            take(shown)
    return copy


def test_a_film_that_begins_late_begins_at_once(tmp_path: Path) -> None:
    _, frames = opened(film(tmp_path / "a.mp4", [Fraction(3), Fraction(4), Fraction(6)]))
    assert [shown.time for shown in frames] == [0, 1, 3]


def test_a_recording_is_what_browsers_play(tmp_path: Path) -> None:
    with av.open(str(film(tmp_path / "a.mp4"))) as container:
        (stream,) = container.streams
        assert isinstance(stream, av.VideoStream)
        assert (stream.codec.name, stream.pix_fmt, "mp4" in container.format.name) == ("h264", "yuv420p", True)


def test_red_stays_red(tmp_path: Path) -> None:
    with recording(tmp_path / "a.mp4", TENTH) as take:
        take(Shown(np.full((32, 32, 3), (200, 30, 30), np.uint8), Fraction(0), TENTH))
    _, (shown,) = opened(tmp_path / "a.mp4")
    assert shown.pixels.mean((0, 1)) == pytest.approx([200, 30, 30], abs=4)


def test_an_odd_row_and_column_are_left_out(tmp_path: Path) -> None:
    _, frames = opened(film(tmp_path / "a.mp4", width=33, height=31))
    assert {shown.pixels.shape for shown in frames} == {(30, 32, 3)}
    with pytest.raises(ValueError, match="expected frames of at least 2x2 pixels for a video, got 0x30"):
        film(tmp_path / "b.mp4", width=1, height=31)


@pytest.mark.parametrize(("turn", "matrix"), [(-1, (0, 1, -1, 0)), (1, (0, -1, 1, 0)), (2, (-1, 0, 0, -1))])
def test_a_film_of_a_telephone_that_was_turned_is_upright(
    tmp_path: Path, turn: int, matrix: tuple[int, int, int, int]
) -> None:
    picture = grey(60)
    picture[:16, :24] = 200  # bright in the upper left
    with recording(tmp_path / "a.mp4", TENTH) as take:
        take(Shown(picture, Fraction(0), TENTH))
    content = bytearray((tmp_path / "a.mp4").read_bytes())
    a, b, c, d = matrix
    at = content.index(b"tkhd") + 44
    content[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    (tmp_path / "a.mp4").write_bytes(content)
    _, (shown,) = opened(tmp_path / "a.mp4")
    np.testing.assert_allclose(shown.pixels, np.rot90(picture, turn), atol=40)


def test_a_name_that_is_not_utf_8_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    _, frames = opened(_copied(film(path), path.with_stem(f"{path.stem} 2")))
    assert len(frames) == 5


def test_frames_of_another_size_take_that_of_the_first(tmp_path: Path) -> None:
    with recording(tmp_path / "a.mp4", TENTH) as take:
        take(Shown(grey(90), Fraction(0), TENTH))
        take(Shown(grey(90, 96, 96), TENTH, TENTH))
    assert [shown.pixels.shape for shown in opened(tmp_path / "a.mp4")[1]] == [(32, 48, 3)] * 2


def test_a_recording_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    def begin() -> None:
        with recording(tmp_path / "a.mp4", TENTH) as take:
            take(Shown(grey(0), Fraction(0), TENTH))
            raise KeyError

    with pytest.raises(KeyError):
        begin()
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "one that cannot be opened"),
        (b"no video", "one that cannot be opened"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.ts\n#EXT-X-ENDLIST\n", "one that cannot be opened"),
    ],
)
def test_a_file_that_is_no_video_is_named(tmp_path: Path, content: bytes, got: str) -> None:
    others(tmp_path / "other.ts", "mpeg4")
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(DamagedError, match=rf"a\.mp4: expected a whole video, got {got}; copy"):
        opened(tmp_path / "a.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(DamagedError, match=r"a\.mp4: expected a whole video, got one without pictures; copy"):
        Video(tmp_path / "a.mp4")


@pytest.mark.parametrize("extension", ["mkv", "avi", "mp4"])
def test_a_film_that_was_cut_gives_its_beginning_or_is_named(tmp_path: Path, extension: str) -> None:
    path = others(tmp_path / f"a.{extension}", "mpeg4", 9, 15)
    whole, read = path.read_bytes(), set()
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        try:
            _, frames = opened(path)
        except DamagedError as error:
            assert f"{path}: expected a whole video" in str(error)  # noqa: PT017 - an MP4 has its table at the end
            frames = []
        assert [int(shown.pixels.mean()) for shown in frames] == pytest.approx(
            [40 + 15 * index for index in range(len(frames))], abs=6
        )
        read.add(len(frames))
    assert len(read) > 1 or extension == "mp4"


@pytest.mark.parametrize(("extension", "codec"), [("mkv", "libx264"), ("avi", "mpeg4"), ("ts", "mpeg2video")])
def test_damage_in_the_middle_costs_frames_or_is_named_and_no_more(tmp_path: Path, extension: str, codec: str) -> None:
    path, random, damaged = others(tmp_path / f"a.{extension}", codec, 9, 15), np.random.default_rng(0), 0
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(20):
        content = whole.copy()
        content[random.integers(len(whole) // 4, len(whole), 20)] = random.integers(0, 256, 20)
        path.write_bytes(content.tobytes())
        try:
            video, frames = opened(path)
        except DamagedError as error:
            assert f"{path}: expected a whole video" in str(error)  # noqa: PT017 - either is right
        else:
            assert len(frames) == video.read
            damaged += video.damaged
    assert damaged > 0


def test_times_never_go_back_where_two_films_were_joined(tmp_path: Path) -> None:
    one = others(tmp_path / "a.ts", "mpeg2video").read_bytes()
    (tmp_path / "b.mp4").write_bytes(one + one)
    _, frames = opened(tmp_path / "b.mp4")
    assert len(frames) == 10
    assert all(before.time < later.time for before, later in itertools.pairwise(frames))


def test_frames_without_times_follow_each_other_at_the_rate(tmp_path: Path) -> None:
    path = others(tmp_path / "a.h264", "libx264").rename(tmp_path / "a.mp4")
    video, frames = opened(path)
    assert [shown.time for shown in frames] == [index / video.rate for index in range(5)]


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match="expected the package of the extra 'video' for videos, found no av; pip inst"):
        Video(path)

"""Videos by PyAV, the extra `video`: frames of one with their times, and H.264 of frames, which browsers play."""

import contextlib
import errno
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from dadist.storage.atomic import atomic
from dadist.storage.errors import DamagedError

FramePixels = NDArray[np.uint8]  # (H, W, 3) RGB
ENCODER = "libx264"
LOST = (errno.EIO, errno.ENXIO, errno.ESTALE)  # what a disk that is no more there answers; all else is the content
RATE = Fraction(25)  # frames per second, of a file that tells neither rate nor times
BT601, LIMITED = 5, 1  # what FFmpeg calls the matrix from RGB to YUV, and the range from 16 to 235


class Shown(NamedTuple):
    """A frame, and when it is shown."""

    pixels: FramePixels
    time: Fraction  # seconds after the first frame
    duration: Fraction  # seconds, if nothing follows


class Video:
    """A video file, frame by frame, each upright; ``announced`` is how many it says it has, which may be wrong or 0.

    Raises:
        DamagedError: It cannot be read, or has no frame.
        ValueError: PyAV is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._av = path, pyav()
        # By Python, since FFmpeg takes no name that is not UTF-8. Nothing else that the file names is opened.
        self._file = path.open("rb")
        options = {"protocol_whitelist": "none"}
        try:
            self._container = self._av.open(self._file, metadata_errors="replace", options=options)
            self._stream = self._container.streams.video[0]
        except (self._av.FFmpegError, IndexError, OSError) as error:
            self._file.close()
            got = "one without pictures" if isinstance(error, IndexError) else "one that cannot be opened"
            raise self._damaged(got) from error
        self._stream.thread_type = "AUTO"
        self.rate: Fraction = self._stream.average_rate or self._stream.guessed_rate or RATE  # frames per second
        self.tick: Fraction = self._stream.time_base or 1 / self.rate  # seconds, the unit of the frames' times
        self.announced = max(self._stream.frames, 0)
        self.read, self.damaged = 0, False  # frames so far; whether some could not be read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()
        self._file.close()

    def __iter__(self) -> Iterator[Shown]:
        first = last = Fraction(0)
        for frame in self._frames():
            time = last + 1 / self.rate if frame.pts is None else frame.pts * self.tick
            if not self.read:
                first = time
            elif time <= last:
                time = last + self.tick
            last = time
            self.read += 1
            upright = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
            duration = (frame.duration or 0) * self.tick or 1 / self.rate
            yield Shown(np.ascontiguousarray(upright), time - first, duration)
        if not self.read:
            raise self._damaged("one without a frame that can be decoded")

    def _frames(self) -> Iterator[Any]:
        """What can be decoded; what is damaged in between is left out."""
        for packet in self._packets():
            try:
                yield from self._stream.decode(packet)
            except self._av.FFmpegError:
                self.damaged |= packet is not None

    def _packets(self) -> Iterator[Any]:
        """Those before a cut, then None, at which the decoder gives what it holds back."""
        try:
            yield from self._container.demux(self._stream)
        except (self._av.FFmpegError, OSError, IndexError) as error:  # the last of a stream that begins midway
            if getattr(error, "errno", None) in LOST:
                raise
            self.damaged = True
        yield None

    def _damaged(self, got: str) -> DamagedError:
        return DamagedError(f"{self.path}: expected a whole video, got {got}; copy it again, or convert it to MP4")


@contextlib.contextmanager
def recording(path: Path, tick: Fraction) -> Iterator[Callable[[Shown], None]]:
    """An MP4 of the frames that it is given, each shown at its time; it has its name once the block has ended well.

    An odd last row or column is left out: the format has none. Frames take the size of the first.

    Args:
        path: The file.
        tick: Unit of the times, seconds.

    Raises:
        OSError: It cannot be written.
        ValueError: PyAV is not installed, or without its encoder.
    """
    av = pyav()
    streams, last = list[Any](), [0]  # of which there is one once the first frame has come; the last frame's ticks
    with atomic(path) as temporary, temporary.open("wb") as file, av.open(file, "w", format="mp4") as container:

        def take(shown: Shown) -> None:
            height, width = (side // 2 * 2 for side in shown.pixels.shape[:2])
            if not streams:
                streams.append(_stream(av, container, (width, height), tick))
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown.pixels[:height, :width]), format="rgb24")
            picture.pts, picture.time_base = round(shown.time / tick), tick
            encode(picture)
            last[:] = [round(shown.duration / tick)]

        def encode(picture: Any) -> None:
            try:
                for packet in streams[0].encode(picture):
                    packet.duration = last[0]  # that of the last frame alone counts: the others end with the next
                    container.mux(packet)
            except av.FFmpegError as error:
                size = f"{streams[0].width}x{streams[0].height}"
                raise OSError(f"{path}: expected to encode frames of {size} as H.264, got {error}") from error

        yield take
        encode(None)


def _stream(av: Any, container: Any, size: tuple[int, int], tick: Fraction) -> Any:
    if min(size) < 2:
        raise ValueError(f"expected frames of at least 2x2 pixels for a video, got {size[0]}x{size[1]} even ones")
    try:
        # Without frames that refer to later ones: with them, the file's length would leave out the last frames.
        stream = container.add_stream(ENCODER, options={"bf": "0"})
    except ValueError as error:
        raise ValueError(f"expected PyAV with the encoder {ENCODER}, got one without; pip install av") from error
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = tick
    stream.codec_context.colorspace, stream.codec_context.color_range = BT601, LIMITED
    return stream


def pyav() -> Any:
    """PyAV as a module.

    Raises:
        ValueError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise ValueError(
            f"expected the package of the extra 'video' for videos, found no {error.name}; pip install av"
        ) from error
    return av

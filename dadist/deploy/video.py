"""Videos by OpenCV: frames of one, and one of frames."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.storage.atomic import atomic
from dadist.storage.errors import DamagedError

FramePixels = NDArray[np.uint8]  # (H, W, 3) RGB


class Video:
    """A video file, frame by frame; ``announced`` is how many the file says it has, which may be wrong or 0.

    Raises:
        DamagedError: It cannot be read, or has no frame.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # OpenCV opens it by itself; no rule of the workflow comes here.
        self.capture = cv2.VideoCapture(str(path))
        if not self.capture.isOpened():
            raise self._damaged("one that cannot be opened")
        self.rate = self.capture.get(cv2.CAP_PROP_FPS) or 25.0  # frames a second
        self.announced = max(int(self.capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self.read = 0  # frames so far

    def __iter__(self) -> Iterator[FramePixels]:
        while True:
            there, frame = self.capture.read()
            if not there:
                break
            self.read += 1
            yield np.ascontiguousarray(frame[..., ::-1])
        self.capture.release()
        if not self.read:
            raise self._damaged("one without a frame that can be decoded")

    def _damaged(self, got: str) -> DamagedError:
        return DamagedError(f"{self.path}: expected a whole video, got {got}; copy it again, or convert it to MP4")


@contextlib.contextmanager
def recording(path: Path, rate: float) -> Iterator[Callable[[FramePixels], None]]:
    """An MP4 that takes the frames it is given, all of one size; it has its name once the block has ended well.

    An odd last row or column is left out: the format has none.

    Raises:
        OSError: It cannot be written.
    """
    writers: list[cv2.VideoWriter] = []
    with atomic(path) as temporary:

        def take(frame: FramePixels) -> None:
            height, width = (side // 2 * 2 for side in frame.shape[:2])
            if not writers:
                writers.append(cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height)))
                if not writers[0].isOpened():
                    raise OSError(
                        f"{path}: expected to write an MP4, got no encoder for it; install OpenCV with FFmpeg"
                    )
            writers[0].write(np.ascontiguousarray(frame[:height, :width, ::-1]))

        try:
            yield take
        finally:
            for writer in writers:
                writer.release()

"""What a stereo camera would have measured of a street, in the files of Cityscapes: disparity and camera.

    disparity p = round(256 d) + 1 with d = baseline * fx / depth in pixels, 16 bit; 0 where there is no measurement
    camera    baseline and place in metres, fx, fy, u0, v0 in pixels

Source: README of cityscapesScripts.
"""

import numpy as np
from numpy.typing import NDArray

from dadist.data.streets.scene import Camera

BASELINE_M = 0.209  # between the two cameras; about that of Cityscapes' car
STEPS = 256  # of a pixel of disparity
LARGEST = 65535


def disparity(depth_m: NDArray[np.float32], camera: Camera) -> NDArray[np.uint16]:
    """Disparity as it is stored, ``(H, W)``.

    0, no measurement, for the sky, for what is so far that its disparity rounds to nothing, and for what is so near
    that 16 bits do not hold it (256 pixels and more).

    Args:
        depth_m: Along the optical axis, ``(H, W)``; infinite for the sky.
        camera: That saw the street.
    """
    width = depth_m.shape[1]
    steps = np.floor(STEPS * BASELINE_M * camera.focal * width / depth_m.astype(np.float64) + 0.5)
    return np.where((steps >= 1) & (steps < LARGEST), steps + 1, 0).astype(np.uint16)


def calibration(camera: Camera, width: int, height: int) -> dict[str, dict[str, float]]:
    """A ``_camera.json``, as nested dicts.

    The renderer's principal point is counted from the image's corner, that of the file from the centre of the first
    pixel. The camera looks straight ahead, from the origin of the car.
    """
    focal = camera.focal * width
    return {
        "extrinsic": {
            "baseline": BASELINE_M,
            "pitch": 0.0,
            "roll": 0.0,
            "x": 0.0,
            "y": 0.0,
            "yaw": 0.0,
            "z": camera.height_m,
        },
        "intrinsic": {
            "fx": focal,
            "fy": focal,
            "u0": camera.column * width - 0.5,
            "v0": camera.row * height - 0.5,
        },
    }

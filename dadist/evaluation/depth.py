"""How far predicted depth is from measured depth, in metres: the seven numbers of Eigen et al.

Nothing is scaled to fit: a network that learned inverse depth in the source's unit is judged in metres.

Source: Eigen et al., Depth Map Prediction from a Single Image using a Multi-Scale Deep Network, NIPS 2014.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dadist.data.readers.base import FAR_CM

LEAST_M = 0.01  # no depth is nearer: the unit of the depth maps
THRESHOLD = 1.25  # of the accuracies δ1, δ2, δ3: ratios below 1.25, 1.25², 1.25³
NAMES = ("abs_rel", "sq_rel", "rms", "log_rms", "delta1", "delta2", "delta3")


@dataclass(frozen=True)
class DepthErrors:
    """Sums over pixels, of one image or of many: ``+`` joins two records. Everything is a plain number."""

    cap_m: float  # pixels measured farther than that do not count, and no prediction is farther
    images: int
    pixels: int  # with a measured depth within the cap
    relative: float  # Σ |d - t| / t
    squared_relative: float  # Σ (d - t)² / t, metres
    squared: float  # Σ (d - t)², square metres
    squared_log: float  # Σ (ln d - ln t)²
    within: tuple[int, int, int]  # pixels with max(d / t, t / d) below 1.25, 1.25², 1.25³

    def __add__(self, other: "DepthErrors") -> "DepthErrors":
        if self.cap_m != other.cap_m:
            raise ValueError(f"cap_m: expected one cap for all images, got {self.cap_m} and {other.cap_m}")
        first, second, third = (mine + theirs for mine, theirs in zip(self.within, other.within, strict=True))
        return DepthErrors(
            cap_m=self.cap_m,
            images=self.images + other.images,
            pixels=self.pixels + other.pixels,
            relative=self.relative + other.relative,
            squared_relative=self.squared_relative + other.squared_relative,
            squared=self.squared + other.squared,
            squared_log=self.squared_log + other.squared_log,
            within=(first, second, third),
        )

    def scores(self) -> dict[str, float]:
        """The seven numbers by name, each over all pixels of all images; nan if no pixel counts.

        ``abs_rel`` |Rel|, ``sq_rel`` Rel² (metres), ``rms`` (metres), ``log_rms`` (nats): the less the better;
        ``delta1``, ``delta2``, ``delta3``: shares, the more the better.
        """
        if not self.pixels:
            return dict.fromkeys(NAMES, math.nan)
        share = 1 / self.pixels
        values = (
            self.relative * share,
            self.squared_relative * share,
            math.sqrt(self.squared * share),
            math.sqrt(self.squared_log * share),
            *(count * share for count in self.within),
        )
        return dict(zip(NAMES, values, strict=True))

    def record(self) -> dict[str, float | int | list[int]]:
        """What JSON holds of it; `from_record` is the way back."""
        return {**dataclasses.asdict(self), "within": list(self.within)}

    @classmethod
    def from_record(cls, record: dict[str, float | int | list[int]]) -> "DepthErrors":
        """Read what ``record`` gave.

        Raises:
            ValueError: The record holds something else.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        within = record.get("within")
        if set(record) != names or not isinstance(within, list) or len(within) != 3:
            raise ValueError(f"depth errors: expected the keys {', '.join(sorted(names))}, got {sorted(record)}")
        return cls(**{**record, "within": tuple(within)})  # type: ignore[arg-type]


def metres(inverse_depth: NDArray[np.floating], *, numerator: float, cap_m: float) -> NDArray[np.float64]:
    """Depth of inverse depth, (numerator / z - 1) / 100, between 1 cm and the cap; any shape.

    An inverse depth of 0 or below, which a linear head may well predict, is as far as can be: the cap.
    """
    z = inverse_depth.astype(np.float64)
    depth = (numerator / np.where(z > 0, z, np.nan) - 1) / 100
    return np.where(z > 0, depth, cap_m).clip(LEAST_M, cap_m)


def depth_errors(
    predicted: NDArray[np.floating], measured_cm: NDArray[np.uint16], *, numerator: float, cap_m: float
) -> DepthErrors:
    """Errors of one image; add up over images.

    Args:
        predicted: Inverse depth numerator / (cm + 1), ``(H, W)``, at the size of the measurement.
        measured_cm: Centimetres, ``(H, W)`` uint16; 0 where nothing was measured, 65535 where it is
            far: neither counts.
        numerator: Of the inverse depth.
        cap_m: Only what was measured within so many metres counts; predictions are clipped to it.

    Raises:
        ValueError: The two differ in shape, the cap is no depth, or a prediction is no number.
    """
    if predicted.shape != measured_cm.shape:
        raise ValueError(
            f"predicted: expected the shape of the measurement, {measured_cm.shape}, got {predicted.shape}"
        )
    if not LEAST_M < cap_m < math.inf:
        raise ValueError(f"cap_m: expected metres above {LEAST_M}, got {cap_m}")
    counts = (measured_cm > 0) & (measured_cm < FAR_CM) & (measured_cm <= 100 * cap_m)
    if not np.isfinite(predicted[counts]).all():
        raise ValueError("predicted: expected finite inverse depths, got nan or infinity; the network diverged")
    truth = measured_cm[counts].astype(np.float64) / 100
    depth = metres(predicted[counts], numerator=numerator, cap_m=cap_m)
    squared = (depth - truth) ** 2
    ratio = np.maximum(depth / truth, truth / depth)
    first, second, third = (int((ratio < THRESHOLD**power).sum()) for power in (1, 2, 3))
    return DepthErrors(
        cap_m=cap_m,
        images=1,
        pixels=int(counts.sum()),
        relative=float((np.abs(depth - truth) / truth).sum()),
        squared_relative=float((squared / truth).sum()),
        squared=float(squared.sum()),
        squared_log=float((np.log(depth / truth) ** 2).sum()),
        within=(first, second, third),
    )

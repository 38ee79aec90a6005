"""Keys that the methods with a teacher of their own share: dacs, daformer, mic, ecap, vfm_uda."""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.methods import Objective, Requirements
from dadist.config.records import ConfigError, key

REQUIREMENTS = Requirements(same_size=True)  # images of the two domains are mixed

Share = Annotated[float, key("Of the image's side.", ge=0, lt=1)]


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """The teacher, which of its labels count, and what is done to the images that the student sees."""

    teacher: Annotated[
        float,
        key(
            "The most that the teacher keeps of itself in a step; 0.99 in DACS.",
            source="DAFormer's code",
            ge=0,
            le=1,
        ),
    ]
    confidence: Annotated[
        float,
        key(
            "Least probability that the teacher gives a label for the pixel to be sure.",
            source="DACS's and DAFormer's code",
            ge=0,
            le=1,
        ),
    ]
    trust: Annotated[
        Literal["batch", "pixels"],
        key(
            "What sure pixels decide. batch: all labels count by their share in the batch; pixels: they count, and no "
            "others.",
            source="DACS's and DAFormer's code",
        ),
    ]
    margins: Annotated[
        tuple[Share, Share, Share, Share],
        key(
            "Shares of the target's images at the top, bottom, left and right whose labels do not count: the "
            "camera's own car, and what rectifying left. DAFormer: 15 and 120 of 512 rows, [0.03, 0.234, 0, 0].",
            source="D: none, as no rendered target has its bonnet in the same place",
        ),
    ]
    jitter: Annotated[
        float, key("Of brightness, contrast, saturation and hue.", source="DAFormer's code", ge=0, le=0.5)
    ]
    jitter_share: Annotated[float, key("Of the steps that have any.", source="DAFormer's code", ge=0, le=1)]
    blur_least: Annotated[
        float, key("Least standard deviation of a Gaussian.", unit="pixels", source="DAFormer's code", gt=0)
    ]
    blur_most: Annotated[float, key("Greatest.", unit="pixels", source="DAFormer's code", gt=0)]
    blur_share: Annotated[float, key("Of the steps that have any.", source="DAFormer's code", ge=0, le=1)]

    detail: Annotated[
        float | None,
        key(
            "Two resolutions: the network sees a whole image at half its size, and details, half as wide and high, at "
            "full size. The number is the share of the loss that a detail's own labels have; 0.1 in HRDA, on crops of "
            "1024 pixels. Rounds have no such share, and ONNX takes no such network. null: one resolution.",
            source="DAFormer's code",
            ge=0,
            lt=1,
        ),
    ]

    def __post_init__(self) -> None:
        for first, second in ((0, 1), (2, 3)):
            if self.margins[first] + self.margins[second] >= 1:
                raise ConfigError(f"expected to leave some of the image, got {list(self.margins)}", ("margins",))
        if self.blur_least > self.blur_most:
            raise ConfigError(
                f"expected at most blur_most, {self.blur_most:g}, got {self.blur_least:g}", ("blur_least",)
            )

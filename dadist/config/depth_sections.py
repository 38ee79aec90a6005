"""The section `depth_networks`: networks of the user's that estimate_depth runs on the images of a domain."""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.records import ConfigError, Record, key

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class DepthNetwork(Record):
    """A monocular depth network in an ONNX file of yours. No network comes with the project."""

    file: Annotated[str, key("The ONNX file, with its weights in it; a relative path starts at data_root.")]
    width: Annotated[int, key("Of the images that the network takes.", unit="pixels", ge=1, le=65535)]
    height: Annotated[int, key("Of the images that the network takes.", unit="pixels", ge=1, le=65535)]
    mean: Annotated[Channels, key("Of red, green and blue, where white is 1; it is subtracted first.")]
    deviation: Annotated[Channels, key("Of red, green and blue, where white is 1; what is left is divided by it.")]
    kind: Annotated[
        Literal["metric", "disparity", "relative"],
        key(
            "What grows with the network's numbers: metric, the distance; disparity, how near, metres divided by it, 0 "
            "is far; relative, how near, up to a scale and a shift: align_depth finds them."
        ),
    ]
    metres: Annotated[
        float | None, key("What 1 of the network is; of a disparity the distance where it is 1.", unit="m")
    ] = None
    output: Annotated[str | None, key("Name of its output that is depth; null: it has one alone.")] = None
    batch: Annotated[
        int,
        key("Images at once, if the file takes any number; it changes the last bits of a depth at most.", ge=1),
    ] = 1

    def __post_init__(self) -> None:
        if wrong := [one for one in self.deviation if one <= 0]:
            raise ConfigError(f"expected more than 0, got {wrong[0]:g}", ("deviation",))
        if self.kind == "relative":
            if self.metres is not None:
                raise ConfigError("expected none for relative depth, which has no unit; leave it out", ("metres",))
        elif (self.metres or 0) <= 0:
            raise ConfigError(
                "expected what 1 of the network is in metres: 1.0 if it gives metres, or of a disparity the distance "
                "where it is 1",
                ("metres",),
            )

"""The keys of each method's section, `objectives.<method>`, one module per method; what it demands of its data.

Nothing here imports torch: the workflow reads these modules each time it plans. The names are those of `registry`.
"""

import functools
import importlib
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typing_extensions  # pydantic takes none of `typing` before Python 3.12
from pydantic_core import CoreSchema

from dadist.config.records import Record, key
from dadist.registry import METHODS


@dataclass(frozen=True)
class RareClasses(Record):
    """How often images with rare classes are drawn."""

    temperature: Annotated[
        float,
        key(
            "T of a class's probability, softmax((1 - f) / T), f its share of the source's labelled pixels.",
            source="DAFormer's code: 0.01; VFM-UDA's: 0.05",
            gt=0,
        ),
    ]
    share: Annotated[
        float,
        key(
            "Least share of an image, and of its crop, that a drawn class must have.",
            source="DAFormer's code: 3000 pixels of 1024x512",
            ge=0,
            lt=1,
        ),
    ]


@dataclass(frozen=True)
class Objective(Record):
    """What the section of every method has; a method's own hyperparameters come on top."""

    start: Annotated[
        str | None, key("Weights to begin with; null: the setting's `start`. A published model is its file.")
    ]
    iterations: Annotated[
        int | None,
        key(
            "Steps; null: adapt.iterations; 0: none, as for a published model that is evaluated and self-trained.", ge=0
        ),
    ]
    statistics: Annotated[
        Literal["running", "target"],
        key("Statistics that BatchNorm keeps. running: what training left; target: taken anew on target images."),
    ]
    rare_classes: Annotated[
        RareClasses | None,
        key(
            "Draw a class, the rarer the likelier, then one of the source's images that has enough of it; null: every "
            "image alike.",
            source="DAFormer",
        ),
    ]


@dataclass(frozen=True)
class Requirements:
    """What a method demands of a setting."""

    artefacts: tuple[str, ...] = ()  # offline artefacts that it is built from, of ARTEFACTS
    source_depth: bool = False  # whether it learns from the source's depth
    # The hyperparameters that say, by one of them not being 0, that it learns from depth of the target.
    target_depth: tuple[str, ...] = ()
    relative_depth: bool = False  # whether that may be relative
    same_size: bool = False  # whether images of both domains must have one size
    density: bool = False  # whether its network has heads for depth and density


def module(name: str) -> Any:
    """What a method's or recipe's module here declares: ``Hyperparameters`` of a method, and ``REQUIREMENTS``."""
    return importlib.import_module(f"{__name__}.{name}")


@functools.cache  # a study asks for each a dozen times
def requirements(name: str) -> Requirements:
    """Of a method or recipe; none by default."""
    found: Requirements = getattr(module(name), "REQUIREMENTS", Requirements())
    return found


def hyperparameters(name: str) -> type[Objective]:
    """The record of a method's section."""
    found: type[Objective] = getattr(module(name), "Hyperparameters", Objective)
    return found


class ByMethod:
    """Marks a dictionary from the names of all methods to their sections, each of its own type."""

    @staticmethod
    @functools.cache
    def stands_for() -> Any:
        """A typed dictionary with a section per method."""
        make: Any = typing_extensions.TypedDict
        kind: Any = make("objectives", {name: hyperparameters(name) for name in METHODS})
        kind.__pydantic_config__ = Record.__pydantic_config__
        return kind

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """As pydantic asks."""
        found: CoreSchema = handler.generate_schema(self.stands_for())
        return found

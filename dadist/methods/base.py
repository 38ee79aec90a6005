"""What a method is: named, weighted terms that the one loop of train.py sums and steps on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from dadist.data.loader import Source, Target
from dadist.gmm import Mixtures
from dadist.losses.depth import berhu
from dadist.losses.segmentation import cross_entropy
from dadist.model.segmenter import Outputs, Segmenter, upsample


class Term(NamedTuple):
    """One weighted term of an objective."""

    name: str
    value: Tensor  # scalar
    weight: float


@dataclass(frozen=True)
class Ingredients:
    """What a method is built from beside its knobs."""

    classes: int
    class_weights: Tensor | None  # (C,) of the cross-entropy; None: plain
    mixtures: Mixtures | None  # for a method whose NEEDS name them
    seed: int


class Method(Protocol):
    """An objective over one segmenter; the trainer calls these in this order once a step.

    The terms come in lists, one a forward pass: the trainer sums a list and calls backward on the sum before it asks
    for the next, so that only one pass is held in memory. A class attribute HEADS names the heads it adds to the
    segmentation, FUSION whether depth gates the segmentation's features, TARGET_IMAGES whether it sees the target.
    """

    HEADS: tuple[str, ...]
    FUSION: bool
    TARGET_IMAGES: bool
    segmenter: Segmenter
    critics: nn.ModuleList
    critic_lr: float

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """Terms that train the segmenter; the critics' parameters are frozen meanwhile."""
        ...

    def critic_terms(self) -> Iterator[list[Term]]:
        """Terms that train the critics, on detached features of the same step."""
        ...

    def after_step(self, step: int) -> None:
        """Called when the optimisers have stepped."""
        ...

    def result(self) -> Segmenter:
        """The network to keep."""
        ...

    def networks(self) -> dict[str, nn.Module]:
        """Every network that a training changes, by name: what is moved to a device, saved and put back."""
        ...


class Supervised:
    """Cross-entropy on the labelled source; the base of every method here."""

    HEADS: tuple[str, ...] = ()
    FUSION = False
    TARGET_IMAGES = False
    critic_lr = 0.0

    def __init__(self, segmenter: Segmenter, knobs: Any, ingredients: Ingredients) -> None:
        self.segmenter, self.knobs, self.ingredients = segmenter, knobs, ingredients
        self.critics = nn.ModuleList()

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """One pass over the source."""
        yield self.source_terms(self.segmenter(source.images), source)

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Terms of the source pass."""
        logits = upsample(outputs.logits, source.labels.shape[-2:])
        return [Term("segmentation", cross_entropy(logits, source.labels, weights=self.ingredients.class_weights), 1.0)]

    def critic_terms(self) -> Iterator[list[Term]]:
        """None without a critic."""
        return iter(())

    def after_step(self, step: int) -> None:
        """Nothing."""

    def result(self) -> Segmenter:
        """The trained network itself."""
        return self.segmenter

    def networks(self) -> dict[str, nn.Module]:
        """The segmenter, and the critics where there are any."""
        return {"segmenter": self.segmenter, "critics": self.critics}


def depth_terms(outputs: Outputs, source: Source, weight: float) -> list[Term]:
    """Reverse Huber distance of the predicted inverse depth from the source's, at full size; none for weight 0."""
    if not weight:
        return []
    assert outputs.depth is not None
    depth = upsample(outputs.depth, source.labels.shape[-2:])
    return [Term("depth", berhu(depth, source.inverse_depth, source.valid), weight)]

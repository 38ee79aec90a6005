"""What a method is: named, weighted terms that the one training loop sums and steps on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from dadist.data.loader import Source, Target
from dadist.losses.segmentation import cross_entropy
from dadist.model.segmenter import Outputs, Segmenter, upsample


class Term(NamedTuple):
    """One weighted term of an objective."""

    name: str
    value: Tensor  # scalar
    weight: float


@dataclass(frozen=True)
class Context:
    """What a method is built from beside its hyperparameters."""

    classes: int
    class_weights: Tensor | None  # (C,) of the cross-entropy; None: plain
    artefacts: Mapping[str, Any]  # what its REQUIREMENTS name, as ARTEFACTS of registry.py loads it
    seed: int
    numerator: float  # inverse depth is numerator / (depth in cm + 1)
    things: tuple[int, ...]  # train ids of classes of things, as opposed to road or sky
    size: tuple[int, int]  # (width, height) of the images of a step
    horizon: int  # steps after which the rates have decayed to 0; a method's own schedules end there too


class Method(Protocol):
    """An objective over one segmenter; the trainer calls these in this order once per step.

    The terms come in lists, one per forward pass: the trainer sums a list and calls backward on the sum before it asks
    for the next, so that only one pass is held in memory.
    """

    TARGET_IMAGES: bool  # whether it sees the target
    segmenter: Segmenter
    companions: nn.ModuleDict  # networks that train together with the segmenter and are not kept
    companion_lr: float | None  # Adam's rate for them; None: they join the segmenter's heads in its optimiser
    critics: nn.ModuleDict  # networks that train against the segmenter, by Adam
    critic_lr: float
    betas: tuple[float, float]  # of Adam

    @staticmethod
    def layout(hyperparameters: Any) -> str:
        """How the heads of the network hang together, one of LAYOUTS."""
        ...

    @staticmethod
    def heads(hyperparameters: Any) -> tuple[str, ...]:
        """Heads of the network beside its classifier, of HEADS."""
        ...

    @staticmethod
    def margins(hyperparameters: Any) -> tuple[float, float, float, float] | None:
        """Shares of the target's images at the top, bottom, left and right not to be trusted; None: it does not ask."""
        ...

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """Terms that train segmenter and companions; the critics' parameters are frozen meanwhile."""
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
        """Every network that a training changes or reads, by name: what is moved to a device, saved and put back."""
        ...


class Supervised:
    """Cross-entropy on the labelled source; the base of every method here."""

    TARGET_IMAGES = False
    companion_lr: float | None = None
    critic_lr = 0.0
    betas = (0.9, 0.99)  # of the critics of AdaptSegNet, ADVENT, DADA and the authors' code

    def __init__(self, segmenter: Segmenter, hyperparameters: Any, context: Context) -> None:
        self.segmenter, self.hyperparameters, self.context = segmenter, hyperparameters, context
        self.companions, self.critics = nn.ModuleDict(), nn.ModuleDict()

    @staticmethod
    def layout(hyperparameters: Any) -> str:
        """All read the backbone."""
        return "parallel"

    @staticmethod
    def heads(hyperparameters: Any) -> tuple[str, ...]:
        """None."""
        return ()

    @staticmethod
    def margins(hyperparameters: Any) -> tuple[float, float, float, float] | None:
        """It does not ask."""
        return None

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """One pass over the source."""
        yield self.source_terms(self.segmenter(source.images), source)

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Terms of the source pass."""
        return [Term("segmentation", self.labelled(outputs.logits, source.labels), 1.0)]

    def labelled(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy, weighted by class, of logits ``(B, C, h, w)`` at the size of labels ``(B, H, W)``."""
        return cross_entropy(upsample(logits, labels.shape[-2:]), labels, weights=self.context.class_weights)

    def critic_terms(self) -> Iterator[list[Term]]:
        """None without a critic."""
        return iter(())

    def after_step(self, step: int) -> None:
        """Nothing."""

    def result(self) -> Segmenter:
        """The trained network itself."""
        return self.segmenter

    def networks(self) -> dict[str, nn.Module]:
        """The segmenter, and companions and critics where there are any."""
        return {"segmenter": self.segmenter, "companions": self.companions, "critics": self.critics}

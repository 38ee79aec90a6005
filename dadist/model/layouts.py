"""How a segmenter's heads hang together, one class per layout; a method says which it needs."""

from torch import Tensor, nn

from dadist.model.heads import ASPP, Bottleneck, Distillation, Fusion, MeanHead, init_head
from dadist.model.resolutions import TwoResolutions
from dadist.model.segmenter import Architecture, Outputs, Segmenter


class Gated(Segmenter):
    """DADA's: the classifier reads the backbone's features times what the depth features make of them.

    Source: Vu et al., DADA, ICCV 2019.
    """

    def build(self, channels: int) -> None:
        """A depth head, the gate, the classifier."""
        super().build(channels)
        self.depth = depth = MeanHead(channels)
        self.fusion = Fusion(depth.width, channels)

    def read(self, middle: Tensor, x: Tensor) -> Outputs:
        """Logits and depth."""
        assert self.depth is not None
        features = self.depth.features(x)
        return Outputs(self.segmentation(self.fusion(x, features)), features.mean(dim=1, keepdim=True))


class Joint(Gated):
    """CTRL's: DADA's gate, depth by an ASPP of its own, and a second classifier on the gated features times depth.

    Its logits stand under ``extra["refined"]``; evaluation reads the first classifier's alone.

    Source: Saha et al., CTRL, CVPR 2021.
    """

    def build(self, channels: int) -> None:
        """The gated layout, the regression of depth from its features, the second classifier."""
        super().build(channels)
        self.regression = ASPP(self.fusion.decode.in_channels, 1, self.architecture.rates)
        self.refined = self.classifier(channels)

    def read(self, middle: Tensor, x: Tensor) -> Outputs:
        """Logits, depth and the refined logits."""
        assert self.depth is not None
        features = self.depth.features(x)
        fused, depth = self.fusion(x, features), self.regression(features)
        return Outputs(self.segmentation(fused), depth, extra={"refined": self.refined(fused * depth)})


TASKS = {"segmentation": "segmentation", "source_depth": "depth", "depth": "depth"}  # prediction → its features


class Distilled(Segmenter):
    """CorDA's: features for each task, first predictions from each, an exchange between the two, final predictions.

    Segmentation has a classifier; depth has a decoder that the source's depth teaches and, with a head "depth", another
    for the target's own. ``depth`` is the target's where there is one, else the source's; ``extra`` has "source_depth",
    and the first predictions as "initial_segmentation", "initial_source_depth" and "initial_depth". Features have an
    eighth of the backbone's channels, and at least 32.

    No weight of a plain network's classifier fits this one's, so a start brings the backbone alone.

    Source: Xu et al., PAD-Net, CVPR 2018, as Wang et al., CorDA, ICCV 2021, use it.
    """

    SHARED = ("backbone",)

    def build(self, channels: int) -> None:
        """Two bottlenecks per task, the exchange, and two predictors per prediction."""
        width = max(channels // 8, 32)
        outputs = {"segmentation": len(self.architecture.classes), "source_depth": 1}
        outputs |= dict.fromkeys(self.architecture.heads, 1)
        tasks = dict.fromkeys(TASKS.values())
        self.tasks = nn.ModuleDict(
            {task: nn.Sequential(Bottleneck(channels, width), Bottleneck(width, width)) for task in tasks}
        )
        self.initial = nn.ModuleDict({name: nn.Conv2d(width, count, 1) for name, count in outputs.items()})
        self.initial.apply(init_head)
        self.exchange = nn.ModuleDict({task: Distillation(width) for task in tasks})
        self.final = nn.ModuleDict(
            {name: ASPP(width, count, self.architecture.rates) for name, count in outputs.items()}
        )

    @property
    def has_depth(self) -> bool:
        """Always: the source's."""
        return True

    def read(self, middle: Tensor, x: Tensor) -> Outputs:
        """First and final predictions."""
        features = {task: layers(x) for task, layers in self.tasks.items()}
        extra = {f"initial_{name}": layer(features[TASKS[name]]) for name, layer in self.initial.items()}
        exchanged = {
            task: self.exchange[task](features[task], features[other])
            for task, other in (("segmentation", "depth"), ("depth", "segmentation"))
        }
        final = {name: layer(exchanged[TASKS[name]]) for name, layer in self.final.items()}
        extra["source_depth"] = final["source_depth"]
        return Outputs(final["segmentation"], final.get("depth", final["source_depth"]), extra=extra)


CLASSES: dict[str, type[Segmenter]] = {
    "parallel": Segmenter,
    "gated": Gated,
    "joint": Joint,
    "two_resolutions": TwoResolutions,
    "distilled": Distilled,
}


def build(architecture: Architecture) -> Segmenter:
    """A segmenter with random weights."""
    return CLASSES[architecture.layout](architecture)

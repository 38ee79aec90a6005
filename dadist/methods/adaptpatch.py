"""AdaptPatch: the patches of the target's prediction are to be of the same kinds as those of the source's labels.

K-means over the source's label patches finds K kinds (`cluster_patches`); a head learns to name the kind of each patch
of a prediction; beside AdaptSegNet's critic on the whole map, a second one aligns what the head says in the two
domains, patch by patch, wherever in the image a patch lies. At first the network learns from the source alone.

Source: Tsai et al., Domain Adaptation for Structured Output via Discriminative Patch Representations, ICCV 2019,
arxiv.org/abs/1901.05427. The authors released no code: this is written from the paper's idea. The idea is patented, US
11,604,943 B2 (NEC): see whether you may use it before you do so beyond research.
"""

import dataclasses
from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor, nn

from dadist.config.methods.adaptpatch import Hyperparameters
from dadist.data.loader import Source, Target
from dadist.losses.segmentation import cross_entropy
from dadist.methods.adversarial import Adversarial
from dadist.methods.base import Context, Supervised, Term
from dadist.model.critic import place_critic
from dadist.model.segmenter import Outputs, Segmenter, upsample
from dadist.prior.patch_descriptors import Clusters, cell_means
from dadist.prior.patches import Patches

HEAD = "patch_head"  # the companion
MAP, KINDS = "probabilities", "kinds"  # what is made of the segmenter's outputs, at the input's size and patch by patch


class AdaptPatch(Adversarial):
    """Source: segmentation and the kinds of its patches. Target: a critic on P, and one on each patch's kinds."""

    def __init__(self, segmenter: Segmenter, hyperparameters: Hyperparameters, context: Context) -> None:
        if "patches" not in context.artefacts:
            raise ValueError("adaptpatch: expected patches, got none; cluster_patches makes them")
        self.patches: Patches = context.artefacts["patches"]
        super().__init__(segmenter, hyperparameters, context)
        self.clusters = Clusters(self.patches)
        self.companions[HEAD] = nn.Sequential(
            nn.Conv2d(context.classes, hyperparameters.head_width, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hyperparameters.head_width, len(self.patches.members), 1),
        )

    def adversaries(self) -> dict[str, float]:
        """One sees all of a map, the other its patches."""
        return {
            "adversarial_patch": self.hyperparameters.adversarial_patch,
            "adversarial": self.hyperparameters.adversarial,
        }

    def critic(self, name: str) -> nn.Module:
        """Of one map per class, or of a place's kinds."""
        return place_critic(len(self.patches.members)) if name == "adversarial_patch" else super().critic(name)

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """Plain segmentation for the first steps, so that predictions are of some kind; then both passes."""
        if step < self.hyperparameters.source_only:
            return Supervised.segmenter_terms(self, source, target, step)
        return super().segmenter_terms(source, target, step)

    def outputs(self, images: Tensor, domain: int, step: int) -> Outputs:
        """A pass with P, ``(B, C, H, W)``, and the logits of the kinds, ``(B, K, patches down, patches across)``."""
        outputs = super().outputs(images, domain, step)
        probabilities = F.softmax(upsample(outputs.logits, images.shape[-2:]).float(), dim=1)
        kinds = self.companions[HEAD](cell_means(probabilities, (self.patches.source, self.patches.target)[domain]))
        return dataclasses.replace(outputs, extra={**outputs.extra, MAP: probabilities, KINDS: kinds})

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Segmentation, and the kinds of the label patches."""
        terms = super().source_terms(outputs, source)
        if KINDS in outputs.extra and self.hyperparameters.kinds:
            kinds = self.clusters.to(source.labels.device)(source.labels, self.patches.source)
            terms.append(Term("kinds", cross_entropy(outputs.extra[KINDS], kinds), self.hyperparameters.kinds))
        return terms

    def features(self, outputs: Outputs, size: tuple[int, int]) -> dict[str, Tensor]:
        """P, ``(B, C, H, W)``, and the probabilities of the kinds, ``(B, K, patches down, patches across)``."""
        return {"adversarial_patch": F.softmax(outputs.extra[KINDS], dim=1), "adversarial": outputs.extra[MAP]}


METHOD = AdaptPatch

"""Find the typical label patches of the source, which adaptpatch makes the target's predictions look like."""

from dataclasses import dataclass

from dadist.config.prior_sections import ClusterPatches
from dadist.config.records import Record
from dadist.data.joining import opened
from dadist.prior import patch_clustering
from dadist.runtime.progress import Progress
from dadist.stages import In, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    cluster_patches: ClusterPatches


def run(params: Params, *, source: In, patches: Out) -> None:
    """Describe every patch, cluster, save."""
    data, settings = opened(source), params.cluster_patches
    wanted = min(settings.images, len(data)) or len(data)
    descriptors, images = patch_clustering.sample(data, settings, Progress("image", wanted))
    patch_clustering.fit(descriptors, settings, classes=data.classes, images=images).save(patches)


if __name__ == "__main__":
    stage(run)

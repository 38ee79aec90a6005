"""What methods that regress depth share; apart, so that its loss retrains no method without depth."""

from dadist.data.loader import Source
from dadist.losses.depth import berhu
from dadist.methods.base import Term
from dadist.model.segmenter import Outputs, upsample


def depth_terms(outputs: Outputs, source: Source, weight: float) -> list[Term]:
    """Reverse Huber distance of the predicted inverse depth from the source's, at full size; none for weight 0."""
    if not weight:
        return []
    assert outputs.depth is not None
    depth = upsample(outputs.depth, source.labels.shape[-2:])
    return [Term("depth", berhu(depth, source.inverse_depth, source.valid), weight)]

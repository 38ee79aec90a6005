"""Bring pixels of both domains to the plane, in the joint spaces beside the poster's Table 4."""

from dataclasses import dataclass

from dadist.config.records import Record
from dadist.config.sections import Embed
from dadist.data.joining import opened
from dadist.data.prepared import Prepared
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device
from dadist.report.embedding import embed, save
from dadist.stages import In, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    embed: Embed


def run(params: Params, *, source: In, target: In, model: In, embedding: Out) -> None:
    """Draw the pixels and place them."""
    segmenter = Checkpoint.load(model).predicting(device())
    save(embed(segmenter, opened(source), Prepared(target), params.embed), embedding)


if __name__ == "__main__":
    stage(run)

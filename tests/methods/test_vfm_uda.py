"""vfm_uda: its terms, its teacher, and the distillation against loops."""

import builders
import numpy as np
import oracles
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from dadist.model.segmenter import Outputs


def test_the_terms_and_their_weights() -> None:
    method = builders.method("vfm_uda", distillation=0.25, masked=0.5)
    terms = builders.names_and_weights(method.segmenter_terms(builders.source(), builders.target(), 0))
    source, target = (f"distillation_{domain}" for domain in ("source", "target"))
    assert terms == [[("segmentation", 1.0), (source, 0.25)], [("mixed", 1.0)], [("masked", 0.5)], [(target, 0.25)]]
    plain = builders.method("vfm_uda", distillation=0.0)
    terms = builders.names_and_weights(plain.segmenter_terms(builders.source(), builders.target(), 0))
    assert terms == [[("segmentation", 1.0)], [("mixed", 1.0)], [("masked", 1.0)]]
    assert not plain.companions
    assert "start" not in plain.networks()


class Sided(torch.nn.Module):
    """A teacher whose odds of the first class to the second are 3 to 1 in the first column, and 1 to 7 in the last."""

    def forward(self, images: Tensor) -> Outputs:
        odds = torch.tensor([[3.0, 1.0], [1.0, 7.0]])
        return Outputs(odds.log().view(1, 2, 1, 2).expand(len(images), 2, 1, 2))


def test_labels_are_by_the_mean_of_an_image_and_its_mirror_image() -> None:
    method = builders.method("vfm_uda")
    method.teacher = Sided()
    found = method.probabilities(torch.zeros(1, 3, 1, 2))
    first = (3 / 4 + 1 / 8) / 2
    assert_close(found, torch.tensor([first, 1 - first]).view(1, 2, 1, 1).expand(1, 2, 1, 2))


def test_the_teacher_labels_each_image_by_itself_with_averaged_statistics() -> None:
    method, images = builders.method("vfm_uda", teacher=0.75), builders.target().images
    method.segmenter.train()
    method.segmenter(images)
    before = [one.clone() for one in method.teacher.buffers()]
    method.after_step(100)
    for old, kept, new in zip(before, method.teacher.buffers(), method.segmenter.buffers(), strict=True):
        assert_close(kept, 0.75 * old + 0.25 * new if kept.is_floating_point() else new)
    alone = torch.cat([method.probabilities(image[None]) for image in images])
    assert_close(method.probabilities(images), alone)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("detail", [None, 0.25])
def test_the_distillation_equals_loops_over_cells(detail: float | None) -> None:
    method = builders.method("vfm_uda", detail=detail, distillation_cosine=0.9)
    with torch.no_grad():  # as after some steps
        for weight in method.segmenter.parameters():
            weight.add_(0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())))
    method.segmenter.train()
    features = list[Tensor]()
    method.segmenter.backbone.register_forward_hook(lambda _, __, outputs: features.append(outputs[-1].detach()))
    source, target = builders.source(), builders.target()
    terms = {one.name: one.value.item() for many in method.segmenter_terms(source, target, 0) for one in many}
    passes = features if detail is None else features[1::2]  # the context's are the last of a forward
    for domain, images, found in (("source", source.images, passes[0]), ("target", target.images, passes[3])):
        seen = images if detail is None else images.view(2, 3, 16, 2, 32, 2).mean((3, 5))
        expected = method.start(seen)["last"].numpy()
        projected = method.companions["projection"](found).detach().numpy()
        costs = [
            0.9 * oracles.angle(projected[b, :, y, x], expected[b, :, y, x])
            + 0.1 * np.mean([oracles.huber(d) for d in projected[b, :, y, x] - expected[b, :, y, x]])
            for b, y, x in np.ndindex(2, *found.shape[2:])
        ]
        assert terms[f"distillation_{domain}"] == pytest.approx(np.mean(costs), rel=1e-5)  # in float32


def test_the_projection_learns_with_the_backbone_and_the_start_does_not() -> None:
    method = builders.method("vfm_uda")
    builders.backward(method.segmenter_terms(builders.source(), builders.target(), 0))
    assert len(builders.gradients(method.companions)) == len(list(method.companions.parameters()))
    assert builders.gradients(method.segmenter.backbone)
    assert not builders.gradients(method.start)
    assert not builders.gradients(method.teacher)

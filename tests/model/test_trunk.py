import builders
import torch
from torch.testing import assert_close

from dadist.model.segmenter import batch_norms
from dadist.model.trunk import DepthNetwork, Trunk


def test_a_trunk_sees_what_the_segmenter_sees_and_goes_its_own_way() -> None:
    segmenter, images = builders.segmenter().eval(), builders.source().images
    trunk = Trunk(segmenter).eval()
    assert_close(segmenter.segmentation(trunk(images)["last"]), segmenter(images).logits)
    with torch.no_grad():
        next(trunk.parameters()).zero_()
    assert next(segmenter.parameters()).any()


def test_channels_are_taken_in_the_order_of_the_segmenter() -> None:
    torch.manual_seed(0)
    segmenter = builders.build(builders.architecture(pixels="caffe")).eval()
    images = builders.source().images
    *_, middle, last = segmenter.backbone(
        images[:, [2, 1, 0]] - torch.tensor([104.00698793, 116.66876762, 122.67891434]).view(3, 1, 1)
    )
    assert_close(Trunk(segmenter).eval()(images), {"middle": middle, "last": last})


def test_the_depth_network_says_one_number_a_cell() -> None:
    network = DepthNetwork(builders.segmenter())
    assert network(builders.source().images).shape == (2, 1, 4, 8)


def test_frozen_statistics_stay_frozen_in_the_copy() -> None:
    torch.manual_seed(0)
    network = DepthNetwork(builders.build(builders.architecture(bn="frozen")))
    assert not any(norm.training for norm in batch_norms(network))
    assert not any(p.requires_grad for norm in batch_norms(network) for p in norm.parameters())

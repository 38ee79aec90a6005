import torch

from dadist.losses.perception import perceptual_distance


def test_each_layer_counts_by_the_mean_of_its_differences() -> None:
    features = {"middle": torch.tensor([[[[1.0, 2.0]]]]), "last": torch.zeros(1, 4, 1, 1)}
    others = {"middle": torch.tensor([[[[2.0, 5.0]]]]), "last": torch.tensor([0.0, 0.0, 0.0, -8.0]).view(1, 4, 1, 1)}
    assert perceptual_distance(features, others) == (1 + 3) / 2 + 8 / 4
    assert perceptual_distance(features, features) == 0

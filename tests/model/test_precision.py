from typing import Any

import builders
import pytest
import torch
import widths
from torch import Tensor, nn

from dadist.model.layouts import build
from dadist.model.precision import computing_in
from dadist.training.loop import called


def seen_dtypes(network: nn.Module) -> list[torch.dtype]:
    """What the convolutions answer in, as they are called."""
    found: list[torch.dtype] = []

    def note(module: nn.Module, given: Any, answer: Tensor) -> None:
        found.append(answer.dtype)

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(note)
    return found


def test_networks_compute_in_bfloat16_and_answer_in_float32() -> None:
    method = builders.method("depth_distribution")
    dtypes = seen_dtypes(method.segmenter), seen_dtypes(method.critics)
    with computing_in("bfloat16", called(method)):
        outputs = method.segmenter(builders.source().images)
        for terms in (*method.segmenter_terms(builders.source(), builders.target(), 0), *method.critic_terms()):
            assert all(term.value.dtype == torch.float32 for term in terms)
            sum(term.weight * term.value for term in terms).backward()
    assert {one.dtype for one in (outputs.logits, outputs.depth, outputs.density)} == {torch.float32}
    assert all(set(found) == {torch.bfloat16} for found in dtypes)
    assert {weight.dtype for weight in method.segmenter.parameters()} == {torch.float32}
    assert all(weight.grad.isfinite().all() for weight in method.segmenter.parameters())


def losses(precision: str, seed: int | None = None) -> Tensor:
    """The terms of a step, with a seed perturbed by roundings to bfloat16."""
    method = builders.method("depth_distribution")
    if seed is not None:
        widths.perturb(method.networks().values(), torch.bfloat16, seed)
    with computing_in(precision, called(method)):
        terms = [one for terms in method.segmenter_terms(builders.source(), builders.target(), 0) for one in terms]
    return torch.stack([term.value.detach() for term in terms])


def test_the_losses_are_those_of_float32_but_for_rounding() -> None:
    full, mixed = losses("float32"), losses("bfloat16")
    rounding = max(float((losses("float32", seed) / full - 1).abs().max()) for seed in range(4))
    assert float((mixed / full - 1).abs().max()) < 4 * rounding
    assert not torch.equal(mixed, full)


def test_afterwards_networks_compute_as_before() -> None:
    network = builders.segmenter().eval()
    images = builders.source().images
    before = network(images).logits
    with pytest.raises(RuntimeError, match="stop"), computing_in("bfloat16", [network]):
        raise RuntimeError("stop")
    assert torch.equal(network(images).logits, before)


# The second is what crashed torch 2.13 on a CPU: this build of torch has to be able to do it.
@pytest.mark.parametrize("size", [(96, 192), (128, 256)])
def test_the_channels_of_a_place_lie_side_by_side_meanwhile(size: tuple[int, int]) -> None:
    network = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=2, dilation=2))
    before = [weight.detach().clone() for weight in network.parameters()]
    with computing_in("bfloat16", [network]):
        found = network(torch.rand(2, 3, *size))
        found.square().sum().backward()
        assert found.is_contiguous(memory_format=torch.channels_last)
        assert network[2].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(weight.is_contiguous() for weight in network.parameters())
    assert all(torch.equal(*pair) for pair in zip(network.parameters(), before, strict=True))
    assert all(weight.grad.isfinite().all() for weight in network.parameters())


def test_an_unknown_precision_is_refused() -> None:
    with (
        pytest.raises(ValueError, match="precision: expected one of float32, bfloat16, got 'half'"),
        computing_in("half", []),
    ):
        pass


@pytest.mark.parametrize(("backbone", "interleaved"), [("efficientnet_lite0", True), ("street", False)])
def test_depthwise_convolutions_have_their_channels_side_by_side_within_it_alone(
    backbone: str, interleaved: bool
) -> None:
    network = build(builders.architecture(backbone=backbone))

    def as_it_lies() -> bool:
        wide = [one for one in network.parameters() if one.dim() == 4 and one.shape[1] > 1 and one.shape[2] > 1]
        return all(one.is_contiguous(memory_format=torch.channels_last) for one in wide)

    assert not as_it_lies()
    with computing_in("float32", [network]):
        assert as_it_lies() == interleaved
    assert not as_it_lies()

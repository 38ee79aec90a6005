from dataclasses import replace
from pathlib import Path

import builders
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from dadist.model.backbones import backbone
from dadist.model.checkpoint import Checkpoint, restore, start_weights
from dadist.model.mix_transformer import Attention, Block, MixFFN, MixTransformer
from dadist.model.precision import computing_in
from dadist.model.segmenter import Segmenter

B0 = builders.architecture(("depth", "density", "auxiliary"), backbone="mit_b0", decoder="daformer")


# Millions of parameters of the encoders in Table 1 (a) of the paper.
@pytest.mark.parametrize(("number", "millions"), [*enumerate((3.4, 13.1, 24.2, 44.0, 60.8, 81.4))])
def test_an_encoder_has_the_papers_parameters(number: int, millions: float) -> None:
    with torch.device("meta"):
        found = sum(one.numel() for one in backbone(f"mit_b{number}").parameters())
    assert found / 1e6 == pytest.approx(millions, abs=0.1)


def published() -> dict[str, Tensor]:
    """A file as NVIDIA's are known to be: names of the backbone, and ImageNet's classifier."""
    torch.manual_seed(5)
    return {**backbone("mit_b0").state_dict(), "head.weight": torch.zeros(1000, 256), "head.bias": torch.zeros(1000)}


def test_weights_have_the_names_of_the_published_files() -> None:
    names = {name.rpartition(".")[0] for name in published()}
    of_a_block = {"norm1", "norm2", "attn.q", "attn.kv", "attn.proj", "mlp.fc1", "mlp.fc2", "mlp.dwconv.dwconv"}
    assert {name for name in names if name.startswith("block4.1.")} == {f"block4.1.{one}" for one in of_a_block}
    assert {name for name in names if name.startswith("block1.0.attn.")} == {
        f"block1.0.attn.{one}" for one in ("q", "kv", "proj", "sr", "norm")
    }
    ends = (("patch_embed", ".proj"), ("patch_embed", ".norm"), ("norm", ""))
    stages = {f"{part}{stage}{end}" for stage in range(1, 5) for part, end in ends}
    assert {name for name in names if not name.startswith("block")} == {*stages, "head"}


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_published_file_fills_the_backbone(tmp_path: Path, wrapped: bool) -> None:
    state = published()
    torch.save({"state_dict": state} if wrapped else state, tmp_path / "mit_b0.pth")
    segmenter = Segmenter(B0)
    came = restore(segmenter, start_weights(tmp_path / "mit_b0.pth", segmenter), least=0.95)
    assert came.matched == came.wanted == len(segmenter.backbone.state_dict())
    assert came.left == {"backbone.head": 2}
    assert all(torch.equal(value, state[name]) for name, value in segmenter.backbone.state_dict().items())


def test_its_file_is_for_other_pixels_and_sizes_than_others(tmp_path: Path) -> None:
    torch.save(published(), tmp_path / "mit_b0.pth")
    for changes, message in (
        (
            {"pixels": "caffe"},
            "for pixels caffe, .* got NVIDIA's MiT, for imagenet; set .*pixels: imagenet",
        ),
        ({"backbone": "mit_b1"}, r"expected shape \(64, 3, 7, 7\), got \(32, 3, 7, 7\)"),
    ):
        segmenter = Segmenter(replace(B0, **changes))
        with pytest.raises(ValueError, match=message):
            restore(segmenter, start_weights(tmp_path / "mit_b0.pth", segmenter), least=0.95)


def test_attention_without_reduction_is_the_softmax_of_products() -> None:
    torch.manual_seed(0)
    layer, x = Attention(6, 2, 1).double(), torch.rand(1, 6, 6).double()
    q, kv = layer.q(x)[0], layer.kv(x)[0]
    heads = []
    for part in (slice(0, 3), slice(3, 6)):
        keys, values = kv[:, :6][:, part], kv[:, 6:][:, part]
        heads.append((q[:, part] @ keys.t() / 3**0.5).softmax(1) @ values)
    assert_close(layer(x, torch.Size((2, 3)))[0], layer.proj(torch.cat(heads, dim=1)))


def test_a_key_of_a_reduction_stands_for_its_cells() -> None:
    layer = Attention(2, 1, 2)
    x = torch.rand(1, 16, 2)
    layer.sr.register_forward_hook(lambda _, __, out: seen.append(out.shape))
    seen: list[torch.Size] = []
    assert layer(x, torch.Size((4, 4))).shape == x.shape
    assert seen == [(1, 2, 2, 2)]


def test_a_token_learns_of_its_neighbours_in_the_feed_forward_part() -> None:
    layer, x = MixFFN(1, 1), torch.zeros(1, 12, 1)
    changed = x.clone()
    changed[0, 5] = 1.0  # row 1, column 1 of 3 x 4
    with torch.no_grad():
        moved = (layer(changed, torch.Size((3, 4))) - layer(x, torch.Size((3, 4)))).view(3, 4).abs() > 0
    assert moved.tolist() == [[True, True, True, False]] * 3


def test_a_block_is_left_out_at_random_in_training_and_its_mean_stays() -> None:
    torch.manual_seed(0)
    block, x = Block(5, 1, 1, 0.25), torch.ones(4000, 1, 5)
    kept = block.kept(x)
    assert_close(kept.unique(), torch.tensor([0.0, 4 / 3]))
    assert kept.mean().item() == pytest.approx(1.0, abs=0.03)
    assert torch.equal(block.eval().kept(x), x)


def test_chances_to_be_left_out_grow_to_a_tenth() -> None:
    network = backbone("mit_b0")
    chances = [module.dropped for module in network.modules() if isinstance(module, Block)]
    assert_close(torch.tensor(chances), torch.linspace(0, 0.1, 8))


def test_a_checkpoint_gives_the_network_back_at_an_odd_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Segmenter(B0).eval()
    made = replace(builders.checkpoint(), architecture=B0, weights=network.state_dict())
    made.save(tmp_path / "model.pt")
    images = 255 * torch.rand(1, 3, 45, 67)
    with torch.no_grad():
        found, expected = Checkpoint.load(tmp_path / "model.pt").segmenter()(images), network(images)
    assert found.logits.shape == (1, 7, 12, 17)
    assert found.extra["auxiliary"].shape == found.logits.shape
    for one in ("logits", "depth", "density"):
        assert torch.equal(getattr(found, one), getattr(expected, one))


def test_it_learns_in_bfloat16() -> None:
    torch.manual_seed(0)
    network = Segmenter(B0)
    assert isinstance(network.backbone, MixTransformer)
    with computing_in("bfloat16", [network]):
        found = network(255 * torch.rand(2, 3, 64, 96))
    (found.logits.square().mean() + found.depth.mean()).backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in network.backbone.parameters())

"""MiT-B0 to B5, the transformers of SegFormer; names of weights are those of NVIDIA's published files.

Source: Xie et al., SegFormer, NeurIPS 2021, arxiv.org/abs/2105.15203: section 3.1, and Table 6 for the sizes. Constants
of LayerNorm, the start of weights and stochastic depth are those of its code.
"""

import functools
import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dadist.model.backbones import Backbone, Published

HEADS, REDUCTIONS, EXPANSION = (1, 2, 5, 8), (8, 4, 2, 1), 4
DROPPED = 0.1  # chance of the last block to be left out in training; it grows linearly from the first one's 0
EPS = 1e-6  # of the LayerNorm of blocks and stages; others have PyTorch's 1e-5


class MixTransformer(Backbone):
    """Four stages of transformer blocks on ever coarser grids, each begun by a convolution whose patches overlap.

    Args:
        widths: Channels of the stages.
        depths: Blocks of the stages.
    """

    strides = (4, 8, 16, 32)
    least = 32  # pixels: keys of the first stage are of 8x8 of its cells

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths
        chances = iter(torch.linspace(0, DROPPED, sum(depths), device="cpu").tolist())
        inputs = 3
        for index, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            patch, stride = (7, 4) if index == 0 else (3, 2)
            blocks = [Block(width, HEADS[index], REDUCTIONS[index], next(chances)) for _ in range(depth)]
            self.add_module(f"patch_embed{index + 1}", PatchEmbedding(inputs, width, patch, stride))
            self.add_module(f"block{index + 1}", nn.ModuleList(blocks))
            self.add_module(f"norm{index + 1}", nn.LayerNorm(width, eps=EPS))
            inputs = width
        self.apply(_init)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of the four stages, each after its normalisation."""
        x, found = images, []
        for stage in range(1, len(self.widths) + 1):
            x = self.get_submodule(f"patch_embed{stage}")(x)
            size = x.shape[-2:]
            tokens = _tokens(x)
            blocks = self.get_submodule(f"block{stage}")
            assert isinstance(blocks, nn.ModuleList)
            for block in blocks:
                tokens = block(tokens, size)
            x = _map(self.get_submodule(f"norm{stage}")(tokens), size)
            found.append(x)
        return tuple(found)

    def layers(self) -> dict[str, int]:
        """0 before the first block, then one more for each block; what lies between two counts to the first."""
        found, depth = dict[str, int](), 0
        for name, _ in self.named_parameters():
            first, second, *_ = name.split(".")
            if first.startswith("block") and f"{first}.{second}" not in found:
                depth += 1
                found[f"{first}.{second}"] = depth
            found[name] = depth
        return {name: found[name] for name, _ in self.named_parameters()}

    def published(self, weights: Mapping[str, Tensor]) -> Published | None:
        """NVIDIA's file of the backbone alone, trained on ImageNet; its classifier has no place here."""
        if "patch_embed1.proj.weight" not in weights:
            return None
        tensors = {f"backbone.{name}": value for name, value in weights.items()}
        return Published(tensors, "NVIDIA's MiT", "imagenet")


class PatchEmbedding(nn.Module):
    """A convolution of overlapping patches, then LayerNorm over the channels."""

    def __init__(self, inputs: int, width: int, patch: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, width, patch, stride, padding=patch // 2)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, h, w)`` to ``(B, width, h / stride, w / stride)``, rounded up."""
        x = self.proj(x)
        return _map(self.norm(_tokens(x)), x.shape[-2:])


class Block(nn.Module):
    """Attention and a feed-forward part, each behind a LayerNorm and around a shortcut."""

    def __init__(self, width: int, heads: int, reduction: int, dropped: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=EPS), nn.LayerNorm(width, eps=EPS)
        self.attn, self.mlp = Attention(width, heads, reduction), MixFFN(width, EXPANSION * width)
        self.dropped = dropped

    def forward(self, x: Tensor, size: torch.Size) -> Tensor:
        """Tokens ``(B, h w, width)`` of a map of ``size`` (h, w) to such."""
        x = x + self.kept(self.attn(self.norm1(x), size))
        return x + self.kept(self.mlp(self.norm2(x), size))

    def kept(self, x: Tensor) -> Tensor:
        """In training without some samples, and the others as much larger: stochastic depth (Huang et al., 2016)."""
        if not self.training or self.dropped == 0:
            return x
        keep = 1 - self.dropped
        return x * (x.new_empty(len(x), 1, 1).bernoulli_(keep) / keep)


class Attention(nn.Module):
    """Attention whose keys and values stand for ``reduction`` x ``reduction`` cells each."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads, self.reduction = heads, reduction
        self.q, self.kv, self.proj = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        if reduction > 1:
            self.sr, self.norm = nn.Conv2d(width, width, reduction, reduction), nn.LayerNorm(width)

    def forward(self, x: Tensor, size: torch.Size) -> Tensor:
        """Tokens ``(B, h w, width)`` to such."""
        seen = self.norm(_tokens(self.sr(_map(x, size)))) if self.reduction > 1 else x
        keys, values = (self._by_head(one) for one in self.kv(seen).chunk(2, dim=-1))
        found = F.scaled_dot_product_attention(self._by_head(self.q(x)), keys, values)  # (B, heads, h w, width / heads)
        out: Tensor = self.proj(found.transpose(1, 2).flatten(2))
        return out

    def _by_head(self, x: Tensor) -> Tensor:
        """``(B, N, width)`` to ``(B, heads, N, width / heads)``."""
        batch, count, width = x.shape
        return x.reshape(batch, count, self.heads, width // self.heads).transpose(1, 2)


class MixFFN(nn.Module):
    """Two linear layers, and between them a depthwise 3x3 convolution, from whose padding a token knows its place."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.dwconv = nn.ModuleDict({"dwconv": nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)})

    def forward(self, x: Tensor, size: torch.Size) -> Tensor:
        """Tokens ``(B, h w, width)`` to such."""
        mixed: Tensor = self.dwconv["dwconv"](_map(self.fc1(x), size))
        out: Tensor = self.fc2(F.gelu(_tokens(mixed)))
        return out


def _tokens(x: Tensor) -> Tensor:
    """``(B, C, h, w)`` to ``(B, h w, C)``."""
    return x.flatten(2).transpose(1, 2)


def _map(tokens: Tensor, size: torch.Size) -> Tensor:
    """``(B, h w, C)`` to ``(B, C, h, w)``."""
    batch, _, width = tokens.shape
    return tokens.transpose(1, 2).reshape(batch, width, *size)


def _init(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0.0, math.sqrt(2 / fan_out))
        assert module.bias is not None
        nn.init.zeros_(module.bias)


mit_b0 = functools.partial(MixTransformer, (32, 64, 160, 256), (2, 2, 2, 2))
mit_b1 = functools.partial(MixTransformer, (64, 128, 320, 512), (2, 2, 2, 2))
mit_b2 = functools.partial(MixTransformer, (64, 128, 320, 512), (3, 4, 6, 3))
mit_b3 = functools.partial(MixTransformer, (64, 128, 320, 512), (3, 4, 18, 3))
mit_b4 = functools.partial(MixTransformer, (64, 128, 320, 512), (3, 8, 27, 3))
mit_b5 = functools.partial(MixTransformer, (64, 128, 320, 512), (3, 6, 40, 3))

"""The network: backbones, heads, segmenter, critic, checkpoints."""

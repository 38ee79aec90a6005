"""AdaBN: the source-only network with its normalisation statistics taken on target images instead.

No weight is trained: config/methods/adabn.yaml has `start: source_only`, `iterations: 0` and `statistics: target`. It
stands in the table because much of what adversarial methods gain on a small network is this alone.

Source: Li et al., Revisiting Batch Normalization for Practical Domain Adaptation, 2016, arxiv.org/abs/1603.04779.
"""

from dadist.methods.base import Supervised

METHOD = Supervised

"""AdaBN: the source-only network with its normalisation statistics taken on target images instead.

No weight is trained: config.yaml gives it `start: source_only`, `iterations: 0` and `statistics: target`. It stands in
the table because much of what adversarial methods gain on a small network is this alone.

Source: Li et al., Revisiting Batch Normalization for Practical Domain Adaptation, 2017.
"""

from dadist.methods.base import Supervised

METHOD = Supervised

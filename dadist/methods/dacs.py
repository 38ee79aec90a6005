"""DACS: class-mix with an averaged teacher, and nothing else.

Source: Tranheden et al., DACS, WACV 2021, arxiv.org/abs/2007.08702. The strength of the jitter is DAFormer's.
"""

from dadist.methods.self_training import SelfTraining


class Dacs(SelfTraining):
    """A pass over the source, then one over the mixed images."""


METHOD = Dacs

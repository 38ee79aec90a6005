"""Warm-up: the source alone, before any method starts.

A network that starts from random weights has nothing to align yet. Where no ImageNet weights are at hand every method
of a setting starts from the same few epochs on the source (`start: warm_up`), so that their comparison stays fair.
"""

from dadist.methods.base import Supervised

METHOD = Supervised

"""Keys of objectives.dacs: those that methods with a teacher share.

Its protocol: batch 2, crop [512, 512], source 1280x760, target 1024x512, 250000 iterations, weights of COCO.
"""

from dadist.config.methods.self_training import REQUIREMENTS, Hyperparameters

__all__ = ["REQUIREMENTS", "Hyperparameters"]

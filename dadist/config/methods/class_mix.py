"""What the recipe `class_mix` demands; its keys are those of selftrain.training."""

from dadist.config.methods import Requirements

REQUIREMENTS = Requirements(same_size=True)  # images of the two domains are mixed

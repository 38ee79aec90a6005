"""Keys of objectives.dacs: those that methods with a teacher share."""

from dadist.config.methods.self_training import REQUIREMENTS, Hyperparameters

__all__ = ["REQUIREMENTS", "Hyperparameters"]

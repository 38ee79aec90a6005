"""The recipe `plain` demands nothing; its keys are those of selftrain.training."""

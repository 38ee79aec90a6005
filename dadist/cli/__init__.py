"""`dadist COMMAND …`: what is not a stage of the workflow."""

from dadist.runtime import cores

cores.settle()  # before a command loads torch

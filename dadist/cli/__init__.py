"""`dadist COMMAND …`: what is not a stage of the workflow."""

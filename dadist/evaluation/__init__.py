"""Metrics: predictions against the truth."""

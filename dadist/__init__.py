"""Unsupervised domain adaptation for semantic segmentation by depth distribution."""

__version__ = "0.1.0"

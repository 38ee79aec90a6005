"""Pseudo-labels: made by a network, refined by the size of their regions."""

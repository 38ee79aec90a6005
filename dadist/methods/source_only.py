"""Source-only: supervised training on the source, no adaptation; the floor of every table."""

from dadist.methods.base import Supervised

METHOD = Supervised

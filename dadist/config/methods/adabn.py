"""Keys of objectives.adabn: those that all methods have."""

"""Keys of objectives.source_only: those that all methods have."""

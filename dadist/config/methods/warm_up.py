"""Keys of objectives.warm_up: those that all methods have."""

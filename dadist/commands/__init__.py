"""Commands of `dadist` that need a file or two and no config.yaml; a module a command, light to import."""

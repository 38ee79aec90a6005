"""How fast this project is, beside named references: `python -m benchmarks PART`."""

"""Where a stage runs: GPUs, processes, memory, progress."""

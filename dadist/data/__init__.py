"""Data sets: readers, the renderer, prepared arrays, batches."""

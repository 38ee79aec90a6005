"""What a study asks for before it runs: steps, FLOPs, memory, disk, time."""

"""What a study asks for: its keys, their limits, and how the files that set them become one record."""

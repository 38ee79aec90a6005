"""What is raised of files that do not hold what they should."""


class DataError(ValueError):
    """A file that holds something else than its format says: which file, what was expected, what came, the remedy."""


class DamagedError(DataError):
    """A file that cannot be decoded."""

"""Here so that pytest puts this folder on the path, whichever tests are run: they import ``oracles``."""

"""What the allocator of a process keeps."""

import platform
import resource
import subprocess
import sys

import pytest

# Faults of asking for 100 maps of 8 MB, one after the other.
FAULTS = """
import resource, sys
import numpy as np
from dadist.runtime.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    one, other = np.ones(4 << 20, np.uint8), np.ones(12 << 20, np.uint8)
    del one, other
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left as they are")
def test_what_is_freed_is_not_asked_of_the_system_again() -> None:
    faults = {
        word: int(
            subprocess.run([sys.executable, "-c", FAULTS, word], capture_output=True, text=True, check=True).stdout
        )
        for word in ("keep", "leave")
    }
    pages = 16 * (1 << 20) // resource.getpagesize()
    assert faults["keep"] < 3 * pages, faults  # each page about once, and not a hundred times

"""Files that outlive a crash: digests, atomic writes, journals, checked arrays."""

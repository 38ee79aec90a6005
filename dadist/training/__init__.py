"""The one loop that trains every method, what it is resumed from, and what is said of it."""

"""Readers: one file per data set as its owners ship it."""

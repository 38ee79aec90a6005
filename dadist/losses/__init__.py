"""Losses: tensors in, scalars or maps out."""

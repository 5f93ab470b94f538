"""Datasets, splits, sampling and batches, as NumPy arrays."""

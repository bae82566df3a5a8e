"""Pseudo-labels: masks that a model found in photos, read, made and merged into label maps."""

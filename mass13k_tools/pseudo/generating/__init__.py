"""Masks of new classes by detectors and segmenters: found in views of a photo, joined, written."""

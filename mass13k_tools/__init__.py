"""Toolkit for matting-level semantic segmentation data sets: MaSS13K and folders like it."""

__version__ = "0.1.0"

"""Predictions against the truth: pairs of label maps, their scores, and what to make of them."""

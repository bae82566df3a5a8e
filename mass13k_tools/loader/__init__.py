"""Training samples: which part of which image, read and resized alone, its colours distorted."""

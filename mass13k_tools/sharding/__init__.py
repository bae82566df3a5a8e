"""A data set to shards: what stands there already, what is to be written, and by many workers."""

"""Edge maps and boundary weights of samples, as files."""

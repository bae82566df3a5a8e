"""Which sample belongs to which split: lists of keys, drawn and verified."""

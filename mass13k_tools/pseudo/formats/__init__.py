"""Readers of other programs' masks: a module for each family of formats, all in ``readers``."""

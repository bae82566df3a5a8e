"""Settings as they may be shown to others: without the folders of this machine."""

from collections.abc import Iterator
from typing import Any

from massformer.config import Config, settings


def shown_settings(config: Config) -> Iterator[tuple[str, Any]]:
    """List all settings by their full names; of a path only its last name remains."""
    for name, value in settings(config):
        yield name, last_name(value) if isinstance(value, str) else value


def last_name(address: str) -> str:
    """Give the last name of a path or an address.

    Example:
        >>> last_name("/home/me/MaSS13K/"), last_name("s3://bucket/shards?key=1"), last_name("poly")
        ('MaSS13K', 'shards', 'poly')
    """
    return address.partition("?")[0].rstrip("/").rpartition("/")[2]

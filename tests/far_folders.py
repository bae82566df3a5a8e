"""Folders that are put at an address for tests."""

from command_runs import bytes_of

from mass13k_tools.shards.places import Place


def upload(folder, address):
    """Copy a folder to an address, and give the address."""
    for name, content in bytes_of(folder).items():
        Place.of(f"{address.rstrip('/')}/{name}").write(content)
    return address

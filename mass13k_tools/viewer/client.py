"""The pages: HTML, CSS and scripts that lie beside this module and are sent as they are."""

from importlib.resources import files

MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
INDEX = "index.html"


def client_files() -> dict[str, bytes]:
    """Read the pages: name -> content."""
    folder = files("mass13k_tools.viewer") / "static"
    return {
        each.name: each.read_bytes()
        for each in folder.iterdir()
        if each.name.rpartition(".")[2] in MEDIA_TYPES
    }

"""The viewer as a folder that opens from disk: every answer is a small script.

A page from disk may load scripts and pictures but read no files. So each answer lies in
``data/ADDRESS.js`` as ``mass13k.deliver(ADDRESS, CONTENT)``, pictures as data URLs, and the client
loads it by a script tag. Names are percent-encoded a second time and never leave the folder.
"""

import base64
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from mass13k_tools.errors import DatasetError
from mass13k_tools.ops.pyramid import TILE_PX, level_count, level_size
from mass13k_tools.viewer.answers import JSON, Answers
from mass13k_tools.viewer.client import INDEX, client_files

DATA = "data"
LONGEST_NAME = 255  # bytes, as most file systems have it
STATIC_MARK = '<html lang="en"'


def export_site(answers: Answers, site: Path) -> int:
    """Write pages and all answers.

    Args:
        answers: What is shown; measured whole, if it is not yet.
        site: A folder that is not there yet, or is empty.

    Returns:
        How many photos it shows; one that cannot be read shows its error.

    Raises:
        DatasetError: The folder is not empty, or cannot be written.
    """
    if site.exists() and (not site.is_dir() or any(site.iterdir())):
        raise DatasetError(f"'{site}' is there already; name another folder, or remove it first")
    answers.measuring.run()
    try:
        site.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{site.name}.", suffix=".part", dir=site.parent))
    except OSError as error:
        raise DatasetError(f"cannot write '{site}': {error.strerror}") from error
    try:
        _write(answers, part)
        part.chmod(0o777 & ~_umask())
        part.replace(site)
    except OSError as error:
        raise DatasetError(f"cannot write '{site}': {error.strerror}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(answers.layers.photos.samples)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write(answers: Answers, folder: Path) -> None:
    (folder / "static").mkdir()
    for name, content in client_files().items():
        if name == INDEX:
            page = content.decode().replace(STATIC_MARK, f'{STATIC_MARK} data-static="yes"', 1)
            (folder / INDEX).write_text(page.replace('"/static/', '"static/'), encoding="utf-8")
        else:
            (folder / "static" / name).write_bytes(content)
    for address in addresses(answers):
        path = folder / file_of(address)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_script(answers, address), encoding="utf-8")


def addresses(answers: Answers) -> Iterator[str]:
    """Name all that a page may ask for, photo by photo."""
    yield from ("api/dataset.json", "api/samples.json", "api/measured.json")
    for sample in answers.layers.photos.samples:
        place = f"{quote(sample.split, safe='')}/{quote(sample.key, safe='')}"
        yield f"api/sample/{place}.json"
        try:
            facts = json.loads(answers.answer(f"api/sample/{place}.json", {}).content)
        except DatasetError:  # its page shows why
            yield f"thumb/{place}/overlay.jpg"
            continue
        for name in ("image", "overlay"):
            yield f"thumb/{place}/{name}.jpg"
        for layer in facts["layers"]:
            ending = "jpg" if layer == "image" else "png"
            size_hw = tuple(facts["size_hw"])
            for level in range(level_count(size_hw)):
                height, width = level_size(size_hw, level)
                for row in range(-(-height // TILE_PX)):
                    for column in range(-(-width // TILE_PX)):
                        yield f"tile/{place}/{layer}/{level}/{row}_{column}.{ending}"


def file_of(address: str) -> Path:
    """Name the file of an address, below the site.

    Raises:
        DatasetError: A part of it is too long for a name, or leads elsewhere.
    """
    parts = [quote(part, safe="") for part in address.split("/")]
    for part in parts:
        if len(part) + len(".js") > LONGEST_NAME or part in (".", ".."):
            raise DatasetError(f"'{part[:60]}' cannot be the name of a file on disk")
    return Path(DATA, *parts[:-1], f"{parts[-1]}.js")


def _script(answers: Answers, address: str) -> str:
    try:
        answer = answers.answer(address, {})
    except DatasetError as error:
        payload = json.dumps({"error": str(error)})
    else:
        if answer.media_type == JSON:
            payload = answer.content.decode()
        else:
            data = base64.b64encode(answer.content).decode()
            payload = json.dumps(f"data:{answer.media_type};base64,{data}")
    return f"mass13k.deliver({json.dumps(address)}, {payload});\n"

"""Data sets as the viewer has them open."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mass13k_tools.viewer.answers import Answers
from mass13k_tools.viewer.opening import open_answers, open_photos


def answers_of(root, *, measured: bool = False, **options) -> Answers:
    answers = open_answers(open_photos(str(root)), **options)
    if measured:
        answers.measuring.run()
    return answers


def answered(answers: Answers, address: str, **query):
    """Give the JSON under an address."""
    return json.loads(answers.answer(address, query).content)


def predictions_of(root: Path, folder: Path, *, change=lambda label_map: label_map) -> Path:
    """Write a prediction of each sample: its label map, changed."""
    from mass13k_tools.images import png_bytes, read_label_map
    from mass13k_tools.layouts import find_dataset

    dataset = find_dataset(root)
    for sample in dataset.samples:
        path = folder / sample.split / f"{sample.key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(change(read_label_map(sample.label_path, dataset.taxonomy))))
    return folder


@contextmanager
def running(answers: Answers) -> Iterator[str]:
    """Serve on loopback while the block runs; gives the address."""
    import uvicorn

    from mass13k_tools.viewer.server import application

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(application(answers), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)

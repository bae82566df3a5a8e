"""Runs the viewer until Ctrl-C."""

import secrets
import socket
from contextlib import closing

import uvicorn

from mass13k_tools.errors import DatasetError
from mass13k_tools.printing import print_line
from mass13k_tools.viewer.answers import Answers
from mass13k_tools.viewer.server import LOOPBACK, application

ANY_HOST = ("0.0.0.0", "::")


def serve(answers: Answers, *, host: str, port: int, decoders: int) -> None:
    """Serve the viewer and say where.

    Args:
        answers: What is shown.
        host: Address to listen on; beyond loopback a token is asked for.
        port: 0 takes a free one.
        decoders: How many requests may decode at a time.

    Raises:
        DatasetError: The port cannot be had.
    """
    alone = host in LOOPBACK
    token = None if alone else secrets.token_urlsafe(24)
    hosts = LOOPBACK if alone else ("*",) if host in ANY_HOST else (*LOOPBACK, host)
    with closing(_listening(host, port)) as listening:
        shown = socket.gethostname() if host in ANY_HOST else host
        place = f"http://{f'[{shown}]' if ':' in shown else shown}:{listening.getsockname()[1]}/"
        print_line(f"{place}?token={token}" if token else place)
        print_line("Ctrl-C ends it", err=True)
        app = application(answers, hosts=hosts, token=token, decoders=decoders)
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        with answers.measuring.beside():
            uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise DatasetError(
            f"cannot listen on {host} port {port}: {error.strerror}; --port 0 takes a free one"
        ) from error
    listening.listen()
    return listening

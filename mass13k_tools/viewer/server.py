"""The viewer as a web application (ASGI): what may be asked, by whom, and what is sent beside it.

Whoever can reach the port could read the photos. So the server listens on loopback; where it is
told otherwise, a token is asked for, once in the address and then in a cookie. A page of another
site cannot pose as us by DNS: requests must name a host that we go by.
"""

import json
import secrets
from collections.abc import Sequence

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mass13k_tools.errors import DatasetError
from mass13k_tools.viewer.answers import JSON, Answers, UnknownAddressError
from mass13k_tools.viewer.client import INDEX, MEDIA_TYPES, client_files

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
COOKIE = "mass13k-token"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data: blob:; script-src 'self'; "
    "style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SECONDS_KEPT = 600  # by the browser: label maps may be edited while they are looked at


def application(
    answers: Answers,
    *,
    hosts: Sequence[str] = LOOPBACK,
    token: str | None = None,
    decoders: int = 2,
) -> Starlette:
    """Make the application.

    Args:
        answers: What is shown.
        hosts: Names under which it may be asked for.
        token: Secret that every request must know; None on loopback.
        decoders: How many requests may decode at a time; the others wait.
    """
    client = client_files()
    limiter = CapacityLimiter(decoders)

    async def page(request: Request) -> Response:
        name = request.path_params.get("name", INDEX)
        if name not in client:
            return _refusal("no such page", 404)
        return Response(client[name], media_type=MEDIA_TYPES[name.rpartition(".")[2]])

    async def data(request: Request) -> Response:
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0].lstrip("/")
        query = dict(request.query_params)
        try:
            answer = await to_thread.run_sync(answers.answer, path, query, limiter=limiter)
        except UnknownAddressError as error:
            return _refusal(str(error), 404)
        except DatasetError as error:
            return _refusal(str(error), 422)
        kept = "no-cache" if answer.media_type == JSON else f"private, max-age={SECONDS_KEPT}"
        headers = {"Cache-Control": kept}
        return Response(answer.content, media_type=answer.media_type, headers=headers)

    packed = [
        Middleware(GZipMiddleware, minimum_size=2000)
    ]  # text only: pictures are packed already
    routes = [
        Route("/", page, middleware=packed),
        Route("/static/{name}", page, middleware=packed),
        Route("/api/{rest:path}", data, middleware=packed),
        *(Route(f"/{each}/{{rest:path}}", data) for each in ("thumb", "tile", "crop")),
    ]
    guards = [
        Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
        Middleware(Guard, token=token),
    ]
    return Starlette(routes=routes, middleware=guards)


def _refusal(reason: str, status: int) -> Response:
    """Say why not, in ASCII: names of files may hold what no text can."""
    return Response(json.dumps({"error": reason}), status, media_type=JSON)


class Guard(BaseHTTPMiddleware):
    """Asks for the token, if there is one, and sends the headers that keep pages to themselves."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        """Take the token."""
        super().__init__(app)
        self.token = token

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Answer a request, or refuse it."""
        if self._knows(request.cookies.get(COOKIE)):
            response = await call_next(request)
        elif self._knows(request.query_params.get("token")):
            response = RedirectResponse("/", 303)  # so that the address no longer shows it
            response.set_cookie(COOKIE, self.token or "", httponly=True, samesite="strict")
        else:
            response = _refusal("open the address that 'mass13k view' printed", 403)
        response.headers.update(HEADERS)
        return response

    def _knows(self, found: str | None) -> bool:
        if self.token is None:
            return True
        return found is not None and secrets.compare_digest(found.encode(), self.token.encode())

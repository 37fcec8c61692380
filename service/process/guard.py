"""What is refused before any route is looked up: unknown hosts, foreign forms, bodies of nobody or without end."""

import asyncio
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d{1,5})?")
Check = Callable[[Scope], Response | None]
"""Returns the answer of a refusal, or None."""


@dataclass(frozen=True)
class Bound:
    """Limits of one request's body."""

    size_bytes: int | None
    """None: whoever reads it bounds it."""
    time_s: float


NO_BODY = Bound(0, 10)


class Guard:
    """Plain ASGI. The first check that refuses gives the answer, and no byte of the body is read.

    `headers` are added to every answer. A body that is not read to its end ends the connection with its answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        checks: Sequence[Check],
        bound: Callable[[Scope], Bound],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._app, self._checks, self._bound = app, checks, bound
        self._headers = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = header(scope, "content-length")
        body = _Body(receive, self._bound(scope), declared not in (None, "0") or header(scope, "transfer-encoding"))
        answers = self._answering(send, body)
        refused = next((answer for check in self._checks if (answer := check(scope))), None)
        if refused is None and not body.fits(declared):
            refused = JSONResponse({"error": "larger than a request here may be"}, status_code=413)
        if refused is not None:
            await refused(scope, receive, answers)
            return
        try:
            await self._app(scope, body.receive, answers)
        except ClientDisconnect:
            log.info("upload_aborted")

    def _answering(self, send: Send, body: "_Body") -> Send:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
                if body.coming:
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        return answer


class _Body:
    """Reads a request's body within its bound."""

    def __init__(self, receive: Receive, bound: Bound, coming: object) -> None:
        self._receive, self._bound, self.coming, self._size = receive, bound, bool(coming), 0
        self._end = asyncio.get_running_loop().time() + bound.time_s

    def fits(self, declared: str | None) -> bool:
        """Return whether the length that its sender declares is within the bound; a chunked one declares none."""
        if self._bound.size_bytes is None or not self.coming:
            return True
        if declared is None:
            return self._bound.size_bytes > 0
        return declared.isdecimal() and len(declared) < 19 and int(declared) <= self._bound.size_bytes

    async def receive(self) -> Message:
        """Return the next message. Raises HTTPException where the body is too large or too slow."""
        if not self.coming:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._end):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "too slow") from None
        self._size += len(message.get("body", b""))
        if self._bound.size_bytes is not None and self._size > self._bound.size_bytes:
            raise HTTPException(413, "larger than a request here may be")
        self.coming = message.get("more_body", False)
        return message


def header(scope: Scope, name: str) -> str | None:
    """Return the first header of that name, or None."""
    wanted = name.encode()
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == wanted), None)


def known_host(names: Collection[str]) -> Check:
    """Refuse a request whose Host is neither loopback nor one of the names.

    Browsers send the name of the page, so a foreign page whose name was made to resolve to this machine is refused.
    """
    known = {*LOOPBACK_NAMES, *(name.lower() for name in names)}

    def check(scope: Scope) -> Response | None:
        given = [value for name, value in scope["headers"] if name == b"host"]
        told = HOST.fullmatch(given[0].decode("latin-1").lower()) if len(given) == 1 else None
        if told and told[1] in known:
            return None
        return PlainTextResponse(
            "This host name is not among the configured ones ([worklist] or [gateway] hosts).", 400
        )

    return check


def same_origin(scope: Scope) -> Response | None:
    """Refuse a write that no page of ours sent.

    Browsers name the page in Origin or Sec-Fetch-Site; a program that writes sends an Origin that equals its Host.
    htmx marks its requests, and only ever reads here: a write of its comes from markup that is not ours.
    """
    if scope["method"] in SAFE:
        return None
    origin, site = header(scope, "origin"), header(scope, "sec-fetch-site")
    ours = site in (None, "same-origin") and (
        site is not None if origin is None else _netloc(origin) == header(scope, "host")
    )
    if ours and header(scope, "hx-request") is None:
        return None
    return JSONResponse({"error": "no page of Wardflow sent this"}, status_code=403)


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def signed_in(
    known: Callable[[HTTPConnection], bool], open_paths: Collection[str], refuse: Callable[[Scope], Response]
) -> Check:
    """Refuse a write without a session, but to the open paths."""

    def check(scope: Scope) -> Response | None:
        if scope["method"] in SAFE or scope["path"] in open_paths or known(HTTPConnection(scope)):
            return None
        return refuse(scope)

    return check

"""How a process listens: bounded headers, a time limit for them, and a limit of connections."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from contracts.errors import ConfigurationError, ConfigurationFault

HEADER_BYTES = 64 * 1024
"""Of a request's headers, of its trailers, and of what frames its chunks."""
HEADER_S = 10.0
MOST_CONNECTIONS = 1_000
"""Beyond them a request is answered 503. Each open page holds one."""
FILES = 4 * MOST_CONNECTIONS
"""A page's stream holds two files: its connection, and one to Redis."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, which has no such bounds of its own: it keeps a header of any size and waits for ever."""

    header_s = HEADER_S
    _waiting: asyncio.TimerHandle | None = None
    _moved = False
    _outside_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._moved = False
        super().data_received(data)
        # What neither ends a header nor is a body only piles up: in our memory, or in the parser's.
        self._outside_bytes = 0 if self._moved else self._outside_bytes + len(data)
        if self._outside_bytes > HEADER_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._moved = True
        self._wait()

    def on_headers_complete(self) -> None:
        self._moved = True
        self._arrived()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def _wait(self) -> None:
        self._arrived()
        self._waiting = self.loop.call_later(self.header_s, self._refuse, b"408 Request Timeout")

    def _arrived(self) -> None:
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
            self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: ASGIApp, port: int, stop: asyncio.Event) -> None:
    """Answer at that port of 127.0.0.1 until `stop` is set; what was begun by then is answered, for 3 s at most.

    Raises ConfigurationError where something else listens there.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    options: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "ws": "none"}
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, http=BoundedHttp, limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=3, **options,
    )  # fmt: skip
    server = _Server(config)

    async def answer() -> None:
        try:
            await server.serve()
        except SystemExit:  # how uvicorn says that it could not listen
            raise ConfigurationError(ConfigurationFault.PORT_IN_USE, f"port {port}: end what uses it") from None

    answering, stopped = asyncio.create_task(answer()), asyncio.create_task(stop.wait())
    await asyncio.wait({answering, stopped}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopped.cancel()
    await answering

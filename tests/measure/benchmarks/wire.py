"""A small HTTP/1.1 client: one kept connection, little CPU, so that what is measured is the server."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast
from urllib.parse import urlencode

import httptools


class Wire(asyncio.Protocol):
    """One connection, one request at a time. Use `Wire.to(port)`; opens itself again when the server came back."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self.headers: dict[str, str] = {}
        self.status = 0

    @classmethod
    async def to(cls, port: int) -> "Wire":
        _, wire = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return wire

    @property
    def closed(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    async def send(self, raw: bytes) -> bytes:
        """Send a whole request; return the answer's body, its status in `status`. Raises ConnectionError."""
        assert self._transport and self._waiting is None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        try:
            await self._waiting
        except asyncio.CancelledError:
            self.close()  # its answer would be taken for the next one's
            raise
        finally:
            self._waiting = None
        return bytes(self._body)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        return await self.send(request(method, path, body, **headers))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    # of httptools

    def on_message_begin(self) -> None:
        self._body.clear()
        self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of a request; underscores in header names stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", "origin: http://127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def form(fields: dict[str, str]) -> bytes:
    return urlencode(fields).encode()


async def changes(port: int, cookie: str) -> AsyncIterator[str]:
    """Yield the case ids that the worklist's stream of changes names."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("GET", "/events?since=$", cookie=cookie))
    name = ""
    try:
        while line := (await reader.readline()).decode().strip("\r\n") + " ":
            if reader.at_eof():
                return
            key, _, value = line.strip().partition(": ")
            if key == "event":
                name = value
            elif key == "data" and name == "casechange" and value:
                yield value
    finally:
        writer.close()

"""A model of fixed time with a fixed number of slots, as a process of its own; it tells how busy they were."""

import asyncio
import json
import sys
import time
from typing import cast

import httptools
import uvloop

from tests.fakes.model_server import Answers


class Slots:
    """`seconds` for each call, `count` at once; the rest waits in line, as at a real server."""

    def __init__(self, seconds: float, count: int) -> None:
        self.seconds, self.answers = seconds, Answers()
        self._free = asyncio.Semaphore(count)
        self.busy_s, self.calls = 0.0, 0

    async def answer(self, body: bytes) -> bytes:
        async with self._free:
            start = time.monotonic()
            await asyncio.sleep(self.seconds)
            self.busy_s += time.monotonic() - start
            self.calls += 1
        _, told = self.answers.answer(json.loads(body))
        self.answers.prompts.clear()
        return json.dumps(told).encode()


class Connection(asyncio.Protocol):
    def __init__(self, slots: Slots) -> None:
        self._slots, self._parser, self._body = slots, httptools.HttpRequestParser(self), bytearray()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body.clear()

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        task = asyncio.create_task(self._reply(self._parser.get_method(), bytes(self._body)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, method: bytes, body: bytes) -> None:
        slots = self._slots
        if method == b"GET":
            told = json.dumps({"busy_s": slots.busy_s, "calls": slots.calls, "asked": slots.answers.asked}).encode()
        else:
            told = await slots.answer(body)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(told)}\r\n\r\n"
        self._transport.write(head.encode() + told)


async def serve(seconds: float, count: int) -> None:
    """Print the port, then serve until killed."""
    slots = Slots(seconds, count)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(slots), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1]), int(sys.argv[2])))

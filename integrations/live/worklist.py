"""The stream of changed cases, in Redis: a hint that may be lost, since pages read the ledger."""

from collections.abc import AsyncIterator
from typing import Any, cast

import redis
import redis.asyncio

STREAM = "wardflow:worklist"
KEPT_ENTRIES = 10_000
HEARTBEAT_MS = 2_000
LEDGER_AWAY = "ledger"
"""Published instead of a case id when an event can't be kept: pages look again, and say so."""


class LiveWorklist:
    """Publishes and follows case ids; holds no patient data."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=0.2)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def answers(self) -> bool:
        """Return whether Redis is there."""
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False

    def publish(self, case_id: str) -> bool:
        """Tell the pages that a case changed; False when nobody could be told, which is no failure."""
        try:
            self._client.xadd(STREAM, {"case": case_id}, maxlen=KEPT_ENTRIES, approximate=True)
        except redis.RedisError:
            return False
        return True

    def position(self) -> str:
        """Return the id of the newest entry: a page that was rendered after this has seen all before it."""
        try:
            newest = cast("list[Any]", self._client.xrevrange(STREAM, count=1))
        except redis.RedisError:
            return "$"
        return newest[0][0].decode() if newest else "0-0"

    async def follow(self, since: str) -> AsyncIterator[tuple[str, str | None]]:
        """Yield (stream id, case id) for each change after `since`, and (since, None) as a heartbeat.

        Raises redis.RedisError when Redis is away.
        """
        client = redis.asyncio.Redis.from_url(self.url, socket_timeout=10, socket_connect_timeout=0.5)
        try:
            while True:
                entries = cast("list[Any]", await client.xread({STREAM: since}, count=100, block=HEARTBEAT_MS))
                if not entries:
                    yield since, None
                for stream_id, fields in entries[0][1] if entries else []:
                    since = stream_id.decode()
                    yield since, fields[b"case"].decode()
        finally:
            await client.aclose()

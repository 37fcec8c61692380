"""The stream of changed cases, in Redis: a hint that may be lost or forged, since pages read the ledger."""

import re
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import redis
import redis.asyncio
import structlog

STREAM = "wardflow:worklist"
KEPT_ENTRIES = 10_000
HEARTBEAT_MS = 1_000
"""Of a quiet stream; a page says that it is not live when about four are missing."""
LEDGER_AWAY = "ledger"
"""Published instead of a case id when an event can't be kept: pages look again, and say so."""
CHANGE = re.compile(rf"[0-9a-f]{{40}}|{LEDGER_AWAY}|")
"""What may be published: a case id (`Keyring.name`), `LEDGER_AWAY`, or nothing, which stands for all cases."""
POSITION = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
SKIPPED_LOG_S = 60.0
log = structlog.get_logger()


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
        return _position(newest[0][0]) or "$" if newest else "0-0"

    async def follow(self, since: str) -> AsyncIterator[tuple[str, str | None]]:
        """Yield (stream id, change) for each entry after `since`, and (since, None) as a heartbeat.

        A change is a case id, `LEDGER_AWAY`, or "" for all; what else stands in the stream is skipped and counted.
        Raises redis.RedisError when Redis is away.
        """
        client = redis.asyncio.Redis.from_url(self.url, socket_timeout=10, socket_connect_timeout=0.5)
        skipped = _Skipped()
        try:
            if not POSITION.fullmatch(since):  # `$` at each reading would miss what comes between two
                newest = cast("list[Any]", await client.xrevrange(STREAM, count=1))
                since = _position(newest[0][0]) or "0-0" if newest else "0-0"
            while True:
                entries = cast("list[Any]", await client.xread({STREAM: since}, count=100, block=HEARTBEAT_MS))
                if not entries:
                    yield since, None
                for stream_id, fields in entries[0][1] if entries else []:
                    since = _position(stream_id) or since
                    change = published(fields)
                    if change is None:
                        skipped.add()
                    else:
                        yield since, change
        finally:
            await client.aclose()


def _position(stream_id: bytes) -> str | None:
    told = stream_id.decode("latin-1")
    return told if POSITION.fullmatch(told) else None


def published(fields: dict[bytes, bytes]) -> str | None:
    """Return the change in an entry of the stream, as `follow` yields it, or None where it is none that we publish."""
    told = fields.get(b"case", b"?").decode("latin-1")
    return told if CHANGE.fullmatch(told) else None


class _Skipped:
    """Counts entries that are none of ours; logs them, at most once a minute."""

    def __init__(self) -> None:
        self._count, self._logged = 0, -SKIPPED_LOG_S

    def add(self) -> None:
        self._count += 1
        if time.monotonic() - self._logged >= SKIPPED_LOG_S:
            log.warning("live_entry_skipped", count=self._count)
            self._count, self._logged = 0, time.monotonic()

"""Wakes the dispatcher through Redis when events were accepted: a hint that may be lost or forged, since it also polls.

A message says nothing: whoever gets it looks into the ledger.
"""

from collections.abc import AsyncIterator

import redis
import redis.asyncio

CHANNEL = "wardflow:accepted"
WAIT_S = 1.0
"""Between two signs of life of a quiet channel."""


class Wakes:
    """Sends and follows wakes; holds no data."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=0.2)

    def send(self) -> bool:
        """Wake whoever follows; False when Redis is away, which is no failure."""
        try:
            self._client.publish(CHANNEL, b"")
        except redis.RedisError:
            return False
        return True

    async def follow(self) -> AsyncIterator[bool]:
        """Yield True for each wake, and False each `WAIT_S` seconds without one. Raises redis.RedisError."""
        client = redis.asyncio.Redis.from_url(self._url, socket_timeout=10, socket_connect_timeout=0.5)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(CHANNEL)
                while True:
                    yield await channel.get_message(timeout=WAIT_S) is not None
        finally:
            await client.aclose()

"""The stream that keeps open pages live: a message for each change, and a heartbeat between them."""

import asyncio
from collections.abc import AsyncIterator, Callable

import redis
from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from integrations import clock
from integrations.live.worklist import CHANGE, HEARTBEAT_MS, POSITION, LiveWorklist
from service.worklist.dependencies import Health, Live, SignedIn
from service.worklist.rendering import milliseconds

router = APIRouter()


@router.get("/events")
async def events(request: Request, _me: SignedIn, live: Live, health: Health, since: str = "$") -> StreamingResponse:
    """Stream what happens after the position that the page has seen."""
    since = request.headers.get("last-event-id") or since
    return StreamingResponse(messages(live, since, health.unseen), media_type="text/event-stream")


async def messages(live: LiveWorklist, since: str, not_shown: Callable[[], list[str]]) -> AsyncIterator[str]:
    """Yield a `casechange` event for each change, and a heartbeat, which alone proves that the list is live.

    A change of what the list does not show is one too. A heartbeat carries this machine's time, by which pages count
    ages and deadlines. With Redis away the page is told to read the ledger again every few seconds. Every message has
    a name: htmx would swap one without into the page as HTML.
    """
    before: list[str] = []
    if not POSITION.fullmatch(since):
        yield "event: casechange\ndata:\n\n"  # nobody knows what the page has seen: it reads the ledger
        since = "$"
    while True:
        try:
            async for stream_id, case_id in live.follow(since):
                since = stream_id
                if not POSITION.fullmatch(stream_id) or not CHANGE.fullmatch(case_id or ""):
                    continue
                before, same = (now := not_shown()), now == before
                beat = same and case_id is None
                name, data = ("heartbeat", milliseconds(clock.now())) if beat else ("casechange", case_id or "")
                yield f"id: {stream_id}\nevent: {name}\ndata: {data}\n\n"
        except redis.RedisError:
            yield "event: casechange\ndata:\n\n"
            for _ in range(2):
                yield f"event: heartbeat\ndata: {milliseconds(clock.now())}\n\n"
                await asyncio.sleep(HEARTBEAT_MS / 1000)

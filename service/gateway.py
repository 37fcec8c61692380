"""Where events come in: answered 2xx only when they are on disk (I1); the dispatcher and the watch run beside it."""

import asyncio
import hashlib
import hmac
from datetime import datetime, timedelta

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from temporalio.client import Client

from activities.world import World
from contracts.errors import FhirError, LedgerError
from contracts.events import FhirEvent
from integrations.fhir import notifications
from integrations.fhir.feed import Feed
from integrations.ledger import inbox, tables
from integrations.ledger.audit import Action
from integrations.live.worklist import LEDGER_AWAY
from service import outcomes, watch
from service.dispatcher import Dispatcher
from service.endpoints import mount
from service.health import Health, probes
from service.loops import beside
from service.metrics import Metrics
from service.settings import Settings

log = structlog.get_logger()
MOST_BODY_BYTES = 4 * 1024 * 1024
MOST_BATCH = 500
PATH_CHARS = 200  # of a request's path, in the reason why it was quarantined
SMALL_BYTES = 16 * 1024  # up to here reading is cheaper than handing it to a thread


class Door:
    """Commits what arrives together in one transaction, so that one fsync serves many senders."""

    def __init__(self, world: World, woken: asyncio.Event) -> None:
        self._world, self._woken = world, woken
        self._queue: asyncio.Queue[tuple[FhirEvent, asyncio.Future[None]]] = asyncio.Queue()

    async def accept(self, event: FhirEvent) -> None:
        """Return when the event is on disk. Raises LedgerError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._queue.put((event, done))
        await done

    async def commit(self) -> float:
        """Commit what has arrived; if that batch is refused, each event alone: one can't harm another."""
        batch = [await self._queue.get()]
        while not self._queue.empty() and len(batch) < MOST_BATCH:
            batch.append(self._queue.get_nowait())
        try:
            await self._accept([event for event, _ in batch])
            faults: list[Exception | None] = [None] * len(batch)
        except Exception:  # noqa: BLE001 - whatever it was, each sender gets an answer of its own
            faults = [await self._alone(event) for event, _ in batch]
        for (_, done), fault in zip(batch, faults, strict=True):
            if not done.cancelled():
                done.set_exception(fault) if fault else done.set_result(None)
        self._woken.set()
        return 0.0

    async def _alone(self, event: FhirEvent) -> Exception | None:
        try:
            await self._accept([event])
        except LedgerError as fault:
            if fault.retryable:
                return fault
            log.error("event_broken", exc_info=fault)
            try:
                await self._accept([notifications.unreadable(event.feed, event.body, "can't be kept")])
            except LedgerError as refused:
                return refused
        except Exception as fault:
            log.error("event_refused", exc_info=fault)
            return LedgerError("not_kept", type(fault).__name__, retryable=True)
        return None

    async def _accept(self, events: list[FhirEvent]) -> None:
        await asyncio.to_thread(inbox.accept, self._world.db, self._world.blobs, events)


def reconcile(world: World, feed: Feed, overlap: timedelta) -> None:
    """Wake stopped Subscriptions, and accept what they missed: at start, and then regularly (I8)."""
    try:
        stopped = feed.ensure_subscriptions()
    except FhirError as fault:  # some servers refuse them; what they would tell is searched for all the same
        log.warning("no_subscription", feed=feed.name, kind=fault.kind)
        stopped = []
    name = f"reconciled:{feed.name}"
    with world.db.read() as tx:
        seen = tables.mark(tx, name)
    begun = world.fhir.server_time or tables.now()
    found = 0
    if seen:  # at the very first start the hospital's past is not ours to act on
        events = list(feed.changed_since(datetime.fromisoformat(seen) - overlap))
        for start in range(0, len(events), MOST_BATCH):
            found += inbox.accept(world.db, world.blobs, events[start : start + MOST_BATCH])
    with world.db.write() as tx:
        tables.set_mark(tx, name, begun.isoformat())
        if found:
            world.auditor.append(
                tx, Action.READ, f"feed {feed.name}", detail=f"{found} events that only a search found"
            )
    if stopped or found:
        log.info("feed_reconciled", feed=feed.name, reason=",".join(stopped), accepted=found)


def create_app(world: World, client: Client, settings: Settings, feeds: list[Feed], verify_key: str) -> FastAPI:
    """Return the gateway."""
    dispatcher = Dispatcher(world, client, settings, verify_key)
    door = Door(world, dispatcher.woken)
    secrets = {feed.name: f"Bearer {feed.secret}".encode() for feed in feeds}
    timing = settings.timing
    health = Health(world, timing, "gateway", needs=("ledger",), probes=probes(world, client))

    async def reconciled() -> float:
        for feed in feeds:
            await asyncio.to_thread(reconcile, world, feed, timedelta(seconds=timing.reconcile_overlap_s))
        return timing.reconcile_s

    async def watched() -> float:
        await asyncio.to_thread(watch.watchdog, world)
        return timing.watchdog_s

    async def exported() -> float:
        full = await asyncio.to_thread(watch.export_audit, world) == watch.AUDIT_BATCH
        return 0.0 if full else timing.audit_export_s

    async def followed() -> float:
        full = await asyncio.to_thread(outcomes.collect, world) == outcomes.BATCH
        return 0.0 if full else timing.outcomes_s

    loops = {
        "door": door.commit, "dispatcher": dispatcher.step, "reconciler": reconciled, "watchdog": watched,
        "audit": exported, "outcomes": followed, **health.loops(),
    }  # fmt: skip
    app = FastAPI(title="Wardflow gateway", lifespan=beside(loops, health.done), openapi_url=None)
    mount(app, health, Metrics(health, world.db))

    async def notify(request: Request) -> Response:
        feed, path = request.path_params["feed"], request.path_params.get("path", "")
        given = request.headers.get("authorization", "").encode()
        if feed not in secrets or not hmac.compare_digest(given, secrets[feed]):
            return JSONResponse({"error": "unauthenticated"}, status_code=401)
        raw, too_large = await _body(request)
        if too_large:
            reason = f"{path[:PATH_CHARS]}: larger than {MOST_BODY_BYTES} bytes"
            event = notifications.quarantined(feed, too_large, reason)
        elif request.method == "DELETE":
            digest = hashlib.sha256(path.encode() + raw).hexdigest()
            event = notifications.quarantined(feed, digest, f"{path[:PATH_CHARS]}: a deletion, which no pathway reads")
        else:
            parsed = notifications.parse, feed, raw, settings.parts.fhir_url
            event = parsed[0](*parsed[1:]) if len(raw) <= SMALL_BYTES else await asyncio.to_thread(*parsed)
        try:
            await door.accept(event)
        except LedgerError as fault:
            log.error("event_refused", feed=feed, error=type(fault).__name__)
            await asyncio.to_thread(world.live.publish, LEDGER_AWAY)
            return JSONResponse({"error": "our trouble: send it again"}, status_code=503, headers={"Retry-After": "2"})
        return JSONResponse({"resourceType": "OperationOutcome", "issue": [_ACCEPTED]})

    # Plain routes: FastAPI's reading of parameters costs as much as the rest of a request.
    for pattern in ("/feeds/{feed}", "/feeds/{feed}/{path:path}"):
        app.add_route(pattern, notify, methods=["PUT", "POST", "DELETE"], include_in_schema=False)
    return app


_ACCEPTED = {"severity": "information", "code": "informational"}


async def _body(request: Request) -> tuple[bytes, str | None]:
    """Return the body and None, or what of it was kept and the hash of the whole, where it is too large."""
    kept, digest, size = bytearray(), hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size += len(chunk)
        if size <= MOST_BODY_BYTES:
            kept += chunk
    return bytes(kept), digest.hexdigest() if size > MOST_BODY_BYTES else None

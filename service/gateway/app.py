"""Where events come in: answered 2xx only when they are on disk (I1); the watch runs beside it."""

import asyncio
import hashlib
import hmac

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from temporalio.client import Client

from activities.world import World
from contracts.errors import LedgerError
from integrations.fhir import deletions, notifications
from integrations.fhir.feed import Feed
from integrations.ledger import attestation, audit, inbox
from integrations.live.wakes import Wakes
from integrations.live.worklist import LEDGER_AWAY
from service.gateway import anchors, audit_export, outcomes, stranded_cases, watchdog
from service.gateway.evidence_watch import EvidenceWatch
from service.gateway.group_commit import GroupCommit
from service.gateway.reconciler import Reconciler
from service.process import guard
from service.process.endpoints import mount
from service.process.health import Health, probes
from service.process.loops import beside
from service.process.metrics import Metrics
from service.process.settings import Settings

log = structlog.get_logger()
MOST_BODY_BYTES = 4 * 1024 * 1024
HASHED_BYTES = 256 * 1024 * 1024
"""Of a body that is too large to keep; what comes after is not read."""
BODY = guard.Bound(None, 60)
PATH_CHARS = 200  # of a request's path, in the reason why it was quarantined
ATTEST_S = 30.0  # between two audit records about settled events, while fewer than a full range are new
WAKE_S = 0.005  # between two wakes of the dispatcher
EMPTY = (b"", b"{}")
SMALL_BYTES = 16 * 1024  # up to here reading is cheaper than handing it to a thread


def create_app(
    world: World, client: Client, settings: Settings, feeds: list[Feed], head_signer: Ed25519PrivateKey
) -> FastAPI:
    """Return the gateway."""
    records, accepted = world.records, asyncio.Event()
    door = GroupCommit(records, accepted, settings.gateway.unreadable_an_hour)
    wakes = Wakes(settings.parts.redis_url)
    secrets = {feed.name: f"Bearer {feed.secret}".encode() for feed in feeds}
    timing = settings.timing
    types = {feed.name: feed.types for feed in feeds}
    health = Health(world, timing, "gateway", ("ledger",), probes(world, client, types), types)
    reconciler, watch = Reconciler(records, feeds, timing), EvidenceWatch(world, settings)

    async def woke() -> float:
        """Wake the dispatcher once for what was committed meanwhile."""
        await accepted.wait()
        accepted.clear()
        await asyncio.to_thread(wakes.send)
        return WAKE_S

    async def reconciled() -> float:
        return await asyncio.to_thread(reconciler.step)

    async def watched() -> float:
        await asyncio.to_thread(watchdog.watchdog, records, world.live)
        return timing.watchdog_s

    async def exported() -> float:
        full = await asyncio.to_thread(audit_export.export_audit, records.db, world.fhir) == audit_export.AUDIT_BATCH
        return 0.0 if full else timing.audit_export_s

    async def attested() -> float:
        full = await asyncio.to_thread(audit.attest_events, records.db, records.auditor) >= attestation.RANGE
        return 0.0 if full else ATTEST_S

    async def headed() -> float:
        return await audit_export.keep_heads(records.db, settings.state / anchors.HEADS_FILE, head_signer)

    async def followed() -> float:
        full = await asyncio.to_thread(outcomes.collect, records, world.fhir) == outcomes.BATCH
        return 0.0 if full else timing.outcomes_s

    async def compared() -> float:
        await asyncio.to_thread(watch.look)
        return timing.evidence_watch_s

    async def found_stranded() -> float:
        return await stranded_cases.watch(records.db, client)

    loops = {
        "door": door.commit, "wakes": woke, "reconciler": reconciled, "watchdog": watched,
        "audit": exported, "attest": attested, "heads": headed, "outcomes": followed, "stranded": found_stranded,
        "evidence": compared,
        **health.loops(),
    }  # fmt: skip
    app = FastAPI(title="Wardflow gateway", lifespan=beside(loops, health.done), openapi_url=None)
    checks = (guard.known_host(settings.gateway.hosts),)
    app.add_middleware(
        guard.Guard, checks=checks, bound=lambda scope: guard.NO_BODY if scope["method"] in guard.SAFE else BODY
    )
    mount(app, health, Metrics(health, records.db, records.db.lock_times))

    async def notify(request: Request) -> Response:
        feed, path = request.path_params["feed"], request.path_params.get("path", "")
        given = request.headers.get("authorization", "").encode()
        if feed not in secrets or not hmac.compare_digest(given, secrets[feed]):
            return JSONResponse({"error": "unauthenticated"}, status_code=401)
        raw, too_large = await _body(request)  # only now: who has no secret sends none
        if too_large:
            reason = f"{path[:PATH_CHARS]}: larger than {MOST_BODY_BYTES} bytes"
            event = notifications.quarantined(feed, too_large, reason)
        elif request.method == "DELETE":
            digest = hashlib.sha256(path.encode() + raw).hexdigest()
            event = notifications.quarantined(feed, digest, f"{path[:PATH_CHARS]}: a deletion of what it does not name")
        else:
            parsed = notifications.parse, feed, raw, settings.parts.fhir_url
            event = parsed[0](*parsed[1:]) if len(raw) <= SMALL_BYTES else await asyncio.to_thread(*parsed)
        named = deletions.named(path, request.headers.get(deletions.MEDPLUM_DELETED, "")) if event.quarantine else None
        try:
            if named:  # whatever else it says, something happened to that resource
                await asyncio.to_thread(inbox.accept_hints, records.db, records.blobs, feed, *named)
                accepted.set()
            if not named or (raw.strip() not in EMPTY and request.method != "DELETE"):
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
    """Return the body and None, or what of it was kept and the hash of its first `HASHED_BYTES`, if it is too large."""
    kept, digest, size = bytearray(), hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size += len(chunk)
        if size <= MOST_BODY_BYTES:
            kept += chunk
        elif size > HASHED_BYTES:
            break
    return bytes(kept), digest.hexdigest() if size > MOST_BODY_BYTES else None

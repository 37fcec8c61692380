"""The care team's pages, and the same as JSON."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import redis
import structlog
from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.datastructures import FormData
from starlette.responses import StreamingResponse
from temporalio.client import Client

from activities.recordings import MOST_BYTES
from activities.world import World
from contracts.cases import CaseState
from contracts.decisions import Correction, DecisionKind, Reviewer
from contracts.errors import ApprovalError, ConfigurationError, FhirError, LedgerError, Refusal
from contracts.views import View
from integrations.blobs.sealing import Keyring
from integrations.ledger import tables
from integrations.live.worklist import HEARTBEAT_MS
from service import ranges, roles, speaking
from service.endpoints import mount
from service.health import Health, probes
from service.loops import beside
from service.metrics import Metrics
from service.settings import Secrets, Settings
from service.speaking import Speaking
from service.worklist import Worklist

log = structlog.get_logger()
HERE = Path(__file__).parent
COOKIE = "wardflow_user"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self'; frame-ancestors 'none'; form-action 'self'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
TOLD = {
    Refusal.STALE: "New data arrived since this was shown. Nothing was written: look at the new suggestion.",
    Refusal.DECIDED: "Already decided by {by}. Nothing was changed by you.",
    Refusal.NOT_OPEN: "This case is not open for a decision. Nothing was written.",
    Refusal.ROLE: "Your role may not decide here. Nothing was written.",
    Refusal.CHOICE: "A change needs another level and a reason, a rejection a reason. Nothing was written.",
    Refusal.DOUBT: "Something marked is neither confirmed nor corrected. Nothing was written.",
    Refusal.SIGNATURE: "The decision could not be verified. Nothing was written.",
    Refusal.UNCONFIRMED: "Not confirmed yet; it may still be taken. Look at the list before you decide again.",
}
NO_RECORDS = (
    "Wardflow cannot keep its records at the moment (is its disk full?), so it shows no patient and takes no decision. "
    "Nothing was written. Go on by your department's own procedure; this page comes back by itself."
)
LOOK_AGAIN_S = 5
REASON_CHARS, ITEM_CHARS = 300, 20_000


AWAY = {
    "temporal": "TEMPORAL AWAY: nothing can be decided now",
    "worker": "WORKER AWAY: nothing can be decided now",
    "chart": "CHART AWAY: suggestions and write-back wait",
    "gateway": "GATEWAY AWAY: nothing new arrives",
    "redis": "Live updates away: read again every few seconds",
}
"""What people are told of a part that is away; what else is away they can't see or mend."""


def create_app(world: World, client: Client, settings: Settings, secrets: Secrets) -> FastAPI:
    """Return the pages and the JSON API under `/api`."""
    worklist = Worklist(world, client, secrets.signer())
    spoken = Speaking(world, settings)
    session = secrets.session_keyring()
    needs = ("ledger", "temporal", "worker")
    health = Health(world, settings.timing, "worklist", needs, probes(world, client))
    pages = Jinja2Templates(HERE / "templates")
    pages.env.globals |= {
        "now": tables.now,
        "users": settings.users,
        "models": list(world.models),
        "stopped": worklist.stopped,
        "spent": partial(roles.spent, settings, world),
        "AWAY": AWAY,
        "CaseState": CaseState,
    }
    pages.context_processors.append(lambda _request: {"parts": health.parts()})
    lifespan = beside(health.loops(), health.done)
    app = FastAPI(title="Wardflow worklist", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    mount(app, health, Metrics(health))

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Response:
        origin = request.headers.get("origin")
        if request.method == "POST" and origin and urlsplit(origin).netloc != request.headers.get("host"):
            return JSONResponse({"error": "another site's form"}, status_code=403)
        answer: Response = await call_next(request)
        answer.headers.update(HEADERS)
        return answer

    def user(request: Request) -> Reviewer:
        reviewer = settings.reviewer(_open_cookie(session, request.cookies.get(COOKIE, "")))
        if reviewer is None:
            raise HTTPException(401)
        return reviewer

    signed_in = Depends(user)

    def may_speak(me: Reviewer) -> bool:
        return me.role in spoken.roles

    @app.exception_handler(LedgerError)
    def no_records(request: Request, fault: LedgerError) -> Response:
        log.error("page_refused", kind=fault.kind)
        again = {"Retry-After": str(LOOK_AGAIN_S)}
        if request.url.path.startswith("/api") or request.headers.get("accept") == "application/json":
            return JSONResponse({"error": NO_RECORDS}, status_code=503, headers=again)
        whole = "fragment" not in request.query_params
        context = {"told": NO_RECORDS, "whole": whole, "look_again_s": LOOK_AGAIN_S}
        return pages.TemplateResponse(request, "away.html", context, status_code=503, headers=again)

    @app.exception_handler(401)
    async def to_login(request: Request, _fault: Exception) -> Response:
        if request.url.path.startswith("/api"):
            return JSONResponse({"error": "not signed in"}, status_code=401)
        return RedirectResponse("/login", status_code=303)

    @app.get("/login", response_class=HTMLResponse)
    def login_page(request: Request) -> Response:
        return pages.TemplateResponse(request, "login.html")

    @app.post("/login")
    def login(user_id: Annotated[str, Form()]) -> Response:
        if user_id not in settings.users:
            raise HTTPException(401)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(COOKIE, session.seal(user_id.encode(), COOKIE).hex(), httponly=True, samesite="strict")
        return answer

    @app.get("/", response_class=HTMLResponse)
    def index(request: Request, fragment: bool = False, me: Reviewer = signed_in) -> Response:
        page, seen = "rows.html" if fragment else "worklist.html", world.live.position()
        return pages.TemplateResponse(
            request,
            page,
            {
                "seen": seen,
                "rows": worklist.rows(me),
                "me": me,
                "unseen": worklist.unseen_since(),
                "may_speak": may_speak(me),
            },
        )

    @app.get("/parts", response_class=HTMLResponse)
    def parts(request: Request, _me: Reviewer = signed_in) -> Response:
        return pages.TemplateResponse(request, "parts.html")

    def case_page(
        request: Request,
        case_id: str,
        me: Reviewer,
        status: int = 200,
        version: int = 0,
        corrections: tuple[Correction, ...] = (),
        **told: str,
    ) -> Response:
        seen = world.live.position()
        row = worklist.row(case_id, me)
        if row is None:
            raise HTTPException(404)
        said = row.decision.corrections if row.decision else corrections if version == row.case.version else ()
        context = {"row": row, "me": me, "decision_id": uuid.uuid4().hex, "seen": seen, "may_speak": may_speak(me)}
        context |= {"said": {correction.key: correction.text for correction in said}, **told}
        return pages.TemplateResponse(request, "case.html", context, status_code=status)

    @app.get("/cases/{case_id}", response_class=HTMLResponse)
    def show(request: Request, case_id: str, me: Reviewer = signed_in) -> Response:
        return case_page(request, case_id, me)

    @app.post("/cases/{case_id}/decision")
    async def decide(
        request: Request,
        case_id: str,
        kind: Annotated[DecisionKind, Form()],
        version: Annotated[int, Form()],
        shown_hash: Annotated[str, Form()],
        decision_id: Annotated[str, Form()],
        selected: Annotated[str, Form()] = "",
        reason: Annotated[str, Form(max_length=REASON_CHARS)] = "",
        dwell_ms: Annotated[str, Form()] = "",
        me: Reviewer = signed_in,
    ) -> Response:
        as_json = request.headers.get("accept") == "application/json"
        row = await asyncio.to_thread(worklist.row, case_id, me)
        if row is None:
            raise HTTPException(404)
        fields = {
            "selected": selected or None,
            "version": version,
            "shown_hash": shown_hash,
            "reason": one_line(reason),
            "corrections": _corrections(row.view, await request.form()),
        }
        try:
            receipt = await worklist.decide(row, kind, me, decision_id, dwell_ms, **fields)
        except ApprovalError as fault:
            status = 503 if fault.kind == Refusal.UNCONFIRMED else 409
            said = TOLD[Refusal(fault.kind)].format(by=str(fault).partition(": ")[2])
            if as_json:
                return JSONResponse({"refused": fault.kind, "message": said}, status_code=status)
            again = {"version": version, "corrections": fields["corrections"], "message": said, "reason": reason}
            return await asyncio.to_thread(case_page, request, case_id, me, status, **again)
        if as_json:
            return JSONResponse(receipt.model_dump(mode="json"))
        return RedirectResponse("/", status_code=303)

    @app.get("/cases/{case_id}/recordings/{number}")
    def play(request: Request, case_id: str, number: int, me: Reviewer = signed_in) -> Response:
        played = worklist.recording(case_id, number, me)
        if played is None:
            raise HTTPException(404)
        kind = played.media_type if speaking.AUDIO.fullmatch(played.media_type) else "application/octet-stream"
        return ranges.answer(world.blobs.get(played.blob), kind, request.headers.get("range"))

    @app.post("/cases/{case_id}/recordings")
    async def speak(request: Request, case_id: str, me: Reviewer = signed_in) -> Response:
        if not may_speak(me):
            raise HTTPException(403)
        audio = await _audio(request)
        case = await asyncio.to_thread(worklist.case, case_id)
        if case is None:
            raise HTTPException(404)
        told = request.headers.get("content-type", ""), request.headers.get("x-recording", uuid.uuid4().hex)
        try:
            await asyncio.to_thread(spoken.record, case, me, audio, *told)
        except ValueError:
            return JSONResponse({"error": "That is no recording."}, status_code=422)
        except FhirError as fault:
            log.warning("recording_refused", kind=fault.kind)
            return JSONResponse({"error": "The chart does not take it now."}, status_code=503)
        return JSONResponse({"written": True})

    @app.get("/api/cases")
    def api_cases(me: Reviewer = signed_in) -> list[dict[str, Any]]:
        return [
            {
                **row.case.model_dump(mode="json", exclude={"suggestion_blob", "snapshot_blob"}),
                "decidable": row.decidable,
                "choices": [c.code for c in row.suggestion.choices] if row.suggestion else [],
                "selected": row.suggestion.selected if row.suggestion else None,
                "made_by": row.suggestion.made_by if row.suggestion else None,
                "items": [item.model_dump() for item in row.view.items] if row.view else [],
            }
            for row in worklist.rows(me)
        ]

    @app.get("/events")
    async def events(request: Request, since: str = "$", _me: Reviewer = signed_in) -> StreamingResponse:
        since = request.headers.get("last-event-id") or since
        return StreamingResponse(_changes(world, since), media_type="text/event-stream")

    return app


async def _audio(request: Request) -> bytes:
    """Return what was spoken. Raises HTTPException for more than a recording may be."""
    kept = bytearray()
    async for chunk in request.stream():
        kept += chunk
        if len(kept) > MOST_BYTES:
            raise HTTPException(413)
    return bytes(kept)


async def _changes(world: World, since: str) -> AsyncIterator[str]:
    """Yield a `casechange` event for each change, and a heartbeat, which alone proves that the list is live.

    With Redis away the page is told to read the ledger again every few seconds.
    """
    while True:
        try:
            async for stream_id, case_id in world.live.follow(since):
                since = stream_id
                name = "casechange" if case_id else "heartbeat"
                yield f"id: {stream_id}\nevent: {name}\ndata: {case_id or ''}\n\n"
        except redis.RedisError:
            yield "event: casechange\ndata:\n\n"
            await asyncio.sleep(HEARTBEAT_MS / 1000)


def one_line(reason: str) -> str:
    """Return what a person wrote without control characters, which a chart may refuse after the decision was taken."""
    return " ".join("".join(c if c.isprintable() else " " for c in reason).split())


def _corrections(view: View | None, form: FormData) -> tuple[Correction, ...]:
    """Return what a person made of the items: those in doubt that they confirmed or corrected, others that differ.

    What is empty can't be confirmed. Raises HTTPException for words without end, which would be cut.
    """
    told: list[Correction] = []
    for item in view.items if view else ():
        said = form.get(f"item-{item.key}")
        if not isinstance(said, str):
            continue
        if len(said) > ITEM_CHARS:
            raise HTTPException(422)
        text = one_line(said)
        confirmed = item.doubt and text and f"confirm-{item.key}" in form
        if text != one_line(item.text) or confirmed:
            told.append(Correction(key=item.key, text=text))
    return tuple(told)


def _open_cookie(session: Keyring, cookie: str) -> str:
    try:
        return session.open(bytes.fromhex(cookie), COOKIE).decode()
    except (ValueError, ConfigurationError):
        return ""

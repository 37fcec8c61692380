"""The care team's pages, and the same as JSON."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import redis
import structlog
from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException as HttpFault
from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse
from starlette.types import Scope
from temporalio.client import Client

from activities.recordings import MOST_BYTES
from activities.world import World
from contracts.cases import CaseState
from contracts.decisions import Correction, DecisionKind, Reviewer
from contracts.errors import ApprovalError, ConfigurationError, FhirError, LedgerError, Refusal
from contracts.views import View
from integrations import clock
from integrations.blobs.sealing import Keyring
from integrations.ledger import spending
from integrations.live import worklist as live
from integrations.live.worklist import HEARTBEAT_MS
from service.process import guard
from service.process.endpoints import mount
from service.process.health import Health, probes
from service.process.loops import beside
from service.process.metrics import Metrics
from service.process.settings import Secrets, Settings
from service.process.wiring import feed_types
from service.worklist import changes, flash, ranges
from service.worklist import dictating as speaking
from service.worklist.changes import Seen
from service.worklist.dictating import Speaking
from service.worklist.flash import Flash
from service.worklist.rows import Row, Worklist

log = structlog.get_logger()
HERE = Path(__file__).parent
COOKIE = "wardflow_user"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
TOLD = {
    Refusal.STALE: "New data arrived since this was shown. Nothing was written: look at the new suggestion.",
    Refusal.DECIDED: "Already decided by {by}. Nothing was changed by you.",
    Refusal.NOT_OPEN: "This case is not open for a decision. Nothing was written.",
    Refusal.ROLE: "Your role may not decide here. Nothing was written.",
    Refusal.CHOICE: "A change needs another level and a reason, a rejection a reason, and where nothing is proposed a "
    "level has to be chosen. Nothing was written.",
    Refusal.CONTRADICTION: "An approval can't carry another level or a reason, nor a rejection a level: "
    "choose one answer. Nothing was written.",
    Refusal.UNDONE: "This decision was taken back. Nothing was written: decide again.",
    Refusal.NOT_YOURS: "Only {by} can take this decision back. Nothing was changed.",
    Refusal.TOO_LATE: "Too late to take it back: the decision is being written to the chart.",
    Refusal.EMPTY: "The note is empty: write down what was said, or reject it. Nothing was written.",
    Refusal.DOUBT: "A mark is left: listen to it, then confirm it, or type what was said. Nothing was written.",
    Refusal.SIGNATURE: "The decision could not be verified. Nothing was written.",
    Refusal.UNCONFIRMED: "Not confirmed yet; it may still be taken. Look at the list before you decide again.",
}
NO_RECORDS = (
    "Wardflow cannot keep its records at the moment (is its disk full?), so it shows no patient and takes no decision. "
    "Nothing was written. Go on by your department's own procedure; this page comes back by itself."
)
NOT_FOUND = "There is no such page or case. Nothing was written."
NOT_TAKEN = "Wardflow can't take what was sent. Nothing was written."
SIGNED_OUT = "You were not signed in. Nothing was written."
TAKEN_BACK = "Taken back. Nothing was written: the case is open again."
LOOK_AGAIN_S = 5
FORM, LOGIN, SPEECH = guard.Bound(2**20, 20), guard.Bound(4096, 10), guard.Bound(MOST_BYTES, 120)
"""Limits of a decision's form, of signing in, and of a recording."""
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
    timing = settings.timing
    worklist = Worklist(world, client, secrets.signer(), timedelta(seconds=timing.undo_s), timing.evidence_s)
    spoken = Speaking(world, settings)
    session = secrets.session_keyring()
    needs = ("ledger", "temporal", "worker")
    feeds = feed_types(settings)
    health = Health(world, settings.timing, "worklist", needs, probes(world, client, feeds), feeds)
    pages = Jinja2Templates(HERE / "templates")
    pages.env.globals |= {
        "now": clock.now,
        "milliseconds": milliseconds,
        "users": settings.users,
        "models": list(world.models),
        "stopped": worklist.stopped,
        "stranded": worklist.stranded,
        "spent": partial(spending.used_up, world.db, settings.budgets),
        "AWAY": AWAY,
        "CaseState": CaseState,
        "patient_labels": speaking.patient_labels,
    }
    pages.context_processors.append(
        lambda _request: {"parts": health.parts(), "not_shown": health.unseen(), "connected": health.connected()}
    )
    lifespan = beside(health.loops(), health.done)
    app = FastAPI(title="Wardflow worklist", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    writes = guard.signed_in(lambda request: known(request) is not None, ("/login",), partial(sign_in_first, session))
    checks = (guard.known_host(settings.worklist.hosts), guard.same_origin, writes)
    app.add_middleware(guard.Guard, checks=checks, bound=bound, headers=HEADERS)
    mount(app, health, Metrics(health))

    def known(request: HTTPConnection) -> Reviewer | None:
        return settings.reviewer(_open_cookie(session, request.cookies.get(COOKIE, "")))

    def user(request: Request) -> Reviewer:
        reviewer = known(request)
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
        if _as_json(request):
            return JSONResponse({"error": NO_RECORDS}, status_code=503, headers=again)
        whole = "fragment" not in request.query_params
        context = {"told": NO_RECORDS, "whole": whole, "look_again_s": LOOK_AGAIN_S}
        return pages.TemplateResponse(request, "away.html", context, status_code=503, headers=again)

    @app.exception_handler(401)
    async def to_login(request: Request, _fault: Exception) -> Response:
        return sign_in_first(session, request.scope)

    @app.exception_handler(HttpFault)
    async def no_page(request: Request, fault: HttpFault) -> Response:
        if not _as_page(request):
            return await http_exception_handler(request, fault)
        message = NOT_FOUND if fault.status_code in (404, 405) else NOT_TAKEN
        return pages.TemplateResponse(
            request, "away.html", {"told": message, "whole": True}, status_code=fault.status_code, headers=fault.headers
        )

    @app.exception_handler(RequestValidationError)
    async def not_taken(request: Request, fault: RequestValidationError) -> Response:
        if not _as_page(request):
            return await request_validation_exception_handler(request, fault)
        return pages.TemplateResponse(request, "away.html", {"told": NOT_TAKEN, "whole": True}, status_code=422)

    def with_flash(
        request: Request, message: Flash | None, template: str, keep: bool = False, **context: Any
    ) -> Response:
        """Return the page with the message that waits for it, which is then gone."""
        answer = pages.TemplateResponse(request, template, {"flash": message, **context})
        if message and not keep:
            answer.delete_cookie(flash.COOKIE)
        return answer

    @app.get("/login", response_class=HTMLResponse)
    def login_page(request: Request) -> Response:
        return with_flash(request, flash.receive(request, session, ""), "login.html")

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

    def still_meant(row: Row, message: Flash | None) -> tuple[Correction, ...]:
        """Return the corrections that a person typed on an earlier page, of those items that are as they were there."""
        before = worklist.version(row.case, message.version) if message and message.corrections else None
        if message is None or before is None or row.view is None:
            return ()
        then = {item.key: item for item in world.pathways[row.case.pathway].view(before).items}
        equal = {item.key for item in row.view.items if then.get(item.key) == item}
        return tuple(correction for correction in message.corrections if correction.key in equal)

    @app.get("/cases/{case_id}", response_class=HTMLResponse)
    def show(request: Request, case_id: str, since: str = "", me: Reviewer = signed_in) -> Response:
        seen = world.live.position()
        row = worklist.row(case_id, me)
        if row is None:
            raise HTTPException(404)
        message = flash.receive(request, session, me.reviewer_id)
        corrections = row.decision.corrections if row.decision else still_meant(row, message)
        since_version = message.version if message else int(since) if since.isdecimal() and len(since) < 9 else 0
        changed = ""
        if row.case.state == CaseState.OPEN and 0 < since_version < row.case.version:
            changed = changes.sentence(worklist.version(row.case, since_version), row.suggestion)
        context = {"row": row, "me": me, "decision_id": uuid.uuid4().hex, "seen": seen, "may_speak": may_speak(me)}
        context |= {"changed": changed, "said": {correction.key: correction.text for correction in corrections}}
        waits = row.case.state == CaseState.OPEN and not row.decidable  # the page has no field yet for what was typed
        return with_flash(request, message, "case.html", keep=waits, **context)

    @app.get("/cases/{case_id}/changes")
    def changes_since(
        case_id: str, version: int, state: CaseState, stale: bool = False, decision: str = "", me: Reviewer = signed_in
    ) -> Response:
        seen = Seen(version=version, state=state, stale=stale, decision_id=decision)
        change = worklist.changes(case_id, seen, me)
        if change is None:
            raise HTTPException(404)
        return JSONResponse(change.model_dump(mode="json"))

    @app.get("/cases/{case_id}/decision")
    @app.get("/cases/{case_id}/undo")
    def instead_of_form(case_id: str) -> Response:
        """Where a person reloads the address that a form was sent to."""
        return RedirectResponse(f"/cases/{quote(case_id, safe='')}", status_code=303)

    def refused(request: Request, case_id: str, me: Reviewer, fault: ApprovalError, **filled_in: Any) -> Response:
        message = TOLD[Refusal(fault.kind)].format(by=str(fault).partition(": ")[2] or "its author")
        if _as_json(request):
            status = 503 if fault.kind == Refusal.UNCONFIRMED else 409
            return JSONResponse({"refused": fault.kind, "message": message}, status_code=status)
        return back_to_case(case_id, me, message, **filled_in)

    def back_to_case(case_id: str, me: Reviewer, message: str, **filled_in: Any) -> Response:
        path = f"/cases/{quote(case_id, safe='')}"
        answer = RedirectResponse(path, status_code=303)
        flash.send(answer, session, me.reviewer_id, Flash(path=path, message=message, **filled_in))
        return answer

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
            kept = {name: fields[name] for name in ("selected", "version", "reason", "corrections")}
            return refused(request, case_id, me, fault, kind=kind, **kept)
        if _as_json(request):
            return JSONResponse(receipt.model_dump(mode="json"))
        return RedirectResponse("/", status_code=303)

    @app.post("/cases/{case_id}/undo")
    async def undo(
        request: Request, case_id: str, decision_id: Annotated[str, Form()], me: Reviewer = signed_in
    ) -> Response:
        row = await asyncio.to_thread(worklist.row, case_id, me)
        if row is None:
            raise HTTPException(404)
        try:
            await worklist.undo(row, me, decision_id)
        except ApprovalError as fault:
            return refused(request, case_id, me, fault)
        if _as_json(request):
            return JSONResponse({"undone": decision_id})
        kept = {}
        if row.decision and row.decision.decision_id == decision_id:  # what was typed is there to be mended
            kept = row.decision.model_dump(include={"version", "kind", "selected", "reason", "corrections"})
        return back_to_case(case_id, me, TAKEN_BACK, refused=False, **kept)

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
        audio = await request.body()
        case = await asyncio.to_thread(worklist.case, case_id)
        if case is None:
            raise HTTPException(404)
        told = request.headers.get("content-type", ""), request.headers.get("x-recording", uuid.uuid4().hex)
        if request.headers.get("x-encounter", case.encounter_id) != case.encounter_id:
            return JSONResponse({"error": speaking.OTHER_STAY}, status_code=409)
        try:
            await asyncio.to_thread(spoken.record, case, me, audio, *told)
        except speaking.NotOpenError:
            log.info("recording_refused", kind=Refusal.NOT_OPEN)
            return JSONResponse({"error": speaking.NOT_OPEN}, status_code=409)
        except ValueError:
            return JSONResponse({"error": "That is no recording."}, status_code=422)
        except FhirError as fault:
            log.warning("recording_refused", **fault.log_fields())
            return JSONResponse({"error": "The chart does not take it now."}, status_code=503)
        return JSONResponse({"written": True})

    @app.get("/api/cases")
    def api_cases(me: Reviewer = signed_in) -> list[dict[str, Any]]:
        return [
            {
                **row.case.model_dump(mode="json", exclude={"suggestion_blob", "snapshot_blob"}),
                "decidable": row.decidable,
                "approvable": row.approvable,
                "kinds": list(row.kinds),
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
        return StreamingResponse(_changes(world, since, health.unseen), media_type="text/event-stream")

    return app


def sign_in_first(session: Keyring, scope: Scope) -> Response:
    """Return what somebody without a session gets; a recording that was not taken must not look like a page."""
    request = Request(scope)
    if _as_json(request) or request.url.path.endswith("/recordings"):
        return JSONResponse({"error": "not signed in"}, status_code=401)
    answer = RedirectResponse("/login", status_code=303)
    if request.method == "POST":
        flash.send(answer, session, "", Flash(path="/login", message=SIGNED_OUT))
    return answer


def bound(scope: Scope) -> guard.Bound:
    """Return the limits of a request's body."""
    if scope["method"] in guard.SAFE:
        return guard.NO_BODY
    if scope["path"] == "/login":
        return LOGIN
    return SPEECH if scope["path"].endswith("/recordings") else FORM


async def _changes(world: World, since: str, not_shown: Callable[[], list[str]]) -> AsyncIterator[str]:
    """Yield a `casechange` event for each change, and a heartbeat, which alone proves that the list is live.

    A change of what the list does not show is one too. A heartbeat carries this machine's time, by which pages count
    ages and deadlines. With Redis away the page is told to read the ledger again every few seconds. Every message has
    a name: htmx would swap one without into the page as HTML.
    """
    before: list[str] = []
    if not live.POSITION.fullmatch(since):
        yield "event: casechange\ndata:\n\n"  # nobody knows what the page has seen: it reads the ledger
        since = "$"
    while True:
        try:
            async for stream_id, case_id in world.live.follow(since):
                since = stream_id
                if not live.POSITION.fullmatch(stream_id) or not live.CHANGE.fullmatch(case_id or ""):
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


def milliseconds(moment: datetime) -> int:
    """Return a moment as browsers count time: milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def _as_json(request: Request) -> bool:
    """Return whether a program asks, and not a person's browser."""
    return request.url.path.startswith("/api") or request.headers.get("accept") == "application/json"


def _as_page(request: Request) -> bool:
    return not request.url.path.startswith("/api") and "text/html" in request.headers.get("accept", "")


def one_line(reason: str) -> str:
    """Return what a person wrote without control characters, which a chart may refuse after the decision was taken."""
    return " ".join("".join(c if c.isprintable() else " " for c in reason).split())


def _corrections(view: View | None, form: FormData) -> tuple[Correction, ...]:
    """Return what a person made of the items: those in doubt that they confirmed or corrected, others that differ.

    What is empty can't be confirmed, and what must be typed neither: a person types it, or leaves it out. Raises
    HTTPException for words without end, which would be cut.
    """
    told: list[Correction] = []
    for item in view.items if view else ():
        said = form.get(f"item-{item.key}")
        if not isinstance(said, str):
            continue
        if len(said) > ITEM_CHARS:
            raise HTTPException(422)
        text = one_line(said)
        if item.must_type:
            answered = bool(text) != (bool(item.heard) and f"leave-out-{item.key}" in form)
        else:
            confirmed = item.doubt and text and f"confirm-{item.key}" in form
            answered = text != one_line(item.text) or bool(confirmed)
        if answered:
            told.append(Correction(key=item.key, text=text))
    return tuple(told)


def _open_cookie(session: Keyring, cookie: str) -> str:
    try:
        return session.open(bytes.fromhex(cookie), COOKIE).decode()
    except (ValueError, ConfigurationError):
        return ""

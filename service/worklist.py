"""The care team's pages: what waits, why, and the decision; everything is read from the ledger."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import redis
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sqlalchemy import Connection
from starlette.responses import StreamingResponse
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.world import World
from contracts.cases import CaseState
from contracts.decisions import Decision, DecisionKind, DecisionReceipt, Reviewer
from contracts.errors import ApprovalError, ConfigurationError, Refusal, WardflowError
from contracts.suggestions import Suggestion
from integrations.blobs.sealing import Keyring
from integrations.ledger import cases, inbox, tables
from integrations.ledger.audit import Action
from integrations.live.worklist import HEARTBEAT_MS
from service.settings import Settings
from workflows.case import Case

log = structlog.get_logger()
HERE = Path(__file__).parent
COOKIE = "wardflow_user"
RECENT = timedelta(minutes=10)
UPDATE_TIMEOUT = timedelta(seconds=15)
UNSEEN = timedelta(seconds=20)
LOOKS = 5  # at the ledger, a second apart, for a decision whose answer was lost
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
    Refusal.SIGNATURE: "The decision could not be verified. Nothing was written.",
}


@dataclass(frozen=True)
class Row:
    """One case as a page shows it."""

    case: cases.CaseRow
    suggestion: Suggestion | None
    decision: Decision | None
    stale: bool
    headline: str
    colour: str

    @property
    def decidable(self) -> bool:
        return self.suggestion is not None and self.case.state == CaseState.OPEN and not self.stale


class Worklist:
    """Reads rows and takes decisions; pages and the JSON API both call it."""

    def __init__(self, world: World, client: Client, signer: Ed25519PrivateKey) -> None:
        self._world, self._client, self._signer = world, client, signer
        self._suggestion = lru_cache(2000)(world.suggestion)

    def rows(self, reader: Reviewer) -> list[Row]:
        """Return the open cases, then those that ended in the last minutes; one audit record for the reading."""
        with self._world.db.read() as tx:
            rows = [self._row(tx, case) for case in cases.listed(tx, ended_after=tables.now() - RECENT)]
        with self._world.db.write() as tx:
            self._world.auditor.append(
                tx, Action.VIEW, "worklist", actor=f"person:{reader.reviewer_id}", detail=f"{len(rows)} cases"
            )
        return sorted(rows, key=_urgency)

    def unseen_since(self) -> datetime | None:
        """Return since when a message waits to be looked at, if it has for longer than a moment."""
        with self._world.db.read() as tx:
            since = inbox.waiting_since(tx)
        return since if since and tables.now() - since > UNSEEN else None

    def row(self, case_id: str, reader: Reviewer) -> Row | None:
        """Return one case, audited as seen by that person."""
        with self._world.db.read() as tx:
            case = cases.find(tx, case_id)
            row = self._row(tx, case) if case else None
        if row is None:
            return None
        with self._world.db.write() as tx:
            self._world.auditor.append(
                tx, Action.VIEW, f"suggestion {row.case.suggestion_hash}", actor=f"person:{reader.reviewer_id}",
                case_id=case_id, encounter_id=row.case.encounter_id,
            )  # fmt: skip
        return row

    def _row(self, tx: Connection, case: cases.CaseRow) -> Row:
        pathway = self._world.pathways[case.pathway]
        headline, colour, suggestion = "no suggestion yet: judge by hand", "#555555", None
        if case.suggestion_blob:
            try:
                suggestion = self._suggestion(case.suggestion_blob)
                headline, colour = pathway.headline(suggestion.facts), pathway.colour(suggestion.selected)
            except (WardflowError, ValueError) as fault:  # one broken row must not hide the others
                log.error("suggestion_unreadable", case_id=case.case_id, error=type(fault).__name__)
                headline = "the suggestion can't be read: judge by hand"
        newest = inbox.newest_event(tx, case.encounter_id, case.case_id)
        stale = suggestion is not None and case.state == CaseState.OPEN and newest > case.covers_event
        decision = cases.decision_of(tx, case.case_id) if case.state != CaseState.OPEN else None
        return Row(case, suggestion, decision, stale, headline, colour)

    async def decide(
        self, row: Row, kind: DecisionKind, reviewer: Reviewer, page_id: str, **fields: Any
    ) -> DecisionReceipt:
        """Sign and send the decision. Raises ApprovalError; HTTPException(503) where it could not be confirmed."""
        selected = fields.pop("selected", None)
        if kind == DecisionKind.APPROVE and row.suggestion:
            selected = row.suggestion.selected
        elif kind == DecisionKind.REJECT:
            selected = None
        # The page's id and what was decided: the same click again is the same decision, another answer is another.
        said = (page_id, row.case.case_id, kind, selected, *fields.values(), reviewer.reviewer_id)
        decision_id = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
        unsigned = Decision(
            decision_id=decision_id, case_id=row.case.case_id, kind=kind, reviewer=reviewer, decided_at=tables.now(),
            selected=selected, **fields,
        )  # fmt: skip
        signature = self._signer.sign(unsigned.signed_bytes()).hex()
        handle = self._client.get_workflow_handle_for(Case.run, row.case.case_id)
        try:
            return await handle.execute_update(
                Case.decide,
                unsigned.model_copy(update={"signature": signature}),
                id=decision_id,
                rpc_timeout=UPDATE_TIMEOUT,
            )
        except WorkflowUpdateFailedError as fault:
            cause = fault.cause
            if isinstance(cause, ApplicationError) and cause.type == ApprovalError.__name__:
                raise ApprovalError(Refusal(cause.details[0]), cause.message) from None
            return await self._held(row.case.case_id, decision_id)
        except (RPCError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError):
            return await self._held(row.case.case_id, decision_id)

    async def _held(self, case_id: str, decision_id: str) -> DecisionReceipt:
        """Return the receipt of a decision whose answer was lost, if the ledger has it. Raises HTTPException(503)."""
        for _ in range(LOOKS):
            with self._world.db.read() as tx:
                held, case = cases.decision_of(tx, case_id), cases.find(tx, case_id)
            if held and held.decision_id == decision_id:
                return DecisionReceipt(
                    decision_id=decision_id,
                    case_id=case_id,
                    kind=held.kind,
                    selected=held.selected,
                    decided_by=held.reviewer.name,
                )
            if held:
                raise ApprovalError(Refusal.DECIDED, held.reviewer.name)
            if case is None or case.state != CaseState.OPEN:
                raise ApprovalError(Refusal.NOT_OPEN)
            await asyncio.sleep(1)
        raise HTTPException(503, "Not confirmed yet; it may still be taken. Look at the list before you decide again.")


def _urgency(row: Row) -> tuple[bool, bool, str, Any]:
    open_ = row.case.state == CaseState.OPEN
    level = row.suggestion.selected if row.suggestion else ""
    return not open_, not (open_ and row.case.escalated_at), level, row.case.due_at


def create_app(world: World, client: Client, settings: Settings, signer: Ed25519PrivateKey) -> FastAPI:
    """Return the pages and the JSON API under `/api`."""
    worklist = Worklist(world, client, signer)
    session = world.blobs.keyring
    pages = Jinja2Templates(HERE / "templates")
    pages.env.globals |= {
        "now": tables.now,
        "users": settings.users,
        "rules_only": not world.models,
        "CaseState": CaseState,
    }
    app = FastAPI(title="Wardflow worklist", docs_url=None, redoc_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))

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
        page = "rows.html" if fragment else "worklist.html"
        return pages.TemplateResponse(
            request, page, {"rows": worklist.rows(me), "me": me, "unseen": worklist.unseen_since()}
        )

    @app.get("/cases/{case_id}", response_class=HTMLResponse)
    def show(request: Request, case_id: str, me: Reviewer = signed_in) -> Response:
        row = worklist.row(case_id, me)
        if row is None:
            raise HTTPException(404)
        context = {"row": row, "me": me, "decision_id": uuid.uuid4().hex}
        return pages.TemplateResponse(request, "case.html", context)

    @app.post("/cases/{case_id}/decision")
    async def decide(
        request: Request,
        case_id: str,
        kind: Annotated[DecisionKind, Form()],
        version: Annotated[int, Form()],
        shown_hash: Annotated[str, Form()],
        decision_id: Annotated[str, Form()],
        selected: Annotated[str, Form()] = "",
        reason: Annotated[str, Form()] = "",
        me: Reviewer = signed_in,
    ) -> Response:
        as_json = request.headers.get("accept") == "application/json"
        row = await asyncio.to_thread(worklist.row, case_id, me)
        if row is None:
            raise HTTPException(404)
        fields = {"selected": selected or None, "version": version, "shown_hash": shown_hash, "reason": reason.strip()}
        try:
            receipt = await worklist.decide(row, kind, me, decision_id, **fields)
        except ApprovalError as fault:
            said = TOLD[Refusal(fault.kind)].format(by=str(fault).partition(": ")[2])
            if as_json:
                return JSONResponse({"refused": fault.kind, "message": said}, status_code=409)
            row = await asyncio.to_thread(worklist.row, case_id, me)
            context = {"row": row, "me": me, "decision_id": uuid.uuid4().hex, "message": said, "reason": reason}
            return pages.TemplateResponse(request, "case.html", context, status_code=409)
        if as_json:
            return JSONResponse(receipt.model_dump(mode="json"))
        return RedirectResponse("/", status_code=303)

    @app.get("/api/cases")
    def api_cases(me: Reviewer = signed_in) -> list[dict[str, Any]]:
        return [
            {
                **row.case.model_dump(mode="json", exclude={"suggestion_blob", "snapshot_blob"}),
                "decidable": row.decidable,
                "choices": [c.code for c in row.suggestion.choices] if row.suggestion else [],
                "selected": row.suggestion.selected if row.suggestion else None,
                "made_by": row.suggestion.made_by if row.suggestion else None,
            }
            for row in worklist.rows(me)
        ]

    @app.get("/events")
    async def events(since: str = "$", _me: Reviewer = signed_in) -> StreamingResponse:
        return StreamingResponse(_changes(world, since), media_type="text/event-stream")

    @app.get("/livez")
    def livez() -> dict[str, str]:
        return {"status": "ok"}

    return app


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


def _open_cookie(session: Keyring, cookie: str) -> str:
    try:
        return session.open(bytes.fromhex(cookie), COOKIE).decode()
    except (ValueError, IndexError, ConfigurationError):
        return ""

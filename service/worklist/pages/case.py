"""The page of one case: what is shown, what changed since, the decision and its undo."""

import asyncio
import uuid
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from contracts.cases import CaseState
from contracts.decisions import Reviewer
from contracts.errors import ApprovalError, Refusal
from integrations.blobs.sealing import Keyring
from service.worklist import access, changes, flash, forms
from service.worklist.changes import Seen
from service.worklist.dependencies import Again, Decisions, Live, Session, SignedIn, Speaking, Templates, Worklist
from service.worklist.flash import Flash
from service.worklist.forms import SentForm
from service.worklist.rows import Row

router = APIRouter()
REFUSALS = {
    Refusal.STALE: "New data arrived since this was shown. Nothing was written: look at the new suggestion.",
    Refusal.DECIDED: "Already decided by {by}. Nothing was changed by you.",
    Refusal.NOT_OPEN: "This case is not open for a decision. Nothing was written.",
    Refusal.ROLE: "Your role may not decide here. Nothing was written.",
    Refusal.CHOICE: "A change needs another level and a reason, a rejection or a withdrawal a reason, and where "
    "nothing is proposed a level has to be chosen. Nothing was written.",
    Refusal.CONTRADICTION: "An approval can't carry another level or a reason, nor a rejection a level: "
    "choose one answer. Nothing was written.",
    Refusal.UNDONE: "This decision was taken back. Nothing was written: decide again.",
    Refusal.NOT_YOURS: "Only {by} can take this decision back. Nothing was changed.",
    Refusal.TOO_LATE: "Too late to take it back: it is being written to the chart, or a later decision rests on it.",
    Refusal.EMPTY: "The note is empty: write down what was said, or reject it. Nothing was written.",
    Refusal.DOUBT: "A mark is left: listen to it, then confirm it, or type what was said. Nothing was written.",
    Refusal.SIGNATURE: "The decision could not be verified. Nothing was written.",
    Refusal.UNCONFIRMED: "Not confirmed yet; it may still be taken. Look at the list before you decide again.",
}
"""What a person reads of a refusal; `{by}` is who decided."""
TAKEN_BACK = "Taken back. Nothing was written: the case is open again."


@router.get("/cases/{case_id}", response_class=HTMLResponse)
def show(
    request: Request,
    case_id: str,
    me: SignedIn,
    worklist: Worklist,
    live: Live,
    speaking: Speaking,
    session: Session,
    templates: Templates,
    since: str = "",
) -> Response:
    """Show the case, what changed since version `since`, and once the message that waits for this page."""
    seen = live.position()
    row = worklist.row(case_id, me)
    if row is None:
        raise HTTPException(404)
    message = flash.receive(request, session, me.reviewer_id)
    corrections = row.decision.corrections if row.decision else ()
    if message and not row.decision:
        corrections = worklist.still_meant(row, message.version, message.corrections)
    since_version = message.version if message else int(since) if since.isdecimal() and len(since) < 9 else 0
    changed = ""
    if row.case.state == CaseState.OPEN and 0 < since_version < row.case.version:
        changed = changes.sentence(worklist.version(row.case, since_version), row.suggestion)
    context = {
        "row": row,
        "me": me,
        "decision_id": uuid.uuid4().hex,
        "seen": seen,
        "may_speak": speaking.may_speak(me),
        "correctable": worklist.correctable(row, me),
        "changed": changed,
        "said": {correction.key: correction.text for correction in corrections},
        "flash": message,
    }
    answer = templates.TemplateResponse(request, "case.html", context)
    waits = row.case.state == CaseState.OPEN and not row.decidable  # the page has no field yet for what was typed
    if message and not waits:
        flash.clear(answer)
    return answer


@router.get("/cases/{case_id}/changes")
def changes_since(
    case_id: str,
    version: int,
    state: CaseState,
    me: SignedIn,
    worklist: Worklist,
    stale: bool = False,
    decision: str = "",
) -> Response:
    """Return what is new since the page was rendered, as its script asks every few seconds."""
    seen = Seen(version=version, state=state, stale=stale, decision_id=decision)
    change = worklist.changes(case_id, seen, me)
    if change is None:
        raise HTTPException(404)
    return JSONResponse(change.model_dump(mode="json"))


@router.get("/cases/{case_id}/decision")
@router.get("/cases/{case_id}/undo")
@router.get("/cases/{case_id}/correct")
@router.get("/cases/{case_id}/acknowledge")
def instead_of_form(case_id: str) -> Response:
    """Where a person reloads the address that a form was sent to."""
    return RedirectResponse(_path(case_id), status_code=303)


@router.post("/cases/{case_id}/decision")
async def decide(
    request: Request,
    case_id: str,
    sent: SentForm,
    me: SignedIn,
    worklist: Worklist,
    decisions: Decisions,
    session: Session,
) -> Response:
    """Take the decision; its author goes on with the list, or reads on the case's page why it was refused."""
    row = await _answered(worklist, case_id, me)
    form = sent.model_copy(update={"corrections": forms.corrections(row.view, await request.form())})
    try:
        receipt = await decisions.decide(row, form, me)
    except ApprovalError as fault:
        kept = form.model_dump(include={"kind", "version", "selected", "reason", "corrections"})
        return _refused(request, session, case_id, me, fault, kept)
    if access.wants_json(request):
        return JSONResponse(receipt.model_dump(mode="json"))
    return RedirectResponse("/", status_code=303)


@router.post("/cases/{case_id}/undo")
async def undo(
    request: Request,
    case_id: str,
    decision_id: Annotated[str, Form()],
    me: SignedIn,
    worklist: Worklist,
    decisions: Decisions,
    session: Session,
) -> Response:
    """Take a decision back; the case's page shows again what was typed."""
    row = await _answered(worklist, case_id, me)
    try:
        await decisions.undo(row, me, decision_id)
    except ApprovalError as fault:
        return _refused(request, session, case_id, me, fault, {})
    if access.wants_json(request):
        return JSONResponse({"undone": decision_id})
    kept: dict[str, Any] = {}
    if row.decision and row.decision.decision_id == decision_id:  # what was typed is there to be mended
        kept = row.decision.model_dump(include={"version", "kind", "selected", "reason", "corrections"})
    return _back_to_case(session, me, Flash(path=_path(case_id), message=TAKEN_BACK, refused=False, **kept))


@router.post("/cases/{case_id}/correct")
async def correct(
    request: Request, case_id: str, me: SignedIn, worklist: Worklist, again: Again, session: Session
) -> Response:
    """Open the next case of the stay, which asks what becomes of what was decided; show it."""
    await _answered(worklist, case_id, me)
    try:
        opened = await asyncio.to_thread(again.correct, case_id, me)
    except ApprovalError as fault:
        return _refused(request, session, case_id, me, fault, {})
    if access.wants_json(request):
        return JSONResponse({"case_id": opened})
    return RedirectResponse(_path(opened), status_code=303)


@router.post("/cases/{case_id}/acknowledge")
async def acknowledge(
    request: Request, case_id: str, me: SignedIn, worklist: Worklist, again: Again, session: Session
) -> Response:
    """Take note that nobody decided; the case leaves the list."""
    await _answered(worklist, case_id, me)
    try:
        await asyncio.to_thread(again.acknowledge, case_id, me)
    except ApprovalError as fault:
        return _refused(request, session, case_id, me, fault, {})
    if access.wants_json(request):
        return JSONResponse({"acknowledged": case_id})
    return RedirectResponse("/", status_code=303)


async def _answered(worklist: Worklist, case_id: str, me: Reviewer) -> Row:
    """Return the case that a form answers. Raises HTTPException (404)."""
    row = await asyncio.to_thread(worklist.row, case_id, me)
    if row is None:
        raise HTTPException(404)
    return row


def _refused(
    request: Request, session: Keyring, case_id: str, me: Reviewer, fault: ApprovalError, kept: dict[str, Any]
) -> Response:
    """Return why it was refused; the case's page has what was `kept` of the form filled in."""
    message = REFUSALS[Refusal(fault.kind)].format(by=str(fault).partition(": ")[2] or "its author")
    if access.wants_json(request):
        status = 503 if fault.kind == Refusal.UNCONFIRMED else 409
        return JSONResponse({"refused": fault.kind, "message": message}, status_code=status)
    return _back_to_case(session, me, Flash(path=_path(case_id), message=message, **kept))


def _back_to_case(session: Keyring, me: Reviewer, message: Flash) -> Response:
    answer = RedirectResponse(message.path, status_code=303)
    flash.send(answer, session, me.reviewer_id, message)
    return answer


def _path(case_id: str) -> str:
    return f"/cases/{quote(case_id, safe='')}"

"""Recordings of a case: those that its page plays, and those that a person dictates on it."""

import asyncio
import uuid

import structlog
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from contracts.errors import FhirError, Refusal
from service.worklist import byte_ranges, dictating
from service.worklist.dependencies import Blobs, SignedIn, Speaking, Worklist

log = structlog.get_logger()
router = APIRouter()


@router.get("/cases/{case_id}/recordings/{number}")
def play(request: Request, case_id: str, number: int, me: SignedIn, worklist: Worklist, blobs: Blobs) -> Response:
    """Return one of the recordings that the case's page plays, or the range of it that the player wants."""
    played = worklist.recording(case_id, number, me)
    if played is None:
        raise HTTPException(404)
    kind = played.media_type if dictating.AUDIO.fullmatch(played.media_type) else "application/octet-stream"
    return byte_ranges.answer(blobs.get(played.blob), kind, request.headers.get("range"))


@router.post("/cases/{case_id}/recordings")
async def speak(request: Request, case_id: str, me: SignedIn, worklist: Worklist, speaking: Speaking) -> Response:
    """Write what a person dictated into the chart of the case's stay."""
    if not speaking.may_speak(me):
        raise HTTPException(403)
    audio = await request.body()
    case = await asyncio.to_thread(worklist.case, case_id)
    if case is None:
        raise HTTPException(404)
    media_type = request.headers.get("content-type", "")
    recording_id = request.headers.get("x-recording", uuid.uuid4().hex)
    if request.headers.get("x-encounter", case.encounter_id) != case.encounter_id:
        return JSONResponse({"error": dictating.OTHER_STAY}, status_code=409)
    try:
        await asyncio.to_thread(speaking.record, case, me, audio, media_type, recording_id)
    except dictating.NotOpenError:
        log.info("recording_refused", kind=Refusal.NOT_OPEN)
        return JSONResponse({"error": dictating.NOT_OPEN}, status_code=409)
    except ValueError:
        return JSONResponse({"error": "That is no recording."}, status_code=422)
    except FhirError as fault:
        log.warning("recording_refused", **fault.log_fields())
        return JSONResponse({"error": "The chart does not take it now."}, status_code=503)
    return JSONResponse({"written": True})

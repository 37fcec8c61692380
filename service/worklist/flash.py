"""A message to the person who sent a form, carried over the redirect that follows it, and shown once.

It travels in a sealed cookie, so that nothing that an address names is ever shown as text, and any process of the
worklist can show it.
"""

import base64
import zlib

from fastapi import Request, Response

from contracts.decisions import Correction, DecisionKind
from contracts.errors import ConfigurationError
from contracts.frozen import Frozen
from integrations.blobs.sealing import Keyring

COOKIE = "wardflow_message"
LIFETIME_S = 60
MOST_BYTES = 3_800  # RFC 6265, section 6.1: a browser keeps at least 4,096 bytes of a cookie, its name included
SHORTENED = " What you had changed in the note was too long to be kept: please change it again."


class Flash(Frozen):
    path: str
    """Of the page that shows it."""
    message: str
    refused: bool = True
    """Whether what was sent was refused; else it was done."""
    version: int = 0
    """Of the case, as the form was filled in."""
    kind: DecisionKind | None = None
    reason: str = ""
    selected: str | None = None
    corrections: tuple[Correction, ...] = ()


def send(answer: Response, session: Keyring, user_id: str, flash: Flash) -> None:
    """Have the page of that path show the message to that person."""
    value = _seal(session, user_id, flash)
    if len(value) > MOST_BYTES:
        value = _seal(
            session, user_id, flash.model_copy(update={"corrections": (), "message": flash.message + SHORTENED})
        )
    answer.set_cookie(COOKIE, value, max_age=LIFETIME_S, httponly=True, samesite="strict")


def receive(request: Request, session: Keyring, user_id: str) -> Flash | None:
    """Return the message for the page that is asked for, or None."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(COOKIE, ""))
        flash = Flash.model_validate_json(zlib.decompress(session.open(sealed, _purpose(user_id))))
    except (ValueError, zlib.error, ConfigurationError):
        return None
    return flash if flash.path == request.url.path else None


def clear(answer: Response) -> None:
    """Have the browser forget the message: the page that this answer is shows it."""
    answer.delete_cookie(COOKIE)


def _seal(session: Keyring, user_id: str, flash: Flash) -> str:
    sealed = session.seal(zlib.compress(flash.model_dump_json().encode()), _purpose(user_id))
    return base64.urlsafe_b64encode(sealed).decode()


def _purpose(user_id: str) -> str:
    return f"{COOKIE}|{user_id}"

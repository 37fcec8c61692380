"""Who sends a request, what kind of answer it accepts, and how large its body may be."""

from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.requests import HTTPConnection, Request
from starlette.types import Scope

from activities.recordings import MOST_BYTES
from contracts.decisions import Reviewer
from contracts.errors import ConfigurationError
from integrations.blobs.sealing import Keyring
from service.process import guard
from service.process.settings import Settings
from service.worklist import flash
from service.worklist.flash import Flash

COOKIE = "wardflow_user"
SIGNED_OUT = "You were not signed in. Nothing was written."
FORM, LOGIN, SPEECH = guard.Bound(2**20, 20), guard.Bound(4096, 10), guard.Bound(MOST_BYTES, 120)
"""Limits of a decision's form, of signing in, and of a recording."""


def sign_in(answer: Response, session: Keyring, user_id: str) -> None:
    """Have the browser send this person's name with each request."""
    answer.set_cookie(COOKIE, session.seal(user_id.encode(), COOKIE).hex(), httponly=True, samesite="strict")


def reviewer(request: HTTPConnection, session: Keyring, settings: Settings) -> Reviewer | None:
    """Return the person who is signed in, with the role that the configuration gives them now, or None."""
    return settings.reviewer(_open_cookie(session, request.cookies.get(COOKIE, "")))


def sign_in_first(session: Keyring, scope: Scope) -> Response:
    """Return what somebody without a session gets; a recording that was not taken must not look like a page."""
    request = Request(scope)
    if wants_json(request) or request.url.path.endswith("/recordings"):
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


def wants_json(request: Request) -> bool:
    """Return whether a program sent the request, and not a person's browser."""
    return request.url.path.startswith("/api") or request.headers.get("accept") == "application/json"


def wants_page(request: Request) -> bool:
    """Return whether a browser will show the answer to a person."""
    return not request.url.path.startswith("/api") and "text/html" in request.headers.get("accept", "")


def _open_cookie(session: Keyring, cookie: str) -> str:
    try:
        return session.open(bytes.fromhex(cookie), COOKIE).decode()
    except (ValueError, ConfigurationError):
        return ""

"""The list of cases, and what of it is read again while it is open."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from service.worklist.dependencies import Live, SignedIn, Speaking, Templates, Worklist

router = APIRouter()


@router.get("/", response_class=HTMLResponse)
def index(
    request: Request,
    me: SignedIn,
    worklist: Worklist,
    live: Live,
    speaking: Speaking,
    templates: Templates,
    fragment: bool = False,
) -> Response:
    """Show the list, or its rows alone as a fragment."""
    page, seen = "rows.html" if fragment else "worklist.html", live.position()
    return templates.TemplateResponse(
        request,
        page,
        {
            "seen": seen,
            "rows": worklist.rows(me),
            "me": me,
            "unseen": worklist.unseen_since(),
            "may_speak": speaking.may_speak(me),
        },
    )


@router.get("/parts", response_class=HTMLResponse)
def parts(request: Request, _me: SignedIn, templates: Templates) -> Response:
    """Show which parts are away."""
    return templates.TemplateResponse(request, "parts.html")

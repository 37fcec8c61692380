"""The page where people sign in."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from service.worklist import access, flash
from service.worklist.dependencies import Session, Settings, Templates

router = APIRouter()


@router.get("/login", response_class=HTMLResponse)
def login_page(request: Request, session: Session, templates: Templates) -> Response:
    """Show who may sign in, and once what happened to the form of somebody who was not signed in."""
    message = flash.receive(request, session, "")
    answer = templates.TemplateResponse(request, "login.html", {"flash": message})
    if message:
        flash.clear(answer)
    return answer


@router.post("/login")
def login(user_id: Annotated[str, Form()], settings: Settings, session: Session) -> Response:
    """Sign in as one of the configured people."""
    if user_id not in settings.users:
        raise HTTPException(401)
    answer = RedirectResponse("/", status_code=303)
    access.sign_in(answer, session, user_id)
    return answer

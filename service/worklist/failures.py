"""What is answered instead of a page: no records can be kept, nobody is signed in, no such page, an unreadable form."""

import structlog
from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from contracts.errors import LedgerError
from service.worklist import access
from service.worklist.dependencies import services_of

log = structlog.get_logger()
NO_RECORDS = (
    "Wardflow cannot keep its records at the moment (is its disk full?), so it shows no patient and takes no decision. "
    "Nothing was written. Go on by your department's own procedure; this page comes back by itself."
)
NOT_FOUND = "There is no such page or case. Nothing was written."
NOT_TAKEN = "Wardflow can't take what was sent. Nothing was written."
LOOK_AGAIN_S = 5
"""After this time the page without records is asked for again."""


def register(app: FastAPI) -> None:
    """Have the application answer failures as this module does."""
    app.exception_handler(LedgerError)(no_records)
    app.exception_handler(401)(to_login)
    app.exception_handler(HTTPException)(no_page)
    app.exception_handler(RequestValidationError)(not_taken)


def no_records(request: Request, fault: LedgerError) -> Response:
    """Say that nothing can be shown or decided, and when to ask again."""
    log.error("page_refused", kind=fault.kind)
    again = {"Retry-After": str(LOOK_AGAIN_S)}
    if access.wants_json(request):
        return JSONResponse({"error": NO_RECORDS}, status_code=503, headers=again)
    whole = "fragment" not in request.query_params
    context = {"told": NO_RECORDS, "whole": whole, "look_again_s": LOOK_AGAIN_S}
    return services_of(request).templates.TemplateResponse(
        request, "away.html", context, status_code=503, headers=again
    )


async def to_login(request: Request, _fault: Exception) -> Response:
    """Send nobody to the page where people sign in."""
    return access.sign_in_first(services_of(request).session, request.scope)


async def no_page(request: Request, fault: HTTPException) -> Response:
    """Answer a browser with a page, whatever it asked for."""
    if not access.wants_page(request):
        return await http_exception_handler(request, fault)
    message = NOT_FOUND if fault.status_code in (404, 405) else NOT_TAKEN
    context = {"told": message, "whole": True}
    return services_of(request).templates.TemplateResponse(
        request, "away.html", context, status_code=fault.status_code, headers=fault.headers
    )


async def not_taken(request: Request, fault: RequestValidationError) -> Response:
    """Say that a form lacks something or has too much."""
    if not access.wants_page(request):
        return await request_validation_exception_handler(request, fault)
    context = {"told": NOT_TAKEN, "whole": True}
    return services_of(request).templates.TemplateResponse(request, "away.html", context, status_code=422)

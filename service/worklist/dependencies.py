"""What a page may depend on, by name: the person who is signed in, and each object that the application was made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.templating import Jinja2Templates

from contracts.decisions import Reviewer
from integrations.blobs.sealing import Keyring
from integrations.blobs.store import BlobStore
from integrations.live.worklist import LiveWorklist
from service.process import health, settings
from service.worklist import access, again, decisions, dictating, rows


@dataclass(frozen=True)
class Services:
    """Made once for the application, which keeps them as `app.state.services`."""

    settings: settings.Settings
    session: Keyring
    """Seals the cookies."""
    worklist: rows.Worklist
    decisions: decisions.Decisions
    again: again.Again
    speaking: dictating.Speaking
    live: LiveWorklist
    blobs: BlobStore
    health: health.Health
    templates: Jinja2Templates


def services_of(request: Request) -> Services:
    """Return what the application that serves this request was made of."""
    return request.app.state.services


def _service(read: Callable[[Services], Any]) -> Any:
    """Return the dependency on one of the services, a coroutine: FastAPI runs any other function in a thread."""

    async def service(request: Request) -> Any:
        return read(services_of(request))

    return Depends(service)


async def _signed_in(request: Request) -> Reviewer:
    services = services_of(request)
    person = access.reviewer(request, services.session, services.settings)
    if person is None:
        raise HTTPException(401)
    return person


SignedIn = Annotated[Reviewer, Depends(_signed_in)]
"""The person; a request of nobody is refused with 401."""
Settings = Annotated[settings.Settings, _service(lambda services: services.settings)]
Session = Annotated[Keyring, _service(lambda services: services.session)]
Again = Annotated[again.Again, _service(lambda services: services.again)]
Worklist = Annotated[rows.Worklist, _service(lambda services: services.worklist)]
Decisions = Annotated[decisions.Decisions, _service(lambda services: services.decisions)]
Speaking = Annotated[dictating.Speaking, _service(lambda services: services.speaking)]
Live = Annotated[LiveWorklist, _service(lambda services: services.live)]
Blobs = Annotated[BlobStore, _service(lambda services: services.blobs)]
Health = Annotated[health.Health, _service(lambda services: services.health)]
Templates = Annotated[Jinja2Templates, _service(lambda services: services.templates)]

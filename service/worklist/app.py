"""The worklist's application, assembled: the care team's pages, and the same as JSON under `/api`."""

from datetime import timedelta
from functools import partial

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.requests import HTTPConnection
from temporalio.client import Client

from activities.world import World
from service.process import guard
from service.process.endpoints import mount
from service.process.health import Health, probes
from service.process.loops import beside
from service.process.metrics import Metrics
from service.process.secrets import Secrets
from service.process.settings import Settings
from service.process.wiring import feed_types
from service.worklist import access, api, failures, rendering
from service.worklist.again import Again
from service.worklist.decisions import Decisions
from service.worklist.dependencies import Services
from service.worklist.dictating import Speaking
from service.worklist.pages import case, events, list, login, recordings
from service.worklist.rows import Worklist

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
ROUTERS = (login.router, list.router, case.router, recordings.router, api.router, events.router)


def create_app(world: World, client: Client, settings: Settings, secrets: Secrets) -> FastAPI:
    """Return the pages and the JSON API under `/api`."""
    services = _services(world, client, settings, secrets)
    health = services.health
    app = FastAPI(
        title="Wardflow worklist",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=beside(health.loops(), health.done),
    )
    app.state.services = services
    app.mount("/static", StaticFiles(directory=rendering.HERE / "static"))
    app.add_middleware(guard.Guard, checks=_checks(services), bound=access.bound, headers=HEADERS)
    mount(app, health, Metrics(health, lock_times=world.records.db.lock_times))
    failures.register(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _services(world: World, client: Client, settings: Settings, secrets: Secrets) -> Services:
    roles = {name: pathway.roles for name, pathway in settings.pathways.items()}
    worklist = Worklist(world, timedelta(seconds=settings.timing.undo_s), roles)
    feeds = feed_types(settings)
    needs = ("ledger", "temporal", "worker")
    health = Health(world, settings.timing, "worklist", needs, probes(world, client, feeds), feeds)
    return Services(
        settings=settings,
        session=secrets.session_keyring(),
        worklist=worklist,
        decisions=Decisions(world, client, secrets.signer(), settings.timing.evidence_s),
        again=Again(world, settings),
        speaking=Speaking(world, settings),
        live=world.live,
        blobs=world.records.blobs,
        health=health,
        templates=rendering.templates(world, worklist, settings, health),
    )


def _checks(services: Services) -> tuple[guard.Check, ...]:
    """Return what is checked before any route is looked up: the host, the origin and the session of a write."""

    def known(request: HTTPConnection) -> bool:
        return access.reviewer(request, services.session, services.settings) is not None

    refuse = partial(access.sign_in_first, services.session)
    hosts = services.settings.worklist.hosts
    return guard.known_host(hosts), guard.same_origin, guard.signed_in(known, ("/login",), refuse)

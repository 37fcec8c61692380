"""The dispatcher as a process: one of several works, woken through Redis, and answers what operators' tools ask."""

import redis
import structlog
from fastapi import FastAPI
from temporalio.client import Client

from activities.world import World
from integrations.live.wakes import Wakes
from service.dispatcher.leadership import Leadership
from service.dispatcher.loop import Dispatcher
from service.process import guard
from service.process.endpoints import mount
from service.process.health import Health, probes
from service.process.loops import beside
from service.process.metrics import Metrics
from service.process.settings import Settings

log = structlog.get_logger()
NAME = "dispatcher"
PROBED = ("temporal", "redis")
AGAIN_S = 1.0
"""Before Redis is tried again; meanwhile the dispatcher polls."""


def create_app(world: World, client: Client, settings: Settings, verify_key: str) -> FastAPI:
    """Return the dispatcher's endpoints, with the dispatcher running beside them."""
    dispatcher = Dispatcher(world, client, settings, verify_key)
    leadership, wakes = Leadership(world.records.db), Wakes(settings.parts.redis_url)
    probed = {part: probe for part, probe in probes(world, client, {}).items() if part in PROBED}
    health = Health(world, settings.timing, NAME, ("ledger", "temporal"), probed, by_rounds=True)

    async def step() -> float:
        wait_s = await leadership.work(dispatcher.step)
        if wait_s is None:
            health.rest(NAME)
            return 0.0
        health.done(NAME)
        return wait_s

    async def woken() -> float:
        try:
            async for wake in wakes.follow():
                if wake:
                    dispatcher.woken.set()
        except (redis.RedisError, OSError) as fault:
            log.warning("wakes_away", error=type(fault).__name__)
        return AGAIN_S

    loops = {"lease": leadership.keep, "dispatch": step, "wakes": woken, **health.loops()}
    app = FastAPI(title="Wardflow dispatcher", lifespan=beside(loops, health.done), openapi_url=None)
    app.add_middleware(guard.Guard, checks=(guard.known_host(()),), bound=lambda _scope: guard.NO_BODY)
    mount(app, health, Metrics(health, lock_times=world.records.db.lock_times))
    return app

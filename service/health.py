"""What one process knows of every part: looked at in the background, so that asking costs nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.world import World
from contracts.errors import LedgerError, WardflowError
from contracts.frozen import Frozen
from integrations.ledger import signs, switches, tables
from service.settings import TimingSettings

log = structlog.get_logger()
MISSED = 4  # rounds that a part may miss; one of its own and one of the reader are always under way
PROBE_S = 3.0
Probe = Callable[[], Awaitable[bool]]


class State(StrEnum):
    LIVE = "live"
    AWAY = "away"
    """Its last good sign is older than it may be, or it never gave one."""
    STOPPED = "stopped"
    """A person stopped it (I14)."""


class PartState(Frozen):
    state: State
    age_s: float | None
    """Since its last good sign."""


class Health:
    """The last good sign of each part.

    What a process probes or does itself it knows at first hand; it leaves its own signs in the ledger, which is also
    the proof that the ledger takes writes, and reads there what the others left.
    """

    def __init__(
        self, world: World, timing: TimingSettings, process: str, needs: tuple[str, ...], probes: dict[str, Probe]
    ) -> None:
        self._world, self._process, self._needs, self._probes = world, process, needs, probes
        self._timing = timing
        self._done: dict[str, datetime] = {}
        """Rounds of this process's own loops."""
        self._probed: dict[str, datetime] = {}
        self._left: dict[str, datetime] = {}
        """Signs of other processes, from the ledger."""
        self._stopped: set[str] = set()
        self._told: dict[str, State] = {}

    def done(self, part: str) -> None:
        """Take note of a good round of one of this process's loops."""
        if part in PROCESSES:
            self._done[part] = tables.now()

    def loops(self) -> dict[str, Callable[[], Awaitable[float]]]:
        """Return what is to run beside the process for ever: one loop a part, so that none holds up another."""
        probes = {f"probe {part}": partial(self._probe, part, probe) for part, probe in self._probes.items()}
        return {"signs": self.exchange, **probes}

    async def exchange(self) -> float:
        """Leave this process's signs in the ledger, read those of the others, and log what went away or came back."""
        with suppress(LedgerError):  # then its own sign grows old
            await asyncio.to_thread(self._signs)
            self._probed["ledger"] = tables.now()
        told, self._told = self._told, {part: seen.state for part, seen in self.parts().items()}
        for part, state in self._told.items():
            if told.get(part, state) != state:
                log.warning("part_changed", part=part, status=state)
        return self._timing.health_s

    async def _probe(self, part: str, probe: Probe) -> float:
        with suppress(WardflowError, RPCError, RuntimeError, OSError):  # RuntimeError: a lazy client without Temporal
            async with asyncio.timeout(PROBE_S):
                if await probe():
                    self._probed[part] = tables.now()
        return self._timing.health_s

    def _signs(self) -> None:
        with self._world.db.write() as tx:
            signs.give(tx, {**self._done, self._process: tables.now()})
            self._left, self._stopped = signs.seen(tx), set(switches.all_stopped(tx))

    def parts(self) -> dict[str, PartState]:
        """Return the state of every part that this process knows."""
        return {part: self._state(part) for part in ("ledger", *self._probes, *PROCESSES)}

    def _state(self, part: str) -> PartState:
        found = judged(self._timing, part, self._probed.get(part) or self._done.get(part) or self._left.get(part))
        return found.model_copy(update={"state": State.STOPPED}) if part in self._stopped else found

    def ready(self) -> bool:
        """Return whether this process can do its duty, whatever else is away."""
        known = self.parts()
        return all(known[part].state == State.LIVE for part in self._needs)


def judged(timing: TimingSettings, part: str, at: datetime | None) -> PartState:
    """Return the state of a part whose last good sign was given at that moment."""
    age_s = round((tables.now() - at).total_seconds(), 1) if at else None
    rounds_s = {"reconciler": timing.reconcile_s, "audit": timing.audit_export_s}
    patience_s = MISSED * max(timing.health_s, rounds_s.get(part, 0.0))
    return PartState(state=State.LIVE if age_s is not None and age_s <= patience_s else State.AWAY, age_s=age_s)


PROCESSES = ("gateway", "dispatcher", "reconciler", "watchdog", "audit", "worklist", "worker")
"""Ours, and the loops of the gateway: each leaves its signs in the ledger."""


def probes(world: World, client: Client) -> dict[str, Probe]:
    """Return how to ask each part that is not ours."""

    async def temporal() -> bool:
        return await client.service_client.check_health(timeout=timedelta(seconds=PROBE_S))

    async def chart() -> bool:
        return bool(await asyncio.to_thread(world.fhir.read_metadata))

    def role(name: str) -> Probe:
        async def serving() -> bool:
            return (await world.models[name].now()).model in await world.models[name].served()

        return serving

    asked: dict[str, Probe] = {"temporal": temporal, "redis": lambda: asyncio.to_thread(world.live.answers)}
    return asked | {"chart": chart} | {f"model:{name}": role(name) for name in world.models}

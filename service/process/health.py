"""What one process knows of every part: looked at in the background, so that asking costs nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities.world import World
from contracts.errors import FhirError, FhirFault, LedgerError, WardflowError
from contracts.frozen import Frozen
from integrations import clock
from integrations.fhir.client import FhirClient
from integrations.ledger import feed_progress as ledger_following
from integrations.ledger import signs_of_life, switches
from integrations.ledger.feed_progress import TypeStanding
from service.process import feed_progress
from service.process.feed_progress import MISSED
from service.process.settings import TimingSettings

log = structlog.get_logger()
PROBE_S = 3.0
FEED = "feed:"
"""Before the name of a feed, as the name of a part."""
UNAUTHORIZED = 401
Probe = Callable[[], Awaitable[bool]]


class State(StrEnum):
    LIVE = "live"
    AWAY = "away"
    """Its last good sign is older than it may be, or it never gave one, or it refuses us."""
    PARTLY = "partly"
    """It does a part of its duty; the reason says what is missing."""
    STOPPED = "stopped"
    """A person stopped it (I14)."""


class PartState(Frozen):
    state: State
    age_s: float | None
    """Since its last good sign."""
    reason: str = ""
    """Why it is away or does only a part of its duty, where it says so."""


class Health:
    """The last good sign of each part.

    What a process probes or does itself it knows at first hand; it leaves its own signs in the ledger, which is also
    the proof that the ledger takes writes, and reads there what the others left.
    """

    def __init__(
        self,
        world: World,
        timing: TimingSettings,
        process: str,
        needs: tuple[str, ...],
        probes: dict[str, Probe],
        feeds: Mapping[str, tuple[str, ...]] | None = None,
        *,
        by_rounds: bool = False,
    ) -> None:
        """`feeds` are those whose being followed this process vouches for, each with its resource types.

        With `by_rounds` the sign of this process is that of its loop of the same name: one that only waits for its turn
        gives none.
        """
        self._by_rounds = by_rounds
        self._world, self._process, self._needs, self._probes = world, process, needs, probes
        self._timing, self._feeds = timing, feeds or {}
        self._done: dict[str, datetime] = {}
        """Rounds of this process's own loops."""
        self._probed: dict[str, datetime] = {}
        self._left: dict[str, datetime] = {}
        """Signs of other processes, from the ledger."""
        self._types: list[TypeStanding] = []
        """How each type of the feeds is read, from the ledger."""
        self._refused: dict[str, str] = {}
        """Parts that refuse what we ask of them, and in which words."""
        self._stopped: set[str] = set()
        self._told: dict[str, State] = {}

    def done(self, part: str) -> None:
        """Take note of a good round of one of this process's loops."""
        if part in PROCESSES:
            self._done[part] = clock.now()

    def rest(self, part: str) -> None:
        """Give no more signs of a loop that another process runs now."""
        self._done.pop(part, None)

    def loops(self) -> dict[str, Callable[[], Awaitable[float]]]:
        """Return what is to run beside the process for ever: one loop a part, so that none holds up another."""
        probes = {f"probe {part}": partial(self._probe, part, probe) for part, probe in self._probes.items()}
        return {"signs": self.exchange, **probes}

    async def exchange(self) -> float:
        """Leave this process's signs in the ledger, read those of the others, and log what went away or came back."""
        with suppress(LedgerError):  # then its own sign grows old
            await asyncio.to_thread(self._signs)
            self._probed["ledger"] = clock.now()
        told, self._told = self._told, {part: seen.state for part, seen in self.parts().items()}
        for part, state in self._told.items():
            if told.get(part, state) != state:
                log.warning("part_changed", part=part, status=state, reason=self.parts()[part].reason)
        return self._timing.health_s

    async def _probe(self, part: str, probe: Probe) -> float:
        refused = ""
        try:
            async with asyncio.timeout(PROBE_S):
                if await probe():
                    self._probed[part] = clock.now()
        except FhirError as fault:
            refused = fault.answer if fault.kind != FhirFault.UNREACHABLE else ""
        except (WardflowError, RPCError, RuntimeError, OSError):  # RuntimeError: a lazy client without Temporal
            pass
        self._refused[part] = refused
        return self._timing.health_s

    def _signs(self) -> None:
        with self._world.records.db.write() as tx:
            signs_of_life.give(tx, self._done if self._by_rounds else {**self._done, self._process: clock.now()})
            self._left, self._stopped = signs_of_life.seen(tx), set(switches.all_stopped(tx))
            self._types = ledger_following.seen(tx)

    def parts(self) -> dict[str, PartState]:
        """Return the state of every part that this process knows."""
        known = {part: self._state(part) for part in ("ledger", *self._probes, *PROCESSES)}
        return known | {f"{FEED}{feed}": self._feed(feed) for feed in self._feeds}

    def unseen(self) -> list[str]:
        """Return what the people of the ward must know of what they are not shown; empty while all is followed."""
        told = dict.fromkeys(told for feed in self._feeds for told in feed_progress.for_the_ward(self._view(feed)))
        if self._feeds and self.connected() and self._state("dispatcher").state != State.LIVE:
            told["What arrives is not being looked at: new arrivals are not shown."] = None
        return list(told)

    def connected(self) -> bool:
        """Return whether each feed is followed, be it in part."""
        return all(self._view(feed).followed for feed in self._feeds)

    def _view(self, feed: str) -> feed_progress.FeedView:
        reading = all(self._state(part).state == State.LIVE for part in ("gateway", "reconciler"))
        return feed_progress.view(self._timing, feed, self._feeds[feed], self._types, reading=reading)

    def _feed(self, feed: str) -> PartState:
        seen = self._view(feed)
        state = State.AWAY if not seen.followed else State.PARTLY if seen.blind else State.LIVE
        age_s = round((clock.now() - seen.since).total_seconds(), 1) if seen.since else None
        return PartState(state=state, age_s=age_s, reason=feed_progress.for_operators(seen))

    def _state(self, part: str) -> PartState:
        found = judged(self._timing, part, self._probed.get(part) or self._done.get(part) or self._left.get(part))
        if part in self._stopped:
            return found.model_copy(update={"state": State.STOPPED})
        if refused := self._refused.get(part):
            return found.model_copy(update={"state": State.AWAY, "reason": refused})
        return found

    def ready(self) -> bool:
        """Return whether this process can do its duty, whatever else is away."""
        known = self.parts()
        return self.connected() and all(known[part].state == State.LIVE for part in self._needs)


def judged(timing: TimingSettings, part: str, at: datetime | None) -> PartState:
    """Return the state of a part whose last good sign was given at that moment."""
    age_s = round((clock.now() - at).total_seconds(), 1) if at else None
    rounds_s = {"reconciler": timing.reconcile_s, "audit": timing.audit_export_s}
    patience_s = MISSED * max(timing.health_s, rounds_s.get(part, 0.0))
    return PartState(state=State.LIVE if age_s is not None and age_s <= patience_s else State.AWAY, age_s=age_s)


PROCESSES = ("gateway", "dispatcher", "reconciler", "watchdog", "audit", "worklist", "worker")
"""Ours, and the loops of the gateway: each leaves its signs in the ledger. Of several dispatchers only the one does
that has the lease."""


def probes(world: World, client: Client, feeds: Mapping[str, tuple[str, ...]]) -> dict[str, Probe]:
    """Return how to ask each part that is not ours; the chart by a search for a type that some feed follows."""

    async def temporal() -> bool:
        return await client.service_client.check_health(timeout=timedelta(seconds=PROBE_S))

    async def chart() -> bool:
        await asyncio.to_thread(check_chart, world.fhir, tuple(type_ for types in feeds.values() for type_ in types))
        return True

    def role(name: str) -> Probe:
        async def serving() -> bool:
            return (await world.models[name].now()).model in await world.models[name].served()

        return serving

    asked: dict[str, Probe] = {"temporal": temporal, "redis": lambda: asyncio.to_thread(world.live.answers)}
    return asked | {"chart": chart} | {f"model:{name}": role(name) for name in world.models}


def check_chart(fhir: FhirClient, types: tuple[str, ...]) -> None:
    """Read with our credentials, of any type that the server lets us search. Raises FhirError where it lets us none."""
    first: FhirError | None = None
    for type_ in types or ("Encounter",):
        try:
            return fhir.check_access(type_)
        except FhirError as fault:
            first = first or fault
            if fault.kind == FhirFault.UNREACHABLE or fault.status == UNAUTHORIZED:
                break
    assert first
    raise first

"""Plays arrivals into the real local parts, decides as people would, and accounts for everything."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from activities.world import World
from agents.ed_triage.scales import scale_named
from contracts.cases import ENDED
from contracts.errors import ConfigurationError, ConfigurationFault, FhirError, WardflowError
from contracts.suggestions import MadeBy
from integrations import clock, stderr
from integrations.ledger import cases, inbox, trajectories
from service.demo import people
from service.operate import integrity
from service.process import settings, wiring
from service.process.secrets import load_secrets
from service.process.temporal import connect
from service.synthetic import arrivals

DEADLINE_S = 60  # with simulated people, so that the silent ones are escalated while one looks on
PEOPLE_FIRST, PEOPLE_PACE_S = 5, 12.0  # with real people: so many arrivals at once, then one in so long
AHEAD = 6  # arrivals without a suggestion yet, before the next is played
TIMEOUT_S = 1800


@dataclass(frozen=True)
class DemoPlan:
    cases: Path | None
    limit: int
    state: Path | None
    decide_from: Path | None
    decide_column: str
    simulated: bool
    models: bool | None
    seed: int
    check: bool
    as_json: bool
    scale: str

    @property
    def by_people(self) -> bool:
        return not self.simulated and self.decide_from is None

    @property
    def model(self) -> str:
        """Return what the embedded model shall be to `infra.stack`."""
        if self.models is None:
            return "wanted" if self.by_people else "if-installed"
        return "wanted" if self.models else "none"


@dataclass
class Progress:
    played: list[str] = field(default_factory=list)
    playing: bool = True


async def run(plan: DemoPlan) -> int:
    """Return 0, or 1 where `check` found something."""
    start = time.monotonic()
    state = (plan.state or Path(tempfile.mkdtemp(prefix="wardflow-demo-"))).resolve()
    if (state / "parts.json").exists():
        raise ConfigurationError(ConfigurationFault.STATE_IN_USE, f"{state} holds a state already: name a new folder")
    scale_named(plan.scale)
    state.mkdir(parents=True, exist_ok=True)
    config = settings.DEFAULT_CONFIG.read_text().replace('scale = "esi"', f'scale = "{plan.scale}"')
    if not plan.by_people:
        config = re.sub(r"deadline_s = \d+", f"deadline_s = {DEADLINE_S}", config)
    (state / "wardflow.toml").write_text(config)
    ended = asyncio.current_task()
    assert ended is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.cancel)  # else the parts would outlive us
    stack = subprocess.Popen(
        [sys.executable, "-m", "infra.stack", str(state), "--with-parent", "--models", plan.model], stdout=sys.stderr
    )
    try:
        opened, world = await _started(stack, state, plan)
        result, clean = await _play(plan, opened, world, start)
    finally:
        stack.terminate()
        stack.wait(30)
    _print(result, plan.as_json)
    return 0 if clean or not plan.check else 1


async def _started(stack: "subprocess.Popen[bytes]", state: Path, plan: DemoPlan) -> tuple[settings.Settings, World]:
    """Return settings and world once every part answers; simulated people wait for the model, others see it join."""
    while stack.poll() is None:
        await asyncio.sleep(0.3)
        try:
            opened = settings.load(state)
            secrets = load_secrets(state)
            httpx.get(f"http://127.0.0.1:{opened.parts.worklist_port}/livez", timeout=2).raise_for_status()
            world = wiring.world(opened, secrets, "demo")
            live = {s["status"] for s in world.fhir.search("Subscription?status=active")}
            if "reasoning" in opened.models and not plan.by_people:
                await world.models["reasoning"].served()
            if live:
                return opened, world
        except (WardflowError, httpx.HTTPError):
            continue
    raise ConfigurationError(ConfigurationFault.NOT_STARTED, f"see the logs in {state / 'logs'}")


async def _play(plan: DemoPlan, opened: settings.Settings, world: World, start: float) -> tuple[dict[str, Any], bool]:
    progress = Progress()
    if plan.cases:
        source: Iterable[list[arrivals.Bundle]] = arrivals.recorded(iter(plan.cases.read_text().splitlines()))
        _tell(f"playing {plan.cases.name}")
    else:
        source = arrivals.synthetic(plan.seed, plan.limit)
        _tell("playing synthetic arrivals: nobody is a patient")
    persons = people.People(plan.seed, people.levels(plan.decide_from, plan.decide_column))
    player = asyncio.create_task(_arrive(plan, world, source, progress, persons))
    base = f"http://127.0.0.1:{opened.parts.worklist_port}"
    if plan.by_people:
        _tell(f"decide at {base}  (Ctrl-C ends the demo)")
    async with httpx.AsyncClient(base_url=base, headers={"Origin": base}, timeout=30) as page:
        user = people.decider(opened)
        while plan.by_people or time.monotonic() - start < TIMEOUT_S:
            await asyncio.sleep(0.5)
            try:
                if "wardflow_user" not in page.cookies:
                    await page.post("/login", data={"user_id": user})
                if not plan.by_people:
                    await persons.decide(page)
            except httpx.HTTPError:
                continue  # a part was killed and is coming back
            if await asyncio.to_thread(_all_ended, world, progress):
                break
    await player
    return await _account(opened, world, progress, persons, start)


async def _arrive(
    plan: DemoPlan, world: World, source: Iterable[list[arrivals.Bundle]], progress: Progress, persons: people.People
) -> None:
    for number, bundles in enumerate(source):
        if number == plan.limit:
            break
        while await asyncio.to_thread(_without_suggestion, world, progress) >= AHEAD:
            await asyncio.sleep(0.2)
        moved = arrivals.shifted(bundles, clock.now())
        progress.played.append(next(id_ for b in moved if (id_ := arrivals.encounter_of(b))))
        for position, bundle in enumerate(moved):
            await asyncio.sleep(2.0 * bool(position))
            await asyncio.to_thread(_until_taken, world, bundle)
        await asyncio.sleep(PEOPLE_PACE_S if plan.by_people and number >= PEOPLE_FIRST else 0.2)
        if number % 10 == 9:
            _tell(f"{number + 1} arrived, {len(persons.decided)} decided")
    progress.playing = False


def _until_taken(world: World, bundle: arrivals.Bundle) -> None:
    while True:
        try:
            world.fhir.bundle(bundle["entry"])
            return
        except FhirError as fault:
            if not fault.retryable:
                raise
            time.sleep(1)


def _without_suggestion(world: World, progress: Progress) -> int:
    with world.records.db.read() as tx:
        shown = {c.encounter_id for c in cases.listed(tx) if c.version}
    return len(set(progress.played) - shown)


def _all_ended(world: World, progress: Progress) -> bool:
    if progress.playing:
        return False
    with world.records.db.read() as tx:
        rows = cases.listed(tx)
        pending = inbox.count_pending(tx)
        kept = trajectories.count(tx)
    ended = {row.encounter_id for row in rows if row.state in ENDED}
    return set(progress.played) <= ended and len(rows) == kept and all(r.state in ENDED for r in rows) and not pending


async def _account(
    opened: settings.Settings, world: World, progress: Progress, persons: people.People, start: float
) -> tuple[dict[str, Any], bool]:
    secrets = load_secrets(opened.state)
    client = await connect(opened.parts.temporal, opened.parts.temporal_namespace, secrets.keyring())
    report = await integrity.check(world, client, secrets.verify_key())
    with world.records.db.read() as tx:
        rows = cases.listed(tx)
        kept = trajectories.count(tx)
    shown = [world.records.suggestion(row.suggestion_blob) for row in rows if row.suggestion_blob]
    for finding in report.findings:
        _tell(finding)
    ended = {row.encounter_id for row in rows if row.state in ENDED}
    result = {
        "events": report.events,
        "cases": report.cases,
        "attention": report.attention,
        "suggestions": len(shown),
        "with_model": sum(s.made_by == MadeBy.MODEL for s in shown),
        "by_rules": dict(Counter(str(s.fallback or "no model asked") for s in shown if s.made_by != MadeBy.MODEL)),
        "unaccounted": report.unaccounted,
        "trajectories": kept,
        "decided": dict(persons.mix),
        "findings": len(report.findings),
        "unended": len(set(progress.played) - ended),
        "seconds": round(time.monotonic() - start, 1),
    }
    return result, report.clean and set(progress.played) <= ended


def _print(result: dict[str, Any], as_json: bool) -> None:
    lines = [json.dumps(result)] if as_json else [f"{name}: {value}" for name, value in result.items()]
    sys.stdout.write("\n".join(lines) + "\n")


def _tell(line: str) -> None:
    stderr.show(f"demo: {line}")

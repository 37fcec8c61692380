"""What an operator asks first: is every part there, and does it keep what Wardflow builds on?"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
from temporalio.service import RPCError

from activities.world import World
from contracts.errors import WardflowError
from integrations import clock
from integrations.fhir.feed import Feed
from integrations.inference.chat import Phi, admit
from integrations.ledger import inbox, marks, signs_of_life, spending
from service.gateway import stranded_cases
from service.operate import chart_checks, recovery
from service.operate.findings import Finding, Verdict
from service.process import health, versions
from service.process.secrets import Secrets
from service.process.settings import Settings
from service.process.state_folder import FREE_BYTES, OTHERS, open_to_others
from service.process.temporal import connect
from service.process.versions import Version

FREE_WARN_BYTES = 5 * 2**30
UNSEEN_S = 60.0
BUDGET = "wait for the next day in UTC, or raise budget_a_day"
BACKUP_WARN, BACKUP_FAIL = timedelta(days=1), timedelta(days=7)
MOUNTS = Path("/proc/mounts")
FAILED_TASKS = "temporal_workflow_task_execution_failed_total"


async def examine(settings: Settings, secrets: Secrets, world: World, feeds: list[Feed]) -> list[Finding]:
    """Return one finding or more for each part; a part that can't be asked is a finding too."""
    checks: dict[str, Callable[[], Awaitable[list[Finding]]]] = {
        "ledger": lambda: asyncio.to_thread(lambda: list(_ledger(settings, world))),
        "backup": lambda: asyncio.to_thread(lambda: list(backup(world))),
        "signs": lambda: asyncio.to_thread(lambda: list(process_signs(settings, world))),
        "temporal": lambda: _temporal(settings, secrets, world),
        "redis": lambda: asyncio.to_thread(lambda: list(_redis(world))),
        "fhir": lambda: asyncio.to_thread(lambda: list(chart_checks.server(world.fhir, feeds))),
        "feed": lambda: asyncio.to_thread(lambda: [found for feed in feeds for found in chart_checks.feed(feed)]),
        "models": lambda: _models(settings, world),
        "sandbox": lambda: calculations(world),
        "worker": lambda: _workflow_tasks(settings),
        "keys": lambda: asyncio.to_thread(lambda: list(_keys(settings))),
        "files": lambda: asyncio.to_thread(lambda: list(state_files(settings.state))),
    }
    findings: list[Finding] = []
    for part, check in checks.items():
        try:
            findings += await check()
        except (WardflowError, RPCError, RuntimeError, OSError, httpx.HTTPError) as fault:
            told = str(fault) if isinstance(fault, WardflowError) else type(fault).__name__
            findings.append(Finding(part=part, verdict=Verdict.FAIL, told=told, fix=FIXES.get(part, "")))
    return findings


FIXES = {
    "temporal": "start Temporal; cases wait, and nothing that was accepted is lost",
    "redis": "start Redis; until then pages read the ledger every few seconds",
    "fhir": chart_checks.ADDRESS,
    "feed": chart_checks.ADDRESS,
    "worker": "start it: no case goes on, and no decision is taken",
    "ledger": "free the disk, or mend the folder's rights: without the ledger no event is accepted",
}


def _ledger(settings: Settings, world: World) -> Iterator[Finding]:
    with world.records.db.write() as tx:
        marks.set_mark(tx, "doctor", clock.now().isoformat())
        if tx.dialect.name == "sqlite":
            mode = tx.exec_driver_sql("PRAGMA synchronous").scalar()
            yield _judged(
                "ledger", mode == 2, "every commit asks for an fsync", "SQLite must run with synchronous=FULL"
            )
            volatile = volatile_option(settings.state)
            told, fix = (
                "an fsync reaches a disk",
                f"a power cut loses what was accepted: {settings.state} is on {volatile}",
            )
            yield _judged("ledger", not volatile, told, fix, Verdict.WARN)
        balance, waiting = inbox.balance(tx), inbox.waiting_since(tx)
    yield _judged("ledger", not balance["unaccounted"], f"{balance['accepted']} events accepted, none unaccounted for",
                  "run `wardflow ledger audit`")  # fmt: skip
    late = waiting is not None and (clock.now() - waiting).total_seconds() > UNSEEN_S
    yield _judged("ledger", not late, "no event waits unseen", "events wait: is the dispatcher running?", Verdict.WARN)
    free = shutil.disk_usage(settings.state).free
    worse = Verdict.FAIL if free < FREE_BYTES else Verdict.WARN
    yield _judged("ledger", free > FREE_WARN_BYTES, f"{free / 2**30:.0f} GiB free", "free the disk", worse)


def volatile_option(state: Path) -> str | None:
    """Return what makes an fsync of that folder prove nothing, if its file system says so."""
    mounts = [line.split()[1:4] for line in MOUNTS.read_text().splitlines()] if MOUNTS.exists() else []
    holds = [(place, type_, options) for place, type_, options in mounts if state.resolve().is_relative_to(place)]
    _, type_, options = max(holds, key=lambda mount: len(mount[0]), default=("", "", ""))
    if type_ in ("tmpfs", "ramfs"):
        return type_
    return next((option for option in options.split(",") if option in ("nobarrier", "barrier=0")), None)


def backup(world: World) -> Iterator[Finding]:
    """Judge the age of the newest backup of a SQLite ledger."""
    with world.records.db.read() as tx:
        at = recovery.backed_up_at(tx)
        if tx.dialect.name != "sqlite":
            return  # by the tools of its own database
    age = clock.now() - at if at else None
    told = f"the last one was taken {age.total_seconds() / 3600:.0f} h ago" if age else "none was ever taken"
    worse = Verdict.FAIL if age and age > BACKUP_FAIL else Verdict.WARN
    fix = f"{told}: run `wardflow ledger backup` at least once a day"
    yield _judged("backup", age is not None and age < BACKUP_WARN, told, fix, worse)


def process_signs(settings: Settings, world: World) -> Iterator[Finding]:
    """Judge each process by its newest sign of life in the ledger."""
    with world.records.db.read() as tx:
        seen = signs_of_life.seen(tx)
    for part in health.PROCESSES:
        found = health.judged(settings.timing, part, seen.get(part))
        silent = "never gave a sign" if found.age_s is None else f"silent for {found.age_s:.0f} s"
        told = f"gave a sign {found.age_s:.0f} s ago" if found.age_s is not None else silent
        yield _judged(part, found.state == health.State.LIVE, told, f"{silent}: start it, or see its log")


async def _temporal(settings: Settings, secrets: Secrets, world: World) -> list[Finding]:
    parts = settings.parts
    client = await connect(parts.temporal, parts.temporal_namespace, secrets.keyring())
    healthy = await client.service_client.check_health()
    found = await versions.known(client)
    served = [(v, 0 if v.has_worker else await versions.waiting(client, v.build)) for v in found]
    return [
        _judged("temporal", healthy, f"answers at {parts.temporal}", FIXES["temporal"]),
        *version_findings(served),
        stranded_finding(len(await stranded_cases.find(world.records.db, client))),
    ]


def stranded_finding(count: int) -> Finding:
    """Judge how many live cases have no running workflow."""
    fix = f"{count} cases of the ledger have no running workflow: run `wardflow ledger rebuild --temporal`"
    return _judged("temporal", not count, "each live case has a running workflow", fix)


def version_findings(served: list[tuple[Version, int]]) -> list[Finding]:
    """Judge whether some worker runs each version that new cases go to, or that cases wait on, so many of them."""
    current = next((v for v, _ in served if v.current), None)
    lives = current is not None and current.has_worker
    told = f"new cases go to version {current.build}, which a worker runs" if current else ""
    findings = [_judged("temporal", lives, told, "no worker runs new cases: start `wardflow worker`")]
    for version, cases in served:
        if cases and not version.current:
            fix = f"{cases} cases wait on version {version.build}, which no worker runs: start `wardflow worker`"
            findings.append(_judged("temporal", good=False, told="", fix=fix))
    return findings


async def _workflow_tasks(settings: Settings) -> list[Finding]:
    if settings.parts.worker_port is None:
        return []
    async with httpx.AsyncClient(timeout=2) as http:
        text = (await http.get(f"http://127.0.0.1:{settings.parts.worker_port}/metrics")).raise_for_status().text
    lines = (line for line in text.splitlines() if line.startswith(FAILED_TASKS))
    failed = sum(float(line.rpartition(" ")[2]) for line in lines)
    fix = f"{failed:.0f} workflow tasks failed: did a deploy change code under waiting cases? They are frozen, not lost"
    return [_judged("worker", not failed, "no workflow task failed since it started", fix, Verdict.WARN)]


def _redis(world: World) -> Iterator[Finding]:
    yield _judged("redis", world.live.answers(), "answers", FIXES["redis"], Verdict.WARN)


async def _models(settings: Settings, world: World) -> list[Finding]:
    if not world.models:
        return [
            Finding(part="models", verdict=Verdict.WARN, told="no model: rules only", fix="name one under [models]")
        ]
    findings = [
        Finding(
            part="models", verdict=Verdict.WARN, told=f"{role}: today's budget is spent; cases go by rules", fix=BUDGET
        )
        for role in await asyncio.to_thread(spending.used_up, world.records.db, settings.budgets)
    ]
    for role, client in world.models.items():
        try:
            admit(client.endpoint)
            served, wanted = await client.served(), (await client.now()).model
            told = f"{role}: serves {', '.join(served)}"
            fix = f"{role}: {wanted} is not served; cases go by rules"
            findings.append(_judged("models", wanted in served, told, fix, Verdict.WARN))
        except WardflowError as fault:
            fix = "cases go by rules until it answers"
            if client.endpoint.phi != Phi.ALLOWED:
                fix = f'it may not see patients: set phi = "{Phi.ALLOWED}" if the hospital allows that'
            findings.append(Finding(part="models", verdict=Verdict.WARN, told=f"{role}: {fault.kind}", fix=fix))
    return findings


async def calculations(world: World) -> list[Finding]:
    """Try both walls and the independent calculator, and close them.

    That they are installed is not enough where a kernel forbids namespaces.
    """
    try:
        ran = await world.calculator.run("{'y': 1.0}", {})
        known = await world.reference.result("anion_gap", {"na": 140.0, "cl": 100.0, "hco3": 24.0})
    finally:
        await world.calculator.close()
        await world.reference.close()
    fix = f"no program of a model can run, calculations are left to people: {ran.told or ran.fault}"
    found = [_judged("sandbox", not ran.fault, "a program ran behind both walls", fix, Verdict.WARN)]
    if "code" in world.models:
        fix = "name a Python that has clincalc as reference_python: till then no rule builds on a calculation"
        found.append(_judged("reference", known == 16.0, "calculates as it should", fix, Verdict.WARN))
    return found


def _keys(settings: Settings) -> Iterator[Finding]:
    mode = (settings.state / "keys.json").stat().st_mode & 0o077
    yield _judged("keys", mode == 0, "readable by their owner only", "chmod 600 keys.json")


def state_files(state: Path) -> Iterator[Finding]:
    """Judge whether other users of the machine can read the state; behind a closed folder open files are a warning."""
    found = list(open_to_others(state))
    entered = bool(state.stat().st_mode & OTHERS)
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    fix = f"others have rights to {found[0]}{more}: run `chmod -R go= {state}`" if found else ""
    worse = Verdict.FAIL if entered else Verdict.WARN
    yield _judged("files", not found, "the state folder is its owner's alone", fix, worse)


def _judged(part: str, good: bool, told: str, fix: str, worse: Verdict = Verdict.FAIL) -> Finding:
    return Finding(
        part=part, verdict=Verdict.OK if good else worse, told=told if good else fix, fix="" if good else fix
    )

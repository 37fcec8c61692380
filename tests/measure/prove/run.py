"""One run: real parts, a hospital, people, and everything that goes wrong; then the records are joined."""

import asyncio
import json
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from contracts.cases import ENDED
from contracts.events import Fate
from infra.ports import Ports
from integrations.ledger import marks, tables
from service.process import settings
from service.process.temporal import connect
from tests.fakes.model_server import ModelServer, model_config
from tests.measure.oracle import chart as oracle_chart
from tests.measure.prove import people, records, rules, script
from tests.measure.prove.finding import Finding
from tests.measure.prove.harm import WATCHED, Harm, Watch
from tests.measure.prove.network import ChartSide, FeedSide
from tests.measure.prove.records import Records
from tests.measure.prove.samples import Samples
from tests.ward import Ward

DEADLINE_S = 15.0
LADDER = "ladder_s = [15, 40]"
"""With the deadline longer than a chart may be out of reach while everything is killed: people shall get their turn."""
SHORT = {
    "deadline_s = 300": f"deadline_s = {DEADLINE_S}",
    "ladder_s = [600, 1800, 3600]": LADDER,
    "deadline_s = 900": f"deadline_s = {DEADLINE_S}",
    "ladder_s = [900, 1800, 3600]": LADDER,
}
RECONCILE_S, EVIDENCE_WATCH_S = 3, 2
TIMING = f"""
[timing]
window_quiet_s = 0.3
window_most_s = 1.5
reconcile_s = {RECONCILE_S}
reconcile_overlap_s = 10
evidence_watch_s = {EVIDENCE_WATCH_S}
"""
QUIET_S = 2.0 * max(RECONCILE_S, EVIDENCE_WATCH_S)
"""How long nothing must be under way at the end: by then the chart was searched for what nobody told of."""
EVENTS_A_SECOND = 4.0
FAULT_SHARE = 0.4
DECIDED_SHARE, LONGER_S = 0.8, 60.0
"""What people have decided on before the second act, and how long after the last arrival they get for it."""
NEWS_S = 6.0
"""How long after the second act everything still goes wrong: meanwhile the news of it is on its way."""
SETTLE_S, CONTROL_SETTLE_S = 120.0, 60.0
"""How long after the last harm all must be done; without a safety it may never be."""
EXPORT_LAG_S, CLOSING_S = 15.0, 15.0
"""For the last audit records to reach the chart, and for the last workflows to close after their last step."""


@dataclass(frozen=True)
class Plan:
    seed: int
    events: int
    sabotage: str = ""
    """A safety to be switched off by `tests.measure.prove.sabotage`, as a negative control."""

    @property
    def seconds(self) -> float:
        return self.events / EVENTS_A_SECOND

    @property
    def settle_s(self) -> float:
        return CONTROL_SETTLE_S if self.sabotage else SETTLE_S


@dataclass(frozen=True)
class Result:
    """What is published of a run."""

    seed: int
    sabotage: str
    events: int
    accepted: int
    """By the ledger: the hospital's and our own writes come back."""
    fates: dict[str, int]
    cases: dict[str, int]
    acknowledged: dict[str, int]
    """Decisions that people were told of, by kind."""
    refused: dict[str, int]
    deliveries: dict[str, int]
    repeated: int
    """Versions that the gateway answered 2xx more than once."""
    only_found: int
    """Versions that no notification brought, found by reconciliation."""
    kills: dict[str, int]
    frozen_s: float
    dispatcher_pauses: int
    """Each longer than the dispatcher's lease."""
    chart_asked: int
    """Calls to the chart while it was faulty."""
    chart_faults: dict[str, int]
    attention: dict[str, int]
    """What became of each item of the chart that demands attention, by the clinical oracle (`account.Fate`)."""
    samples: int
    late_s: float
    """Longest that an open case was seen past its deadline, not raised, the gateway being up."""
    settled_s: float
    seconds: float
    findings: list[str]


def run(plan: Plan, state: Path) -> tuple[Result, Records]:
    """Play, settle, join. Everything that was started is ended again."""
    begun = time.monotonic()
    chaos = Chaos(plan, state)
    try:
        chaos.start()
        chaos.play()
        settled_s, unsettled = chaos.settle()
        joined = chaos.records()
    finally:
        chaos.stop()
    findings = [*unsettled, *chaos.samples.findings, *rules.check(joined)]
    return chaos.result(joined, findings, settled_s, time.monotonic() - begun), joined


class Chaos:
    def __init__(self, plan: Plan, state: Path) -> None:
        self.plan, self.state = plan, state
        state.mkdir(parents=True)
        self._reserved = Ports()  # until the stack takes them
        ports = {
            name: self._reserved.choose()
            for name in ("temporal", "fhir", "gateway", "dispatcher", "worklist", "worker")
        }
        (state / "ports.json").write_text(json.dumps(ports))
        self.model = ModelServer()
        self.feed = FeedSide(plan.seed, ports["gateway"])
        self.chart = ChartSide(plan.seed, ports["fhir"], ports["gateway"], self.feed.port, FAULT_SHARE)
        extra = people.THIRD + TIMING + model_config(self.model, timeout_s=2)
        extra += f'\n[parts]\nfhir_url = "{self.chart.url}"\n'
        starter = ("tests.measure.prove.sabotage", plan.sabotage) if plan.sabotage else ("infra.stack",)
        self.ward = Ward(state, SHORT, extra, starter=starter)
        self.hospital_url = f"http://127.0.0.1:{ports['fhir']}/fhir"
        self.hospital = script.Hospital(self.hospital_url)
        urls = {name: f"http://127.0.0.1:{ports[name]}" for name in WATCHED}
        self.watch, self.samples = Watch(urls), Samples(state / settings.LEDGER_FILE)
        self.harm = Harm(plan.seed, self.ward, self.watch)
        self.people = people.People(plan.seed, urls["worklist"])
        self.steps = script.steps(plan.seed, plan.events, plan.seconds)
        self.over = threading.Event()
        self._threads = ThreadPoolExecutor(9)
        self._watching: list[Future[None]] = []

    def start(self) -> None:
        self._reserved.close()
        self.ward.start()
        self.hospital.token = self.ward.secrets.fhir_token.get_secret_value()
        for work in (self.watch.look, self.samples.take, self.people.work):
            self._watching.append(self._threads.submit(work, self.over))

    def play(self) -> None:
        """Let everything go wrong until the hospital has written all, the last of it once people have decided."""
        start, calm, wanted = time.monotonic(), threading.Event(), DECIDED_SHARE * len(self._arrived())
        self.chart.faulty.set()
        self.feed.faulty.set()
        first, second = ([step for step in self.steps if step.afterwards == act] for act in (False, True))
        played = self._threads.submit(self.hospital.play, first, start)
        harm = [
            self._threads.submit(self.harm.freeze, start, self.plan.seconds),
            self._threads.submit(self.harm.kill, calm),
            self._threads.submit(self.harm.pause, calm),
            self._threads.submit(self.harm.sicken, self.model, calm),
        ]
        played.result()
        while self.people.acknowledged() < wanted and time.monotonic() - start < self.plan.seconds + LONGER_S:
            time.sleep(0.5)
        self.hospital.play(second, time.monotonic())
        time.sleep(NEWS_S)
        calm.set()
        for work in harm:
            work.result()
        self.feed.faulty.clear()
        self.chart.faulty.clear()

    def _arrived(self) -> set[str]:
        return {step.encounter for step in self.steps if step.status}

    def settle(self) -> tuple[float, list[Finding]]:
        """Wait until nothing was under way for `QUIET_S`, for a bounded time; then end all that looks on."""
        start = busy = time.monotonic()
        open_ = ["everything"]
        while (open_ or time.monotonic() - busy < QUIET_S) and time.monotonic() - start < self.plan.settle_s:
            time.sleep(0.5)
            open_ = self._under_way()
            busy = time.monotonic() if open_ else busy
        self.over.set()
        for work in self._watching:
            work.result()
        return time.monotonic() - start, [
            Finding("I1", "the end", f"{what} after {self.plan.settle_s:.0f} s") for what in open_
        ]

    def _under_way(self) -> list[str]:
        inbox, cases, kept = tables.inbox.c, tables.cases.c, tables.trajectories.c
        with self.ward.world.records.db.read() as tx:
            pending = tx.scalar(sa.select(sa.func.count()).where(inbox.fate == Fate.PENDING))
            begun = set(tx.scalars(sa.select(cases.encounter_id)))
            alive = tx.scalar(sa.select(sa.func.count()).where(cases.state.not_in(ENDED)))
            untold = tx.scalar(sa.select(sa.func.count()).where(cases.case_id.not_in(sa.select(kept.case_id))))
        waiting = {
            "events are pending": pending,
            "encounters have no case": len(self._arrived() - begun),
            "cases are alive": alive,
            "cases have no trajectory": untold,
            "notifications are on their way": self.feed.waiting(),
        }
        return [f"{count} {what}" for what, count in waiting.items() if count]

    def _exported(self) -> None:
        """Wait until the audit is in the chart, as far as it will come in a few rounds."""
        end = time.monotonic() + EXPORT_LAG_S
        while time.monotonic() < end:
            with self.ward.world.records.db.read() as tx:
                newest = tx.scalar(sa.select(sa.func.max(tables.audit.c.seq))) or 0
                if int(marks.mark(tx, "audit_exported") or 0) >= newest:
                    return
            time.sleep(0.25)

    def _at_one_moment(self) -> tuple[records.Ledger, records.Chart, oracle_chart.Chart]:
        """Read the ledger and the chart while the gateway stands still: it alone still looks, and exports the audit."""
        token = self.ward.secrets.fhir_token.get_secret_value()
        self._exported()
        with self.ward.frozen("gateway"):
            ledger = records.ledger(self.samples.file, self.ward.world.records.blobs)
            return ledger, records.chart(self.hospital_url, token), oracle_chart.read(self.hospital_url, token)

    def records(self) -> Records:
        ward = self.ward
        opened = ward.settings.parts

        async def temporal() -> list[records.Execution]:
            client = await connect(opened.temporal, opened.temporal_namespace, ward.secrets.keyring())
            end = time.monotonic() + CLOSING_S
            while True:
                found = await records.executions(client)
                if all(run.completed for run in found) or time.monotonic() > end:
                    return found
                await asyncio.sleep(1)

        executions = asyncio.run(temporal())
        ledger, chart, whole_chart = self._at_one_moment()
        return Records(
            sent=list(self.feed.sent),
            clicks=self.people.clicks,
            seen=self.people.seen,
            looks=self.people.looks,
            late=list(self.samples.late.values()),
            away=self.watch.away,
            ledger=ledger,
            executions=executions,
            chart=chart,
            whole_chart=whole_chart,
            audit_key=ward.secrets.audit_bytes(),
            names={user: found.name for user, found in ward.settings.users.items()},
            deadline_s=DEADLINE_S,
        )

    def stop(self) -> None:
        self.over.set()
        self._threads.shutdown()
        if self.ward.stack:
            self.ward.stop()
        self.hospital.close()
        self.chart.close()
        self.feed.close()
        self.model.close()

    def result(self, joined: Records, findings: list[Finding], settled_s: float, seconds: float) -> Result:
        told = {d.key for d in joined.sent if d.accepted}
        repeats = Counter(d.key for d in joined.sent if d.accepted)
        kept = {(row["resource_type"], row["resource_id"], row["version_id"]) for row in joined.ledger.inbox}
        return Result(
            seed=self.plan.seed,
            sabotage=self.plan.sabotage,
            events=self.plan.events,
            accepted=len(joined.ledger.inbox),
            fates=_counted(row["reason"] or row["fate"] for row in joined.ledger.inbox),
            cases=_counted(case["state"] for case in joined.ledger.cases),
            acknowledged=_counted(c.kind for c in joined.clicks if c.acknowledged),
            refused=_counted(c.answer.get("refused", "no answer") for c in joined.clicks if not c.acknowledged),
            deliveries=dict(self.feed.taken),
            repeated=sum(count > 1 for count in repeats.values()),
            only_found=len(kept - told),
            kills=dict(self.harm.kills),
            frozen_s=round(self.harm.frozen_s, 1),
            dispatcher_pauses=self.harm.pauses,
            chart_asked=self.chart.asked,
            chart_faults=dict(sorted(self.chart.taken.items())),
            attention={fate.value: count for fate, count in rules.accounted(joined).counts.items()},
            samples=self.samples.taken,
            late_s=round(
                max((s.at - s.since - joined.away_s("gateway", s.since, s.at) for s in joined.late), default=0.0), 1
            ),
            settled_s=round(settled_s, 1),
            seconds=round(seconds, 1),
            findings=[str(finding) for finding in findings],
        )


def _counted(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))

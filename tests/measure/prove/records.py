"""Reads the independent records of a run once it is over: ledger, Temporal, chart; sender and people kept their own."""

import hashlib
import hmac
import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowExecutionStatus

from integrations.blobs.store import BlobStore
from tests.measure.oracle import chart as oracle_chart
from tests.measure.oracle import rows as oracle_rows
from tests.measure.prove.network import Delivery, value_of
from tests.measure.prove.people import Click, Seen
from tests.measure.prove.samples import Late
from tests.ward import Resource

OURS = "urn:wardflow:written"
"""As in the chart; written out here, so that this reader shares nothing with the writer."""
HARMLESS = {  # a worker that was killed, or news that came as a task was being answered
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_STICKY_TASK_QUEUE,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_UPDATE,
}
Row = dict[str, Any]


@dataclass
class Ledger:
    """The tables as plain rows; `evidence` is what each shown version of a case was made from."""

    inbox: list[Row]
    cases: list[Row]
    decisions: list[Row]
    told: list[Row]
    audit: list[Row]
    trajectories: list[Row]
    counters: dict[str, int]
    exported: int
    evidence: dict[tuple[str, int], dict[str, tuple[int, str]]]
    """Case and version to what was read: `Type/id` to its version and value."""
    told_to_people: oracle_rows.Told
    """What people were shown and what they decided, for the clinical oracle."""


@dataclass
class Execution:
    """One workflow run, from visibility and its history."""

    case_id: str
    started_at: float
    closed_at: float | None
    completed: bool
    state: str | None
    """As its result says."""
    updates: set[str] = field(default_factory=set)
    """Ids of the decisions that it accepted."""
    broken_tasks: int = 0


@dataclass
class Chart:
    """`current` by `Type/id`; `history` every version that carries our mark."""

    current: dict[str, Resource]
    history: list[Resource]
    audit: dict[str, str]
    """AuditEvent id to the hash that it anchors."""

    def of_case(self, type_: str, case_id: str) -> list[Resource]:
        return [r for r in self.current.values() if r["resourceType"] == type_ and marked_for(r) == case_id]


@dataclass
class Records:
    sent: list[Delivery]
    clicks: list[Click]
    seen: dict[str, Seen]
    looks: Counter[str]
    late: list[Late]
    away: dict[str, list[tuple[float, float]]]
    ledger: Ledger
    executions: list[Execution]
    chart: Chart
    whole_chart: oracle_chart.Chart
    """The same chart as the clinical oracle reads it, with every version."""
    audit_key: bytes
    names: dict[str, str]
    """User id to the name that others are told."""
    deadline_s: float

    def away_s(self, part: str, begin: float, end: float) -> float:
        """Return for how long a process did not answer between two moments."""
        return sum(max(0.0, min(end, b) - max(begin, a)) for a, b in self.away[part])


def marked_for(resource: Resource) -> str | None:
    """Return the case that a resource is marked as written for, or None."""
    found = (i.get("value") for i in resource.get("identifier", ()) if i.get("system") == OURS)
    return next(found, None)


def ours(resource: Resource) -> bool:
    """Return whether a resource carries our mark."""
    return any(tag.get("system") == OURS for tag in resource.get("meta", {}).get("tag", ()))


def claimed_version(row: Row) -> int:
    """Return the version that a feed named; 0 for a notice without one. What we read again is kept as `2#1`."""
    return int(row["version_id"].partition("#")[0] or 0)


def name_of(case: Row) -> str:
    return f"{case['encounter_id']}#{case['generation']}"


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def link(key: bytes, row: Row, previous: str) -> str:
    """Return the hash that an audit row must have after that one."""
    content = json.dumps([row["chain"], row["position"], previous, row["record"]]).encode()
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def ledger(file: Path, blobs: BlobStore) -> Ledger:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row

        def rows(table: str, order: str = "1") -> list[Row]:
            return [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY {order}")]

        marks = {row["name"]: row["value"] for row in rows("marks")}
        shown = {(r["case_id"], r["version"]): _versions(blobs.get(r["snapshot_blob"])) for r in rows("runs")}
        return Ledger(
            inbox=rows("inbox"),
            cases=rows("cases"),
            decisions=rows("decisions"),
            told=rows("deliveries"),
            audit=rows("audit", "seq"),
            trajectories=rows("trajectories"),
            counters={row["name"]: row["count"] for row in rows("counters")},
            exported=int(marks.get("audit_exported", 0)),
            evidence=shown,
            told_to_people=oracle_rows.told(
                rows("cases"), rows("runs"), rows("decisions"), rows("acknowledged"), blobs.get
            ),
        )


def _versions(snapshot: bytes) -> dict[str, tuple[int, str]]:
    found = json.loads(snapshot)["resources"]
    return {f"{r['resourceType']}/{r['id']}": (int(r["meta"]["versionId"]), value_of(r)) for r in found}


async def executions(client: Client) -> list[Execution]:
    """Return every run of a case workflow that Temporal knows."""
    found: list[Execution] = []
    async for run in client.list_workflows("WorkflowType = 'case'"):
        completed = run.status == WorkflowExecutionStatus.COMPLETED
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        state = (await handle.result())["state"] if completed else None
        closed = run.close_time.timestamp() if run.close_time else None
        made = Execution(run.id, run.start_time.timestamp(), closed, completed, state)
        async for event in handle.fetch_history_events():
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
                accepted = event.workflow_execution_update_accepted_event_attributes
                made.updates.add(accepted.accepted_request.meta.update_id or accepted.protocol_instance_id)
            elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                cause = event.workflow_task_failed_event_attributes.cause
                made.broken_tasks += cause not in HARMLESS
        found.append(made)
    return found


def chart(base_url: str, token: str) -> Chart:
    """Read the chart itself, not through the faulty network."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=60) as http:
        current = {
            f"{r['resourceType']}/{r['id']}": r
            for type_ in ("Encounter", "Observation", "Patient", "Task", "Provenance")
            for r in _pages(http, f"{type_}?_count=500")
        }
        written = [r for type_ in ("Task", "Observation", "Provenance") for r in _history(http, type_) if ours(r)]
        audit = {r["id"]: _anchored(r) for r in _pages(http, "AuditEvent?_count=500")}
    return Chart(current, written, audit)


def _pages(http: httpx.Client, url: str | None) -> list[Resource]:
    found: list[Resource] = []
    while url:
        page = http.get(url).raise_for_status().json()
        found += [entry["resource"] for entry in page.get("entry", ())]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    return found


def _history(http: httpx.Client, type_: str) -> list[Resource]:
    """Return every version of a type; a deletion makes one without a resource."""
    found: list[Resource] = []
    while True:
        query = {"_count": 500, "_offset": len(found)}
        page = http.get(f"{type_}/_history", params=query).raise_for_status().json()
        found += page.get("entry", ())
        if len(found) >= page["total"]:
            return [entry["resource"] for entry in found if "resource" in entry]


def _anchored(event: Resource) -> str:
    given = (entity["what"].get("identifier", {}) for entity in event["entity"])
    return next(i["value"] for i in given if i.get("system") == f"{OURS}:audit-hash")

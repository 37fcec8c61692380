"""What every activity may reach, built once by the worker."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import structlog
from structlog.contextvars import bound_contextvars
from temporalio import activity
from temporalio.exceptions import ApplicationError

from agents.pathway import CalculatorPort, NoReference, NoSandbox, Pathway, ReferencePort
from contracts.charts import ChartFacts
from contracts.errors import FhirError, FhirFault, WardflowError
from contracts.suggestions import Suggestion
from integrations import clock, traces
from integrations.blobs.store import BlobStore
from integrations.fhir.client import FhirClient, Resource
from integrations.inference.chat import ChatClient
from integrations.ledger import inbox
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.live.worklist import LiveWorklist

log = structlog.get_logger()
CASE = "case"  # the type of workflow whose id is a case's
HEARTBEAT = timedelta(seconds=2)
MOST_TOLD_BYTES = 32 * 1024 * 1024  # of one resource that is read by the id that a feed told


@dataclass(frozen=True)
class FrozenChart:
    as_of: datetime
    """When it was read."""
    resources: list[Resource]


@dataclass(frozen=True)
class World:
    db: Database
    blobs: BlobStore
    auditor: Auditor
    fhir: FhirClient
    live: LiveWorklist
    pathways: Mapping[str, Pathway]
    models: Mapping[str, ChatClient]
    """Role to its endpoint; a role that is missing is not configured."""
    version: str
    """Of this program, for trajectories."""
    calculator: CalculatorPort = field(default_factory=NoSandbox)
    reference: ReferencePort = field(default_factory=NoReference)
    ports: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of a pathway: the roles of its agent that another model than the role's own serves."""

    def close(self) -> None:
        """Give back connections; a process that ends need not."""
        self.fhir.close()
        self.live.close()
        self.db.close()

    def suggestion(self, blob: str) -> Suggestion:
        """Return a stored suggestion."""
        return Suggestion.model_validate_json(self.blobs.get(blob))

    def chart(self, snapshot_blob: str) -> FrozenChart:
        """Return a frozen chart."""
        chart = json.loads(self.blobs.get(snapshot_blob))
        return FrozenChart(datetime.fromisoformat(chart["as_of"]), chart["resources"])

    def facts(self, pathway: str, encounter_id: str, snapshot_blob: str) -> ChartFacts:
        """Return the facts of a frozen chart, as the pathway reads it."""
        chart = self.chart(snapshot_blob)
        return self.pathways[pathway].read_chart(chart.resources, encounter_id, chart.as_of)


def read_resources(world: World, pathway: str, encounter_id: str) -> list[Resource]:
    """Return what the pathway freezes of a chart, as the server has it now. Raises FhirError."""
    encounter = world.fhir.read("Encounter", encounter_id)
    subject = (encounter.get("subject") or {}).get("reference") or ""
    kind, _, patient = subject.removeprefix(f"{world.fhir.base_url}/").partition("/")
    found = [encounter]
    for query in world.pathways[pathway].chart_queries(encounter_id):
        if "?" not in query:
            found += _heard_of(world, query, encounter_id)
            continue
        # A patient who is unidentified, or of another server, has no record here to look up.
        if kind == "Patient" or "{patient}" not in query:
            for page in world.fhir.pages(query.format(patient=quote(patient, safe=""))):
                beat()
                found += page
    # Some servers answer with absolute references; what points at this server is made relative, as agents read it.
    text = json.dumps(found).replace(f'"reference": "{world.fhir.base_url}/', '"reference": "')
    return json.loads(text.replace(f'"url": "{world.fhir.base_url}/Binary/', '"url": "Binary/'))


def _heard_of(world: World, resource_type: str, encounter_id: str) -> Iterator[Resource]:
    """Yield what feeds told of an encounter, as the server has it now: of a type that can't be searched by it."""
    with world.db.read() as tx:
        ids = inbox.told_of(tx, resource_type, encounter_id)
    for id_ in ids:
        beat()
        try:
            yield world.fhir.read(resource_type, id_, MOST_TOLD_BYTES)
        except FhirError as fault:
            if fault.kind == FhirFault.TOO_LARGE:  # a person is told, by the size that nobody takes
                where = {"reference": f"Encounter/{encounter_id}"}
                stub = {"id": id_, "contentType": "audio/*", "securityContext": where, "size": MOST_TOLD_BYTES}
                yield {"resourceType": resource_type} | stub
            elif fault.kind != FhirFault.MISSING:
                raise


def beat() -> None:
    """Heartbeat between calls to the chart, so that a killed worker is noticed before the time-out.

    Not at the start, which Temporal knows of: each heartbeat costs a call to it, and most activities are over by then.
    """
    if activity.in_activity() and clock.now() - activity.info().started_time > HEARTBEAT:
        activity.heartbeat()


@contextmanager
def boundary() -> Iterator[None]:
    """Carry errors across Temporal: ours with type, kind, whether and when to retry; any other by its class alone.

    What is logged and traced within names the workflow, and so the case.
    """
    with _told():
        try:
            yield
        except WardflowError as fault:
            log.warning("activity_failed", **fault.log_fields())
            kind: Any = str(fault.kind)
            raise ApplicationError(
                str(fault), kind, type=type(fault).__name__, non_retryable=not fault.retryable,
                next_retry_delay=fault.retry_after,
            ) from None  # fmt: skip
        except Exception as fault:
            log.error("activity_broken", exc_info=fault)
            raise ApplicationError("unexpected", type=type(fault).__name__, non_retryable=True) from None
        log.info("activity_done")


@contextmanager
def _told() -> Iterator[None]:
    if not activity.in_activity():
        yield
        return
    info = activity.info()
    case_id = info.workflow_id if info.workflow_type == CASE else None
    ids = {"case_id": case_id, "workflow_id": info.workflow_id, "activity": info.activity_type, "attempt": info.attempt}
    with bound_contextvars(**ids), traces.span(info.activity_type, case_id or "", attempt=info.attempt):
        yield

"""What every activity may reach, built once by the worker."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio.exceptions import ApplicationError

from agents.pathway import Pathway
from contracts.charts import ChartFacts
from contracts.errors import WardflowError
from contracts.suggestions import Suggestion
from integrations.blobs.store import BlobStore
from integrations.fhir.client import FhirClient, Resource
from integrations.inference.chat import ChatClient
from integrations.ledger.audit import Auditor
from integrations.ledger.tables import Database
from integrations.live.worklist import LiveWorklist


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

    def close(self) -> None:
        """Give back connections; a process that ends need not."""
        self.fhir.close()
        self.live.close()
        self.db.close()

    def suggestion(self, blob: str) -> Suggestion:
        """Return a stored suggestion."""
        return Suggestion.model_validate_json(self.blobs.get(blob))

    def facts(self, pathway: str, encounter_id: str, snapshot_blob: str) -> ChartFacts:
        """Return the facts of a frozen chart, as the pathway reads it."""
        chart = json.loads(self.blobs.get(snapshot_blob))
        as_of = datetime.fromisoformat(chart["as_of"])
        return self.pathways[pathway].read_chart(chart["resources"], encounter_id, as_of)


def read_resources(world: World, pathway: str, encounter_id: str) -> list[Resource]:
    """Return what the pathway freezes of a chart, as the server has it now. Raises FhirError."""
    encounter = world.fhir.read("Encounter", encounter_id)
    patient = encounter.get("subject", {}).get("reference", "").removeprefix("Patient/")
    found = [encounter]
    for query in world.pathways[pathway].chart_queries(encounter_id):
        found += world.fhir.search(query.format(patient=patient))
    return found


@contextmanager
def boundary() -> Iterator[None]:
    """Carry our errors across Temporal: the type, whether to retry, and the kind as the first detail."""
    try:
        yield
    except WardflowError as fault:
        detail: Any = str(fault.kind)
        raise ApplicationError(
            str(fault), detail, type=type(fault).__name__, non_retryable=not fault.retryable
        ) from None

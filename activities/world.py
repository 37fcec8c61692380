"""What every activity may reach, built once by the worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from agents.pathway import CalculatorPort, NoReference, NoSandbox, Pathway, ReferencePort
from contracts.charts import ChartFacts
from integrations.fhir.client import FhirClient
from integrations.inference.chat import ChatClient
from integrations.ledger.records import Records
from integrations.live.worklist import LiveWorklist


@dataclass(frozen=True)
class World:
    records: Records
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
    revised_for: timedelta = timedelta(days=7)
    """How long after a stay a person is asked again where the evidence of a decision has changed (I18)."""

    def close(self) -> None:
        """Give back connections; a process that ends need not."""
        self.fhir.close()
        self.live.close()
        self.records.db.close()

    def facts(self, pathway: str, encounter_id: str, snapshot_blob: str) -> ChartFacts:
        """Return the facts of a frozen chart, as the pathway reads it."""
        chart = self.records.chart(snapshot_blob)
        return self.pathways[pathway].read_chart(chart.resources, encounter_id, chart.as_of)

"""Dictation as a pathway: what the rest of Wardflow asks of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from agents.dictation import graph, reading, view, written
from agents.pathway import Pathway, Ports, Resource, SuggestionGraph
from contracts.charts import Attention, ChartFacts
from contracts.decisions import Decision
from contracts.dictation import DictationOptions
from contracts.suggestions import Suggestion
from contracts.time_zones import zone_named
from contracts.views import View


class Dictation:
    """See `agents.pathway.Pathway`."""

    name = graph.PATHWAY

    def __init__(self, options: DictationOptions) -> None:
        self.options = options

    def chart_queries(self, encounter_id: str) -> tuple[str, ...]:
        return reading.queries(encounter_id)

    def read_chart(self, chart: Sequence[Resource], encounter_id: str, as_of: datetime) -> ChartFacts:
        return reading.read_chart(chart, encounter_id, as_of, zone_named(self.options.time_zone))

    def build(self, ports: Ports) -> SuggestionGraph:
        return graph.build(self.options, ports)

    def attention(self, chart: Sequence[Resource], facts: ChartFacts) -> tuple[Attention, ...]:
        # those of decided cases are not among them
        return tuple(Attention(resource=recording.resource) for recording in facts.recordings)

    def results(self, suggestion: Suggestion, decision: Decision, result_id: str, meta: Resource) -> list[Resource]:
        return written.results(suggestion, decision, result_id, meta)

    def view(self, suggestion: Suggestion) -> View:
        return view.view(suggestion)

    def headline(self, facts: ChartFacts) -> str:
        complaint, age, sex = (facts.get(key) for key in ("complaint", "age", "sex"))
        who = " ".join(fact.value for fact in (age, sex) if fact) or "age and sex unknown"
        return f"Dictated note{f': {complaint.value}' if complaint else ''} ({who})"

    def colour(self, code: str | None) -> str:
        return "#123a8c"


def configure(options: Mapping[str, object]) -> Pathway:
    """Return the pathway for its block of the configuration. Raises ValidationError."""
    return Dictation(DictationOptions.model_validate(options))

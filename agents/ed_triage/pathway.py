"""Emergency triage as a pathway: what the rest of Wardflow asks of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from agents import charts, level_graph, repeats
from agents.ed_triage import features, graph, resources, reward, rules, scales
from agents.ed_triage.view import VIEW
from agents.pathway import Pathway, Ports, Resource, SuggestionGraph
from agents.repeats import Tolerance
from contracts.charts import Attention, ChartFacts
from contracts.decisions import Decision
from contracts.ed_triage import EdTriageOptions
from contracts.suggestions import Suggestion
from contracts.time_zones import zone_named
from contracts.tuning import DecidedCase, Features, NoLesson, TrainingRow
from contracts.views import View

# Our judgement: a tenth is what a pulse or a pressure moves between two cuffs; an hour later it is taken to be seen
REPEAT = Tolerance(0.1, timedelta(hours=1))


class EdTriage:
    """See `agents.pathway.TeachingPathway`."""

    name = graph.PATHWAY
    reward_version = reward.VERSION
    subgroups = ("female",)

    def __init__(self, options: EdTriageOptions) -> None:
        self.options = options
        self.scale = scales.scale_named(options.scale)

    def chart_queries(self, encounter_id: str) -> tuple[str, ...]:
        return f"Observation?encounter=Encounter/{encounter_id}", "Patient?_id={patient}", "Condition?_id={reasons}"

    def read_chart(self, chart: Sequence[Resource], encounter_id: str, as_of: datetime) -> ChartFacts:
        zone = zone_named(self.options.time_zone)
        return resources.read_chart(chart, encounter_id, as_of, self.options.codes, zone)

    def build(self, ports: Ports) -> SuggestionGraph:
        return graph.build(self.scale, self.options, ports.model("reasoning"))

    def attention(self, chart: Sequence[Resource], facts: ChartFacts) -> tuple[Attention, ...]:
        return level_graph.attention(rules.findings(facts), facts)

    def repeats(self, item: Attention, facts: ChartFacts, accepted: Sequence[ChartFacts]) -> bool:
        return repeats.is_repeat(item, facts, accepted, REPEAT, rules.worse_for(facts))

    def over(self, chart: Sequence[Resource], encounter_id: str) -> bool:
        return charts.is_over(chart, encounter_id)

    def more_urgent(self, code: str, than: str) -> bool:
        return code < than

    def results(self, suggestion: Suggestion, decision: Decision, result_id: str, meta: Resource) -> list[Resource]:
        return [resources.acuity(suggestion.facts, self.scale, decision, result_id, meta)]

    def view(self, suggestion: Suggestion) -> View:
        return VIEW

    def headline(self, facts: ChartFacts) -> str:
        complaint, age, sex = (facts.get(key) for key in ("complaint", "age", "sex"))
        who = " ".join(fact.value for fact in (age, sex) if fact)
        return f"{complaint.value if complaint else 'complaint not recorded'} ({who or 'age and sex unknown'})"

    def colour(self, code: str | None) -> str:
        return next((level.colour for level in self.scale.levels if level.code == code), "#555555")

    def features(self, facts: ChartFacts) -> Features:
        return features.features(facts)

    def advised(self, facts: ChartFacts) -> str | None:
        return features.by_pain(facts)

    def lesson(self, case: DecidedCase) -> TrainingRow | NoLesson:
        return reward.lesson(case, self.scale)


def configure(options: Mapping[str, object]) -> Pathway:
    """Return the pathway for its block of the configuration. Raises ValidationError or ConfigurationError."""
    return EdTriage(EdTriageOptions.model_validate(options))

"""Follow-up of laboratory results as a pathway: what the rest of Wardflow asks of it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from fhir.resources.R4B.task import Task

from agents import charts, codes, level_graph, repeats
from agents.pathway import Pathway, Ports, Relevance, Resource, SuggestionGraph
from agents.repeats import Tolerance
from agents.result_followup import flagged, graph, results, rules, tracing, view
from agents.result_followup.analytes import ANALYTES, CODES, NO_RESULTS, READINGS, RESULTS
from agents.result_followup.flags import UNREMARKABLE_WORDS, Words
from contracts.charts import Attention, ChartFacts, Fact
from contracts.decisions import Decision
from contracts.result_followup import ResultFollowupOptions
from contracts.suggestions import Suggestion
from contracts.time_zones import zone_named
from contracts.views import View

COLOURS = {rules.ACT_NOW: "#8f001a", rules.TODAY: "#ffe14d", rules.SEEN: "#123a8c"}
LABELS = tuple(ANALYTES[key].reading.label for key in ANALYTES.keys() - NO_RESULTS)
# Our judgement: a twentieth is about what a laboratory's method allows itself for the analytes with limits (CLIA 2019,
# 42 CFR 493.931), and after four hours a critical value that stands is news by itself
REPEAT = Tolerance(0.05, timedelta(hours=4))
MOST_NAMED = 3  # our judgement: in a list, of more nobody reads the last
PRIORITY = {rules.ACT_NOW: "stat", rules.TODAY: "urgent", rules.SEEN: "routine"}


class ResultFollowup:
    """See `agents.pathway.Pathway`."""

    name = graph.PATHWAY

    def __init__(self, options: ResultFollowupOptions) -> None:
        self.options = options
        words = UNREMARKABLE_WORDS | {word.lower() for word in options.unremarkable_words}
        self._words = Words(words, frozenset(flag.upper() for flag in options.critical_flags))

    def relevance(self, resource: Resource) -> Relevance:
        """Let a result that is not known to be in order open a case, and any other, or a QT interval, inform one."""
        if charts.has_code(resource, codes.QT_INTERVAL):
            return Relevance.INFORMS
        try:
            if not results.is_result(resource, self._words):
                return Relevance.NONE
        except (ValueError, TypeError, AttributeError, LookupError):
            return Relevance.OPENS  # what can't be read may be anything (I19)
        return Relevance.OPENS if results.demands_look(resource, self._words) else Relevance.INFORMS

    def chart_queries(self, encounter_id: str) -> tuple[str, ...]:
        return f"Observation?encounter=Encounter/{encounter_id}", "Patient?_id={patient}"

    def read_chart(self, chart: Sequence[Resource], encounter_id: str, as_of: datetime) -> ChartFacts:
        zone = zone_named(self.options.time_zone)
        chart = charts.zoned(chart, zone)
        read = charts.read_chart(chart, encounter_id, as_of, READINGS, CODES, zone)
        read = tracing.with_its_rate(read, chart, zone)
        found = flagged.read(chart, read, self._words)
        judged = tuple(f"({where})" for where in found.judged)  # shown as charted, where it is not in order
        lines = [line for line in read.left_out if not (line.startswith(LABELS) and line.endswith(judged))]
        exact = {charts.version_of(one) for one in chart if _observed(one) and charts.taken_at(one)}
        facts = (f if f.resource in exact else f.model_copy(update={"effective_at": None}) for f in read.facts)
        return read.model_copy(update={"facts": (*facts, *found.facts), "left_out": (*lines, *found.lines)})

    def build(self, ports: Ports) -> SuggestionGraph:
        return graph.build(self.options, ports)

    def attention(self, chart: Sequence[Resource], facts: ChartFacts) -> tuple[Attention, ...]:
        found = level_graph.attention(rules.findings(facts), facts)
        ruled = {item.resource for item in found}
        charted = flagged.attention(chart, facts, self._words)
        return (*found, *(item for item in charted if item.resource not in ruled))

    def repeats(self, item: Attention, facts: ChartFacts, accepted: Sequence[ChartFacts]) -> bool:
        return repeats.is_repeat(item, facts, accepted, REPEAT, _worse)

    def results(self, suggestion: Suggestion, decision: Decision, result_id: str, meta: Resource) -> list[Resource]:
        """Return the order to follow the results up; what was only seen is one that is done already."""
        chosen = next(choice for choice in suggestion.choices if choice.code == decision.selected)
        facts = suggestion.facts
        told = [finding.text for finding in suggestion.findings] + [claim.text for claim in suggestion.claims]
        body = {
            "resourceType": "Task",
            "id": result_id,
            "meta": meta,
            "identifier": [codes.case_identifier(decision.case_id)],
            "status": "completed" if decision.selected == rules.SEEN else "requested",
            "intent": "order",
            "priority": PRIORITY[chosen.code],
            "code": {"text": f"Follow up laboratory results: {chosen.display.lower()}"},
            "description": "; ".join(told) or "see the results",
            **({"for": {"reference": facts.patient}} if facts.patient else {}),
            "encounter": {"reference": f"Encounter/{facts.encounter_id}"},
            "authoredOn": decision.decided_at.isoformat(),
            "reasonReference": {"reference": _basis(suggestion)},
        }
        if decision.reason:
            body["note"] = [{"text": decision.reason}]
        Task.model_validate(body)
        return [json.loads(json.dumps(body))]

    def view(self, suggestion: Suggestion) -> View:
        return view.view(suggestion)

    def headline(self, facts: ChartFacts) -> str:
        found = sorted((one for one in rules.findings(facts) if one.floor), key=lambda one: one.floor or "")
        cited = (facts.get(key) for one in found for key in one.cites if _of_results(key) or key == "hr")
        named = {fact.resource: fact for fact in cited if fact}  # of one Observation the number and its flag
        told = [fact.shown() for fact in named.values()]
        more = [f"and {len(told) - MOST_NAMED} more"] if len(told) > MOST_NAMED else []
        shown = ", ".join([*told[:MOST_NAMED], *more]) or "results outside their range"
        age, sex = facts.get("age"), facts.get("sex")
        who = " ".join(fact.value for fact in (age, sex) if fact)
        return f"{shown} ({who or 'age and sex unknown'})"

    def colour(self, code: str | None) -> str:
        return COLOURS.get(code or "", "#555555")


def _basis(suggestion: Suggestion) -> str:
    """Return the result that the order is about: the first that a rule found, else the newest, else the stay."""
    facts = suggestion.facts
    urgent = sorted(suggestion.findings, key=lambda found: found.floor or rules.SEEN)
    cited = (facts.get(key) for found in urgent for key in found.cites if _of_results(key))
    newest = max((fact for fact in facts.facts if fact.key in RESULTS), key=_at, default=None)
    basis = next((fact for fact in cited if fact), newest)
    return basis.resource.partition("/_history/")[0] if basis else f"Encounter/{facts.encounter_id}"


def _of_results(key: str) -> bool:
    return key in RESULTS or key.startswith((flagged.KEY, flagged.CRITICAL_KEY))


def _observed(resource: Resource) -> bool:
    return resource.get("resourceType") == "Observation" and isinstance(resource.get("id"), str)


def _worse(key: str, new: float, old: float) -> bool:
    """Return whether a number is further out: from the middle of our limits, or on the side of the only one."""
    analyte = ANALYTES.get(key)
    if analyte is None or (analyte.low is None and analyte.high is None):
        return new != old
    if analyte.low is None:
        return new > old
    if analyte.high is None:
        return new < old
    middle = (analyte.low + analyte.high) / 2
    return abs(new - middle) > abs(old - middle)


def _at(fact: Fact) -> datetime:
    return fact.effective_at or datetime.min.replace(tzinfo=UTC)


def configure(options: Mapping[str, object]) -> Pathway:
    """Return the pathway for its block of the configuration. Raises ValidationError."""
    return ResultFollowup(ResultFollowupOptions.model_validate(options))

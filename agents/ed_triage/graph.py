"""The agent of emergency triage: the graph of `agents.level_graph` over an acuity scale."""

from agents import level_graph
from agents.ed_triage import prompts, rules
from agents.ed_triage.resources import SHOWN
from agents.level_graph import Levels
from agents.pathway import ChatPort, SuggestionGraph
from contracts.ed_triage import AcuityScale, EdTriageOptions
from contracts.suggestions import Choice

PATHWAY = "ed_triage"


def build(scale: AcuityScale, options: EdTriageOptions, reasoning: ChatPort) -> SuggestionGraph:
    """Return the compiled graph: `{"facts": ChartFacts}` in, `suggestion` out."""
    asked = Levels(
        pathway=PATHWAY,
        system=scale.system,
        choices=tuple(Choice(code=level.code, display=level.display) for level in scale.levels),
        strong_from=options.strong_from,
        moderate_from=options.moderate_from,
        findings=rules.findings,
        judge=lambda facts: prompts.judge(facts, scale),
        explain=lambda facts, level: prompts.explain(facts, scale, level.code),
        missing=lambda facts: tuple(SHOWN[key].label for key in rules.missing(facts)),
    )
    return level_graph.build(asked, reasoning)

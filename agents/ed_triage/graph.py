"""The agent: score, judge, explain, verify, propose; a plain LangGraph graph without effects."""

import json
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

from agents.claims import borne_out
from agents.ed_triage import prompts, rules
from agents.ed_triage.resources import SHOWN
from agents.pathway import ChatPort, SuggestionGraph, probabilities
from contracts.charts import ChartFacts
from contracts.ed_triage import AcuityScale, EdTriageOptions
from contracts.errors import Fallback, ModelError
from contracts.suggestions import Choice, Claim, Finding, MadeBy, Suggestion, Support

PATHWAY = "ed_triage"
DEFAULT_LEVEL = "3"  # where neither rules nor model say more: the middle, labelled as undecided support


Update = dict[str, object]


class TriageState(TypedDict):
    """What the nodes add to; `fallback` comes instead of choices, model and claims."""

    facts: ChartFacts
    findings: tuple[Finding, ...]
    choices: tuple[Choice, ...]
    model: str
    fallback: Fallback
    claims: tuple[Claim, ...]
    dropped_claims: int
    suggestion: Suggestion


def build(scale: AcuityScale, options: EdTriageOptions, reasoning: ChatPort) -> SuggestionGraph:
    """Return the compiled graph: `{"facts": ChartFacts}` in, `suggestion` out."""
    nodes = _Nodes(scale, options, reasoning)
    graph = StateGraph(TriageState)
    graph.add_node("score", nodes.score)
    graph.add_node("judge", nodes.judge)
    graph.add_node("explain", nodes.explain)
    graph.add_node("verify", nodes.verify)
    graph.add_node("propose", nodes.propose)
    graph.add_edge(START, "score")
    graph.add_edge("score", "judge")
    graph.add_conditional_edges("judge", lambda state: "propose" if "fallback" in state else "explain")
    graph.add_edge("explain", "verify")
    graph.add_edge("verify", "propose")
    graph.add_edge("propose", END)
    return graph.compile()


class _Nodes:
    def __init__(self, scale: AcuityScale, options: EdTriageOptions, reasoning: ChatPort) -> None:
        self.scale, self.options, self.reasoning = scale, options, reasoning
        self.choices = tuple(Choice(code=level.code, display=level.display) for level in scale.levels)

    async def score(self, state: TriageState) -> Update:
        return {"findings": rules.findings(state["facts"])}

    async def judge(self, state: TriageState) -> Update:
        try:
            call = await self.reasoning.ask(prompts.judge(state["facts"], self.scale))
            return {"choices": probabilities(call, self.choices), "model": call.model}
        except ModelError as fault:
            return {"fallback": Fallback(fault.kind)}

    async def explain(self, state: TriageState) -> Update:
        level = self._selected(state["choices"], state["findings"])
        try:
            call = await self.reasoning.ask(prompts.explain(state["facts"], self.scale, level))
            claims = tuple(Claim.model_validate(claim) for claim in json.loads(call.content)["reasons"])
        except (ModelError, ValueError, KeyError, TypeError, RecursionError):
            return {"claims": (), "dropped_claims": 1}  # a level without reasons is still a level, and shown so
        return {"claims": claims, "dropped_claims": 0}

    async def verify(self, state: TriageState) -> Update:
        told = tuple(dict.fromkeys(state["claims"]))  # small models repeat themselves
        held = tuple(claim for claim in told if borne_out(claim, state["facts"]))
        return {"claims": held, "dropped_claims": state["dropped_claims"] + len(told) - len(held)}

    async def propose(self, state: TriageState) -> Update:
        facts, found = state["facts"], state["findings"]
        judged = state.get("choices")
        selected = self._selected(judged, found)
        suggestion = Suggestion(
            pathway=PATHWAY,
            system=self.scale.system,
            choices=judged or self.choices,
            selected=selected,
            floor=rules.floor(found),
            made_by=MadeBy.MODEL if judged else MadeBy.RULES,
            fallback=state.get("fallback"),
            model=state.get("model"),
            support=self._support(judged, selected),
            claims=state.get("claims", ()),
            dropped_claims=state.get("dropped_claims", 0),
            findings=found,
            missing=tuple(SHOWN[key].label for key in rules.missing(facts)),
            facts=facts,
        )
        return {"suggestion": suggestion}

    def _selected(self, judged: tuple[Choice, ...] | None, found: tuple[Finding, ...]) -> str:
        """Return the model's likeliest level raised to the floor; without a model the floor, or the middle level."""
        floor = rules.floor(found)
        if judged is None:
            return floor or DEFAULT_LEVEL
        likeliest = max(judged, key=lambda choice: choice.probability or 0.0).code
        return min(likeliest, floor) if floor else likeliest

    def _support(self, judged: tuple[Choice, ...] | None, selected: str) -> Support:
        if judged is None:
            return Support.RULES_ONLY
        probability = next(c.probability or 0.0 for c in judged if c.code == selected)
        if probability >= self.options.strong_from:
            return Support.STRONG
        return Support.MODERATE if probability >= self.options.moderate_from else Support.UNCERTAIN

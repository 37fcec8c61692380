"""The graph of an agent that proposes one level of a closed choice: score, judge, explain, verify, propose.

A pathway fills in what differs. The graph is a plain LangGraph graph without effects; a model may raise what the rules
demand, never lower it (I10), and without one the rules go on alone (I11). Where neither gives a level, the graph
proposes none. A model that was never measured on the pathway is shown as unsure, whatever its own probabilities say.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypedDict

from agents.claims import borne_out
from agents.pathway import ChatPort, SuggestionGraph, probabilities
from contracts.calculations import Worked
from contracts.charts import Attention, ChartFacts
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest
from contracts.suggestions import Choice, Claim, Finding, MadeBy, Suggestion, Support

Update = dict[str, object]


@dataclass(frozen=True)
class Levels:
    """What differs from pathway to pathway. Codes sort as urgency does, the most urgent first."""

    pathway: str
    system: str
    choices: tuple[Choice, ...]
    strong_from: float
    """Probability of the selected level from which support is called strong."""
    moderate_from: float
    findings: Callable[[ChartFacts], tuple[Finding, ...]]
    judge: Callable[[ChartFacts], ChatRequest]
    explain: Callable[[ChartFacts, Choice], ChatRequest]
    work: Callable[[ChartFacts], Awaitable[tuple[Worked, ...]]] | None = None
    """Calculates from the chart; None: the pathway has nothing to calculate."""
    missing: Callable[[ChartFacts], tuple[str, ...]] = lambda _: ()
    """Names what the rules need and the chart lacks."""


class LevelState(TypedDict):
    """What the nodes add to; `fallback` comes instead of choices, model and claims."""

    facts: ChartFacts
    worked: tuple[Worked, ...]
    findings: tuple[Finding, ...]
    choices: tuple[Choice, ...]
    model: str
    measured: bool
    fallback: Fallback
    claims: tuple[Claim, ...]
    dropped_claims: int
    suggestion: Suggestion


def build(levels: Levels, reasoning: ChatPort) -> SuggestionGraph:
    """Return the compiled graph: `{"facts": ChartFacts}` in, `suggestion` out."""
    from langgraph.graph import END, START, StateGraph  # half a second, spent only by who builds a graph

    nodes = _Nodes(levels, reasoning)
    graph = StateGraph(LevelState)
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


def floor(found: tuple[Finding, ...]) -> str | None:
    """Return the most urgent floor of the findings."""
    return min((f.floor for f in found if f.floor), default=None)


def attention(found: tuple[Finding, ...], facts: ChartFacts) -> tuple[Attention, ...]:
    """Return what demands a look: each version that a floor rests on, and what could not be used of the chart.

    Whose chart it is does not: a Patient has a new version with each address, and a new age is a change (I18).
    """
    demanded: dict[str, Attention] = {}
    for finding in sorted((one for one in found if one.floor), key=lambda one: one.floor or ""):
        for fact in filter(None, map(facts.get, finding.cites)):
            if fact.resource == facts.patient or fact.resource.startswith(f"{facts.patient}/"):
                continue
            item = Attention(resource=fact.resource, rule=finding.rule, floor=finding.floor)
            demanded.setdefault(fact.resource, item)
    return (*demanded.values(), *(Attention(line=line, rule="left out") for line in facts.left_out))


class _Nodes:
    def __init__(self, levels: Levels, reasoning: ChatPort) -> None:
        self.levels, self.reasoning = levels, reasoning

    async def score(self, state: LevelState) -> Update:
        worked = await self.levels.work(state["facts"]) if self.levels.work else ()
        return {"worked": worked, "findings": self.levels.findings(state["facts"])}

    async def judge(self, state: LevelState) -> Update:
        try:
            call = await self.reasoning.ask(self.levels.judge(state["facts"]))
            measured = call.measured_on is None or self.levels.pathway in call.measured_on
            return {"choices": probabilities(call, self.levels.choices), "model": call.model, "measured": measured}
        except ModelError as fault:
            return {"fallback": Fallback(fault.kind)}

    async def explain(self, state: LevelState) -> Update:
        selected = _selected(state["choices"], state["findings"])
        level = next(choice for choice in self.levels.choices if choice.code == selected)
        try:
            call = await self.reasoning.ask(self.levels.explain(state["facts"], level))
            claims = tuple(Claim.model_validate(claim) for claim in json.loads(call.content)["reasons"])
        except (ModelError, ValueError, KeyError, TypeError, RecursionError):
            return {"claims": (), "dropped_claims": 1}  # a level without reasons is still a level, and shown so
        return {"claims": claims, "dropped_claims": 0}

    async def verify(self, state: LevelState) -> Update:
        told = tuple(dict.fromkeys(state["claims"]))  # small models repeat themselves
        held = tuple(claim for claim in told if borne_out(claim, state["facts"]))
        return {"claims": held, "dropped_claims": state["dropped_claims"] + len(told) - len(held)}

    async def propose(self, state: LevelState) -> Update:
        facts, found = state["facts"], state["findings"]
        judged, measured = state.get("choices"), state.get("measured", True)
        selected = _selected(judged, found)
        suggestion = Suggestion(
            pathway=self.levels.pathway,
            system=self.levels.system,
            choices=judged or self.levels.choices,
            selected=selected,
            floor=floor(found),
            made_by=MadeBy.MODEL if judged else MadeBy.RULES,
            fallback=state.get("fallback"),
            model=state.get("model"),
            support=self._support(judged, selected, measured),
            claims=state.get("claims", ()),
            dropped_claims=state.get("dropped_claims", 0),
            findings=found,
            worked=state["worked"],
            missing=self.levels.missing(facts),
            facts=facts,
            measured=measured,
        )
        return {"suggestion": suggestion}

    def _support(self, judged: tuple[Choice, ...] | None, selected: str | None, measured: bool) -> Support:
        if judged is None:
            return Support.RULES_ONLY
        if not measured:
            return Support.UNCERTAIN
        probability = next(c.probability or 0.0 for c in judged if c.code == selected)
        if probability >= self.levels.strong_from:
            return Support.STRONG
        return Support.MODERATE if probability >= self.levels.moderate_from else Support.UNCERTAIN


def _selected(judged: tuple[Choice, ...] | None, found: tuple[Finding, ...]) -> str | None:
    """Return the model's likeliest level raised to the floor; without a model the floor, or None."""
    least = floor(found)
    if judged is None:
        return least
    likeliest = max(judged, key=lambda choice: choice.probability or 0.0).code
    return min(likeliest, least) if least else likeliest

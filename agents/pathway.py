"""What every pathway offers, and the ports through which its graph reaches the world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from math import exp
from typing import Any, Protocol, runtime_checkable

from contracts.calculations import Calculation, CalculationFault
from contracts.charts import Attention, ChartFacts
from contracts.decisions import Decision
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall
from contracts.suggestions import Choice, Suggestion
from contracts.tuning import DecidedCase, Features, NoLesson, TrainingRow
from contracts.views import View

Resource = dict[str, Any]


class ChatPort(Protocol):
    """A model, or the record of what it said. Raises ModelError."""

    async def ask(self, request: ChatRequest) -> ModelCall: ...


class NoModel:
    """The port of a role that nobody serves, or that could not be reached."""

    def __init__(self, why: Fallback = Fallback.NOT_CONFIGURED) -> None:
        self.why = why

    async def ask(self, request: ChatRequest) -> ModelCall:
        raise ModelError(self.why)


class CalculatorPort(Protocol):
    """Where a program that a model wrote may run. Never raises for what a program does."""

    async def run(self, program: str, inputs: dict[str, float]) -> Calculation: ...

    async def close(self) -> None:
        """End what it started."""
        ...


class ReferencePort(Protocol):
    """An independent calculator."""

    async def result(self, name: str, inputs: dict[str, float]) -> float | None:
        """Return its result, or None where it has no such calculator or is not installed."""
        ...

    async def close(self) -> None:
        """End what it started."""
        ...


class NoSandbox:
    """The port where no walls are: nothing runs."""

    async def run(self, program: str, inputs: dict[str, float]) -> Calculation:
        return Calculation(program=program, inputs=inputs, fault=CalculationFault.NO_SANDBOX, seconds=0.0)

    async def close(self) -> None:
        """There is nothing to end."""


class NoReference:
    """The port where no independent calculator is installed."""

    async def result(self, name: str, inputs: dict[str, float]) -> float | None:
        return None

    async def close(self) -> None:
        """There is nothing to end."""


@dataclass(frozen=True)
class Ports:
    """Through which a graph reaches what it may use."""

    models: Mapping[str, ChatPort] = field(default_factory=dict)
    calculator: CalculatorPort = field(default_factory=NoSandbox)
    reference: ReferencePort = field(default_factory=NoReference)

    def model(self, role: str) -> ChatPort:
        """Return the model of a role (`reasoning`, `code`); one that nobody serves refuses what it is asked."""
        return self.models.get(role) or NoModel()


class SuggestionGraph(Protocol):
    """A compiled LangGraph graph: input `{"facts": ChartFacts}`, output with `suggestion: Suggestion`."""

    async def ainvoke(self, input: Any) -> dict[str, Any]: ...


class Relevance(Enum):
    """What a resource of the chart is to a pathway, of those that its triggers name."""

    NONE = auto()
    INFORMS = auto()
    """An open case hears of it."""
    OPENS = auto()
    """It demands a look, and opens a case where none is."""


class Pathway(Protocol):
    """One use case. Everything but the graph's model calls is pure."""

    name: str

    def chart_queries(self, encounter_id: str) -> tuple[str, ...]:
        """Return the FHIR searches that freeze the chart; `{patient}` stands for the patient's id.

        `{reasons}` stands for the ids of the Conditions for which somebody came; where there are none, that search is
        left out, and so it is where the server refuses it: what it finds are words for people.
        """
        ...

    def read_chart(self, chart: Sequence[Resource], encounter_id: str, as_of: datetime) -> ChartFacts:
        """Return the coded values of a frozen chart as they were at `as_of`."""
        ...

    def build(self, ports: Ports) -> SuggestionGraph:
        """Return the graph from frozen facts to a suggestion; nothing in it has an effect outside."""
        ...

    def attention(self, chart: Sequence[Resource], facts: ChartFacts) -> tuple[Attention, ...]:
        """Return what of this chart, read as these facts, demands a look.

        After a case has ended, an item that no decided suggestion showed opens the next (I17).
        """
        ...

    def results(self, suggestion: Suggestion, decision: Decision, result_id: str, meta: Resource) -> list[Resource]:
        """Return what an approved or changed suggestion writes, validated, with our `meta`.

        The first has this id; the ids of others follow from it, so that each try names the same.
        """
        ...

    def headline(self, facts: ChartFacts) -> str:
        """Return the few words by which a person recognises the case in a list."""
        ...

    def view(self, suggestion: Suggestion) -> View:
        """Return what its page shows of a suggestion beside what all pages do, and in which words."""
        ...

    def colour(self, code: str | None) -> str:
        """Return the CSS colour that the scale gives a code; a neutral one for None."""
        ...


async def suggest(pathway: Pathway, facts: ChartFacts, ports: Ports) -> Suggestion:
    """Return what the pathway's graph proposes of this chart."""
    return (await pathway.build(ports).ainvoke({"facts": facts}))["suggestion"]


@runtime_checkable
class SelectingPathway(Pathway, Protocol):
    """One that judges by itself which of the resources that its triggers name are news to it."""

    def relevance(self, resource: Resource) -> Relevance:
        """Return what a resource is, as a feed sent it. Never raises: what can't be read demands a look (I19)."""
        ...


@runtime_checkable
class RepeatingPathway(Pathway, Protocol):
    """One that knows which values only repeat what a person has accepted."""

    def repeats(self, item: Attention, facts: ChartFacts, accepted: Sequence[ChartFacts]) -> bool:
        """Return whether an item of these facts asks again for what suggestions showed that a person accepted (I17)."""
        ...


@runtime_checkable
class EndingPathway(Pathway, Protocol):
    """One whose question is over with the stay."""

    def over(self, chart: Sequence[Resource], encounter_id: str) -> bool:
        """Return whether a frozen chart says that the stay is over. Never raises."""
        ...


@runtime_checkable
class TeachingPathway(Pathway, Protocol):
    """One whose decisions can make a model better."""

    reward_version: int
    """Of what `lesson` makes of a decision."""
    subgroups: tuple[str, ...]
    """Yes/no numbers of `features` by whose sides decisions must not differ."""

    def more_urgent(self, code: str, than: str) -> bool:
        """Return whether the first code is more urgent than the second."""
        ...

    def features(self, facts: ChartFacts) -> Features:
        """Return the chart as text and numbers, the same keys for every chart."""
        ...

    def advised(self, facts: ChartFacts) -> str | None:
        """Return the code that the chart asks for where people are known to miss it, or None; for a second reader."""
        ...

    def lesson(self, case: DecidedCase) -> TrainingRow | NoLesson:
        """Return what the decision teaches, or why it teaches nothing."""
        ...


def probabilities(call: ModelCall, choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return the choices with the model's probability of each, over the closed choice (they sum to 1).

    Read from the alternatives of the first token that is one of the codes. Raises ModelError(NONSENSE) when the
    answer is none of them, or the server left one out: an unknown probability is not a small one.
    """
    codes = [c.code for c in choices]
    if call.content.strip() not in codes:
        raise ModelError(Fallback.NONSENSE, "answer is not one of the choices")
    for alternatives in call.top_logprobs:
        weights: dict[str, float] = {}
        for token in alternatives:
            if token.logprob > 0:
                raise ModelError(Fallback.NONSENSE, "a log-probability above 0")
            weights[token.token.strip()] = weights.get(token.token.strip(), 0.0) + exp(token.logprob)
        total = sum(weights.get(code, 0.0) for code in codes)
        if total > 0 and all(code in weights for code in codes):
            return tuple(c.model_copy(update={"probability": weights[c.code] / total}) for c in choices)
    raise ModelError(Fallback.NONSENSE, "no probability for some of the choices")

"""The agent of dictation: hear with the names that the recording may hold, hear without, compare, structure, propose.

What a model heard is evidence and is never followed: no word of a recording chooses, writes or asks anything.
"""

import asyncio
from collections.abc import Sequence
from typing import TypedDict

from agents.dictation import hearing, loops, names, note
from agents.dictation.loops import Stretch
from agents.dictation.reading import medications
from agents.pathway import ChatPort, Ports, SuggestionGraph
from contracts.charts import ChartFacts, ChartRecording
from contracts.dictation import DictationOptions, Doubt
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall, Recording
from contracts.suggestions import Choice, Finding, MadeBy, Suggestion, Support
from contracts.transcripts import Transcript

PATHWAY = "dictation"
SYSTEM = "urn:wardflow:dictation"
FILE = "1"
CHOICES = (Choice(code=FILE, display="File the note"),)
MOST_TOKENS = 4096
Update = dict[str, object]


class DictationState(TypedDict):
    """What the nodes add to; a recording that was not heard, or not heard again, is None in its place."""

    facts: ChartFacts
    heard: tuple[Transcript | None, ...]
    heard_again: tuple[Transcript | None, ...]
    doubts: tuple[tuple[Doubt, ...] | None, ...]
    circles: tuple[tuple[Stretch, ...], ...]
    """The loops of the hearing that the note is made of."""
    unusable: tuple[bool, ...]
    """Whether the other hearing was of no use."""
    model: str
    fallback: Fallback
    suggestion: Suggestion


def build(options: DictationOptions, ports: Ports) -> SuggestionGraph:
    """Return the compiled graph: `{"facts": ChartFacts}` in, `suggestion` out."""
    from langgraph.graph import END, START, StateGraph  # half a second, spent only by who builds a graph

    nodes = _Nodes(options, ports.model("transcription"))
    graph = StateGraph(DictationState)
    graph.add_node("hear", nodes.hear)
    graph.add_node("hear_again", nodes.hear_again)
    graph.add_node("compare", nodes.compare)
    graph.add_node("propose", nodes.propose)
    graph.add_edge(START, "hear")
    graph.add_conditional_edges("hear", lambda state: "hear_again" if any(state["heard"]) else "compare")
    graph.add_edge("hear_again", "compare")
    graph.add_edge("compare", "propose")
    graph.add_edge("propose", END)
    return graph.compile()


class _Nodes:
    def __init__(self, options: DictationOptions, model: ChatPort) -> None:
        self.options, self.model = options, model

    async def hear(self, state: DictationState) -> Update:
        facts = state["facts"]
        listened_for = names.hotwords(medications(facts))
        heard: list[Transcript | None] = []
        told: Update = {}
        for recording in facts.recordings:
            try:
                call = await self._ask("hear with names", recording, listened_for)
                heard.append(_transcript(call))
                told["model"] = call.model
            except ModelError as fault:
                heard.append(None)
                told["fallback"] = Fallback(fault.kind)
        return told | {"heard": tuple(heard)}

    async def hear_again(self, state: DictationState) -> Update:
        again: list[Transcript | None] = []
        for recording, heard in zip(state["facts"].recordings, state["heard"], strict=True):
            try:
                again.append(heard and _transcript(await self._ask("hear without names", recording, ())))
            except ModelError:
                again.append(None)  # then every number and name is a person's to confirm
        return {"heard_again": tuple(again)}

    async def compare(self, state: DictationState) -> Update:
        return await asyncio.to_thread(_compared, state)  # it computes; other agents share the loop

    async def propose(self, state: DictationState) -> Update:
        return await asyncio.to_thread(_proposed, state)

    async def _ask(self, step: str, recording: ChartRecording, hotwords: tuple[str, ...]) -> ModelCall:
        if not recording.blob:
            raise ModelError(Fallback.NONSENSE, "no audio to hear")
        asked = Recording(
            blob=recording.blob, media_type=recording.media_type, hotwords=hotwords, language=self.options.language
        )
        return await self.model.ask(ChatRequest(step=step, messages=(), max_tokens=MOST_TOKENS, recording=asked))


def _compared(state: DictationState) -> Update:
    """Return of each recording the hearing to make a note of, what of it is in doubt, and where it goes in circles."""
    known, heard = medications(state["facts"]), state["heard"]
    again = state.get("heard_again") or (None,) * len(heard)
    matcher = names.Matcher(known)
    pairs = [hearing.better(a, b, matcher=matcher) if a and b else (a, b) for a, b in zip(heard, again, strict=True)]
    doubts = tuple(hearing.doubts(a, b, matcher=matcher) if a and b else None for a, b in pairs)
    circles = tuple(loops.found(a, b, matcher.known) if a else () for a, b in pairs)
    others = (b is not None and loops.unusable(b, loops.found(b, a, matcher.known)) for a, b in pairs)
    return {"heard": tuple(a for a, _ in pairs), "doubts": doubts, "circles": circles, "unusable": tuple(others)}


def _proposed(state: DictationState) -> Update:
    facts, circles = state["facts"], state["circles"]
    useful = [a is not None and not loops.unusable(a, c) for a, c in zip(state["heard"], circles, strict=True)]
    nonsense = None if any(useful) or not any(state["heard"]) else Fallback.NONSENSE
    suggestion = Suggestion(
        pathway=PATHWAY,
        system=SYSTEM,
        choices=CHOICES,
        selected=FILE,
        made_by=MadeBy.MODEL if any(useful) else MadeBy.RULES,
        fallback=state.get("fallback") or nonsense,
        model=state.get("model"),
        support=Support.MODERATE if any(useful) else Support.RULES_ONLY,
        findings=_findings(facts, useful, state["unusable"]),
        note=note.structure(state["heard"], state["doubts"], medications(facts), circles),
        facts=facts,
    )
    return {"suggestion": suggestion}


def _transcript(call: ModelCall) -> Transcript:
    """Return what was heard. Raises ModelError(NONSENSE) where the answer is no transcript."""
    try:
        return Transcript.model_validate_json(call.content)
    except ValueError:
        raise ModelError(Fallback.NONSENSE, "no transcript") from None


def _findings(facts: ChartFacts, useful: Sequence[bool], unusable: Sequence[bool]) -> tuple[Finding, ...]:
    source = "fixed rules of dictation"
    if not facts.recordings:
        text = "No recording waits: it was withdrawn, or another case has dealt with it"
        return (Finding(rule="nothing", text=text, source=source),)
    found: list[Finding] = []
    if not all(useful):
        text = f"{useful.count(False)} of {len(useful)} recordings to be transcribed by hand"
        found.append(Finding(rule="by hand", text=text, source=source))
    if once := sum(one and other for one, other in zip(useful, unusable, strict=True)):
        text = f"{once} of {len(useful)} recordings with one transcript only: the other repeats itself and is not used"
        found.append(Finding(rule="one transcript", text=text, source=source))
    return tuple(found)

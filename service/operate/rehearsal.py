"""Asks models what their pathways will ask, about somebody who does not exist."""

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

from activities.world import World
from agents import codes
from agents.pathway import Ports, suggest
from contracts.errors import Fallback, ModelError
from contracts.frozen import Frozen
from contracts.model_calls import ChatRequest, Message, ModelCall, Recording
from contracts.roles import Role
from contracts.transcripts import Transcript
from integrations.inference.budget import tokens_of
from integrations.inference.chat import ChatClient
from service.synthetic import arrivals

ANSWER_CHARS = 400
SMALL = ChatRequest(
    step="small", messages=(Message(role="user", content="What is 2 + 3? Answer with the number."),), max_tokens=4
)
# LOINC code, value, unit: every calculation of result_followup has its inputs
RESULTS = (
    (codes.SODIUM[0], 128, codes.MMOL_PER_LITRE),
    (codes.CHLORIDE[0], 94, codes.MMOL_PER_LITRE),
    (codes.BICARBONATE[0], 14, codes.MMOL_PER_LITRE),
    (codes.CREATININE[0], 142, codes.UMOL_PER_LITRE),
    (codes.GLUCOSE[0], 24, codes.MMOL_PER_LITRE),
    (codes.CALCIUM[0], 2.1, codes.MMOL_PER_LITRE),
    (codes.ALBUMIN[0], 31, codes.GRAMS_PER_LITRE),
    (codes.QT_INTERVAL, 410, codes.MILLISECONDS),
)


class Asked(Frozen):
    """One question and what came back: an answer, or why there is none."""

    role: str
    step: str
    model: str = ""
    answer: str = ""
    seconds: float
    tokens: int = 0
    fault: Fallback | None = None
    told: str = ""


class Rehearsing:
    """A model as a graph knows it; what it was asked is noted."""

    def __init__(self, role: str, client: ChatClient, asked: list[Asked]) -> None:
        self._role, self._client, self._asked = role, client, asked

    async def ask(self, request: ChatRequest) -> ModelCall:
        start = time.monotonic()
        try:
            call = await self._client.ask_without_patient(request)
        except ModelError as fault:
            seconds, kind = time.monotonic() - start, Fallback(fault.kind)
            told = str(fault).partition(": ")[2]
            self._asked.append(Asked(role=self._role, step=request.step, seconds=seconds, fault=kind, told=told))
            raise
        self._asked.append(
            Asked(
                role=self._role, step=request.step, model=call.model, answer=_answer(call)[:ANSWER_CHARS],
                seconds=call.latency_ms / 1000, tokens=tokens_of(call),
            )
        )  # fmt: skip
        return call


def _answer(call: ModelCall) -> str:
    return Transcript.model_validate_json(call.content).text if call.request.recording else call.content


async def rehearse(world: World, roles: list[str]) -> list[Asked]:
    """Run every pathway on a made-up chart with the models of these roles; return each question in its order."""
    asked: list[Asked] = []
    models = {role: Rehearsing(role, world.models[role], asked) for role in roles}
    resources, encounter = _stay()
    for pathway in world.pathways.values():
        facts = pathway.read_chart(resources, encounter, arrivals.START + timedelta(hours=1))
        await suggest(pathway, facts, Ports(models, world.calculator, world.reference))
    return asked


def _stay() -> tuple[list[arrivals.Bundle], str]:
    (bundles,) = arrivals.synthetic(seed=1, count=1)
    bodies = [entry["resource"] for entry in bundles[0]["entry"]]
    encounter = next(body["id"] for body in bodies if body["resourceType"] == "Encounter")
    for code, value, unit in RESULTS:
        quantity = {"valueQuantity": {"value": value, "unit": unit}}
        bodies.append(arrivals.observation(encounter, arrivals.START, code, code, quantity))
    return bodies, encounter


def small(world: World, role: str) -> ChatRequest:
    """Return a small request to the model of a role: a question, or to write down a recording that is no patient's."""
    if role != Role.TRANSCRIPTION:
        return SMALL
    recording = Recording(blob=world.records.blobs.put(arrivals.SPOKEN.read_bytes()), media_type="audio/ogg")
    return ChatRequest(step="small", messages=(), recording=recording, max_tokens=500)


async def ask_small(world: World, role: str, asked: list[Asked]) -> None:
    """Add a small question to the role's model, and what came back."""
    with suppress(ModelError):
        await Rehearsing(role, world.models[role], asked).ask(await asyncio.to_thread(small, world, role))

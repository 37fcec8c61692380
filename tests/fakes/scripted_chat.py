"""A model that says what the test wrote down (see `agents.pathway.ChatPort`)."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import log

from contracts.errors import ModelError
from contracts.model_calls import ChatRequest, ModelCall, TokenLogprob

LEVELS = ("1", "2", "3", "4", "5")


def favouring(level: str, probability: float = 0.8) -> dict[str, float]:
    """Return the probabilities of all levels, with this one the likeliest."""
    rest = (1 - probability) / (len(LEVELS) - 1)
    return {code: probability if code == level else rest for code in LEVELS}


def reasons(*claims: tuple[str, Sequence[str]]) -> str:
    """Return the JSON by which a model gives reasons: text, and the keys it cites."""
    return json.dumps({"reasons": [{"text": text, "cites": list(cites)} for text, cites in claims]})


def called(request: ChatRequest, content: str, levels: Mapping[str, float] | None = None) -> ModelCall:
    """Return the record of a call as our vLLM gives it, one token for each character of the answer."""
    row = tuple(TokenLogprob(token=code, logprob=log(p)) for code, p in (levels or {}).items())
    return ModelCall(
        request=request,
        content=content,
        finish_reason="stop",
        model="scripted@1",
        endpoint="reasoning",
        prompt_token_ids=(1, 2, 3),
        completion_token_ids=tuple(map(ord, content)),
        logprobs=tuple(-0.5 for _ in content),
        top_logprobs=(row,) if row else (),
        called_at=datetime(2026, 1, 5, 8, 30, tzinfo=UTC),
        latency_ms=12.0,
    )


NO_REASONS = reasons()


class ScriptedChat:
    """Answers `judge` from the probabilities, `explain` with the text; a ModelError is raised instead."""

    def __init__(
        self, levels: Mapping[str, float] | ModelError, told: str | ModelError = NO_REASONS, answer: str | None = None
    ) -> None:
        self.levels, self.told, self.answer = levels, told, answer
        self.asked: list[ChatRequest] = []
        self.calls: list[ModelCall] = []

    async def ask(self, request: ChatRequest) -> ModelCall:
        self.asked.append(request)
        said = self.levels if request.step == "judge" else self.told
        if isinstance(said, ModelError):
            raise said
        if isinstance(said, str):
            call = called(request, said)
        else:
            call = called(request, self.answer if self.answer is not None else max(said, key=said.__getitem__), said)
        self.calls.append(call)
        return call

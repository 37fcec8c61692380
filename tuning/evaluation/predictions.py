"""Asks rules or a model about frozen charts, and keeps each answer, so that nobody is asked twice."""

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from agents.pathway import ChatPort, Pathway, Ports, suggest
from contracts.errors import ConfigurationError, ConfigurationFault, Fallback, ModelError
from contracts.frozen import Frozen
from contracts.model_calls import ChatRequest, ModelCall
from contracts.suggestions import MadeBy, Suggestion
from integrations import stderr

CONCURRENT = 8  # cases at a model
TOLD_EVERY = 20


class Prediction(Frozen):
    """What a judge said of one case, kept so that nobody asks it again."""

    schema_version: int = 1
    asked: str
    """Hash of what the answer depends on: facts, scale, rules, and the name of the model."""
    encounter_id: str
    selected: str | None
    """None: the judge declined, since neither rules nor a model gave a level."""
    probabilities: dict[str, float] | None
    made_by: MadeBy
    fallback: Fallback | None = None


class LevelsOnly:
    """A port that asks for closed choices alone: reasons take most of the time, and nobody measures them."""

    def __init__(self, port: ChatPort) -> None:
        self._port = port

    async def ask(self, request: ChatRequest) -> ModelCall:
        if not request.choices:
            raise ModelError(Fallback.NOT_CONFIGURED)
        return await self._port.ask(request)


class Asking:
    """One judge's predictions: kept in `predictions-JUDGE.ndjson` as they come, and read back from there."""

    def __init__(self, judge: MadeBy, pathway: Pathway, model: str, port: ChatPort, state: Path | None) -> None:
        self._judge, self._pathway, self._model, self._port = judge, pathway, model, LevelsOnly(port)
        self._file = state / f"predictions-{judge}.ndjson" if state else None
        self._kept = _kept(self._file) if self._file else {}
        self._places = asyncio.Semaphore(CONCURRENT)
        self._done = 0

    async def all(self, by_rules: Sequence[Suggestion]) -> list[Prediction]:
        """Return one prediction for each chart, in order."""
        said = await asyncio.gather(*(self._one(baseline, len(by_rules)) for baseline in by_rules))
        fallen = Counter(one.fallback for one in said if one.fallback)
        if fallen and self._judge == MadeBy.MODEL:
            why = ", ".join(f"{kind} {count}" for kind, count in fallen.items())
            tell(f"{fallen.total()} of {len(said)} went by rules ({why}); the same command asks those again")
        return said

    async def _one(self, baseline: Suggestion, count: int) -> Prediction:
        # The suggestion by rules holds the facts, the scale and what the rules say: if one changes, it is asked anew.
        asked = sha256(self._model.encode() + b"\n" + baseline.canonical()).hexdigest()
        kept = self._kept.get(asked)
        if kept is None or kept.made_by == MadeBy.RULES:  # rules cost nothing, and no answer is none to keep
            async with self._places:
                made = baseline
                if self._judge == MadeBy.MODEL:
                    made = await suggest(self._pathway, baseline.facts, Ports({"reasoning": self._port}))
                kept = self._keep(_prediction(asked, made))
        self._done += 1
        if self._done % TOLD_EVERY == 0:
            tell(f"{self._judge} {self._done} of {count}")
        return kept

    def _keep(self, said: Prediction) -> Prediction:
        if self._file and self._kept.get(said.asked) != said:
            with self._file.open("a") as file:
                file.write(said.model_dump_json() + "\n")
        return said


def _kept(file: Path) -> dict[str, Prediction]:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    written = file.read_bytes()
    whole = written[: written.rfind(b"\n") + 1]
    if whole != written:  # cut off while a line was written
        os.truncate(file, len(whole))
    try:
        kept = [Prediction.model_validate_json(line) for line in whole.splitlines()]
    except ValidationError:
        raise ConfigurationError(
            ConfigurationFault.SETTING,
            f"{file} holds lines that are no predictions: name another folder",
            setting="state",
        ) from None
    return {one.asked: one for one in kept}


def _prediction(asked: str, made: Suggestion) -> Prediction:
    told = {c.code: c.probability for c in made.choices if c.probability is not None}
    return Prediction(
        asked=asked,
        encounter_id=made.facts.encounter_id,
        selected=made.selected,
        probabilities=told or None,
        made_by=made.made_by,
        fallback=made.fallback,
    )


def tell(line: str) -> None:
    """Say on standard error how far it is."""
    stderr.show(f"evaluate: {line}")

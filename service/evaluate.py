"""Runs a pathway's graph on frozen, labelled charts and measures its levels against people's; it writes to no chart."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from agents.pathway import ChatPort, Pathway, Ports
from contracts.charts import ChartFacts
from contracts.errors import ConfigurationError, Fallback
from contracts.frozen import Frozen
from contracts.suggestions import MadeBy, Suggestion
from integrations.inference.chat import ChatClient, ChatEndpoint, Dialect, Phi
from service import figures, labelled
from tuning.judgement import Judged, Judgement, judgement

CONCURRENT = 8  # cases at a model
TOLD_EVERY = 20
TIMEOUT_S = 120.0  # nobody waits for an evaluation, and a small machine is slow with eight at once
INSIDE = ("localhost", "127.0.0.1", "::1")
REVIEWER = "reviewer"


class Prediction(Frozen):
    """What a judge said of one case, kept so that nobody asks it again."""

    schema_version: int = 1
    asked: str
    """Hash of what the answer depends on: facts, scale, rules, and the name of the model."""
    encounter_id: str
    selected: str
    probabilities: dict[str, float] | None
    made_by: MadeBy
    fallback: Fallback | None = None


@dataclass(frozen=True)
class EvaluationPlan:
    cases: Path
    labels: Path
    label_column: str
    reviewer_column: str | None = None
    judges: tuple[MadeBy, ...] = ()
    """None given: the rules, and the model where there is one."""
    state: Path | None = None
    limit: int | None = None


def endpoint(url: str | None, model: str | None, phi: Phi, dialect: Dialect) -> ChatEndpoint | None:
    """Return the model's endpoint. Raises ConfigurationError where it may not see charts (I16)."""
    if not url or not model:
        if url or model:
            raise ConfigurationError("model", "--model-url and --model go together")
        return None
    host = urlsplit(url).hostname
    if phi != Phi.ALLOWED and host not in INSIDE:
        raise ConfigurationError("model", f"charts would go to {host}: --phi allowed says that they may")
    return ChatEndpoint("reasoning", url.rstrip("/"), model, Phi.ALLOWED, dialect, TIMEOUT_S)


async def told(plan: EvaluationPlan, pathway: Pathway, served: ChatEndpoint | None, as_json: bool) -> str:
    """Return what `wardflow evaluate` prints: one block a judge. Images of the same go to the state folder."""
    client = ChatClient(served) if served else None
    try:
        judged = await run(plan, pathway, client, served.model if served else "")
    finally:
        if client:
            await client.close()
    if plan.state:
        for name, one in judged.items():
            figures.draw(name, one, plan.state)
    if as_json:
        return json.dumps({name: one.model_dump(mode="json") for name, one in judged.items()})
    return "\n\n".join(figures.table(name, one) for name, one in judged.items())


async def run(plan: EvaluationPlan, pathway: Pathway, port: ChatPort | None, model: str = "") -> dict[str, Judgement]:
    """Return the figures of each judge, and of the reviewer. Raises ConfigurationError for input that is amiss."""
    judges = plan.judges or ((MadeBy.RULES, MadeBy.MODEL) if port else (MadeBy.RULES,))
    if MadeBy.MODEL in judges and port is None:
        raise ConfigurationError("model", "the judge `model` needs --model-url and --model")
    charts = labelled.charts(plan.cases, pathway, plan.limit)
    by_rules = [await _suggest(pathway, None, facts) for facts in charts]
    levels = tuple(choice.code for choice in by_rules[0].choices)
    encounters = [facts.encounter_id for facts in charts]
    labels = labelled.levels(plan.labels, plan.label_column, encounters, levels)
    column = plan.reviewer_column
    reviewed = labelled.levels(plan.labels, column, encounters, levels) if column else None
    judged: dict[str, Judgement] = {}
    for judge in dict.fromkeys(judges):
        by_model = judge == MadeBy.MODEL
        asking = _Asking(judge, pathway, model if by_model else "", port, plan.state)
        said = await asking.all(by_rules)
        cases = [
            Judged(
                reference=levels.index(label),
                given=levels.index(one.selected),
                probability=(one.probabilities or {}).get(one.selected),
            )
            for label, one in zip(labels, said, strict=True)
        ]
        fallen = sum(one.made_by == MadeBy.RULES for one in said) if by_model else None
        judged[judge] = judgement(cases, levels, by_rules=fallen)
    if reviewed:
        pairs = zip(labels, reviewed, strict=True)
        cases = [Judged(reference=levels.index(label), given=levels.index(level)) for label, level in pairs]
        judged[REVIEWER] = judgement(cases, levels)
    return judged


class _Asking:
    """One judge's predictions: kept in `predictions-JUDGE.ndjson` as they come, and read back from there."""

    def __init__(self, judge: MadeBy, pathway: Pathway, model: str, port: ChatPort | None, state: Path | None) -> None:
        self._judge, self._pathway, self._model, self._port = judge, pathway, model, port
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
            _tell(f"{fallen.total()} of {len(said)} went by rules ({why}); the same command asks those again")
        return said

    async def _one(self, baseline: Suggestion, count: int) -> Prediction:
        # The suggestion by rules holds the facts, the scale and what the rules say: if one changes, it is asked anew.
        asked = sha256(self._model.encode() + b"\n" + baseline.canonical()).hexdigest()
        kept = self._kept.get(asked)
        if kept is None or kept.made_by == MadeBy.RULES:  # rules cost nothing, and no answer is none to keep
            async with self._places:
                by_model = self._judge == MadeBy.MODEL
                made = await _suggest(self._pathway, self._port, baseline.facts) if by_model else baseline
                kept = self._keep(_prediction(asked, made))
        self._done += 1
        if self._done % TOLD_EVERY == 0:
            _tell(f"{self._judge} {self._done} of {count}")
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
        raise ConfigurationError("state", f"{file} holds lines that are no predictions: name another folder") from None
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


async def _suggest(pathway: Pathway, port: ChatPort | None, facts: ChartFacts) -> Suggestion:
    ports = Ports({"reasoning": port} if port else {})
    return (await pathway.build(ports).ainvoke({"facts": facts}))["suggestion"]


def _tell(line: str) -> None:
    sys.stderr.write(f"evaluate: {line}\n")
    sys.stderr.flush()

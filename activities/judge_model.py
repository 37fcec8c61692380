"""Measure a candidate against the champion, through the graph that serves patients."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

from temporalio import activity

from activities.boundary import boundary
from activities.workbench import FOLDER, Workbench, reporting
from agents.pathway import ChatPort, Pathway, Ports, suggest
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall, TokenLogprob
from contracts.rounds import JudgedCandidate, JudgeRequest, MeasuredCase
from contracts.suggestions import Suggestion
from contracts.tuning import VerdictOutcome
from integrations import clock, files
from tuning import folders, judgement, trainer, verdict
from tuning.jobs import Tell

MERGED = "merged"
LEAST = 1e-30  # of a probability, whose logarithm must be a number


class _Questions:
    """Notes what the graph asks, and answers as a model that is away: what the graph then proposes is by rules."""

    def __init__(self) -> None:
        self.requests: list[ChatRequest] = []

    async def ask(self, request: ChatRequest) -> ModelCall:
        self.requests.append(request)
        raise ModelError(Fallback.NOT_CONFIGURED)


class _Scored:
    """Answers a closed choice with probabilities that were computed before; reasons are not judged here."""

    def __init__(self, model: str, told: dict[str, Sequence[float]]) -> None:
        self._model, self._told = model, told

    async def ask(self, request: ChatRequest) -> ModelCall:
        told = self._told.get(request.sha256())
        if told is None:
            raise ModelError(Fallback.NOT_CONFIGURED)
        ranked = sorted(zip(told, request.choices, strict=True), reverse=True)
        top = tuple(TokenLogprob(token=choice, logprob=log(max(p, LEAST))) for p, choice in ranked)
        return ModelCall(
            request=request, content=ranked[0][1], finish_reason="stop", model=self._model, endpoint="trainer",
            top_logprobs=(top,), called_at=clock.now(), latency_ms=0.0,
        )  # fmt: skip


@activity.defn(name="judge_model")
@dataclass(frozen=True)
class JudgeModel:
    """Idempotent: probabilities are kept by model and questions, so none is computed twice."""

    bench: Workbench

    async def __call__(self, request: JudgeRequest) -> JudgedCandidate:
        """Return figures of both, and the verdict. Probabilities come from the trainer's `score`, not from a server."""
        plan, fitted, champion = request.round.plan, request.fitted, self.bench.model(request.round.champion)
        with boundary():
            async with reporting(request.round) as tell:
                measured = self.bench.get(MeasuredCase, plan.measured_blob)
                pathway = self.bench.pathway(plan.pathway, dict(plan.options))
                questions = _Questions()
                by_rules = [await _suggest(pathway, questions, case) for case in measured]
                levels = tuple(choice.code for choice in by_rules[0].choices)
                held, untuned = self.bench.artefact(champion), champion.outcome == VerdictOutcome.UNTUNED

                async def judged(weights: Path, files: dict[str, str]) -> list[judgement.Judged]:
                    port = await self._score(weights, folders.combined(files), questions.requests, tell)
                    said = [await _suggest(pathway, port, case) for case in measured]
                    return _judged(measured, said, levels)

                ours = await judged(self.bench.state / fitted.folder / MERGED, fitted.report.file_sha256)
                theirs = await judged(held if untuned else held / MERGED, champion.file_sha256)
                said = verdict.judge(ours, theirs, _judged(measured, by_rules, levels), levels, plan.margin)
                figures = [judgement.judgement(cases, levels).model_dump(mode="json") for cases in (ours, theirs)]
        against: dict[str, object] = {"measured_against": plan.measured_against, "through": "trainer"}
        return JudgedCandidate(evaluation={**figures[0], **against}, champion=figures[1], **said.model_dump())

    async def _score(self, weights: Path, sha256: str, requests: Sequence[ChatRequest], tell: Tell) -> _Scored:
        keys = [request.sha256() for request in requests]
        named = hashlib.sha256(json.dumps([sha256, keys]).encode()).hexdigest()
        kept = self.bench.state / FOLDER / "scores" / f"{named[:16]}.json"
        if not kept.exists():
            told = await trainer.score(self.bench.python, weights, requests, tell)
            kept.parent.mkdir(parents=True, exist_ok=True)
            files.write(kept, json.dumps(told))
        return _Scored(sha256, dict(zip(keys, json.loads(kept.read_text()), strict=True)))


async def _suggest(pathway: Pathway, port: ChatPort, case: MeasuredCase) -> Suggestion:
    return await suggest(pathway, case.facts, Ports({"reasoning": port}))


def _judged(
    measured: Sequence[MeasuredCase], said: Sequence[Suggestion], levels: tuple[str, ...]
) -> list[judgement.Judged]:
    return [
        judgement.Judged(
            reference=levels.index(case.reference),
            given=levels.index(one.selected) if one.selected is not None else None,
            probability=chosen.probability if (chosen := one.choice(one.selected)) else None,
        )
        for case, one in zip(measured, said, strict=True)
    ]

"""Measures rules, models and people against levels that were written down, on frozen charts; it writes to no chart."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from agents.pathway import ChatPort, NoModel, Pathway, Ports, TeachingPathway, suggest
from contracts.errors import ConfigurationError, ConfigurationFault
from contracts.suggestions import MadeBy, Suggestion
from integrations.inference.chat import ChatClient, ChatEndpoint, Dialect, Phi, loopback, private
from tuning import paired, second_reader
from tuning.evaluation import estimates, figures, labelled, predictions
from tuning.evaluation.predictions import Prediction
from tuning.judgement import DECLINED, Judged, Judgement, judgement
from tuning.paired import Difference
from tuning.second_reader import SecondReading

TIMEOUT_S = 120.0  # nobody waits for an evaluation, and a small machine is slow with eight at once
REVIEWER = "reviewer"
WITHOUT_MODEL = "combined_without_model"


class Judge(StrEnum):
    RULES = "rules"
    MODEL = "model"
    CLASSICAL = "classical"
    """The estimator of tuning/estimator.py, and the rules' floor."""
    COMBINED = "combined"
    """The estimator, the model where there is one, and the rules' floor."""


@dataclass(frozen=True)
class EvaluationPlan:
    cases: Path
    labels: Path
    label_column: str
    reviewer_column: str | None = None
    judges: tuple[Judge, ...] = ()
    """None given: the rules, and the model where there is one."""
    state: Path | None = None
    limit: int | None = None
    estimating: estimates.Estimating | None = None
    """Where `classical` and `combined` come from."""
    alerts: float | None = None
    """Share of cases that a second reader may flag."""


@dataclass(frozen=True)
class Measured:
    judged: dict[str, Judgement]
    """By judge, in the order that was asked for."""
    model_adds: Difference | None = None
    """Combined with the model, less combined without."""
    second_reader: SecondReading | None = None


def endpoint(url: str | None, model: str | None, phi: Phi, dialect: Dialect) -> ChatEndpoint | None:
    """Return the model's endpoint. Raises ConfigurationError where it may not see charts (I16)."""
    if not url or not model:
        if url or model:
            raise ConfigurationError(
                ConfigurationFault.SETTING,
                "--model-url and --model go together; an alias (alias:NAME) has no URL",
                setting="model",
            )
        return None
    host = urlsplit(url).hostname
    if phi != Phi.ALLOWED and not loopback(url):
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"charts would go to {host}: --phi allowed says that they may", setting="model"
        )
    if not private(url):
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"charts would go to {host} over plain http: use https://", setting="model"
        )
    return ChatEndpoint("reasoning", url.rstrip("/"), model, Phi.ALLOWED, dialect, TIMEOUT_S)


async def told(plan: EvaluationPlan, pathway: Pathway, served: ChatEndpoint | None, as_json: bool) -> str:
    """Return what `wardflow evaluate` prints: one block a judge. Images of the same go to the state folder."""
    client = ChatClient(served) if served else None
    try:
        measured = await run(plan, pathway, client, served.model if served else "")
    finally:
        if client:
            await client.close()
    if plan.state:
        for name, one in measured.judged.items():
            figures.draw(name, one, plan.state)
    more = {"model_adds": measured.model_adds, "second_reader": measured.second_reader}
    if as_json:
        blocks = {**measured.judged, **{name: one for name, one in more.items() if one}}
        return json.dumps({name: one.model_dump(mode="json") for name, one in blocks.items()})
    tables = [figures.table(name, one) for name, one in measured.judged.items()]
    return "\n\n".join(tables + figures.remarks(measured.model_adds, measured.second_reader))


async def run(plan: EvaluationPlan, pathway: Pathway, port: ChatPort | None, model: str = "") -> Measured:
    """Return the figures of each judge, and of the reviewer. Raises ConfigurationError for input that is amiss."""
    judges = tuple(dict.fromkeys(plan.judges)) or ((Judge.RULES, Judge.MODEL) if port else (Judge.RULES,))
    _check(plan, judges, port)
    charts = labelled.charts(plan.cases, pathway, plan.limit)
    by_rules = [await suggest(pathway, facts, Ports()) for facts in charts]
    levels = tuple(choice.code for choice in by_rules[0].choices)
    encounters = [facts.encounter_id for facts in charts]
    labels = labelled.levels(plan.labels, plan.label_column, encounters, levels)
    column = plan.reviewer_column
    reviewed = labelled.levels(plan.labels, column, encounters, levels) if column else None
    said = await _said(plan, judges, pathway, by_rules, levels, port, model)
    judged = {name: _judgement(labels, ones, levels, name == Judge.MODEL) for name, ones in said.items()}
    if reviewed:
        cases = [
            Judged(reference=levels.index(a), given=levels.index(b)) for a, b in zip(labels, reviewed, strict=True)
        ]
        judged[REVIEWER] = judgement(cases, levels)
    reference, adds, second = _positions(labels, levels), None, None
    if WITHOUT_MODEL in said:
        both, alone = ([one.selected for one in said[name]] for name in (Judge.COMBINED, WITHOUT_MODEL))
        adds = paired.difference(reference, _positions(both, levels), _positions(alone, levels), len(levels))
    if plan.alerts and reviewed:
        reader = next(name for name in (Judge.COMBINED, Judge.CLASSICAL, Judge.MODEL) if name in said)
        told = np.array([_probabilities(one, levels) for one in said[reader]])
        advised = [pathway.advised(facts) if isinstance(pathway, TeachingPathway) else None for facts in charts]
        at = np.array([levels.index(code) if code else len(levels) for code in advised])
        second = second_reader.read(encounters, told, _positions(reviewed, levels), at, reference, plan.alerts)
    return Measured(judged, adds, second)


def _check(plan: EvaluationPlan, judges: Sequence[Judge], port: ChatPort | None) -> None:
    if Judge.MODEL in judges and port is None:
        raise ConfigurationError(
            ConfigurationFault.SETTING, "the judge `model` needs --model-url and --model", setting="model"
        )
    if (Judge.CLASSICAL in judges or Judge.COMBINED in judges) and plan.estimating is None:
        raise ConfigurationError(
            ConfigurationFault.SETTING,
            "it needs --classical, or --decisions and --decision-column",
            setting="classical",
        )
    if plan.alerts and (not plan.reviewer_column or set(judges) == {Judge.RULES}):
        raise ConfigurationError(
            ConfigurationFault.SETTING,
            "a second reader needs --reviewer-column, and a judge with probabilities",
            setting="alerts",
        )
    if plan.estimating and (plan.estimating.decisions, plan.estimating.column) == (plan.labels, plan.label_column):
        raise ConfigurationError(
            ConfigurationFault.SETTING,
            f"{plan.label_column!r} measures here, so that it can't train (I13)",
            setting="decisions",
        )


async def _said(
    plan: EvaluationPlan, judges: Sequence[Judge], pathway: Pathway, by_rules: Sequence[Suggestion],
    levels: tuple[str, ...], port: ChatPort | None, model: str,
) -> dict[str, list[Prediction]]:  # fmt: skip
    said: dict[str, list[Prediction]] = {}
    if Judge.RULES in judges:
        said[Judge.RULES] = await predictions.Asking(MadeBy.RULES, pathway, "", NoModel(), plan.state).all(by_rules)
    by_model: list[Prediction] = []
    if port and (Judge.MODEL in judges or Judge.COMBINED in judges):
        by_model = await predictions.Asking(MadeBy.MODEL, pathway, model, port, plan.state).all(by_rules)
    if Judge.MODEL in judges:
        said[Judge.MODEL] = by_model
    if plan.estimating and (Judge.CLASSICAL in judges or Judge.COMBINED in judges):
        estimated = estimates.Estimates(plan.estimating, pathway, by_rules, levels, plan.state)
        alone = await estimated.alone()
        if Judge.CLASSICAL in judges:
            said[Judge.CLASSICAL] = alone
        if Judge.COMBINED in judges:
            told = [_probabilities(one, levels) for one in by_model]
            said[Judge.COMBINED] = await estimated.with_model(np.array(told)) if by_model else alone
            if by_model:
                said[WITHOUT_MODEL] = alone
    return {name: said[name] for name in (*judges, WITHOUT_MODEL) if name in said}


def _judgement(labels: Sequence[str], said: Sequence[Prediction], levels: tuple[str, ...], asked: bool) -> Judgement:
    cases = [
        Judged(
            reference=levels.index(label),
            given=levels.index(one.selected) if one.selected is not None else None,
            probability=(one.probabilities or {}).get(one.selected or ""),
        )
        for label, one in zip(labels, said, strict=True)
    ]
    return judgement(cases, levels, by_rules=sum(one.made_by == MadeBy.RULES for one in said) if asked else None)


def _positions(codes: Sequence[str | None], levels: tuple[str, ...]) -> "np.ndarray":
    return np.array([DECLINED if code is None else levels.index(code) for code in codes])


def _probabilities(one: Prediction, levels: tuple[str, ...]) -> list[float]:
    """Return those of all levels; where a model said nothing, all are alike, which moves no pool."""
    return [(one.probabilities or {}).get(level, 1 / len(levels)) for level in levels]
